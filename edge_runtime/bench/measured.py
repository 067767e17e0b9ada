"""Define what is measured: the facts of a round, which a worker fills, and the times of an inference."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from statistics import median
from typing import Annotated

import numpy as np
import numpy.typing as npt

from edge_runtime.bench.machine import Machine
from edge_runtime.bench.machine_state import State
from edge_runtime.bench.measurement_job import Answer
from edge_runtime.errors import DeviceError
from edge_runtime.system.dataclass_json import Quantity, from_json

Positive = Annotated[int, Quantity(at_least=1)]
Milliseconds = Annotated[float, Quantity("ms", at_least=1e-6)]

Interval = tuple[float, float]
"""The ends of a 95 % interval, lower first."""

_Duration = Annotated[float, Quantity(at_least=0)]
_Count = Annotated[int, Quantity(at_least=0)]


@dataclass(frozen=True)
class RuntimeVersion:
    """An interpreter."""

    name: Annotated[
        str, "`litert`, `tflite-runtime`, `tensorflow`, `c`; `tflite-android` (app); `onnxruntime` (rivals)"
    ]
    version: Annotated[str | None, "null if the package does not report it"]


@dataclass(frozen=True)
class WarmUp:
    """The untimed inferences before the steady state, over all rounds."""

    calls: Annotated[int, Quantity(at_least=0), "inferences"]
    seconds: Annotated[float, Quantity("s", at_least=0), "their duration"]
    stable: Annotated[bool, "whether the times settled in most rounds"]


@dataclass(frozen=True)
class Energy:
    """The energy of one inference, or the reason why it is not known."""

    per_inference_mj: Annotated[float | None, Quantity("mJ"), "energy above idle"]
    source: Annotated[str | None, "the meter"] = None
    idle_w: Annotated[float | None, Quantity("W"), "power at rest"] = None
    reason: Annotated[str | None, "why there is no energy, and what to do"] = None


@dataclass(frozen=True, kw_only=True)
class SharedFacts:
    """The facts of one round of a model, or of all rounds together, that a result has under the same names.

    None is not known or not timed. Only firmware has `ram_bytes`.
    """

    load_ms: _Duration | None
    first_ms: _Duration | None
    warm_up: WarmUp | None
    baseline_memory_bytes: _Count | None
    peak_memory_bytes: _Count | None
    threads: Annotated[int, Quantity(at_least=1)] | None = None
    ram_bytes: _Count | None = None
    energy: Energy | None = None


@dataclass(frozen=True, kw_only=True)
class ModelFacts(SharedFacts):
    """The facts of a model in one round, as its process answers; `xnnpack` counts XNNPACK's operators by name."""

    runtime: RuntimeVersion
    harness_overhead_us: float | None
    xnnpack: Mapping[str, _Count] | None = None


@dataclass(frozen=True, kw_only=True)
class Measured(ModelFacts):
    """One round of a model: its facts, the machine and its state; None is not known.

    `others_busy` is the number of CPUs that other programs kept busy during the round.
    """

    machine: Machine
    before: State
    after: State
    others_busy: _Duration | None
    pinned_cpu: _Count | None


@dataclass(frozen=True)
class Round:
    """The facts of a round, the raw times `[turns, calls]` in ns, and `logits` `[n_windows, n_labels]` if requested."""

    measured: Measured
    latency_ns: npt.NDArray[np.int64]
    end_to_end_ns: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32] | None


@dataclass(frozen=True)
class Latency:
    """The time of one window, over all rounds."""

    p50: Annotated[Milliseconds, "median"]
    p90: Annotated[Milliseconds, "90th percentile"]
    p95: Annotated[Milliseconds, "95th percentile"]
    p99: Annotated[Milliseconds, "99th percentile"]
    mean: Annotated[Milliseconds, "mean"]
    min: Annotated[Milliseconds, "the fastest inference"]
    max: Annotated[Milliseconds, "the slowest inference"]
    runs: Annotated[Positive, "timed inferences"]
    undisturbed: Annotated[Milliseconds, "median of the quieter half of rounds"]
    undisturbed_ci95: Annotated[tuple[Milliseconds, Milliseconds], "its interval"]


@dataclass(frozen=True)
class Samples:
    """The raw times: a list per round, in the order they were taken."""

    latency: Annotated[tuple[tuple[Milliseconds, ...], ...], "inferences"]
    end_to_end: Annotated[tuple[tuple[Milliseconds, ...], ...], "including preparation outside the graph"]
    turns: Annotated[tuple[Positive, ...], "the number of slices of equal length in each round"] = ()


def together(rounds: Sequence[Measured]) -> SharedFacts:
    """Return the facts of all rounds: median times, the most memory, the first energy; no costs of an emulated CPU."""
    first = rounds[0]
    facts = SharedFacts(**{field.name: getattr(first, field.name) for field in fields(SharedFacts)})
    if first.machine.emulated:
        costs = ("load_ms", "first_ms", "warm_up", "baseline_memory_bytes", "peak_memory_bytes", "energy")
        return replace(facts, **dict.fromkeys(costs))
    return replace(
        facts,
        load_ms=_median(round.load_ms for round in rounds),
        first_ms=_median(round.first_ms for round in rounds),
        warm_up=_all_warm_ups([round.warm_up for round in rounds if round.warm_up]),
        baseline_memory_bytes=max(round.baseline_memory_bytes or 0 for round in rounds) or None,
        peak_memory_bytes=max(round.peak_memory_bytes or 0 for round in rounds) or None,
        energy=next((round.energy for round in rounds if round.energy), None),
    )


def _median(times: Iterable[float | None]) -> float | None:
    measured = [time for time in times if time is not None]
    return round(median(measured), 3) if measured else None


def _all_warm_ups(warm_ups: Sequence[WarmUp]) -> WarmUp | None:
    """Return the sum of the warm-ups, which is stable when most of them are."""
    if not warm_ups:
        return None
    n_stable = sum(x.stable for x in warm_ups)
    calls, seconds = sum(x.calls for x in warm_ups), round(sum(x.seconds for x in warm_ups), 3)
    return WarmUp(calls, seconds, 2 * n_stable > len(warm_ups))


def read_round(answer: Answer, title: str, device: str) -> Round:
    """Read the `answer` of `device` on the model `title`. Raises `DeviceError` for impossible numbers."""
    arrays, logits = answer.arrays, answer.arrays.get("logits")
    try:
        if logits is not None and not np.isfinite(logits).all():
            raise ValueError("some logits are not finite: convert the model again")
        return Round(from_json(Measured, answer.facts), arrays["latency_ns"], arrays["end_to_end_ns"], logits)
    except ValueError as error:
        raise DeviceError(f"the answer of {device} on {title} cannot be used: {error}") from error
