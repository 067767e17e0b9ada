"""Define the protocol of a device that measures."""

from pathlib import Path
from typing import Protocol

from edge_runtime.bench.measurement_job import Answer, MeasurementJob
from edge_runtime.bench.results import Instructions
from edge_runtime.system.progress import OnProgress


class Device(Protocol):
    """A machine that does jobs, each in a fresh process."""

    @property
    def name(self) -> str:
        """The device's name in reports and file names."""

    @property
    def here(self) -> bool:
        """Tell whether it computes on this machine, where only one measurement at a time has it to itself."""

    @property
    def most_windows(self) -> int | None:
        """How many windows it is given at most, where inferences take very long."""

    def prepare(self, on_progress: OnProgress) -> None:
        """Install the packages that jobs need. Raises `DeviceError` or `InputError` when that fails."""

    def run(self, job: MeasurementJob, folder: Path, on_progress: OnProgress) -> Answer:
        """Do `job`, whose files are in `folder`."""

    def instructions(self, job: MeasurementJob, folder: Path) -> Instructions | None:
        """Count the instructions of one inference of the model of `job`; None where they are not counted."""

    def stop(self) -> None:
        """End its work, from another thread: it does nothing more, and who waits for it gets an error."""

    def close(self) -> None:
        """Release the device. No process stays at work there."""
