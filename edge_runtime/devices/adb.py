"""Reach Linux boards and Android phones by adb, Android's debugging bridge."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.devices.connection import program
from edge_runtime.errors import DeviceError, HarEdgeError

# By the state in which `adb devices` lists a device that cannot be used: the remedy.
_STATES = {
    "unauthorized": "allow this computer on its screen",
    "offline": "plug it in again, or adb reconnect",
    "no": "this user may not open it: see adb's udev rules",
}


@dataclass(frozen=True)
class Adb:
    """The device that `adb devices` lists as `serial`; it answers a shell within `answer_seconds`.

    HAR_EDGE_ADB is another adb command than `adb`.
    """

    serial: str
    answer_seconds: float = 20.0

    @classmethod
    def parse(cls, target: str) -> Adb:
        """From `adb://SERIAL`, or `adb:` for the only device.

        Raises `DeviceError` when there is none, there are several, or it cannot be used as it is.
        """
        serial = target.removeprefix("adb:").removeprefix("//")
        found = _devices()
        if not serial:
            if len(found) != 1:
                names = f"{len(found)} devices ({', '.join(found)})" if found else "no device"
                raise DeviceError(f"adb has {names}: plug one in, or name it with adb://SERIAL")
            (serial,) = found
        if serial not in found:
            raise DeviceError(f"adb knows no device {serial}: it has {', '.join(found) or 'none'}")
        state = found[serial]
        if state != "device":
            raise DeviceError(f"adb says that {serial} is '{state}': {_STATES.get(state, 'wait for it')}")
        return cls(serial)

    @property
    def name(self) -> str:
        """The serial number; of a device over TCP its address."""
        return self.serial

    @property
    def android(self) -> str | None:
        """The release of Android that it runs; None for another Linux."""
        release = self.shell("getprop ro.build.version.release 2>/dev/null || true").strip()
        return release if re.fullmatch(r"[\d.]+", release) else None

    def command(self, argv: Sequence[str]) -> list[str]:
        """The adb command that runs `argv` there, quoted, since a shell reads it. Raises `DeviceError` on Android."""
        if release := self.android:
            raise DeviceError(
                f"{self.serial} is a phone with Android {release}, which has no Python: only har-edge bench --on adb: "
                "works there, by its demo app"
            )
        return self.adb_command("shell", "-T", shlex.join(argv))

    def adb_command(self, *arguments: str) -> list[str]:
        """The command on this machine that has adb do something with the device: its `arguments`."""
        return [*_adb(), "-s", self.serial, *arguments]

    def shell(self, line: str) -> str:
        """Have the device's shell run `line`; return what it prints. Raises `DeviceError` when it fails."""
        return _run(self.answer_seconds, ["-s", self.serial, "shell", "-T", line])

    def push(self, path: Path, there: str) -> None:
        """Send the file `path`, however long that takes. Raises `DeviceError`."""
        _run(None, ["-s", self.serial, "push", str(path), there])

    def pull(self, there: str, folder: Path) -> None:
        """Bring the file `there` into `folder`. Raises `DeviceError`."""
        _run(None, ["-s", self.serial, "pull", there, str(folder)])

    def explain(self, code: int, stderr: str, greeted: bool) -> HarEdgeError:
        """Explain how adb ended; it ends with 0 when the device goes away, so that its exit code says little."""
        last = (stderr.splitlines() or [f"exit code {code}"])[-1]
        if not greeted and code == 127:
            return DeviceError(f"{self.name} has no python3: install it there")
        return DeviceError(f"the connection to {self.name} was lost ({last}): plug it in again, and try again")


def _adb() -> list[str]:
    return program("HAR_EDGE_ADB", "adb", "Android's platform tools")


def _run(seconds: float | None, arguments: Sequence[str]) -> str:
    """Run adb and return what it prints. Raises `DeviceError` when it fails, or has not ended after `seconds`."""
    command = [*_adb(), *arguments]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"'{shlex.join(command)}' does not end within {seconds:g} s: adb kill-server") from error
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().partition("\n")[0] or f"exit code {error.returncode}"
        raise DeviceError(f"'{shlex.join(command)}' fails ({reason}): try it by hand") from error
    return done.stdout


def _devices() -> dict[str, str]:
    """Serial -> state of all devices that adb knows."""
    lines = map(str.split, _run(Adb.answer_seconds, ["devices"]).splitlines()[1:])
    return {x[0]: x[1] for x in lines if len(x) > 1}
