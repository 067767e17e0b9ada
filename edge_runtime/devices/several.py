"""One measurement on several devices at a time; what fails on one leaves the others alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from edge_runtime import bench
from edge_runtime.bench import OnProgress, Settings
from edge_runtime.dataset import Dataset
from edge_runtime.devices import Device
from edge_runtime.errors import HarEdgeError
from edge_runtime.results import Report
from edge_runtime.summary import ModelFile


@dataclass(frozen=True)
class Outcome:
    """What came of one device: a report, or the error."""

    device: Device
    report: Report | None
    error: HarEdgeError | None = None


def measure_on(
    devices: Sequence[Device],
    models: Sequence[ModelFile],
    data: Dataset,
    settings: Settings,
    on_progress: Sequence[OnProgress],
    on_report: Callable[[Device, Report], None],
) -> list[Outcome]:
    """Measure on all `devices` in parallel, each with its `on_progress`; the outcomes in their order.

    `on_report` hears of each report as soon as it is there. All devices are closed at the end, however it comes.
    """

    def measure(device: Device, tell: OnProgress) -> Outcome:
        try:
            device.prepare(lambda stage, share: tell(0.0, stage))
            report = bench.measure(models, data, device, settings, tell)
        except HarEdgeError as error:
            return Outcome(device, None, error)
        finally:
            device.close()
        on_report(device, report)
        return Outcome(device, report)

    with ThreadPoolExecutor(max_workers=len(devices)) as pool:
        try:
            return list(pool.map(measure, devices, on_progress))
        except BaseException:
            for device in devices:  # which ends what the threads are waiting for
                device.close()
            raise
