"""Select unrolled or fused recurrent layers by measured latency, among the forms that are small enough."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
from tensorflow.lite.python.convert_phase import ConverterError

from convert.lowering.network import Lowered, lower
from convert.quantise.calibration import observed_ranges
from convert.quantise.tflite_converter import to_float32, to_int8, to_int8_by_samples
from edge_runtime.errors import CheckFailedError, HarEdgeError
from edge_runtime.model.classifier import Quantiser
from edge_runtime.model.interpreters import open_model
from edge_runtime.system.native_stderr import suppressed_stderr
from edge_runtime.system.progress import OnProgress

if TYPE_CHECKING:
    import keras

FEW_STEPS = 32
"""Up to so many steps of all recurrent layers, the unrolled form was the faster one in every case measured."""

MANY_STEPS = 1024
"""Beyond so many, the unrolled form takes many minutes to convert and megabytes to hold: it is not tried."""

_WINDOWS = 32  # enough for ranges that are roughly right
_RUNS, _WARM_UP = 40, 5


@dataclass(frozen=True)
class SelectedLowering:
    """A lowered network, and the reason for its form."""

    network: Lowered
    reason: str

    @property
    def lowering(self) -> str:
        """The name of its form."""
        return "fused" if self.network.is_fused else "unrolled"


@dataclass(frozen=True)
class _Candidate:
    """A form of the network: the size of its largest file in bytes and its latency in seconds, or its fault."""

    network: Lowered | None
    size: int = 0
    latency: float = 0.0
    fault: str | None = None


def select_lowering(
    model: "keras.Model", wanted: str, scheme: str, max_size: int, X: np.ndarray, on_progress: OnProgress
) -> SelectedLowering:
    """Lower `model` as `wanted`, one of `auto`, `unrolled` and `fused`.

    `auto` measures the form `scheme` (float32 or int8) on normalised windows `X` `[n, samples, n_signals]`; no file may
    be larger than `max_size` bytes. `on_progress` hears of its parts, each of which may take minutes. Raises
    `InputError` for a network that cannot be lowered, and `CheckFailedError` when no form is small enough.
    """
    if wanted != "auto":
        return SelectedLowering(lower(model, fused=wanted == "fused"), f"asked for with --lstm {wanted}")
    unrolled = lower(model)
    if unrolled.n_steps <= FEW_STEPS:
        steps = f"of {unrolled.n_steps} recurrent steps; up to {FEW_STEPS}, that is the faster form"
        return SelectedLowering(unrolled, steps if unrolled.n_steps else "there is no recurrent layer")
    trying = f"trying {{}} of {unrolled.n_steps} recurrent steps"
    candidates = {}
    on_progress(0.0, trying.format("the unrolled form"))
    candidates["unrolled"] = (
        _candidate(lambda: unrolled, scheme, max_size, X)
        if unrolled.n_steps <= MANY_STEPS
        else _Candidate(None, fault=f"{unrolled.n_steps} recurrent steps, more than the {MANY_STEPS} that are tried")
    )
    on_progress(0.7, trying.format("the fused form"))
    candidates["fused"] = _candidate(lambda: lower(model, fused=True), scheme, max_size, X)
    on_progress(1.0, trying.format("both forms"))
    texts = "; ".join(f"{name} {_candidate_text(x, scheme)}" for name, x in candidates.items())
    usable = [x for x in candidates.values() if x.fault is None]
    if not usable:
        raise CheckFailedError(
            f"neither form of the recurrent layers can be used ({texts}): allow more with --max-size, "
            "or put a strided convolution in front, which leaves fewer steps"
        )
    best = min(usable, key=lambda x: x.latency)
    assert best.network is not None
    return SelectedLowering(best.network, texts)


def _candidate(make: Callable[[], Lowered], scheme: str, max_size: int, X: np.ndarray) -> _Candidate:
    try:
        network = make()
        forms = _convert(network, scheme, X[:_WINDOWS])
        size = max(map(len, forms.values()))
        if size > max_size:
            return _Candidate(None, fault=f"{size / 1e3:.0f} kB, more than --max-size {max_size / 1e3:g}")
        return _Candidate(network, size, _latency(forms[scheme], X[:_WINDOWS]))
    except (HarEdgeError, ConverterError) as error:
        return _Candidate(None, fault=str(error).strip().splitlines()[0])


def _convert(network: Lowered, scheme: str, X: np.ndarray) -> Mapping[str, bytes]:
    forms = {"float32": to_float32(network)}
    if scheme == "int8":
        # The ranges are not narrowed: that takes long, and changes neither size nor latency.
        forms["int8"] = (
            to_int8_by_samples(network, X) if network.is_fused else to_int8(network, observed_ranges(network, X))
        )
    return forms


def _latency(flatbuffer: bytes, X: np.ndarray) -> float:
    """The median time of one inference in seconds, with the reset of its state."""
    with suppressed_stderr():
        model = open_model(flatbuffer)
    prepare: Callable[[Any], Any] = (lambda x: x) if model.input.dtype == "float32" else Quantiser(model.input)
    inputs = [prepare(window[np.newaxis]) for window in X]
    times = []
    for number in range(_WARM_UP + _RUNS):
        began = time.perf_counter()
        model.run(inputs[number % len(inputs)])
        times.append(time.perf_counter() - began)
    return median(times[_WARM_UP:])


def _candidate_text(candidate: _Candidate, scheme: str) -> str:
    if candidate.fault is not None:
        return f"cannot be used: {candidate.fault}"
    return f"{1e6 * candidate.latency:.0f} µs as {scheme} and {candidate.size / 1e3:.0f} kB"
