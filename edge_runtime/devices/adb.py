"""Linux boards and Android phones reached by adb, Android's debugging bridge."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.errors import DeviceError, HarEdgeError, InputError

_SECONDS = 20.0
# What `adb devices` says of a device that cannot be used, and what to do.
_STATES = {
    "unauthorized": "allow this computer on its screen",
    "offline": "plug it in again, or adb reconnect",
    "no": "this user may not open it: see adb's udev rules",
}


@dataclass(frozen=True)
class Adb:
    """The device that `adb devices` lists as `serial`. HAR_EDGE_ADB is another adb command than `adb`."""

    serial: str

    @classmethod
    def parse(cls, target: str) -> Adb:
        """From `adb://SERIAL`, or `adb:` for the only device. Raises `InputError` when that is none, or several."""
        serial = target.removeprefix("adb:").removeprefix("//")
        found = _devices()
        if not serial:
            if len(found) != 1:
                names = f"{len(found)} devices ({', '.join(found)})" if found else "no device"
                raise InputError(f"adb has {names}: plug one in, or name it with adb://SERIAL")
            (serial,) = found
        if serial not in found:
            raise InputError(f"adb knows no device {serial}: it has {', '.join(found) or 'none'}")
        state = found[serial]
        if state != "device":
            raise InputError(f"adb says that {serial} is '{state}': {_STATES.get(state, 'wait for it')}")
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
        """An adb command that runs `argv` there: quoted, since a shell reads it. Raises `InputError` on Android."""
        if release := self.android:
            raise InputError(
                f"{self.serial} is a phone with Android {release}, which has no Python: only har-edge bench --on adb: "
                "works there, by its demo app"
            )
        return [*self.here("shell", "-T"), shlex.join(argv)]

    def here(self, *arguments: str) -> list[str]:
        """The command on this machine that says `arguments` to the device's adb."""
        return [*_adb(), "-s", self.serial, *arguments]

    def shell(self, line: str) -> str:
        """What `line` prints there, run by the device's shell, whatever its exit code."""
        return self._run(_SECONDS, "shell", "-T", line).stdout

    def run(self, *arguments: str, failed: str) -> None:
        """Do an adb command. Raises `DeviceError` with its last words, and with `failed` as what to do."""
        done = self._run(None, *arguments)
        if done.returncode:
            last = (f"{done.stdout}\n{done.stderr}".strip().splitlines() or ["it said nothing"])[-1]
            raise DeviceError(f"adb {arguments[0]} failed on {self.name} ({last}): {failed}")

    def pull(self, path: str, folder: Path) -> None:
        """Bring the file `path` there into `folder`, if there is one."""
        self._run(None, "pull", path, str(folder))

    def _run(self, seconds: float | None, *arguments: str) -> subprocess.CompletedProcess[str]:
        try:
            return subprocess.run(
                self.here(*arguments),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=seconds,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise DeviceError(f"{self.name} does not answer: plug it in again, or adb reconnect") from error

    def explain(self, code: int, stderr: str, greeted: bool) -> HarEdgeError:
        """In words; adb ends with 0 when the device goes away, so that its exit code says little."""
        last = (stderr.splitlines() or [f"exit code {code}"])[-1]
        if not greeted and code == 127:
            return DeviceError(f"{self.name} has no python3: install it there")
        return DeviceError(f"the connection to {self.name} was lost ({last}): plug it in again, and try again")


def _adb() -> list[str]:
    words = shlex.split(os.environ.get("HAR_EDGE_ADB", "adb"))
    if shutil.which(words[0]) is None:
        raise InputError(f"there is no {words[0]} on this machine: install Android's platform tools")
    return words


def _devices() -> dict[str, str]:
    """Serial -> state of all devices that adb knows."""
    command = [*_adb(), "devices"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=True)
    except subprocess.SubprocessError as error:
        raise DeviceError(f"'{shlex.join(command)}' fails ({error}): try it by hand") from error
    return {line.split()[0]: line.split()[1] for line in done.stdout.splitlines()[1:] if len(line.split()) > 1}
