"""Measure the ranges of int8 activations on calibration windows, and narrow them where the answers get better."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from convert.lowering import quantisation_points as names
from convert.lowering.cells import IN_INT8, GateLayout
from convert.lowering.network import Lowered
from convert.lowering.quantisation_points import Observer
from edge_runtime.data.dataset import Split
from edge_runtime.errors import InputError
from edge_runtime.system.progress import OnProgress

# Inputs at which an int8 sigmoid (steps of 1/256) or tanh (steps of 1/128) reaches its last step but one.
_SATURATION = dict.fromkeys((names.GATES, names.SIGMOID_INPUT), 6.0) | {names.HARD_SIGMOID_INPUT: 3.0}
_SATURATION |= dict.fromkeys((names.CANDIDATE, names.TANH_INPUT), 3.5)
_OPEN_GATE = 255 / 256  # the greatest value of an int8 sigmoid
_SHARES = (1.0, 0.85, 0.7, 0.55, 0.4, 0.3, 0.2)
# The search for a network with more points or multiply-accumulates takes fewer windows, to end in a minute.
_MANY_POINTS, _MANY_MACS, _FEWER_WINDOWS = 16, 50_000_000, 126
_PARTS = 8  # of the windows: more parts cost more time than they save


@dataclass(frozen=True)
class ActivationRange:
    """The range that the 256 values of an int8 activation cover; one of the values is exactly 0."""

    low: float
    high: float

    def within(self, bound: float) -> "ActivationRange":
        """Return the part of this range between -`bound` and `bound`."""
        return ActivationRange(max(self.low, -bound), min(self.high, bound))


Ranges = Mapping[str, ActivationRange]


def draw_windows(split: Split, n_windows: int, seed: int) -> npt.NDArray[np.intp]:
    """Draw the rows of calibration windows evenly over activities and, within each, over subjects in turn."""
    generator = np.random.default_rng(seed)
    classes = np.unique(split.y)
    if n_windows < len(classes):
        raise InputError(f"{n_windows} calibration windows are too few: each of {len(classes)} activities needs one")
    shares = np.full(len(classes), n_windows // len(classes))
    shares[: n_windows % len(classes)] += 1
    rows = [_deal(split, y, share, generator) for y, share in zip(classes, shares, strict=True)]
    return np.sort(np.concatenate(rows))


def _deal(split: Split, y: int, share: int, generator: np.random.Generator) -> npt.NDArray[np.intp]:
    """Return up to `share` rows of class `y`: one of each subject, then a second of each, and so on."""
    rows = generator.permutation(np.flatnonzero(split.y == y))
    subjects = split.subject[rows]
    turn = np.zeros(len(rows), np.intp)
    for subject in np.unique(subjects):
        is_subject = subjects == subject
        turn[is_subject] = np.arange(is_subject.sum())
    return rows[np.argsort(turn, kind="stable")][:share]


def calibrate(
    network: Lowered, X: npt.NDArray[np.float32], on_progress: OnProgress, layout: GateLayout = IN_INT8, macs: int = 0
) -> Ranges:
    """Calibrate every quantisation point on normalised windows `X` `[n, samples, n_signals]`.

    1. The range is from the least to the greatest observed value, cut where a sigmoid or tanh behind it saturates.
    2. Point by point, the search tries shares of the range: values outside saturate, and values inside get a finer
       scale. It takes the share with the least mean squared error of the logits against the float network. The best
       share depends on the other points, so the search goes through all points again until no range changes.

    In a network of many points, the points of one kind share a group. `macs` are multiply-accumulates per window.
    """
    layout = replace(layout, looped=True)  # faster to trace
    widest = observed_ranges(network, X, layout)
    # A narrower range helps neither a saturated gate nor an input that the card clips.
    groups = [[point] for point in widest if point not in network.at_input and _saturation(point) is None]
    groups += [[*network.at_input]] * (len(network.at_input) > 1)
    if macs > _MANY_MACS or len(groups) > _MANY_POINTS:
        X = X[:: max(1, len(X) // _FEWER_WINDOWS)]
    if len(groups) > _MANY_POINTS:
        groups = _by_kind(groups)
    error_with = LogitLoss(network, X, layout, widest)
    ranges = dict(widest)
    error = error_with(ranges)
    settled = 0  # groups in a row whose ranges do not get better while the others stay
    for turn, group in enumerate(itertools.cycle(groups)):
        if settled == len(groups):
            break
        on_progress(1 - 0.5 ** (turn / len(groups)), f"ranges, pass {turn // len(groups) + 1}")
        settled += 1
        for share in _SHARES:
            trial = ranges | {x: widest[x].within(share * max(-widest[x].low, widest[x].high)) for x in group}
            if trial != ranges and (trial_error := error_with(trial, error)) < error:
                ranges, error, settled = trial, trial_error, 1
    return ranges


def _by_kind(groups: Iterable[Iterable[str]]) -> list[list[str]]:
    """Group the points of all groups by kind; the outputs of layers are one kind."""
    kinds: dict[str, list[str]] = {}
    for point in itertools.chain(*groups):
        layer, _, kind = point.rpartition("/")
        kinds.setdefault(kind if layer else "", []).append(point)
    return list(kinds.values())


class LogitLoss:
    """Computes the mean squared error of int8 logits for any ranges, with a graph that is compiled once.

    Windows `X` `[n, samples, n_signals]` go through in parts. The part with the greatest error for the `widest` ranges
    is first, so that most bad ranges are rejected after it.
    """

    def __init__(self, network: Lowered, X: npt.NDArray[np.float32], layout: GateLayout, widest: Ranges) -> None:
        self._points = points = tuple(widest)
        self._n_windows, self._size = len(X), -(-len(X) // _PARTS)
        like = tf.TensorSpec([self._size, *X.shape[1:]])

        def run(windows: tf.Tensor, limits: tf.Tensor) -> tf.Tensor:
            at = {point: ActivationRange(*tf.unstack(x)) for point, x in zip(points, tf.unstack(limits), strict=True)}
            return network(windows, quantised(at), layout)

        self._int8 = _compiled(run, like, tf.TensorSpec([len(points), 2]))
        float32 = _compiled(lambda windows: network(windows, layout=layout), like)
        rows = np.arange(len(X))
        expected = np.concatenate([float32(windows).numpy()[: len(part)] for part, windows in self._in_parts(X, rows)])
        self._parts = [(windows, expected[part]) for part, windows in self._in_parts(X, rows)]
        rows = np.argsort(-np.concatenate(list(self._errors(widest))), kind="stable")
        self._parts = [(windows, expected[part]) for part, windows in self._in_parts(X, rows)]

    def __call__(self, ranges: Ranges, bound: float = math.inf) -> float:
        """Return the error, or infinity once it reaches the `bound`."""
        total = 0.0
        for errors in self._errors(ranges):
            total += float(errors.sum()) / self._n_windows
            if total >= bound:
                return math.inf
        return total

    def _in_parts(
        self, X: npt.NDArray[np.float32], rows: npt.NDArray[np.intp]
    ) -> Iterator[tuple[npt.NDArray[np.intp], tf.Tensor]]:
        """Yield the rows and the windows of each part; the last part repeats its windows to be as large."""
        for start in range(0, len(rows), self._size):
            part = rows[start : start + self._size]
            yield part, tf.constant(X[np.resize(part, self._size)])

    def _errors(self, ranges: Ranges) -> Iterator[npt.NDArray[np.float64]]:
        """Yield the mean squared errors of the windows, part by part."""
        limits = tf.constant([(ranges[point].low, ranges[point].high) for point in self._points])
        for windows, expected in self._parts:
            answers = self._int8(windows, limits).numpy()[: len(expected)]
            yield np.square(answers - expected, dtype=np.float64).mean(axis=1)


def _compiled(function: Callable[..., tf.Tensor], *like: tf.Tensor | tf.TensorSpec) -> Callable[..., tf.Tensor]:
    return tf.function(function, autograph=False).get_concrete_function(*like)


def observed_ranges(
    network: Lowered, windows: tf.Tensor | npt.NDArray[np.float32], layout: GateLayout = IN_INT8
) -> Ranges:
    """Return the least and greatest value at each quantisation point, extended to include 0 and cut at saturation."""
    limits_at: dict[str, tf.Variable] = {}  # low and high; only variables can leave the body of a loop

    def record(point: str, tensor: tf.Tensor) -> tf.Tensor:
        point = _source_of(point) or point
        if point not in limits_at:
            with tf.init_scope():
                limits_at[point] = tf.Variable([0.0, 0.0])
        low, high = tf.unstack(limits_at[point])
        limits_at[point].assign([tf.minimum(low, tf.reduce_min(tensor)), tf.maximum(high, tf.reduce_max(tensor))])
        return tensor

    windows = tf.convert_to_tensor(windows)
    _compiled(lambda windows: network(windows, record, layout), windows)(windows)
    ranges = {point: _cut(point, ActivationRange(*map(float, limits.numpy()))) for point, limits in limits_at.items()}
    at_input = [ranges[point] for point in network.at_input]
    shared = ActivationRange(min(x.low for x in at_input), max(x.high for x in at_input))
    return ranges | dict.fromkeys(network.at_input, shared)


def range_at(ranges: Ranges, point: str) -> ActivationRange:
    """Return the range at a quantisation point: from `ranges`, or 255/256 of a cell's or state's range if it is gated.

    An int8 gate is at most 255/256. With this share of the range an open gate keeps every value of the cell, and no
    product falls halfway between two values. Processors round halves differently (XNNPACK: to even on x86, up on Arm).
    """
    source = _source_of(point)
    if source is None:
        return ranges[point]
    return ActivationRange(ranges[source].low * _OPEN_GATE, ranges[source].high * _OPEN_GATE)


def _source_of(point: str) -> str | None:
    """Return the point of the cell or state that is gated at `point`, if any."""
    layer, _, name = point.rpartition("/")
    if layer and name == names.GATED_CELL:
        return f"{layer}/{names.CELL}"
    return layer if layer and name == names.GATED_STATE else None


def quantised(ranges: Ranges) -> Observer:
    """Return an observer that rounds each activation to the int8 grid of its point, in the form the converter reads."""

    def fake_quantise(point: str, tensor: tf.Tensor) -> tf.Tensor:
        limits = range_at(ranges, point)
        return tf.quantization.fake_quant_with_min_max_vars(tensor, limits.low, limits.high, num_bits=8)

    return fake_quantise


def _saturation(point: str) -> float | None:
    layer, _, product = point.rpartition("/")
    if not layer:  # the output of a layer, whatever its name
        return None
    return _SATURATION.get(product)


def _cut(point: str, measured: ActivationRange) -> ActivationRange:
    limit = _saturation(point)
    cut = measured if limit is None else measured.within(limit)
    if cut.high - cut.low < 1e-6:  # a point that is always 0 needs a scale too
        return ActivationRange(cut.low, cut.low + 1e-6)
    return cut
