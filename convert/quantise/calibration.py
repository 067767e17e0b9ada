"""The ranges of the int8 activations: measured on calibration windows, then narrowed where that helps the answer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from convert.lowering.gate_layout import IN_INT8, GateLayout
from convert.lowering.network import Lowered
from convert.lowering.quantisation_points import (
    CANDIDATE,
    CELL,
    GATES,
    HARD_SIGMOID_INPUT,
    HELD,
    INPUT,
    KEPT,
    SIGMOID_INPUT,
    TANH_INPUT,
    Tap,
)
from edge_runtime.data.dataset import Split
from edge_runtime.errors import InputError

# Where an int8 sigmoid (steps of 1/256) or tanh (steps of 1/128) has reached its last step but one.
_SATURATION = {GATES: 6.0, SIGMOID_INPUT: 6.0, CANDIDATE: 3.5, TANH_INPUT: 3.5, HARD_SIGMOID_INPUT: 3.0}
_OPEN = 255 / 256  # the greatest value of an int8 sigmoid
_NARROWER = (0.85, 0.7, 0.55, 0.4, 0.3, 0.2)


@dataclass(frozen=True)
class Range:
    """What the 256 values of one int8 activation cover; 0 is always among them, exactly."""

    low: float
    high: float

    def within(self, bound: float) -> "Range":
        """The part of this range between -`bound` and `bound`."""
        return Range(max(self.low, -bound), min(self.high, bound))


Ranges = Mapping[str, Range]


def draw_windows(split: Split, n_windows: int, seed: int) -> npt.NDArray[np.intp]:
    """Rows for calibration, drawn evenly over activities and, within each, over subjects.

    Every activity gets the same number of windows (fewer when it has fewer), dealt out over its subjects in turn.
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
    arrangement: GateLayout = IN_INT8,
) -> Ranges:
    """The range of every site, from normalised windows `X` `[n, samples, n_signals]`.

    First the least and greatest value seen, cut where a sigmoid or tanh behind the site has saturated. Then, site by
    site, narrower ranges are tried: what lies outside saturates, what lies inside gets a finer scale. The one with the
    least mean squared error of the logits, against the float network, is kept. `on_round` hears (sites done, sites).
    """
    windows = tf.constant(X)
    ranges = dict(observe(network, windows, arrangement))
    expected = network(windows).numpy()
    error = _error(network, windows, ranges, expected, arrangement)
    # The input's range is the clip of the card, and a saturated gate gains nothing by a narrower one.
    sites = [x for x in ranges if x != INPUT and _saturation(x) is None]
    for done, site in enumerate(sites):
        on_round(done, len(sites))
        widest = ranges[site]
        for factor in _NARROWER:
            trial = ranges | {site: widest.within(factor * max(-widest.low, widest.high))}
            trial_error = _error(network, windows, trial, expected, arrangement)
            if trial_error < error:
                ranges, error = trial, trial_error
    on_round(len(sites), len(sites))
    return ranges


def observe(network: Lowered, windows: tf.Tensor, arrangement: GateLayout = IN_INT8) -> Ranges:
    """The least and greatest value at each site, extended to hold 0 and cut at saturation."""
    seen: dict[str, Range] = {}

    def note(site: str, tensor: tf.Tensor) -> tf.Tensor:
        site = _source_of(site) or site
        low, high = float(tf.reduce_min(tensor)), float(tf.reduce_max(tensor))
        before = seen.get(site, Range(0.0, 0.0))
        seen[site] = Range(min(before.low, low), max(before.high, high))
        return tensor

    network(windows, note, arrangement)
    return {site: _cut(site, measured) for site, measured in seen.items()}


def range_at(ranges: Ranges, site: str) -> Range:
    """The range of an activation at `site`: one of `ranges`, but for what a gate leaves of a cell or a state.

    An int8 gate is 255/256 at most, and so is what it leaves of the cell's range. With that as its range an open gate
    keeps every value of the cell as it is, and no product falls halfway between two values: with the cell's own range
    one in 256 did, which processors round differently (XNNPACK: to even on x86, up on Arm).
    """
    source = _source_of(site)
    if source is None:
        return ranges[site]
    return Range(ranges[source].low * _OPEN, ranges[source].high * _OPEN)


def _source_of(site: str) -> str | None:
    """The site of what a gate left the rest of: an LSTM's cell, or a state."""
    layer, _, name = site.rpartition("/")
    if layer and name == KEPT:
        return f"{layer}/{CELL}"
    return layer if layer and name == HELD else None


def quantised(ranges: Ranges) -> Tap:
    """A tap that rounds each activation to the int8 grid of its site, as the converter reads it."""

    def tap(site: str, tensor: tf.Tensor) -> tf.Tensor:
        limits = range_at(ranges, site)
        return tf.quantization.fake_quant_with_min_max_args(tensor, limits.low, limits.high, num_bits=8)

    return tap


def _error(
    network: Lowered,
    windows: tf.Tensor,
    ranges: Ranges,
    expected: npt.NDArray[np.float32],
    arrangement: GateLayout,
) -> float:
    answers = network(windows, quantised(ranges), arrangement).numpy()
    return float(np.square(answers - expected).mean())


def _saturation(site: str) -> float | None:
    layer, _, product = site.rpartition("/")
    if not layer:  # the output of a layer, whatever its name
        return None
    # In other arrangements, a product is named after its gates.
    return _SATURATION.get(GATES if set(product) <= set("ifo") else product)


def _cut(site: str, measured: Range) -> Range:
    limit = _saturation(site)
    cut = measured if limit is None else measured.within(limit)
    if cut.high - cut.low < 1e-6:  # a site that never fires still needs a scale
        return Range(cut.low, cut.low + 1e-6)
    return cut


def describe(ranges: Ranges) -> dict[str, list[float]]:
    """Ranges for a card: site -> [low, high]."""
    return {site: [round(limits.low, 6), round(limits.high, 6)] for site, limits in ranges.items()}
