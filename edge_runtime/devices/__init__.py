"""Open the device that a target names: this Python, another interpreter, or a device reached from here."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from edge_runtime.bench.measurement_job import Device
from edge_runtime.errors import InputError

if TYPE_CHECKING:
    from edge_runtime.devices.ssh import Ssh

TARGETS = "local|python:PATH|ssh://HOST|adb://SERIAL|emulated:CPU"  # as messages list them


def opener(target: str, runtime: str = "auto") -> Callable[[], Device]:
    """The function that opens the device. Raises `InputError` for a target of no known kind."""
    kind, _, rest = target.partition(":")
    if target == "local" or (kind == "python" and rest):
        from edge_runtime.devices.python import other_python, this_python

        return partial(other_python, rest, runtime) if rest else this_python
    if kind == "adb":
        return partial(_open_adb, target, runtime)
    if kind == "emulated" and rest:
        from edge_runtime.devices.emulated.emulated_device import EmulatedDevice

        return partial(EmulatedDevice, rest, runtime)
    if target.startswith("ssh://") or (":" not in target and "@" in target):
        from edge_runtime.devices.ssh import Ssh

        return partial(_open_ssh, Ssh.parse(target), runtime)
    raise InputError(f"cannot measure on {target!r}: give one of {TARGETS.replace('|', ', ')}")


def _open_ssh(ssh: "Ssh", runtime: str) -> Device:
    from edge_runtime.devices.remote import RemoteDevice

    ssh.command(())  # so that a machine without ssh is refused at once
    return RemoteDevice(ssh, runtime)


def _open_adb(target: str, runtime: str) -> Device:
    """Open a phone, where an app measures, or a board with an agent."""
    from edge_runtime.devices.adb import Adb
    from edge_runtime.devices.phone import Phone
    from edge_runtime.devices.remote import RemoteDevice

    adb = Adb.find(target)
    return Phone(adb, runtime) if adb.android else RemoteDevice(adb, runtime)
