"""The measurement of a worker, as dataclasses that it fills and that its JSON is read into."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt

from edge_runtime.bench.machine import Machine
from edge_runtime.bench.machine_state import State
from edge_runtime.bench.measurement_job import Answer, MeasurementJob
from edge_runtime.errors import DeviceError
from edge_runtime.system.dataclass_json import Quantity, from_json

# Bounded, so that sums and means stay finite.
_Duration = Annotated[float, Quantity(at_least=0, at_most=1e12)]
_Count = Annotated[int, Quantity(at_least=0, at_most=2**60)]
_TIMES_NS = (10, 10**15)  # what the report rounds to, and eleven days


@dataclass(frozen=True)
class RuntimeVersion:
    """An interpreter."""

    name: Annotated[
        str, "`litert`, `tflite-runtime`, `tensorflow`, `c`; `tflite-android` of the app; `onnxruntime` of rivals"
    ]
    version: Annotated[str | None, "null where the package does not tell"]


@dataclass(frozen=True)
class WarmUp:
    """The untimed inferences before the steady state, over all rounds."""

    calls: Annotated[int, Quantity(at_least=0), "inferences"]
    seconds: Annotated[float, Quantity("s", at_least=0), "how long they took"]
    stable: Annotated[bool, "whether the times settled in most rounds"]


@dataclass(frozen=True)
class Energy:
    """The energy of one inference, or the reason why it is not known."""

    per_inference_mj: Annotated[float | None, Quantity("mJ"), "above idle"]
    source: Annotated[str | None, "the meter"] = None
    idle_w: Annotated[float | None, Quantity("W"), "power at rest"] = None
    reason: Annotated[str | None, "why there is no energy, and what to do"] = None


@dataclass(frozen=True)
class Measured:
    """One round of a model: the machine and its state, the runtime, and times beside the raw ones.

    None is not known. `others_busy` is how many CPUs other programs kept busy meanwhile. `xnnpack` counts the operators
    that XNNPACK took, by name. Only firmware has `ram_bytes`.
    """

    machine: Machine
    before: State
    after: State
    others_busy: _Duration | None
    runtime: RuntimeVersion
    pinned_cpu: _Count | None
    load_ms: _Duration
    first_ms: _Duration
    warm_up: WarmUp
    harness_overhead_us: Annotated[float, Quantity(at_least=-1e12, at_most=1e12)]
    baseline_memory_bytes: _Count | None
    peak_memory_bytes: _Count | None
    threads: Annotated[int, Quantity(at_least=1)] | None = None
    xnnpack: Mapping[str, _Count] | None = None
    ram_bytes: _Count | None = None
    energy: Energy | None = None


@dataclass(frozen=True)
class Round:
    """The facts of a round, the raw times in nanoseconds, and the `logits` `[n_windows, n_labels]` if asked for."""

    measured: Measured
    latency_ns: npt.NDArray[np.int64]
    end_to_end_ns: npt.NDArray[np.int64]
    logits: npt.NDArray[np.float32] | None


def read_round(answer: Answer, job: MeasurementJob, device: str, shape: tuple[int, int]) -> Round:
    """Read the `answer` of `device` to a `job` that measures; logits have the `shape` (windows, classes).

    Raises `DeviceError` when a fact or an array is missing, of another kind, or impossible.
    """
    arrays = answer.arrays
    try:
        latency, end_to_end = (_times(name, arrays.get(name)) for name in ("latency_ns", "end_to_end_ns"))
        logits = _logits(arrays.get("logits"), shape) if job.score else None
        return Round(from_json(Measured, answer.facts), latency, end_to_end, logits)
    except ValueError as error:
        raise DeviceError(
            f"the answer of {device} on {job.title} cannot be used ({error}): see that nothing but har-edge's own "
            "worker or app answers there, and measure again"
        ) from error


def _times(name: str, times: npt.NDArray[Any] | None) -> npt.NDArray[np.int64]:
    is_list = times is not None and times.ndim == 1 and len(times) and times.dtype == np.int64
    if times is None or not is_list or times.min() < _TIMES_NS[0] or times.max() > _TIMES_NS[1]:
        raise ValueError(f"{name} is no list of nanoseconds that an inference takes")
    return times


def _logits(logits: npt.NDArray[Any] | None, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    if logits is None or logits.shape != shape or logits.dtype != np.float32 or not np.isfinite(logits).all():
        raise ValueError(f"logits is no table of {shape[0]} windows and {shape[1]} classes")
    return logits
