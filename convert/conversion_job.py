"""Run a conversion job in a process of its own, limit its time and return its report."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from convert.diagnosis.precision import Diagnosis
from convert.parity import Parity
from edge_runtime.errors import DeviceError
from edge_runtime.system import child_processes
from edge_runtime.system.dataclass_json import from_text, to_text

NETWORKS = {"selection": "selection network", "model": "final network"}
"""The two networks of a run, by file name, in words; of a file there is the second alone."""

LOWERINGS = ("auto", "looped", "unrolled")
"""How recurrent layers may be converted; `auto` is one of the other two."""

IO_TYPES = ("raw", "int8")
"""What models take and give: windows in physical units and float32 logits, or prepared windows, of int8 int8."""

CALIBRATED = ("mixed", "int8")
"""The forms whose ranges are measured on calibration windows."""

CALIBRATION = 504
"""Windows: of UCI HAR, four for each of six activities of each of 21 training subjects."""

MAX_SIZE = 2000
"""The greatest model that is written unless asked otherwise, in kB: about an LSTM(256) in float32."""


@dataclass(frozen=True)
class FileOptions:
    """Parts of the card of an external model; `normalisation` is a card's, or one of none and data."""

    labels: tuple[str, ...] | None = None
    signals: tuple[str, ...] | None = None
    normalisation: Mapping[str, Any] | str = "none"


@dataclass(frozen=True)
class Options:
    """Options of a conversion: the quantised forms `schemes` beside float32.

    `io_type` is one of `IO_TYPES`, `calibration` that of int8 and mixed. `or_mixed` is to write mixed instead of int8
    where int8 loses more than `max_drop` points of agreement with float32 on the calibration windows. `rivals` asks
    for the forms that other tools make of the network too, and `c_array`, one of `IO_TYPES`, for C++ source of the int8
    model that takes and gives this.
    """

    schemes: tuple[str, ...] = ()
    or_mixed: bool = False
    io_type: str = IO_TYPES[0]
    calibration: int = CALIBRATION
    max_drop: float = 1.0  # percentage points
    diagnose: bool = False
    data: tuple[str, ...] | None = None
    time_limit: float = 600.0  # seconds
    lstm: str = LOWERINGS[0]
    max_size: float = MAX_SIZE  # kB
    pictures: str = "png"
    rivals: bool = False
    c_array: str | None = None

    @property
    def is_calibrated(self) -> bool:
        """Whether a form is asked for that needs calibration windows."""
        return bool({*CALIBRATED} & {*self.schemes})


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
    diagnosis: Diagnosis | None = None
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
