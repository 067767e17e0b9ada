"""Define the result of a benchmark; `python -m tools.result_format` writes the JSON Schema.

The JSON form is format 1: later versions may add keys or leave out keys, but rename none.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

import edge_runtime
from edge_runtime.bench.machine import Machine
from edge_runtime.bench.machine_state import State
from edge_runtime.bench.measured import Energy, Latency, Positive, RuntimeVersion, Samples, WarmUp
from edge_runtime.bench.measurement_job import Instructions
from edge_runtime.data.scores import ClassScore, Count, GroupScore, Share
from edge_runtime.errors import InputError
from edge_runtime.model.c_model import C
from edge_runtime.model.scheme_names import FLOAT
from edge_runtime.signals.types import Frame
from edge_runtime.system.dataclass_json import Quantity, from_json
from edge_runtime.system.files import write_text
from edge_runtime.system.outside_files import parse_json, read_text

FORMAT = 1

Bytes = Annotated[int, Quantity("bytes", at_least=0)]
Ratio = Annotated[float, Quantity(at_least=1e-6)]
Points = Annotated[float, Quantity("percentage points", at_least=-100, at_most=100)]


@dataclass(frozen=True)
class Result:
    """One model, on one runtime, on one device; null was not or could not be measured."""

    model: Annotated[str, "name of the network in its card"]
    file: Annotated[str, "path or another name"]
    sha256: Annotated[str, "digest of the file"]
    runtime: Annotated[str, "the interpreter"]
    runtime_version: Annotated[
        str | None, "version of the interpreter; for `c` the compiler, its flags and the instruction set"
    ]
    quantization: Annotated[str, "`float32`, `int8`, `mixed`, `dynamic` or `float16`"]
    threads: Annotated[Positive, "threads of the interpreter"]
    pinned_cpu: Annotated[Count | None, "the CPU that the process was pinned to"]
    size_bytes: Annotated[
        int, Quantity("bytes", at_least=1), "size of the file; for C, of its library or, in flash, of its firmware"
    ]
    operators: Annotated[Count, "operators in the graph"]
    xnnpack_operators: Annotated[Count | None, "operators that XNNPACK runs; null on a phone"]
    load_ms: Annotated[
        float | None, Quantity("ms", at_least=0), "time to open the model and allocate tensors, median of rounds"
    ]
    first_ms: Annotated[float | None, Quantity("ms", at_least=0), "time of the first inference, median of rounds"]
    latency_ms: Annotated[
        Latency | None,
        "time to set the input, invoke and get the output; unless `raw_input`, the window is already prepared",
    ]
    end_to_end_ms: Annotated[
        Latency | None, "`latency_ms` and the work before it: turning the window into `frame`, preparing it"
    ]
    peak_memory_bytes: Annotated[
        Bytes | None, "most memory that the process held, after its first inferences; null on a phone"
    ]
    baseline_memory_bytes: Annotated[
        Bytes | None, "the same before it opened the model, with Python, NumPy and the runtime loaded"
    ]
    labels: Annotated[tuple[str, ...], "the classes"]
    windows: Annotated[Positive, "test windows"]
    accuracy: Annotated[Share, "share of test windows that are classified right"]
    macro_f1: Annotated[Share, "mean F1 of the classes that occur"]
    confusion: Annotated[
        tuple[tuple[Count, ...], ...], "number of test windows: a row per true class, a column per answer"
    ]
    per_subject: Annotated[Mapping[str, Share], "accuracy by person"]
    agreement: Annotated[Share | None, "share of windows with the same answer as the network's float32 form"]
    doubts: Annotated[tuple[str, ...], "reasons why this result may mislead, each with a remedy"]
    samples_ms: Annotated[Samples | None, "the raw times, a list per round"]
    accuracy_subjects_ci95: Annotated[tuple[Share, Share] | None, "interval over people: quote this one"]
    per_class: Annotated[Mapping[str, ClassScore], "scores by class"]
    calibration_error: Annotated[
        Share, "expected calibration error (15 bins) of the probabilities after the card's temperature"
    ]
    per_subject_macro_f1: Annotated[Mapping[str, Share] | None, "mean F1 of the person's classes, by person"] = None
    per_placement: Annotated[Mapping[str, GroupScore] | None, "scores by placement, where it is known"] = None
    per_source: Annotated[Mapping[str, GroupScore] | None, "scores by data set, where it is known"] = None
    warm_up: Annotated[
        WarmUp | None,
        "untimed inferences before the timed inferences; an emulated device has no times, memory or energy",
    ] = None
    energy: Annotated[Energy | None, "energy of an inference in the first round"] = None
    instructions: Annotated[Instructions | None, "exact instructions of an emulated CPU"] = None
    ram_bytes: Annotated[
        Bytes | None, "memory of a firmware: variables, including the stream's, and the deepest stack"
    ] = None
    raw_input: Annotated[bool, "whether the graph takes windows in physical units and prepares them itself"] = False
    rival: Annotated[str | None, "the tool that made this form; null for har-edge"] = None
    frame: Annotated[Frame, "axes of the windows: `device` or `walking`"] = "device"

    @property
    def form(self) -> str:
        """The quantisation after the tool that made it, or as C: `int8`, `ONNX Runtime float32`, `int8 as C`."""
        return f"{self.rival or ''} {self.quantization}{' as C' if self.runtime == C else ''}".strip()

    @property
    def file_bytes(self) -> int | None:
        """The size of the file, or of a firmware in flash; None for C on other devices, whose library nobody ships."""
        return None if self.runtime == C and self.ram_bytes is None else self.size_bytes

    @property
    def is_float(self) -> bool:
        """Tell whether it has float weights, which runtimes convert to float32."""
        return self.quantization in FLOAT


@dataclass(frozen=True)
class Comparison:
    """One result against another of the same run; a ratio is `result` over `against`, below 1 is faster."""

    result: Annotated[Count, "index into `results`"]
    against: Annotated[Count, "index of that form, which may be a rival; without a float form, of the first model"]
    p50_ratio: Annotated[Ratio | None, "ratio of undisturbed times, from the medians of slices that took turns"]
    p50_ratio_ci95: Annotated[tuple[Ratio, Ratio] | None, "its interval, over processes and slices"]
    end_to_end_ratio: Annotated[Ratio | None, "the same of end-to-end times"]
    end_to_end_ratio_ci95: Annotated[tuple[Ratio, Ratio] | None, "its interval"]
    accuracy_difference: Annotated[Points, "`result` minus `against`"]
    accuracy_difference_ci95: Annotated[tuple[Points, Points] | None, "interval over people; null with one person"]
    agreement: Annotated[Share, "share of windows with the same answer"]


@dataclass(frozen=True)
class Control:
    """The first model against itself, measured like any other pair."""

    p50_ratio: Annotated[Ratio, "ratio of the two times, as of any pair"]
    p50_ratio_ci95: Annotated[tuple[Ratio, Ratio], "its interval"]
    passed: Annotated[bool, "whether the interval contains 1"]


@dataclass(frozen=True)
class Failure:
    """A model that could not be measured."""

    file: Annotated[str, "the model"]
    error: Annotated[str, "reason, in one sentence"]


@dataclass(frozen=True)
class AbsentRival:
    """Another tool's form that was not made, or could not be measured here."""

    name: Annotated[str, "tool and form"]
    reason: Annotated[str, "reason, in one sentence"]


@dataclass(frozen=True, kw_only=True)
class MeasuredDevice(Machine):
    """The device that measured."""

    name: Annotated[str, "target of `--on`"]
    runtime: Annotated[RuntimeVersion, "runtime of the first worker"]
    before: Annotated[State | None, "the machine before the first round"] = None
    after: Annotated[State | None, "the machine after the last round"] = None


@dataclass(frozen=True)
class EvaluatedData:
    """The test data."""

    name: Annotated[str, "name of the data set"]
    fingerprint: Annotated[str, "digest of the data as these models take it, for `compare`"]
    windows: Annotated[Positive, "test windows"]
    period_s: Annotated[float | None, Quantity("s", at_least=1e-6), "time from one window of a stream to the next"] = (
        None
    )
    left_out: Annotated[
        Mapping[str, Count], "number of windows left out, by label, because the models do not know the label"
    ] = field(default_factory=dict)
    not_scored: Annotated[tuple[str, ...], "people left out because the models were trained on them"] = ()
    motionless: Annotated[
        Mapping[str, Count],
        "number of windows left out, by label, because nobody moves in their mounting (walking frame)",
    ] = field(default_factory=dict)
    motionless_mountings: Annotated[Count, "number of these mountings"] = 0


@dataclass(frozen=True)
class Method:
    """The method of the run."""

    runtime: Annotated[str, "as requested"]
    threads: Annotated[Positive, "as requested"]
    rounds: Annotated[Positive, "sets of processes, one process per model"]
    duration_s: Annotated[
        float | None, Quantity("s", at_least=1e-6), "time after which no round begins; null if `rounds` was requested"
    ]
    mode: Annotated[Literal["back-to-back", "paced"], "`back-to-back`, or `paced` with sleep between inferences"]
    harness_overhead_us: Annotated[float | None, Quantity("µs"), "time that the measurement adds to a call"]
    until: Annotated[
        float | None,
        Quantity(at_least=1e-6),
        "rounds end when half of every interval is at most this share of its ratio",
    ] = None


@dataclass(frozen=True)
class Report:
    """The results of one run on one device."""

    device: Annotated[MeasuredDevice, "the device that measured"]
    data: Annotated[EvaluatedData, "the test data"]
    results: Annotated[tuple[Result, ...], "a result for each model"]
    settings: Annotated[Method, "how the run was measured"]
    comparisons: Annotated[
        tuple[Comparison, ...], "each model against the fastest float form of its network; a ratio below 1 is faster"
    ]
    control: Annotated[Control | None, "the first model against itself; null if not requested"]
    failures: Annotated[tuple[Failure, ...], "the models that could not be measured"]
    absent_rivals: Annotated[tuple[AbsentRival, ...] | None, "rivals without a result; null if not requested"] = None
    without_c: Annotated[str | None, "why an int8 or mixed model was not measured as C"] = None
    har_edge: Annotated[str, "version of har-edge that measured"] = edge_runtime.__version__
    created: Annotated[str, "time (ISO 8601, UTC)"] = field(
        default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds")
    )

    def doubts(self, titles: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
        """Yield every doubt once, with the `titles` of the results that it concerns, or none if it concerns all."""
        for doubt in dict.fromkeys(doubt for result in self.results for doubt in result.doubts):
            concerned = [title for title, x in zip(titles, self.results, strict=True) if doubt in x.doubts]
            yield doubt, concerned if len(concerned) < len(titles) else []

    def to_json(self) -> str:
        """Return the report as JSON text, format 1, a list of numbers on one line."""
        text = json.dumps({"format": FORMAT} | asdict(self), indent=1, allow_nan=False)
        return re.sub(r"\[\n[\d\s.,eE+-]+\]", lambda numbers: re.sub(r"\s+", "", numbers[0]), text) + "\n"

    def write(self, path: Path) -> None:
        """Write the JSON form to `path`."""
        write_text(path, self.to_json())


def read_report(path: Path) -> Report:
    """Return the report in the JSON file at `path`; unknown keys are ignored.

    Raises `InputError` for a missing file, and for a file that is not a report or contradicts itself.
    """
    try:
        content = parse_json(read_text(path, "a result of 'har-edge bench'", or_pipe=True))
        number = content.get("format") if isinstance(content, dict) else None
        if number != FORMAT:
            raise ValueError(f"its format is {number}, and this version of har-edge reads format {FORMAT}")
        report = from_json(Report, content)
        for i, result in enumerate(report.results):
            if {len(result.confusion), *map(len, result.confusion)} != {len(result.labels)}:
                raise ValueError(f"results[{i}].confusion does not have a row and a column per label")
        for i, comparison in enumerate(report.comparisons):
            if max(comparison.result, comparison.against) >= len(report.results):
                raise ValueError(f"comparisons[{i}] is about a result that is not there")
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"cannot read {path} ({why}): name a JSON file that 'har-edge bench' wrote") from error
    return report
