"""Reach Android phones by adb, Android's debugging bridge."""

import shlex
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from edge_runtime.devices.connection import program
from edge_runtime.errors import DeviceError
from edge_runtime.system.child_processes import run_program
from edge_runtime.system.process_endings import ending

_SECONDS = 120.0  # for an answer, or to send a file of some MB


@dataclass(frozen=True)
class Adb:
    """The phone that `adb devices` lists as `name`. HAR_EDGE_ADB replaces the command `adb`."""

    name: str

    @classmethod
    def find(cls, target: str) -> Self:
        """Find the phone of `adb://SERIAL`, or the only phone for `adb:`. Raises `DeviceError`."""
        serial = target.removeprefix("adb:").removeprefix("//")
        lines = map(str.split, _run(_adb("devices")).splitlines()[1:])
        states = {words[0]: words[1] for words in lines if len(words) > 1}
        if not serial and len(states) == 1:
            (serial,) = states
        if serial not in states:
            raise DeviceError(
                f"adb has {', '.join(states) or 'no device'}: plug in a phone, or name it with adb://SERIAL"
            )
        if states[serial] != "device":
            raise DeviceError(f"adb says that {serial} is '{states[serial]}': look at its screen, or plug it in again")
        return cls(serial)

    def adb_command(self, *arguments: str) -> list[str]:
        """Return the command that runs adb with `arguments` for the device."""
        return _adb("-s", self.name, *arguments)

    def shell(self, line: str) -> str:
        """Run `line` in the device's shell, and return its output. Raises `DeviceError`."""
        return _run(self.adb_command("shell", "-T", line))

    def push(self, path: Path, there: str) -> None:
        """Send the file `path`. Raises `DeviceError`."""
        _run(self.adb_command("push", str(path), there))

    def pull(self, there: str, folder: Path) -> None:
        """Copy the file `there` into `folder`. Raises `DeviceError`."""
        _run(self.adb_command("pull", there, str(folder)))

    @contextmanager
    def reversed_port(self, port: int) -> Iterator[None]:
        """Offer `port` of this machine at the device's localhost during the block. Raises `DeviceError`."""
        _run(self.adb_command("reverse", f"tcp:{port}", f"tcp:{port}"))
        try:
            yield
        finally:
            with suppress(DeviceError):  # it may be unplugged
                _run(self.adb_command("reverse", "--remove", f"tcp:{port}"))


def _adb(*arguments: str) -> list[str]:
    return [*program("HAR_EDGE_ADB", "adb", "Android's platform tools"), *arguments]


def _run(command: Sequence[str]) -> str:
    """Run a command of adb, and return its output. Raises `DeviceError`."""
    try:
        done = run_program(command, _SECONDS)
    except subprocess.TimeoutExpired as error:
        raise DeviceError(
            f"'{shlex.join(command)}' does not end within {_SECONDS:g} s: run 'adb kill-server'"
        ) from error
    if done.returncode:
        raise DeviceError(f"'{shlex.join(command)}' {ending(done.returncode, done.stderr)}: try it by hand")
    return done.stdout
