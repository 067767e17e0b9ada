"""Open the devices that targets name, and measure on them: remote devices in parallel, local devices in turn."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from edge_runtime.bench import measurement
from edge_runtime.bench.measurement_job import Device
from edge_runtime.bench.results import Report
from edge_runtime.bench.rounds import MeasurementSettings
from edge_runtime.data.dataset import Dataset
from edge_runtime.devices.adb import Adb
from edge_runtime.devices.emulated.cortex_m4 import CortexM4
from edge_runtime.devices.emulated.emulated_device import EmulatedDevice
from edge_runtime.devices.phone import Phone
from edge_runtime.devices.python import PythonDevice, other_python
from edge_runtime.devices.remote import RemoteDevice
from edge_runtime.devices.ssh import Ssh
from edge_runtime.errors import HarEdgeError, InputError
from edge_runtime.model.c_model import C
from edge_runtime.model.model_file import ModelFile
from edge_runtime.system.progress import OnProgress

TARGETS = "local|python:PATH|ssh://HOST|adb://SERIAL|emulated:CPU"  # as messages list them


@dataclass(frozen=True)
class AbsentDevice:
    """A device that could not be opened."""

    name: str
    error: HarEdgeError
    here: bool = False


@dataclass(frozen=True)
class DeviceOutcome:
    """A device's report, its error, or both when the report could not be written."""

    device: Device | AbsentDevice
    report: Report | None = None
    error: Exception | None = None


def open_all(targets: Sequence[str], runtime: str) -> list[Device | AbsentDevice]:
    """Open the devices that `targets` name. Raises `InputError` for an unknown kind, and when all are absent."""
    devices: list[Device | AbsentDevice] = []
    for target, opening in [(target, opener(target, runtime)) for target in targets]:
        try:
            devices.append(opening())
        except HarEdgeError as error:
            devices.append(AbsentDevice(target, error))
    absent = [device for device in devices if isinstance(device, AbsentDevice)]
    if len(absent) == len(devices):
        raise absent[0].error
    return devices


def opener(target: str, runtime: str = "auto") -> Callable[[], Device]:
    """Return the function that opens the device. Raises `InputError` for a target of unknown kind."""
    kind, _, rest = target.partition(":")
    if (kind, rest) == ("emulated", CortexM4.cpu):
        return partial(CortexM4, runtime)
    if runtime == C and kind != "adb":  # the usual runtime measures too
        runtime = "auto"
    if target == "local" or (kind == "python" and rest):
        return partial(other_python, rest, runtime) if rest else PythonDevice
    if kind == "adb":
        return partial(_open_adb, target, runtime)
    if kind == "emulated" and rest:
        return partial(EmulatedDevice, rest, runtime)
    if target.startswith("ssh://") or (":" not in target and "@" in target):
        return partial(_open_ssh, Ssh.parse(target), runtime)
    raise InputError(f"cannot measure on {target!r}: name one of {TARGETS.replace('|', ', ')}")


def _open_ssh(ssh: Ssh, runtime: str) -> Device:
    ssh.command(())  # refuse a machine without ssh at once
    return RemoteDevice(ssh, runtime)


def _open_adb(target: str, runtime: str) -> Device:
    """Open a phone, where an app measures, or a board, where the agent does."""
    adb = Adb.find(target)
    return Phone(adb, runtime) if adb.android else RemoteDevice(adb, "auto" if runtime == C else runtime)


def measure_on(
    devices: Sequence[Device | AbsentDevice],
    models: Sequence[ModelFile],
    data: Dataset,
    settings: MeasurementSettings,
    on_progress: Sequence[OnProgress],
    on_report: Callable[[Device, Report], None],
) -> list[DeviceOutcome]:
    """Measure on all `devices`, close them, and return the outcomes in their order.

    `on_report` gets each report at once; its error becomes the device's error. An interruption stops all devices.
    """
    interrupted = threading.Event()

    def measure(device: Device | AbsentDevice, on_progress: OnProgress) -> DeviceOutcome:
        if isinstance(device, AbsentDevice):
            return DeviceOutcome(device, error=device.error)
        report = None
        try:
            device.prepare(lambda share, stage: on_progress(0.0, stage), any(model.is_onnx for model in models))
            measurable = [model for model in models if model.c_source or not isinstance(device, CortexM4)]
            if not measurable:
                raise InputError(settings.without_c or f"{device.name} measures C: name an int8 or mixed model")
            report = measurement.measure(measurable, data, device, settings, on_progress)
            if not interrupted.is_set():
                on_report(device, report)
        except Exception as error:  # noqa: BLE001 - even a fault of our own must not lose other reports
            return DeviceOutcome(device, report, error)
        finally:
            device.close()
        return DeviceOutcome(device, report)

    def in_turn(places: Sequence[int]) -> list[tuple[int, DeviceOutcome]]:
        return [(i, measure(devices[i], on_progress[i])) for i in places if not interrupted.is_set()]

    here = [i for i, device in enumerate(devices) if device.here]
    queues = [here, *([i] for i, device in enumerate(devices) if not device.here)]
    with ThreadPoolExecutor(max_workers=len(queues)) as pool:
        try:
            outcomes_by_place = dict(outcome for outcomes in pool.map(in_turn, queues) for outcome in outcomes)
        except BaseException:
            interrupted.set()
            for device in devices:
                if not isinstance(device, AbsentDevice):
                    device.stop()  # so that its thread ends
            raise
    return [outcomes_by_place[i] for i in range(len(devices))]
