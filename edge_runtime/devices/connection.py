"""Talk to the agent on a device, over whatever command starts a program there."""

import json
import os
import re
import select
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

from edge_runtime.bench.measurement_job import LARGEST_ANSWER
from edge_runtime.errors import DeviceError, HarEdgeError, InputError
from edge_runtime.system import child_processes
from edge_runtime.system.child_processes import Stoppable
from edge_runtime.system.dataclass_json import from_json
from edge_runtime.system.outside_files import parse_json
from edge_runtime.system.printable import printable, quoted
from edge_runtime.system.process_endings import ending

_SILENCE_SECONDS = 60.0
_LONGEST_TASK_S = 86_400.0  # whatever the device tells meanwhile
_PIECE = 1 << 18
_LONGEST_LINE = 1 << 20
_LONGEST_WORDS = 500  # of the agent, in a sentence
_ANSWERS: dict[str, dict[str, type]] = {  # what the answer to a task has
    "missing": {"missing": list},
    "put": {},
    "environment": {"site": str},
    "look": {"description": dict},
    "clean": {"removed_bytes": int},
    "run": {"silent": bool, "code": int, "log": str},
}
# It passes through unknown shells, so it has no quote, backslash or exclamation mark. Python 2 gets to the first exit.
_LOADER = (
    "import sys, json; "
    "sys.version_info >= (3, 10) or sys.exit(sys.stdout.write(json.dumps(dict(python=sys.version.split()[0])))); "
    "exec(compile(sys.stdin.buffer.read(int(sys.argv[1])), sys.argv[2], sys.argv[3]))"
)


@dataclass(frozen=True)
class Interpreter:
    """A Python of the device; `numpy` is the version of its NumPy."""

    path: str
    version: tuple[int, int, int]
    bits: int
    numpy: str | None


@dataclass(frozen=True)
class Hello:
    """The machine by `uname -m`, its C library's name and version, and its Pythons."""

    machine: str
    libc: tuple[str, str]
    interpreters: tuple[Interpreter, ...]

    def __post_init__(self) -> None:
        """Raise `ValueError` without a Python, and for an odd C library."""
        if not self.interpreters:
            raise ValueError("no Python")
        if self.libc[0] == "glibc" and not re.fullmatch(r"\d{1,3}\.\d{1,3}(\..*)?", self.libc[1]):
            raise ValueError(f"a C library {self.libc[1]}")


class Transport(Protocol):
    """A way to start a program on a device."""

    @property
    def name(self) -> str:
        """The device's name in sentences and file names."""

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command on this machine that runs `argv` there."""

    def explain(self, code: int, stderr: str, greeted: bool) -> HarEdgeError:
        """Explain why that command ended; `greeted`: after the agent's first message."""


def program(variable: str, usual: str, package: str) -> list[str]:
    """The words of the command in the environment's `variable`, or of `usual`. Raises `InputError` without it."""
    text = os.environ.get(variable) or usual
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if not words or shutil.which(words[0]) is None:
        raise InputError(f"there is no {text.strip()} on this machine: install {package}, or set {variable}")
    return words


def last_words(stderr: str, code: int) -> str:
    """The last line of a command's `stderr`, or how it ended with `code`."""
    return printable((stderr.splitlines() or [f"it {ending(code)}"])[-1], _LONGEST_WORDS)


class Connection:
    """An agent at work, until `close`."""

    def __init__(self, transport: Transport, processes: Stoppable) -> None:
        """Start the agent among `processes`, which another thread may stop."""
        self._transport = transport
        source = resources.files("edge_runtime.devices").joinpath("agent.py").read_bytes()
        loader = ["python3", "-B", "-c", _LOADER, str(len(source)), "agent", "exec"]
        # A session of its own: Ctrl-C reaches this process, which then ends the other.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._process = processes.start(
            transport.command(loader), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, bufsize=0
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._pending = bytearray()
        self._greeted = False
        try:
            os.set_blocking(self._stdin, False)
            self._write(source)
            self.hello = from_json(Hello, self._receive().get("hello"))
            self._greeted = True
        except BaseException as error:
            self.close()
            if isinstance(error, ValueError):
                raise self.misfit(error) from error
            raise

    def close(self) -> None:
        """End the agent with whatever it does."""
        child_processes.stop(self._process)
        self._log.close()

    def ask(
        self,
        task: str,
        payload: Path | None = None,
        on_notice: Callable[[dict[str, Any], bytes], None] = lambda notice, content: None,
        **arguments: Any,
    ) -> dict[str, Any]:
        """The answer to `task`, with the file `payload`; `on_notice` hears messages before it. Raises `DeviceError`."""
        content = None if payload is None else payload.read_bytes()
        size = {} if content is None else {"n_bytes": len(content)}
        self._write(json.dumps({"do": task, **arguments, **size}).encode() + b"\n" + (content or b""))
        deadline = time.monotonic() + _LONGEST_TASK_S
        while not (message := self._receive()).get("done"):
            if time.monotonic() > deadline:
                raise DeviceError(f"{self._transport.name} took over {_LONGEST_TASK_S:g} s: give fewer --runs")
            n_bytes = message.get("n_bytes", 0)
            if not isinstance(n_bytes, int) or not 0 <= n_bytes <= LARGEST_ANSWER:
                raise self.misfit(f"a file of {n_bytes} bytes")
            for end in (*range(_PIECE, n_bytes, _PIECE), n_bytes):
                self._read_until(end)
            on_notice(message, self._take(n_bytes))
        for key, kind in _ANSWERS[task].items():
            if not isinstance(message.get(key), kind):
                raise self.misfit(f"{key}: {message.get(key)}")
        return message

    def misfit(self, what: object) -> DeviceError:
        """The error for an answer that is wrong in `what`."""
        return DeviceError(
            f"{self._transport.name} does not answer as har-edge's agent ({printable(str(what), _LONGEST_WORDS)}): "
            "check its python3, and that its login prints nothing"
        )

    def _receive(self) -> dict[str, Any]:
        self._read_until(_LONGEST_LINE, b"\n")
        line = self._take(self._pending.find(b"\n") + 1)
        if not line:
            raise self.misfit("a line without end")
        try:
            message = parse_json(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            raise self.misfit(quoted(line[:-1], 100))
        if "error" in message:
            raise DeviceError(f"{self._transport.name}: {printable(str(message['error']), _LONGEST_WORDS)}")
        return message

    def _take(self, n_bytes: int) -> bytes:
        content = bytes(self._pending[:n_bytes])
        del self._pending[:n_bytes]
        return content

    def _read_until(self, n_bytes: int, mark: bytes | None = None) -> None:
        """Read until `n_bytes` or the `mark` are pending; bytes that drip in do not prolong the wait."""
        deadline = time.monotonic() + _SILENCE_SECONDS
        while len(self._pending) < n_bytes and not (mark and mark in self._pending):
            self._check_alive(select.select([self._stdout], [], [], max(0.0, deadline - time.monotonic()))[0])
            read = os.read(self._stdout, _PIECE)
            if not read:
                raise self._lost()
            self._pending += read

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                self._check_alive(select.select([], [self._stdin], [], _SILENCE_SECONDS)[1])
                view = view[os.write(self._stdin, view) :]
        except BrokenPipeError as error:
            raise self._lost() from error

    def _check_alive(self, ready: Sequence[int]) -> None:
        if not ready:
            raise DeviceError(f"{self._transport.name} does not answer within {_SILENCE_SECONDS:g} s: try again")

    def _lost(self) -> HarEdgeError:
        """The error for a command that has ended, or is about to."""
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return DeviceError(f"the connection to {self._transport.name} was lost: try again")
        if self._pending.startswith(b'{"python"'):  # the loader's last words
            version = quoted(json.loads(self._pending)["python"])
            return DeviceError(f"{self._transport.name} has Python {version}, and har-edge needs 3.10 or newer there")
        self._log.seek(0)
        said = self._log.read().decode(errors="replace").strip()
        return self._transport.explain(code, said, self._greeted)
