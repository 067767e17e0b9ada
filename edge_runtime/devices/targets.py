"""Open the device that a target names."""

from edge_runtime.bench.measurement_job import Device
from edge_runtime.devices.adb import Adb
from edge_runtime.devices.emulated.cortex_m4 import CortexM4
from edge_runtime.devices.emulated.emulated_device import EmulatedDevice
from edge_runtime.devices.phone import Phone
from edge_runtime.devices.python import PythonDevice, other_python
from edge_runtime.devices.remote import RemoteDevice
from edge_runtime.devices.ssh import Ssh
from edge_runtime.errors import InputError
from edge_runtime.model.c_model import C


def open_device(target: str, runtime: str = "auto") -> Device:
    """Open the device that `target` names. Raises `InputError` for an unknown target, or one without this `runtime`."""
    kind, _, rest = target.partition(":")
    if (kind, rest) == ("emulated", CortexM4.cpu):
        if runtime not in ("auto", C):
            raise InputError(f"an emulated {rest} has no TFLite: leave out --runtime")
        return CortexM4()
    usual = "auto" if runtime == C else runtime  # the usual runtime measures too
    if target == "local" or (kind == "python" and rest):
        return other_python(rest, usual) if rest else PythonDevice()
    if kind == "adb":
        return Phone(Adb.find(target), runtime)
    if kind == "emulated" and rest:
        return EmulatedDevice(rest, usual)
    if target.startswith("ssh://") or (":" not in target and "@" in target):
        ssh = Ssh.parse(target)
        ssh.command(())  # refuse a machine without ssh at once
        return RemoteDevice(ssh, usual)
    raise InputError(
        f"cannot measure on {target!r}: name one of local, python:PATH, ssh://HOST, adb://SERIAL, emulated:CPU"
    )
