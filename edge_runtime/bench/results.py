"""What a benchmark found. `Result` is the interface: tables and every other report are made from it alone.

The JSON form is format 1. Later formats may add keys; none is renamed.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import edge_runtime
from edge_runtime.system.files import write_text

FORMAT = 1


Interval = tuple[float, float]
"""The ends of a 95 % interval."""


@dataclass(frozen=True)
class Latency:
    """How long one window took, in milliseconds, over `runs` timed inferences.

    `mad` is the median absolute deviation from p50, `p50_ci95` the bootstrap interval of p50 over whole rounds and the
    blocks within them; both are None in reports written before they existed.
    """

    p50: float
    p90: float
    p95: float
    p99: float
    mean: float
    min: float
    max: float
    runs: int
    mad: float | None = None
    p50_ci95: Interval | None = None


@dataclass(frozen=True)
class Samples:
    """The raw times in milliseconds: one tuple per round, in the order they were taken."""

    latency: tuple[tuple[float, ...], ...]
    end_to_end: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class WarmUp:
    """The untimed inferences before the steady state, over all rounds: how many, how long, and whether they settled."""

    calls: int
    seconds: float
    stable: bool


@dataclass(frozen=True)
class Energy:
    """`per_inference_mj` above idle, from `source`; None with the `reason` where the machine cannot tell."""

    per_inference_mj: float | None
    source: str | None = None
    idle_w: float | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Instructions:
    """How many instructions of the CPU one inference takes, counted by `method`: exact, where times mean nothing."""

    per_inference: int
    method: str


@dataclass(frozen=True)
class ClassScore:
    """Precision, recall and F1 of one class, and how many test windows are of it."""

    precision: float
    recall: float
    f1: float
    windows: int


@dataclass(frozen=True)
class OperatorCost:
    """What the operators of one type do in one inference: `macs` multiply-accumulates, `output_bytes` written.

    `constant_bytes` are the weights and other constants (and the state of fused recurrent operators), each once.
    """

    count: int
    macs: int
    constant_bytes: int
    output_bytes: int


@dataclass(frozen=True)
class Result:
    """One model, on one runtime, on one device.

    `latency_ms` is setting the input, invoking and getting the output for one window that is already quantised;
    `end_to_end_ms` adds normalising and quantising it. `load_ms` is opening the model and allocating its tensors,
    `first_ms` the first inference; both are medians over the rounds. `peak_memory_bytes` is the most that the process
    held after its first inferences, `baseline_memory_bytes` the most before it opened the model, with Python, numpy and
    the runtime loaded. Times, energy and memory are None on an
    emulated device, `instructions` on any other, `xnnpack_operators` on a phone. `confusion` has a row per true class.
    `accuracy_ci95` takes windows for independent; `accuracy_subjects_ci95` resamples people, who are what a result
    generalises over, and is the one to quote. `calibration_error` is the expected calibration error (15 bins) of the
    probabilities after the card's temperature. `agreement` is the share of windows classified as the float32 form of
    the same network does, None without one. What is None by default is so in reports written before it existed.
    """

    model: str
    file: str
    sha256: str
    runtime: str
    runtime_version: str | None
    quantization: str
    threads: int
    pinned_cpu: int | None
    size_bytes: int
    operators: int
    xnnpack_operators: int | None
    load_ms: float | None
    first_ms: float | None
    latency_ms: Latency | None
    end_to_end_ms: Latency | None
    peak_memory_bytes: int | None
    baseline_memory_bytes: int | None
    labels: tuple[str, ...]
    windows: int
    accuracy: float
    macro_f1: float
    confusion: tuple[tuple[int, ...], ...]
    per_subject: Mapping[str, float]
    agreement: float | None
    doubts: tuple[str, ...]
    samples_ms: Samples | None
    accuracy_ci95: Interval | None = None
    accuracy_subjects_ci95: Interval | None = None
    macro_f1_subjects_ci95: Interval | None = None
    per_class: Mapping[str, ClassScore] | None = None
    calibration_error: float | None = None
    warm_up: WarmUp | None = None
    energy: Energy | None = None
    operator_costs: Mapping[str, OperatorCost] | None = None
    instructions: Instructions | None = None


@dataclass(frozen=True)
class Comparison:
    """One result against another of the same run; the two are named by their place in `results`.

    Ratios are `result` over `against`, of p50, with bootstrap intervals that pair the rounds. `accuracy_difference` is
    in percentage points, its interval over subjects, None when there is one subject. `only_result_right` and
    `only_against_right` count the windows that one classifies right and the other wrong; `sign_flip_p` is the
    two-sided p value of the sign-flip test over subjects, None when there is one subject and in reports from before it.
    """

    result: int
    against: int
    p50_ratio: float | None
    p50_ratio_ci95: Interval | None
    end_to_end_ratio: float | None
    end_to_end_ratio_ci95: Interval | None
    accuracy_difference: float
    accuracy_difference_ci95: Interval | None
    agreement: float
    only_result_right: int
    only_against_right: int
    sign_flip_p: float | None = None


@dataclass(frozen=True)
class Control:
    """The first model against itself, measured like any pair: `passed` when 1 lies inside the ratio's interval."""

    p50_ratio: float
    p50_ratio_ci95: Interval
    passed: bool


@dataclass(frozen=True)
class Failure:
    """A model that could not be measured, and why, in one sentence."""

    file: str
    error: str


@dataclass(frozen=True)
class Report:
    """The results of one run on one device, with the device and the data they are about.

    `device` says what the machine is; its `before` and `after` say what it was doing
    (`edge_runtime.bench.machine.State`). `settings` is how it was measured: `mode` (`back-to-back` or `paced`),
    `threads`, `runs`, `rounds`, `duration_s`, `paced`, `control`, and `harness_overhead_us`, what timing itself adds to
    a call, measured.
    """

    device: Mapping[str, Any]
    data: Mapping[str, Any]
    results: tuple[Result, ...]
    har_edge: str = edge_runtime.__version__
    created: str = dataclasses.field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    comparisons: tuple[Comparison, ...] = ()
    control: Control | None = None
    failures: tuple[Failure, ...] = ()

    def to_json(self) -> str:
        """The report as JSON text, format 1, a list of numbers on one line."""
        text = json.dumps({"format": FORMAT} | dataclasses.asdict(self), indent=1, allow_nan=False)
        return re.sub(r"\[[\d\s.,eE+-]+\]", lambda found: re.sub(r"\s+", "", found[0]), text) + "\n"

    def write(self, path: Path) -> None:
        """Write the JSON form to `path`, whole or not at all."""
        write_text(path, self.to_json())


def milliseconds(nanoseconds: npt.NDArray[np.integer]) -> tuple[float, ...]:
    """Times in milliseconds, to 10 ns: finer than the clock is steady."""
    return tuple(np.round(nanoseconds / 1e6, 5).tolist())
