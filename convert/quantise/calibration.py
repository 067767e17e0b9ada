"""Measure the ranges of int8 activations on calibration windows, and narrow them where that helps the answer."""

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

# Inputs with which an int8 sigmoid (steps of 1/256) or tanh (steps of 1/128) has reached its last step but one.
_SATURATION = dict.fromkeys((names.GATES, names.SIGMOID_INPUT), 6.0) | {names.HARD_SIGMOID_INPUT: 3.0}
_SATURATION |= dict.fromkeys((names.CANDIDATE, names.TANH_INPUT), 3.5)
_OPEN_GATE = 255 / 256  # the greatest value of an int8 sigmoid
_SHARES = (1.0, 0.85, 0.7, 0.55, 0.4, 0.3, 0.2)
# A network with more points or multiply-accumulates a window is searched on fewer windows, to end in a minute.
_MANY_POINTS, _MANY_MACS, _FEWER_WINDOWS = 16, 50_000_000, 126
_PARTS = 8  # of the windows: more take longer to begin with than they save


@dataclass(frozen=True)
class ActivationRange:
    """The range that the 256 values of an int8 activation cover; one of these is exactly 0."""

    low: float
    high: float

    def within(self, bound: float) -> "ActivationRange":
        """The part of this range between -`bound` and `bound`."""
        return ActivationRange(max(self.low, -bound), min(self.high, bound))


Ranges = Mapping[str, ActivationRange]


def draw_windows(split: Split, n_windows: int, seed: int) -> npt.NDArray[np.intp]:
    """Draw the rows of calibration windows evenly over activities and, within each, over subjects in turn."""
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
    network: Lowered, X: npt.NDArray[np.float32], on_progress: OnProgress, layout: GateLayout = IN_INT8, macs: int = 0
) -> Ranges:
    """Calibrate every quantisation point on normalised windows `X` `[n, samples, n_signals]`.

    1. The range is from the least to the greatest value seen, cut where a sigmoid or tanh behind the point saturates.
    2. Point by point, shares of it are tried: values outside saturate, those inside get a finer scale. The share with
       the least mean squared error of the logits, against the float network, is taken. The best share depends on the
       other points: the search goes through all of them again until no range changes.

    In a network of many points, the points of one kind share a group. `macs` are multiply-accumulates a window.
    """
    layout = replace(layout, looped=True)  # traced sooner
    widest = observed_ranges(network, X, layout)
    # A narrower range helps neither a saturated gate nor an input that is clipped as the card says.
    groups = [[x] for x in widest if x not in network.at_input and _saturation(x) is None]
    groups += [[*network.at_input]] * (len(network.at_input) > 1)
    if macs > _MANY_MACS or len(groups) > _MANY_POINTS:
        X = X[:: max(1, len(X) // _FEWER_WINDOWS)]
    if len(groups) > _MANY_POINTS:
        groups = _by_kind(groups)
    error_with = LogitLoss(network, X, layout, widest)
    ranges = dict(widest)
    error = error_with(ranges)
    settled = 0  # groups in a row whose ranges are the best, given the others
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
    """The points of all groups by kind; the outputs of layers are one kind."""
    kinds: dict[str, list[str]] = {}
    for point in itertools.chain(*groups):
        layer, _, kind = point.rpartition("/")
        kinds.setdefault(kind if layer else "", []).append(point)
    return list(kinds.values())


class LogitLoss:
    """Compute the mean squared error of int8's logits for any ranges, by a graph that is compiled once.

    Windows `X` `[n, samples, n_signals]` go through in parts, first the part with the greatest error with the `widest`
    ranges: most bad ranges are given up after it.
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
        expected = np.concatenate([float32(x).numpy()[: len(own)] for own, x in self._in_parts(X, rows)])
        self._parts = [(x, expected[own]) for own, x in self._in_parts(X, rows)]
        rows = np.argsort(-np.concatenate(list(self._errors(widest))), kind="stable")
        self._parts = [(x, expected[own]) for own, x in self._in_parts(X, rows)]

    def __call__(self, ranges: Ranges, bound: float = math.inf) -> float:
        """The error, or infinity where it reaches the `bound`."""
        total = 0.0
        for errors in self._errors(ranges):
            total += float(errors.sum()) / self._n_windows
            if total >= bound:
                return math.inf
        return total

    def _in_parts(
        self, X: npt.NDArray[np.float32], rows: npt.NDArray[np.intp]
    ) -> Iterator[tuple[npt.NDArray[np.intp], tf.Tensor]]:
        """The rows of each part, and its windows; the last part is filled up with others."""
        for start in range(0, len(rows), self._size):
            own = rows[start : start + self._size]
            yield own, tf.constant(X[np.resize(own, self._size)])

    def _errors(self, ranges: Ranges) -> Iterator[npt.NDArray[np.float64]]:
        """The mean squared errors of the windows, part by part."""
        limits = tf.constant([(ranges[x].low, ranges[x].high) for x in self._points])
        for windows, expected in self._parts:
            answers = self._int8(windows, limits).numpy()[: len(expected)]
            yield np.square(answers - expected, dtype=np.float64).mean(axis=1)


def _compiled(function: Callable[..., tf.Tensor], *like: tf.Tensor | tf.TensorSpec) -> Callable[..., tf.Tensor]:
    return tf.function(function, autograph=False).get_concrete_function(*like)


def observed_ranges(
    network: Lowered, windows: tf.Tensor | npt.NDArray[np.float32], layout: GateLayout = IN_INT8
) -> Ranges:
    """Return the least and greatest value at each quantisation point, extended to hold 0 and cut at saturation."""
    seen: dict[str, tf.Variable] = {}  # low and high; only variables leave the body of a loop

    def record(point: str, tensor: tf.Tensor) -> tf.Tensor:
        point = _source_of(point) or point
        if point not in seen:
            with tf.init_scope():
                seen[point] = tf.Variable([0.0, 0.0])
        low, high = tf.unstack(seen[point])
        seen[point].assign([tf.minimum(low, tf.reduce_min(tensor)), tf.maximum(high, tf.reduce_max(tensor))])
        return tensor

    windows = tf.convert_to_tensor(windows)
    _compiled(lambda windows: network(windows, record, layout), windows)(windows)
    found = {point: _cut(point, ActivationRange(*map(float, x.numpy()))) for point, x in seen.items()}
    at_input = [found[x] for x in network.at_input]
    shared = ActivationRange(min(x.low for x in at_input), max(x.high for x in at_input))
    return found | dict.fromkeys(network.at_input, shared)


def range_at(ranges: Ranges, point: str) -> ActivationRange:
    """Return the range at a quantisation point: one of `ranges`, or 255/256 of it for a gated cell or state.

    An int8 gate is 255/256 at most. With this share of the range an open gate keeps every value of the cell, and no
    product falls halfway between two values. Processors round halves differently (XNNPACK: to even on x86, up on Arm).
    """
    source = _source_of(point)
    if source is None:
        return ranges[point]
    return ActivationRange(ranges[source].low * _OPEN_GATE, ranges[source].high * _OPEN_GATE)


def _source_of(point: str) -> str | None:
    """The point of the cell or state that is gated at `point`, if any."""
    layer, _, name = point.rpartition("/")
    if layer and name == names.GATED_CELL:
        return f"{layer}/{names.CELL}"
    return layer if layer and name == names.GATED_STATE else None


def quantised(ranges: Ranges) -> Observer:
    """An observer that rounds each activation to the int8 grid of its point, as the converter reads it."""

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
