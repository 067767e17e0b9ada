"""Measure the ranges of int8 activations on calibration windows, and narrow them where that helps the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from convert.lowering.cells import IN_INT8, GateLayout
from convert.lowering.network import Lowered
from convert.lowering.quantisation_points import (
    CANDIDATE,
    CELL,
    GATED_CELL,
    GATED_STATE,
    GATES,
    HARD_SIGMOID_INPUT,
    INPUT,
    SIGMOID_INPUT,
    TANH_INPUT,
    Observer,
)
from edge_runtime.data.dataset import Split
from edge_runtime.errors import InputError

# Where an int8 sigmoid (steps of 1/256) or tanh (steps of 1/128) has reached its last step but one.
_SATURATION = {GATES: 6.0, SIGMOID_INPUT: 6.0, CANDIDATE: 3.5, TANH_INPUT: 3.5, HARD_SIGMOID_INPUT: 3.0}
_OPEN_GATE = 255 / 256  # the greatest value of an int8 sigmoid
_NARROWER = (0.85, 0.7, 0.55, 0.4, 0.3, 0.2)


@dataclass(frozen=True)
class ActivationRange:
    """The range that the 256 values of one int8 activation cover; 0 is always one of them, exactly."""

    low: float
    high: float

    def within(self, bound: float) -> "ActivationRange":
        """Return the part of this range between -`bound` and `bound`."""
        return ActivationRange(max(self.low, -bound), min(self.high, bound))


Ranges = Mapping[str, ActivationRange]


def draw_windows(split: Split, n_windows: int, seed: int) -> npt.NDArray[np.intp]:
    """Draw the rows of calibration windows evenly over activities and, within each, over subjects.

    Every activity gets the same number of windows (fewer when it has fewer), dealt out over its subjects in turn.
    Raises `InputError` when there are fewer windows than activities.
    """
    generator = np.random.default_rng(seed)
    classes = np.unique(split.y)
    if n_windows < len(classes):
        raise InputError(f"{n_windows} calibration windows are too few for one of each of {len(classes)} activities")
    shares = np.full(len(classes), n_windows // len(classes))
    shares[: n_windows % len(classes)] += 1
    rows = [_deal(split, y, share, generator) for y, share in zip(classes, shares, strict=True)]
    return np.sort(np.concatenate(rows))


def _deal(split: Split, y: int, share: int, generator: np.random.Generator) -> npt.NDArray[np.intp]:
    """Up to `share` rows of class `y`: one of each subject, then a second of each, and so on."""
    rows = generator.permutation(np.flatnonzero(split.y == y))
    subjects = split.subject[rows]
    turn = np.zeros(len(rows), np.intp)
    for subject in np.unique(subjects):
        own = subjects == subject
        turn[own] = np.arange(own.sum())
    return rows[np.argsort(turn, kind="stable")][:share]


def calibrate(
    network: Lowered,
    X: npt.NDArray[np.float32],
    on_round: Callable[[int, int], None],
    layout: GateLayout = IN_INT8,
) -> Ranges:
    """Calibrate every quantisation point on normalised windows `X` `[n, samples, n_signals]`.

    1. The range is from the least to the greatest value seen, cut where a sigmoid or tanh behind the point saturates.
    2. Point by point, narrower ranges are tried: values outside saturate, those inside get a finer scale. The range
       with the least mean squared error of the logits, against the float network, is taken.

    `on_round` is called with the number of points that are done, and of all.
    """
    windows = tf.constant(X)
    ranges = dict(observed_ranges(network, windows, layout))
    expected = network(windows).numpy()

    def error_with(ranges: Ranges) -> float:
        return float(np.square(network(windows, quantised(ranges), layout).numpy() - expected).mean())

    error = error_with(ranges)
    # The input's range is the clip of the card, and a saturated gate gains nothing from a narrower one.
    points = [x for x in ranges if x != INPUT and _saturation(x) is None]
    for done, point in enumerate(points):
        on_round(done, len(points))
        widest = ranges[point]
        for factor in _NARROWER:
            trial = ranges | {point: widest.within(factor * max(-widest.low, widest.high))}
            trial_error = error_with(trial)
            if trial_error < error:
                ranges, error = trial, trial_error
    on_round(len(points), len(points))
    return ranges


def observed_ranges(network: Lowered, windows: tf.Tensor, layout: GateLayout = IN_INT8) -> Ranges:
    """Return the least and greatest value at each quantisation point, extended to hold 0 and cut at saturation."""
    seen: dict[str, ActivationRange] = {}

    def record(point: str, tensor: tf.Tensor) -> tf.Tensor:
        point = _source_of(point) or point
        low, high = float(tf.reduce_min(tensor)), float(tf.reduce_max(tensor))
        before = seen.get(point, ActivationRange(0.0, 0.0))
        seen[point] = ActivationRange(min(before.low, low), max(before.high, high))
        return tensor

    network(windows, record, layout)
    return {point: _cut(point, measured) for point, measured in seen.items()}


def range_at(ranges: Ranges, point: str) -> ActivationRange:
    """Return the range at a quantisation point: one of `ranges`, or 255/256 of it for a gated cell or state.

    An int8 gate is 255/256 at most. With that share of the cell's range, an open gate keeps every value of the cell as
    it is, and no product falls halfway between two values. With the cell's own range one in 256 did, which processors
    round differently (XNNPACK: to even on x86, up on Arm).
    """
    source = _source_of(point)
    if source is None:
        return ranges[point]
    return ActivationRange(ranges[source].low * _OPEN_GATE, ranges[source].high * _OPEN_GATE)


def _source_of(point: str) -> str | None:
    """The point of the cell or state that is gated at `point`, if one is."""
    layer, _, name = point.rpartition("/")
    if layer and name == GATED_CELL:
        return f"{layer}/{CELL}"
    return layer if layer and name == GATED_STATE else None


def quantised(ranges: Ranges) -> Observer:
    """Return an observer that rounds each activation to the int8 grid of its point, as the converter reads it."""

    def fake_quantise(point: str, tensor: tf.Tensor) -> tf.Tensor:
        limits = range_at(ranges, point)
        return tf.quantization.fake_quant_with_min_max_args(tensor, limits.low, limits.high, num_bits=8)

    return fake_quantise


def _saturation(point: str) -> float | None:
    layer, _, product = point.rpartition("/")
    if not layer:  # the output of a layer, whatever its name
        return None
    # In other layouts, a product is named after its gates.
    return _SATURATION.get(GATES if set(product) <= set("ifo") else product)


def _cut(point: str, measured: ActivationRange) -> ActivationRange:
    limit = _saturation(point)
    cut = measured if limit is None else measured.within(limit)
    if cut.high - cut.low < 1e-6:  # a point that is always 0 needs a scale too
        return ActivationRange(cut.low, cut.low + 1e-6)
    return cut
