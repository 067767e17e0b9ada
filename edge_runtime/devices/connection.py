"""Talk to the agent on a device, over whatever command starts a program there."""

from __future__ import annotations

import json
import os
import selectors
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any, Protocol

from edge_runtime.errors import DeviceError, HarEdgeError, InputError
from edge_runtime.system import child_processes
from edge_runtime.system.child_processes import Stoppable

SILENCE_SECONDS = 60.0
"""The agent gives a sign of life every few seconds; after so long without one it is taken for lost."""

# Started by `python3 -c`, through shells that are not known: no quote, no backslash, no exclamation mark in it. The
# agent's source follows on stdin. Python 2 gets as far as the sentence.
_LOADER = (
    "import sys, json; "
    "sys.version_info >= (3, 9) or sys.exit(sys.stdout.write(json.dumps(dict(python=sys.version.split()[0])))); "
    "exec(compile(sys.stdin.buffer.read(int(sys.argv[1])), sys.argv[2], sys.argv[3]))"
)


class Transport(Protocol):
    """A way to start a program on a device."""

    @property
    def name(self) -> str:
        """The device's name in sentences and file names."""

    def command(self, argv: Sequence[str]) -> list[str]:
        """The command on this machine that runs `argv` there and carries its stdin and stdout."""

    def explain(self, code: int, stderr: str, greeted: bool) -> HarEdgeError:
        """Explain why that command ended with this exit code; `greeted`: after the agent's first message."""


def program(variable: str, usual: str, package: str) -> list[str]:
    """Split the command in the environment's `variable`, or `usual`, into words as a shell does.

    Raises `InputError` when it cannot be read, or when there is no such program, which `package` brings.
    """
    text = os.environ.get(variable) or usual
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise InputError(f"{variable} cannot be read ({str(error).lower()}): {text}") from error
    if not words:
        raise InputError(f"{variable} is blank: give it a command, or unset it")
    if shutil.which(words[0]) is None:
        raise InputError(f"there is no {words[0]} on this machine: install {package}")
    return words


class Connection:
    """One agent at work, until the end of a `with` block or `close`."""

    def __init__(self, transport: Transport, processes: Stoppable | None = None) -> None:
        """Start the agent by a command among `processes`, which another thread may stop."""
        self._transport = transport
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        source = resources.files("edge_runtime.devices").joinpath("agent.py").read_bytes()
        loader = ["python3", "-B", "-c", _LOADER, str(len(source)), "agent", "exec"]
        try:
            # A session of its own: Ctrl-C reaches this process, which then ends the other.
            self._process = (processes or Stoppable()).start(
                transport.command(loader), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._log, bufsize=0
            )
        except BaseException:
            self._log.close()
            raise
        self._pending = b""
        self.hello: Mapping[str, Any] = {}
        try:
            self._write(source)
            self.hello = self._receive()["hello"]
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the agent with whatever it does."""
        child_processes.stop(self._process)
        self._log.close()

    def ask(
        self,
        task: str,
        payload: Path | None = None,
        on_message: Callable[[Mapping[str, Any], bytes], None] = lambda message, payload: None,
        on_sent: Callable[[int], None] = lambda n_bytes: None,
        **arguments: Any,
    ) -> Mapping[str, Any]:
        """Ask for `task` and return its answer; `on_message` hears the messages before it.

        The file `payload` goes along, and `on_sent` hears the bytes of each piece. Raises `DeviceError` when the agent
        cannot do it, or is lost.
        """
        request = {"do": task, **arguments}
        if payload is not None:
            request["n_bytes"] = payload.stat().st_size
        self._write(json.dumps(request).encode() + b"\n")
        if payload is not None:
            with payload.open("rb") as file:
                for piece in iter(lambda: file.read(1 << 18), b""):
                    self._write(piece)
                    on_sent(len(piece))
        while not (message := self._receive()).get("done"):
            on_message(message, self._read_bytes(message.get("n_bytes", 0)))
        return message

    def _receive(self) -> Mapping[str, Any]:
        while b"\n" not in self._pending:
            self._read()
        line, self._pending = self._pending.split(b"\n", 1)
        try:
            message: Mapping[str, Any] = json.loads(line)
        except ValueError as error:
            words = line.decode(errors="replace")[:100]
            raise DeviceError(
                f"{self._transport.name} answers with something else ({words!r}): its login prints text; let it be "
                "silent when nobody is at the terminal"
            ) from error
        if "error" in message:
            raise DeviceError(f"{self._transport.name}: {message['error']}")
        return message

    def _read_bytes(self, n_bytes: int) -> bytes:
        while len(self._pending) < n_bytes:
            self._read()
        content, self._pending = self._pending[:n_bytes], self._pending[n_bytes:]
        return content

    def _read(self) -> None:
        assert self._process.stdout is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(SILENCE_SECONDS):
                raise DeviceError(
                    f"{self._transport.name} has given no sign of life for {SILENCE_SECONDS:g} s: is it still there?"
                )
        read = os.read(self._process.stdout.fileno(), 1 << 18)
        if not read:
            raise self._lost()
        self._pending += read

    def _write(self, data: bytes) -> None:
        assert self._process.stdin is not None
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._process.stdin.fileno(), view) :]
        except BrokenPipeError as error:
            raise self._lost() from error

    def _lost(self) -> HarEdgeError:
        """The command has ended, or is about to."""
        try:
            code = self._process.wait(5)
        except subprocess.TimeoutExpired:
            return DeviceError(f"the connection to {self._transport.name} was lost: try again")
        if self._pending.startswith(b'{"python"'):
            version = json.loads(self._pending)["python"]
            return DeviceError(f"{self._transport.name} has Python {version}: 3.9 or newer is needed to measure there")
        self._log.seek(0)
        return self._transport.explain(code, self._log.read().decode(errors="replace").strip(), bool(self.hello))
