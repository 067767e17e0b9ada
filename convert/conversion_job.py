"""Run a conversion in a process of its own, limit its time and return its report."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convert.options import FileOptions, Options
from convert.parity import Parity
from edge_runtime.errors import DeviceError
from edge_runtime.system import child_processes
from edge_runtime.system.dataclass_json import from_text, to_text

NETWORKS = {"selection": "selection network", "model": "final network"}
"""The two networks of a run, by file name, in words; of a file there is the second alone."""


@dataclass(frozen=True)
class ConversionJob:
    """One conversion: of a run, its selection network, for the check, and its final network; or of a `.keras` file.

    `source` is the run folder, or the file if `file` says what its card needs. `output` is an empty folder: the process
    leaves `<network>_<scheme>.tflite` flatbuffers and `report.json` there.
    """

    source: Path
    output: Path
    options: Options
    file: FileOptions | None = None

    def flatbuffer(self, network: str, scheme: str) -> Path:
        """Return the path of the converted `network` (`selection` or `model`)."""
        return self.output / f"{network}_{scheme}.tflite"

    @property
    def report(self) -> Path:
        """Return the path of the process's report."""
        return self.output / "report.json"


@dataclass(frozen=True)
class FormReport:
    """A quantised form of a network: its parity with float32, and what its card says of how it was made."""

    parity: Parity
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class NetworkReport:
    """The conversion of one network, checked on `windows` windows of `subjects` subjects.

    `is_labelled` says whether their classes are those of the card; else there is no `float32_accuracy`.
    `float32_relative_difference` is that of the float32 model's logits from Keras's. `forms` are by scheme.
    `arrangement` says what was put in front of a network that takes its windows in another form.
    """

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
    """The conversion of the network that will be used and, of a run, of its selection network.

    `left_out` are forms that were asked for and are not there, each with the reason in a sentence.
    """

    model: NetworkReport
    selection: NetworkReport | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def compared(self) -> NetworkReport:
        """The network whose accuracy counts: of a run the selection network, which never saw the held-out subjects."""
        return self.selection or self.model

    @property
    def schemes(self) -> tuple[str, ...]:
        """The forms that there are."""
        return ("float32", *self.model.forms)


def run_job(job: ConversionJob, on_progress: Callable[[float, str], None]) -> ConversionReport:
    """Convert in a process of its own and return its report: of the forms that were finished within the time limit.

    Raises the process's own error again, or `DeviceError` when it died, or finished no form within the limit. However
    this ends, the process has ended too; and it ends by itself soon after this one was killed.
    """
    time_limit = job.options.time_limit
    deadline = time.monotonic() + time_limit

    def listen(message: Mapping[str, Any]) -> None:
        if progress := child_processes.progress_of(message):
            on_progress(*progress)

    try:
        child_processes.run_in_child(
            "the conversion process",
            "run it again with --debug and report its output",
            "convert.conversion_worker",
            to_text(job),
            on_message=listen,
            seconds=lambda: deadline - time.monotonic(),
        )
    except TimeoutError as error:
        if not job.report.exists():
            raise DeviceError(
                f"the conversion took more than {time_limit:g} s and was stopped: allow more with --time-limit"
            ) from error
    return from_text(ConversionReport, job.report.read_text())
