"""Linux boards reached by adb, Android's debugging bridge."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from edge_runtime.devices.connection import program
from edge_runtime.errors import DeviceError, HarEdgeError

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

    def command(self, argv: Sequence[str]) -> list[str]:
        """An adb command that runs `argv` there: quoted, since a shell reads it. Raises `DeviceError` on Android."""
        release = _ask("-s", self.serial, "shell", "getprop ro.build.version.release 2>/dev/null || true").strip()
        if re.fullmatch(r"[\d.]+", release):
            raise DeviceError(
                f"{self.serial} is a phone with Android {release}, which has no Python: it can only be measured by the "
                "demo app, which is not installed there"
            )
        return [*_adb(), "-s", self.serial, "shell", "-T", shlex.join(argv)]

    def explain(self, code: int, stderr: str, greeted: bool) -> HarEdgeError:
        """In words; adb ends with 0 when the device goes away, so that its exit code says little."""
        last = (stderr.splitlines() or [f"exit code {code}"])[-1]
        if not greeted and code == 127:
            return DeviceError(f"{self.name} has no python3: install it there")
        return DeviceError(f"the connection to {self.name} was lost ({last}): plug it in again, and try again")


def _adb() -> list[str]:
    return program("HAR_EDGE_ADB", "adb", "Android's platform tools")


def _ask(*arguments: str) -> str:
    """What adb prints. Raises `DeviceError` when it fails, or does not answer."""
    command = [*_adb(), *arguments]
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_SECONDS, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise DeviceError(f"'{shlex.join(command)}' does not end within {_SECONDS:g} s: adb kill-server") from error
    except subprocess.CalledProcessError as error:
        words = error.stderr.strip().partition("\n")[0] or f"exit code {error.returncode}"
        raise DeviceError(f"'{shlex.join(command)}' fails ({words}): try it by hand") from error
    return done.stdout


def _devices() -> dict[str, str]:
    """Serial -> state of all devices that adb knows."""
    lines = map(str.split, _ask("devices").splitlines()[1:])
    return {words[0]: words[1] for words in lines if len(words) > 1}
