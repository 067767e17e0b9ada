"""Spread the samples of a steady sensor evenly, whose times are those of delivery, or of a coarse clock."""

import numpy as np
import numpy.typing as npt

from edge_runtime.data import units
from edge_runtime.signals.resampling import MAX_GAP_S

Array = npt.NDArray[np.float64]

_ENOUGH_ROWS = 50  # to see by how many samples a clock is coarser


def evened(seconds: Array) -> Array:
    """Times `[n]` of a steady sensor from the times at which its samples were delivered, by a straight line."""
    places = np.arange(len(seconds))
    step, first = np.polyfit(places, seconds, 1)
    return np.asarray(first + max(step, 1e-6) * places)


def coarse_step(seconds: Array) -> float:
    """The step of a clock whose times `[n]` are those of many samples each, as of one of whole seconds; else 0.

    Its step is one at which no samples of motion come, and the samples of one step are as far apart as these are.
    """
    steps = np.diff(seconds)
    if len(steps) < _ENOUGH_ROWS or not (steps > 0).any():
        return 0.0
    step = float(np.median(steps[steps > 0]))
    return step if step > MAX_GAP_S and units.is_step(step / float(np.median(_runs(seconds)))) else 0.0


def spread(seconds: Array, step: float) -> Array:
    """Times `[n]` of a clock of this `step`, with the samples of each time spread over it."""
    counts = _runs(seconds)
    usual = int(np.median(counts))
    places = np.concatenate([np.arange(n) for n in counts])
    # A recording begins within a step: the samples of its first time are the last ones of it.
    places[: counts[0]] += max(usual - int(counts[0]), 0)
    return np.asarray(seconds + places * step / np.repeat(np.maximum(counts, usual), counts))


def _runs(seconds: Array) -> npt.NDArray[np.intp]:
    """How many samples follow each other with the same time."""
    return np.diff(np.concatenate([[0], np.flatnonzero(np.diff(seconds)) + 1, [len(seconds)]]))
