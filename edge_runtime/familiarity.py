"""Whether a moment looks like the activity that a network names: the way gravity points, and how much moves.

A network answers with one of its activities whatever it is given: a phone on the table, worn upside down, or someone
getting up. Each activity has its own ranges of a few plain features, and what lies far outside is unfamiliar. The
distances are Mahalanobis's to the training windows of the activity; how far is far was measured on people whose windows
were left out (`train.familiarity`).

References
----------
K. Lee, K. Lee, H. Lee, J. Shin: A simple unified framework for detecting out-of-distribution samples and adversarial
attacks. NeurIPS 2018 (class-conditional Gaussians; here of plain features instead of a network's).
"""

from __future__ import annotations  # the benchmark's worker, which reads cards, also runs on Python 3.9

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

SECONDS = 1.28  # half a window: what was going on lately

_GRAVITY = tuple(f"total_acc_{axis}" for axis in "xyz")
_ROTATION = tuple(f"body_gyro_{axis}" for axis in "xyz")
_FLOOR = 2e-3  # g, rad/s: below, a standard deviation is the sensor's noise

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Range:
    """A feature vector's usual range: distances up to `far` are usual, up to `strange` they occur."""

    mean: tuple[float, ...]
    precision: tuple[tuple[float, ...], ...]
    far: float
    strange: float


@dataclass(frozen=True)
class Familiarity:
    """For each activity, in the order of the labels, the usual ranges of posture and of movement."""

    posture: tuple[Range, ...]
    movement: tuple[Range, ...]

    def judge(self, moment: Moment) -> Judgement:
        """Compare a moment with every activity."""
        distances = [
            np.array([distance(values, x) for x in ranges])
            for values, ranges in ((moment.posture, self.posture), (moment.movement, self.movement))
        ]
        far, strange = (
            [d > np.array([getattr(x, limit) for x in ranges]) for d, ranges in zip(distances, self._ranges)]  # noqa: B905
            for limit in ("far", "strange")
        )
        return Judgement(far[0] | far[1], strange[0], strange[1])

    @property
    def _ranges(self) -> tuple[tuple[Range, ...], tuple[Range, ...]]:
        return self.posture, self.movement

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Familiarity:
        """From a card's JSON. Raises `KeyError`, `TypeError` or `ValueError` when it is none."""
        return cls(*(tuple(_range(x) for x in content[key]) for key in ("posture", "movement")))

    def fault(self, n_labels: int) -> str | None:
        """What makes it unusable for so many activities, if anything."""
        for ranges, sizes in ((self.posture, (3,)), (self.movement, (1, 2))):
            n = len(ranges[0].mean) if ranges else 0
            shapes = {(len(x.mean), *map(len, x.precision)) for x in ranges}
            if len(ranges) != n_labels or n not in sizes or shapes != {(n, *(n,) * n)}:
                return "needs ranges of posture and movement for each activity, or no familiarity at all"
        return None


@dataclass(frozen=True)
class Judgement:
    """For each activity `[n_labels]`: whether the moment is too `far` from it for it to begin now, and whether the
    moment's posture or movement is next to impossible in it."""

    far: npt.NDArray[np.bool_]
    strange_posture: npt.NDArray[np.bool_]
    strange_movement: npt.NDArray[np.bool_]

    @classmethod
    def of_nothing(cls, n_labels: int) -> Judgement:
        """That of someone who knows no activity: nothing is strange."""
        return cls(*(np.zeros(n_labels, np.bool_) for _ in range(3)))


@dataclass(frozen=True)
class Moment:
    """What the last `SECONDS` looked like.

    `posture` `[..., 3]` is the mean acceleration (g); `movement` `[..., 2]` are the logarithms of how much acceleration
    (g) and rotation (rad/s) varied, or `[..., 1]` without the gyroscope.
    """

    posture: Array
    movement: Array


def is_judged(names: Sequence[str]) -> bool:
    """Whether signals called `names` tell posture: whether acceleration with gravity is among them."""
    return set(_GRAVITY) <= set(names)


def moment(windows: npt.NDArray[np.floating], names: Sequence[str], rate_hz: float) -> Moment:
    """The features of the end of each of `windows` `[..., samples, n_signals]`, whose signals are called `names`."""
    lately = np.asarray(windows[..., -round(SECONDS * rate_hz) :, :], np.float64)
    triads = [[names.index(x) for x in triad] for triad in (_GRAVITY, _ROTATION) if set(triad) <= set(names)]
    spread = [np.log(lately[..., columns].std(axis=-2).mean(axis=-1) + _FLOOR) for columns in triads]
    return Moment(lately[..., triads[0]].mean(axis=-2), np.stack(spread, axis=-1))


def distance(values: Array, usual: Range) -> Array:
    """The squared Mahalanobis distance `[...]` of feature vectors `[..., n]` from the middle of a range."""
    offset = values - np.array(usual.mean)
    squared: Array = np.einsum("...i,ij,...j->...", offset, np.array(usual.precision), offset)
    return squared


def _range(content: Mapping[str, Any]) -> Range:
    precision = tuple(tuple(map(float, row)) for row in content["precision"])
    return Range(tuple(map(float, content["mean"])), precision, float(content["far"]), float(content["strange"]))
