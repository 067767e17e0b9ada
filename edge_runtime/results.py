"""What a benchmark found. `Result` is the interface: tables and every other report are made from it alone.

The JSON form is format 1. Later formats may add keys; none is renamed.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import edge_runtime
from edge_runtime.files import write_text

FORMAT = 1


@dataclass(frozen=True)
class Latency:
    """How long one window took, in milliseconds, over `runs` timed inferences."""

    p50: float
    p90: float
    p95: float
    p99: float
    mean: float
    min: float
    max: float
    runs: int

    @classmethod
    def of(cls, samples_ms: Sequence[Sequence[float]]) -> Latency:
        """Summarise the samples of all rounds together; percentiles are interpolated linearly."""
        samples = np.concatenate([np.asarray(part, np.float64) for part in samples_ms])
        p50, p90, p95, p99 = (_tidy(x) for x in np.percentile(samples, (50, 90, 95, 99)))
        low, mean, high = (_tidy(x) for x in (samples.min(), samples.mean(), samples.max()))
        return cls(p50, p90, p95, p99, mean, low, high, len(samples))


@dataclass(frozen=True)
class Samples:
    """The raw times in milliseconds: one tuple per round, in the order they were taken."""

    latency: tuple[tuple[float, ...], ...]
    end_to_end: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Result:
    """One model, on one runtime, on one device.

    `latency_ms` is setting the input, invoking and getting the output for one window that is already quantised;
    `end_to_end_ms` adds normalising and quantising it. `load_ms` is opening the model and allocating its tensors,
    `first_ms` the first inference; both are medians over the rounds. `peak_memory_bytes` is the most that the process
    held after its first inferences, `baseline_memory_bytes` the most before it opened the model, with Python, numpy and
    the runtime loaded. Times and memory are None on an emulated device. `confusion` has a row per true class.
    `agreement` is the share of windows classified as the float32 form of the same network does, None without one.
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
    xnnpack_operators: int
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


@dataclass(frozen=True)
class Report:
    """The results of one run on one device, with the device and the data they are about."""

    device: Mapping[str, Any]
    data: Mapping[str, Any]
    results: tuple[Result, ...]
    har_edge: str = edge_runtime.__version__
    created: str = dataclasses.field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    def to_json(self) -> str:
        """The report as JSON text, format 1, a list of numbers on one line."""
        text = json.dumps({"format": FORMAT} | dataclasses.asdict(self), indent=1)
        return re.sub(r"\[[\d\s.,eE+-]+\]", lambda found: re.sub(r"\s+", "", found[0]), text) + "\n"

    def write(self, path: Path) -> None:
        """Write the JSON form to `path`, whole or not at all."""
        write_text(path, self.to_json())


def milliseconds(nanoseconds: npt.NDArray[np.integer]) -> tuple[float, ...]:
    """Times in milliseconds, to 10 ns: finer than the clock is steady."""
    return tuple(np.round(nanoseconds / 1e6, 5).tolist())


def _tidy(milliseconds: float) -> float:
    return round(float(milliseconds), 6)
