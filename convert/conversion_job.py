"""Run a conversion in a process of its own, limit its time and return its report."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convert.options import FileOptions, Options
from convert.parity import Parity
from edge_runtime.errors import DeviceError
from edge_runtime.model.scheme_names import FLOAT32
from edge_runtime.system import child_processes
from edge_runtime.system.dataclass_json import from_text, to_text
from edge_runtime.system.progress import OnProgress

NETWORKS = {"selection": "selection network", "model": "final network"}
"""The two networks of a run, by file name, in words; a Keras file has only the second."""


@dataclass(frozen=True)
class ConversionJob:
    """The conversion of a run folder or, with `file`, of a Keras file; `output` is an empty folder for the process."""

    source: Path
    output: Path
    options: Options
    file: FileOptions | None = None

    def flatbuffer(self, network: str, scheme: str) -> Path:
        """The path of the converted `network` (`selection` or `model`)."""
        return self.output / f"{network}_{scheme}.tflite"

    @property
    def report(self) -> Path:
        """The path of the process's report."""
        return self.output / "report.json"


@dataclass(frozen=True)
class FormReport:
    """A quantised form of a network: its parity with float32, and facts for its card."""

    parity: Parity
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class NetworkReport:
    """The conversion of one network, checked on `windows` windows; without `is_labelled`, accuracies mean nothing."""

    is_labelled: bool
    subjects: int
    windows: int
    lowering: str
    lowering_reason: str
    float32_accuracy: float | None
    float32_relative_difference: float
    forms: Mapping[str, FormReport]
    arrangement: str | None = None


@dataclass(frozen=True)
class ConversionReport:
    """The conversion of the networks; `left_out` gives the reason for each form that was asked for and is missing."""

    model: NetworkReport
    selection: NetworkReport | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def compared(self) -> NetworkReport:
        """The network whose accuracy counts: the selection network, where there is one."""
        return self.selection or self.model

    @property
    def schemes(self) -> tuple[str, ...]:
        """The forms that there are, without those that are left out."""
        return (FLOAT32, *(x for x in self.model.forms if x not in self.left_out))


def run_job(job: ConversionJob, on_progress: OnProgress) -> ConversionReport:
    """Convert in a process of its own; report the forms that were finished within the time limit.

    Raises the process's own error, or `DeviceError` when it died or finished no form in time.
    """
    time_limit = job.options.time_limit
    deadline = time.monotonic() + time_limit

    try:
        child_processes.run_in_child(
            "the conversion process",
            "run it again with --debug and report its output",
            "convert.conversion_worker",
            to_text(job),
            on_progress=on_progress,
            seconds=lambda: deadline - time.monotonic(),
        )
    except TimeoutError as error:
        if not job.report.exists():
            raise DeviceError(f"the conversion took over {time_limit:g} s: allow more with --time-limit") from error
    return from_text(ConversionReport, job.report.read_text())
