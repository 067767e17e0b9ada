"""Where a measurement runs: this Python, another interpreter on this machine, or a device reached from it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edge_runtime.errors import InputError
from edge_runtime.job import Answer, Job
from edge_runtime.results import Instructions

if TYPE_CHECKING:
    from edge_runtime.devices.remote import RemoteDevice

TARGETS = "local|python:PATH|ssh://HOST|adb://SERIAL|emulated:CPU"
"""The kinds of target, for people."""

OnProgress = Callable[[str, float], None]
"""Hears the stage and the share of it that is done."""


class Device(Protocol):
    """Something that does jobs, each in a fresh process."""

    @property
    def name(self) -> str:
        """The device's name in reports and file names."""

    def prepare(self, on_progress: OnProgress) -> None:
        """Make ready what jobs need and the device lacks. Raises `DeviceError` or `InputError` when that fails."""

    def run(self, job: Job, folder: Path, on_progress: OnProgress) -> Answer:
        """Do `job`, whose files are in `folder`."""

    def instructions(self, job: Job, folder: Path) -> Instructions | None:
        """How many instructions one inference of the model of `job` takes; None where they are not counted."""

    def close(self) -> None:
        """Let go of it. Nothing is left at work there."""


def open_device(target: str, runtime: str, offline: bool = False) -> Device:
    """The device that `target` names, to measure with `runtime`. Raises `InputError` for a target that is none.

    `offline` sends packages to a remote device instead of letting it fetch them from an index.
    """
    from edge_runtime.devices.python import other_python, this_python

    kind, _, rest = target.partition(":")
    if target == "local":
        return this_python()
    if kind == "python" and rest:
        return other_python(rest, runtime)
    if kind == "adb":
        from edge_runtime.devices.adb import Adb
        from edge_runtime.devices.phone import Phone

        adb = Adb.parse(target)
        if adb.android:
            return Phone(adb, runtime)
    return open_remote(target, runtime, offline)


def open_remote(target: str, runtime: str = "auto", offline: bool = False) -> "RemoteDevice":
    """The remote device that `target` names; not yet connected. Raises `InputError` for a target that is none."""
    from edge_runtime.devices.adb import Adb
    from edge_runtime.devices.remote import RemoteDevice
    from edge_runtime.devices.ssh import Ssh

    if target.startswith("ssh://") or (":" not in target and "@" in target):
        return RemoteDevice(Ssh.parse(target), runtime, offline)
    if target.startswith("adb:"):
        return RemoteDevice(Adb.parse(target), runtime, offline)
    if target.startswith("emulated:") and target.partition(":")[2]:
        from edge_runtime.devices.emulated import EmulatedDevice

        return EmulatedDevice(target.partition(":")[2], runtime)
    raise InputError(f"cannot measure on {target!r}: give one of {TARGETS.replace('|', ', ')}")
