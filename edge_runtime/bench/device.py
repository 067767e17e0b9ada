"""State what a measurement needs of the device that it runs on."""

from pathlib import Path
from typing import Protocol

from edge_runtime.bench.measurement_job import Answer, MeasurementJob
from edge_runtime.bench.results import Instructions
from edge_runtime.system.progress import OnProgress


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

    def run(self, job: MeasurementJob, folder: Path, on_progress: OnProgress) -> Answer:
        """Do `job`, whose files are in `folder`."""

    def instructions(self, job: MeasurementJob, folder: Path) -> Instructions | None:
        """How many instructions one inference of the model of `job` takes; None where they are not counted."""

    def stop(self) -> None:
        """From another thread: end what it does; it does nothing more, and whoever waits for it hears an error."""

    def close(self) -> None:
        """Let go of it. Nothing is left at work there."""
