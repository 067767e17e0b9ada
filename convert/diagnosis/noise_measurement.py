"""Measure the signal-to-noise at every rounding of an int8 model, and the cost of each to the logits.

Two forms of the network run side by side on the same windows: in float, and with the arithmetic of the int8 model
(`convert.diagnosis.int8_arithmetic`). At each place and step their difference is the noise that has gathered so far.
A place with much noise may still be harmless, and one with little may not. So each place in turn stays in float while
all others round: its cost is the gain of the logits by that.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from convert.diagnosis.int8_arithmetic import Grid, Int8Arithmetic, Rounding
from convert.diagnosis.precision import Diagnosis, PlacePrecision, StepPrecision
from convert.lowering.network import Lowered
from convert.parity import snr_db
from convert.quantise.calibration import Ranges

Array = npt.NDArray[np.float32]

WINDOWS = 512
"""Drawn from the held-out ones: as many show where the noise is as well as more would."""


def diagnose(
    network: Lowered, ranges: Ranges, X: Array, model_logits: Array, on_round: Callable[[int, int], None]
) -> Diagnosis:
    """Diagnose the int8 form of `network` with these ranges on normalised windows `X` `[n, samples, n_signals]`.

    `model_logits` `[n, n_classes]` are the converted model's own. `on_round` is called with the
    number of places that are done, and of all.
    """
    arithmetic = Int8Arithmetic(network, ranges, len(X))
    # By their last step: the first lacks what only later ones have.
    names = tuple(dict.fromkeys(x.name for x in reversed(arithmetic.roundings)))[::-1]
    exact, in_float = _run(arithmetic, X)
    steps = _measure_roundings(arithmetic, X, in_float)
    answers = _answers(arithmetic, names, X)
    logits_snr = _snr_db(answers(None), exact)
    places = []
    for done, name in enumerate(names):
        on_round(done, len(names))
        own = tuple(x for x in steps if x.place == name)
        places.append(PlacePrecision(name, own[0].kind, own, _snr_db(answers(name), exact) - logits_snr))
    on_round(len(names), len(names))
    return Diagnosis(len(X), tuple(places), logits_snr, _snr_db(model_logits, exact))


def int8_logits(network: Lowered, ranges: Ranges, X: Array) -> Array:
    """Return the logits of the int8 form of `network`, give or take a step, for normalised windows `X`."""
    arithmetic = Int8Arithmetic(network, ranges, len(X))
    return _answers(arithmetic, (), X)(None)


def _snr_db(answers: Array, expected: Array) -> float:
    """The ratio in decibels, infinite without noise."""
    found = snr_db(answers, expected)
    return float("inf") if found is None else found


def _answers(arithmetic: Int8Arithmetic, names: tuple[str, ...], X: Array) -> Callable[[str | None], Array]:
    """A function that returns the logits when the place of a name, or none, stays in float."""

    def logits(windows: tf.Tensor, in_float: tf.Tensor) -> tf.Tensor:
        def round_value(at: Rounding, x: tf.Tensor) -> tf.Tensor:
            rounded = at.grid.round(x)
            return tf.where(in_float == names.index(at.name), x, rounded) if names else rounded

        return arithmetic(windows, round_value)

    # One graph for all names: it takes longer to make than to run.
    windows = tf.constant(X)
    function = tf.function(logits, autograph=False).get_concrete_function(windows, tf.TensorSpec([], tf.int32))
    return lambda name: function(windows, tf.constant(-1 if name is None else names.index(name))).numpy()


def _run(arithmetic: Int8Arithmetic, X: Array, is_rounded: bool = False) -> tuple[Array, list[Array]]:
    """The logits, and the values before each rounding; nothing is rounded unless `is_rounded`."""

    def run(windows: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        arrived: list[tf.Tensor] = []

        def round_value(at: Rounding, x: tf.Tensor) -> tf.Tensor:
            arrived.append(x)
            return at.grid.round(x) if is_rounded else x

        return arithmetic(windows, round_value), arrived

    windows = tf.constant(X)
    logits, arrived = tf.function(run, autograph=False).get_concrete_function(windows)(windows)
    return logits.numpy(), [x.numpy() for x in arrived]


def _measure_roundings(arithmetic: Int8Arithmetic, X: Array, in_float: list[Array]) -> list[StepPrecision]:
    """Measure every rounding; `in_float` are the values there in the float network."""
    _, in_int8 = _run(arithmetic, X, is_rounded=True)
    return [_measure(*x) for x in zip(arithmetic.roundings, in_float, in_int8, strict=True)]


def _measure(at: Rounding, exact: Array, arrived: Array) -> StepPrecision:
    levels = at.grid.levels(arrived)
    counts = np.bincount(np.clip(levels, 0, 255).astype(np.uint8).ravel())
    shares = counts[counts > 0] / levels.size
    low, high = (at.grid.low, at.grid.high) if isinstance(at.grid, Grid) else (float(exact.min()), float(exact.max()))
    return StepPrecision(
        place=at.name,
        kind=at.kind,
        step=at.step,
        low=low,
        high=high,
        snr_db=_snr_db(at.grid.round(arrived).numpy(), exact),
        rounding_snr_db=_snr_db(at.grid.round(exact).numpy(), exact),
        saturated_low=float(np.mean(levels < 0)),
        saturated_high=float(np.mean(levels > 255)),
        levels=len(shares),
        bits=float(-(shares * np.log2(shares)).sum()),
    )
