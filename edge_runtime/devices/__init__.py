"""Where a measurement runs: this Python, another interpreter on this machine, or a device reached from it."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from edge_runtime.errors import InputError
from edge_runtime.job import Answer, Job
from edge_runtime.progress import OnProgress
from edge_runtime.results import Instructions

if TYPE_CHECKING:
    from edge_runtime.devices.remote import RemoteDevice

TARGETS = "local|python:PATH|ssh://HOST|adb://SERIAL|emulated:CPU"
"""The kinds of target, for people."""


class Device(Protocol):
    """Something that does jobs, each in a fresh process."""

    @property
    def name(self) -> str:
        """The device's name in reports and file names."""

    @property
    def here(self) -> bool:
        """Whether it computes on this machine, where only one measurement at a time has it to itself."""

    def prepare(self, on_progress: OnProgress) -> None:
        """Make ready what jobs need and the device lacks. Raises `DeviceError` or `InputError` when that fails."""

    def run(self, job: Job, folder: Path, on_progress: OnProgress) -> Answer:
        """Do `job`, whose files are in `folder`."""

    def instructions(self, job: Job, folder: Path) -> Instructions | None:
        """How many instructions one inference of the model of `job` takes; None where they are not counted."""

    def stop(self) -> None:
        """From another thread: end what it does; it does nothing more, and whoever waits for it hears an error."""

    def close(self) -> None:
        """Let go of it. Nothing is left at work there."""


def open_device(target: str, runtime: str, offline: bool = False) -> Device:
    """The device that `target` names, to measure with `runtime`.

    `offline` sends packages to a remote device instead of letting it fetch them from an index. Raises `InputError` for
    a target that is none, and that or `DeviceError` when it is known by now that nothing can be measured there.
    """
    return opener(target, runtime, offline)()


def opener(target: str, runtime: str, offline: bool = False) -> Callable[[], Device]:
    """What opens the device that `target` names. Raises `InputError` for a target that is none; asks nobody yet."""
    from edge_runtime.devices.python import other_python, this_python

    kind, _, rest = target.partition(":")
    if target == "local":
        return this_python
    if kind == "python" and rest:
        return partial(other_python, rest, runtime)
    return remote_opener(target, runtime, offline)


def remote_opener(target: str, runtime: str = "auto", offline: bool = False) -> Callable[[], "RemoteDevice"]:
    """The same for a device that an agent is started on; opening does not connect yet."""
    from edge_runtime.devices.adb import Adb
    from edge_runtime.devices.remote import RemoteDevice
    from edge_runtime.devices.ssh import Ssh

    if target.startswith("ssh://") or (":" not in target and "@" in target):
        return partial(RemoteDevice, Ssh.parse(target), runtime, offline)
    if target.startswith("adb:"):
        return lambda: RemoteDevice(Adb.parse(target), runtime, offline)
    if target.startswith("emulated:") and target.partition(":")[2]:
        from edge_runtime.devices.emulated import EmulatedDevice

        device = EmulatedDevice(target.partition(":")[2], runtime)
        return lambda: device
    raise InputError(f"cannot measure on {target!r}: give one of {TARGETS.replace('|', ', ')}")
