"""Check that a worker's answer, which may come from any device, holds what its job asked for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from edge_runtime.bench.machine import Machine
from edge_runtime.bench.machine_state import State
from edge_runtime.bench.measurement_job import Answer, MeasurementJob
from edge_runtime.bench.results import Energy, OperatorCost, RuntimeVersion
from edge_runtime.errors import DeviceError
from edge_runtime.model.interpreters import Tensor
from edge_runtime.system.dataclass_json import Quantity, from_json

# Of every number there is one that no machine will reach, so that sums and means of them stay finite.
_Duration = Annotated[float, Quantity(at_least=0, at_most=1e12)]
_Count = Annotated[int, Quantity(at_least=0, at_most=2**60)]
_TIMES_NS = (10, 10**15)  # what the report rounds to, and eleven days


@dataclass(frozen=True)
class _ModelFacts:
    input: Tensor
    output: Tensor
    scheme: str
    stateful: bool
    operators: Mapping[str, _Count]
    xnnpack: Mapping[str, _Count] | None
    operator_costs: Mapping[str, OperatorCost]
    arena_bytes: _Count | None = None
    unlisted_bodies: _Count = 0


@dataclass(frozen=True)
class _WarmUp:
    calls: _Count
    seconds: _Duration
    stable: bool


@dataclass(frozen=True)
class _Measured:
    machine: Machine
    before: State
    after: State
    others_busy: _Duration | None
    runtime: RuntimeVersion
    model: _ModelFacts
    pinned_cpu: _Count | None
    load_ms: _Duration
    first_ms: _Duration
    warm_up: _WarmUp
    harness_overhead_us: Annotated[float, Quantity(at_least=-1e12, at_most=1e12)]
    baseline_memory_bytes: _Count | None
    peak_memory_bytes: _Count | None
    energy: Energy | None = None


@dataclass(frozen=True)
class _Inspected:
    runtime: RuntimeVersion
    model: _ModelFacts
    tensors: tuple[Tensor, ...]
    operator_names: tuple[str, ...] | None = None


def checked(answer: Answer, job: MeasurementJob, device: str, shape: tuple[int, int] = (0, 0)) -> Answer:
    """Return the `answer` of `device` to `job`, its facts without any that nobody asked for.

    `shape` is that of the logits: windows and classes. Raises `DeviceError` when a fact is missing, of another kind or
    beyond what a machine can be, and when an array is.
    """
    try:
        kind: type[_Measured] | type[_Inspected] = _Measured if job.task == "measure" else _Inspected
        facts = dataclasses.asdict(from_json(kind, answer.facts))
        if job.task == "measure":
            for name in ("latency_ns", "end_to_end_ns"):
                _check_times(name, answer.arrays.get(name))
            if job.score:
                _check_logits(answer.arrays.get("logits"), shape)
    except ValueError as error:
        raise DeviceError(
            f"the answer of {device} on {job.title} cannot be used ({error}): see that nothing but har-edge's own "
            "worker or app answers there, and measure again"
        ) from error
    return Answer(facts, answer.arrays)


def _check_times(name: str, times: npt.NDArray[Any] | None) -> None:
    if times is None or times.ndim != 1 or not len(times) or times.dtype != np.int64:
        raise ValueError(f"{name} is no list of whole nanoseconds")
    if times.min() < _TIMES_NS[0] or times.max() > _TIMES_NS[1]:
        raise ValueError(f"{name} has times that no inference takes")


def _check_logits(logits: npt.NDArray[Any] | None, shape: tuple[int, int]) -> None:
    if logits is None or logits.shape != shape or logits.dtype != np.float32:
        raise ValueError(f"logits is no table of {shape[0]} windows and {shape[1]} classes")
    if not np.isfinite(logits).all():
        raise ValueError("logits has numbers that are not finite")
