"""Talk to the agent on a device, through any command that starts a program there."""

import json
import os
import select
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

from edge_runtime.errors import DeviceError, HarEdgeError, InputError
from edge_runtime.system import child_processes
from edge_runtime.system.child_processes import message_of
from edge_runtime.system.dataclass_json import from_json
from edge_runtime.system.printable import printable, quoted

_SILENCE_SECONDS = 60.0
_PIECE = 1 << 18
_LONGEST_WORDS = 500  # of the agent's words in a sentence
# It passes through unknown shells, so it has no quote, backslash or exclamation mark. Python 2 reaches the first exit.
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


class Transport(Protocol):
    """A way to start a program on a device."""

    @property
    def name(self) -> str:
        """The device's name in sentences and file names."""

    def command(self, argv: Sequence[str]) -> list[str]:
        """Return the command on this machine that runs `argv` there."""

    def explain(self, code: int, stderr: str, greeted: bool) -> HarEdgeError:
        """Explain why the command ended; `greeted` if it ended after the agent's first message."""


def program(variable: str, usual: str, package: str) -> list[str]:
    """Return the words of the command in `variable`, or of `usual`. Raises `InputError` if it is missing."""
    text = os.environ.get(variable, "").strip() or usual
    words = shlex.split(text)
    if shutil.which(words[0]) is None:
        raise InputError(f"{text} is missing on this machine: install {package}, or set {variable}")
    return words


class Connection:
    """A running agent, until `close`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        source = resources.files("edge_runtime.devices").joinpath("agent.py").read_bytes()
        loader = ["python3", "-B", "-c", _LOADER, str(len(source)), "agent", "exec"]
        # In its own session, so that Ctrl-C reaches only this process, which then ends the agent.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._process = subprocess.Popen(
            transport.command(loader),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            bufsize=0,
            start_new_session=True,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._stdin, self._stdout = self._process.stdin.fileno(), self._process.stdout.fileno()
        self._pending = bytearray()
        self._greeted = False
        try:
            os.set_blocking(self._stdin, False)
            self._write(source)
            self.hello = from_json(Hello, self._receive()["hello"])
            self._greeted = True
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the agent and all that it does."""
        child_processes.stop(self._process)
        self._log.close()

    def ask(
        self,
        task: str,
        payload: Path | None = None,
        on_notice: Callable[[dict[str, Any], bytes], None] = lambda notice, content: None,
        **arguments: Any,
    ) -> dict[str, Any]:
        """Return the answer to `task` with the file `payload`; `on_notice` gets notices. Raises `DeviceError`."""
        content = None if payload is None else payload.read_bytes()
        size = {} if content is None else {"n_bytes": len(content)}
        self._write(json.dumps({"do": task, **arguments, **size}).encode() + b"\n" + (content or b""))
        while not (message := self._receive()).get("done"):
            on_notice(message, self._take(message.get("n_bytes", 0)))
        return message

    def _receive(self) -> dict[str, Any]:
        while b"\n" not in self._pending:
            self._read()
        line = self._take(self._pending.index(b"\n") + 1)
        message = message_of(line.decode(errors="replace"))
        if not message:
            raise DeviceError(
                f"{self._transport.name} does not answer like har-edge's agent ({quoted(line[:-1], 100)}): "
                "make sure that its login prints nothing"
            )
        if "error" in message:
            raise DeviceError(f"{self._transport.name}: {printable(str(message['error']), _LONGEST_WORDS)}")
        return message

    def _take(self, n_bytes: int) -> bytes:
        while len(self._pending) < n_bytes:
            self._read()
        content = bytes(self._pending[:n_bytes])
        del self._pending[:n_bytes]
        return content

    def _read(self) -> None:
        """Wait for output and read it."""
        self._check_alive(select.select([self._stdout], [], [], _SILENCE_SECONDS)[0])
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
        """Return the error for a command that has ended or is about to end."""
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return DeviceError(f"the connection to {self._transport.name} was lost: try again")
        if self._pending.startswith(b'{"python"'):  # the loader's last message
            version = quoted(json.loads(self._pending)["python"])
            return DeviceError(f"{self._transport.name} has Python {version}, and har-edge needs 3.10 or newer there")
        self._log.seek(0)
        last_words = self._log.read().decode(errors="replace").strip()
        return self._transport.explain(code, last_words, self._greeted)
