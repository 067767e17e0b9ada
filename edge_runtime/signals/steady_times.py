"""Spread the samples of a steady sensor evenly, whose times are those of delivery, or of a coarse clock."""

import numpy as np
import numpy.typing as npt

from edge_runtime.signals import units
from edge_runtime.signals.resampling import MAX_GAP_S

Array = npt.NDArray[np.float64]

ENOUGH_ROWS = 50
"""Of so many it can be seen by how many samples a clock is coarser than these."""


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
    if len(steps) < ENOUGH_ROWS or not (steps > 0).any():
        return 0.0
    step = float(np.median(steps[steps > 0]))
    return step if step > MAX_GAP_S and units.is_step(step / float(np.median(_runs(seconds)))) else 0.0


def spread(seconds: Array, step: float) -> Array:
    """Times `[n]` of a clock of this `step`, with the samples of each time spread over it, to the next time."""
    counts = _runs(seconds)
    usual = int(np.median(counts))
    onward = np.diff(seconds[np.cumsum(counts) - counts])
    is_cut = (onward < 0) | (onward > 1.5 * step)
    begins, ends = np.append(True, is_cut), np.append(is_cut, True)
    # A recording begins and ends within a step: samples of its first time are the last ones of that, and vice versa.
    before = np.where(begins, np.maximum(usual - counts, 0), 0)
    parts = np.where(begins | ends, np.maximum(counts, usual), counts)
    lengths = np.where(ends, step, np.append(onward, step))
    places = np.concatenate([np.arange(n) for n in counts]) + np.repeat(before, counts)
    return np.asarray(seconds + places * np.repeat(lengths / parts, counts))


def _runs(seconds: Array) -> npt.NDArray[np.intp]:
    """How many samples follow each other with the same time."""
    return np.diff(np.concatenate([[0], np.flatnonzero(np.diff(seconds)) + 1, [len(seconds)]]))
