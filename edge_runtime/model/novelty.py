"""Whether a moment looks like the activity that a network names: the way gravity points, and how much moves.

A network answers with one of its activities whatever it is given: a phone worn upside down, or someone getting up. Of
each activity it is known how the phone was held, and how much it moved; what is far from that is unfamiliar. How it is
held differs from person to person, in clusters rather than around a middle: the measure is the distance to the nearest
of some typical ways. How it is turned about its long axis is left out: someone may lie on any side, and carry the phone
on any side. For movement it is Mahalanobis's distance. How far is far was measured on people whose windows were left
out (`train.novelty_statistics`).

Somebody alive is never quite still: a phone that is worn turns more than the noise of its gyroscope says, which is all
that moves one on a table (docs/results/live.md).
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
class Postures:
    """Typical accelerations of an activity: `centres` `[n][2]` of `inclination`, or `[n][3]` of x, y and z, in g.

    Distances up to `far` are usual, up to `strange` they occur.
    """

    centres: tuple[tuple[float, ...], ...]
    far: float
    strange: float

    def distance(self, values: Array) -> Array:
        """How far mean accelerations `[..., 3]` are from the nearest centre, in g `[...]`."""
        measured = inclination(values) if len(self.centres[0]) == 2 else np.asarray(values)
        apart = measured[..., np.newaxis, :] - np.array(self.centres)
        nearest: Array = np.linalg.norm(apart, axis=-1).min(axis=-1)
        return nearest

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Postures:
        """From a card's JSON. Raises `KeyError`, `TypeError` or `ValueError` when it is none."""
        return cls(_matrix(content["centres"]), float(content["far"]), float(content["strange"]))

    def is_usable(self) -> bool:
        """Whether the numbers fit together."""
        return {len(x) for x in self.centres} in ({2}, {3})


@dataclass(frozen=True)
class Movements:
    """How much an activity moves: features spread around `mean` `[n]` with the inverse covariance `precision`.

    Distances up to `far` are usual, up to `strange` they occur.
    """

    mean: tuple[float, ...]
    precision: tuple[tuple[float, ...], ...]
    far: float
    strange: float

    def distance(self, values: Array) -> Array:
        """The Mahalanobis distance `[...]` of features `[..., n]`."""
        offset = np.asarray(values) - np.array(self.mean)
        apart: Array = np.sqrt(np.einsum("...i,ij,...j->...", offset, np.array(self.precision), offset))
        return apart

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Movements:
        """From a card's JSON. Raises `KeyError`, `TypeError` or `ValueError` when it is none."""
        mean = tuple(map(float, content["mean"]))
        return cls(mean, _matrix(content["precision"]), float(content["far"]), float(content["strange"]))

    def is_usable(self) -> bool:
        """Whether the numbers fit together."""
        n = len(self.mean)
        return n in (1, 2) and [len(x) for x in self.precision] == [n] * n


@dataclass(frozen=True)
class NoveltyDetector:
    """For each activity, in the order of the labels, how the phone is held and how much it moves.

    Somebody alive hardly ever turns less than `rest`, in rad/s; None when that is not known.
    """

    posture: tuple[Postures, ...]
    movement: tuple[Movements, ...]
    rest: float | None = None

    def judge(self, moment: Moment) -> Judgement:
        """Compare a moment, or many, with every activity."""
        posture, movement = _Compared(moment.posture, self.posture), _Compared(moment.movement, self.movement)
        return Judgement(
            posture.beyond("far"),
            movement.beyond("far"),
            posture.beyond("strange"),
            movement.beyond("strange"),
            self._is_at_rest(moment),
        )

    def _is_at_rest(self, moment: Moment) -> npt.NDArray[np.bool_]:
        """Whether it moves less than someone alive `[...]`."""
        rotation = moment.rotation
        if self.rest is None or rotation is None:
            return np.zeros(moment.movement.shape[:-1], np.bool_)
        return rotation < self.rest

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> NoveltyDetector:
        """From a card's JSON. Raises `KeyError`, `TypeError` or `ValueError` when it is none."""
        return cls(
            tuple(Postures.from_dict(x) for x in content["posture"]),
            tuple(Movements.from_dict(x) for x in content["movement"]),
            None if content.get("rest") is None else float(content["rest"]),
        )

    def fault(self, n_labels: int) -> str | None:
        """What makes it unusable for so many activities, if anything."""
        sizes = {len(x.mean) for x in self.movement}
        is_complete = len(self.posture) == len(self.movement) == n_labels and len(sizes) == 1
        is_usable = all(x.is_usable() for x in self.posture) and all(x.is_usable() for x in self.movement)
        if not (is_complete and is_usable):
            return "needs postures and movements of each activity, or no familiarity at all"
        if self.rest is not None and not (sizes == {2} and self.rest > 0):
            return "says how little rotation is rest, which needs a number above 0 and the gyroscope among its signals"
        return None


@dataclass(frozen=True)
class Judgement:
    """What is wrong with taking a moment for each activity `[..., n_labels]`.

    Its posture or its movement may be far from it, or next to impossible in it. `at_rest` `[...]` is whether it moves
    less than someone alive.
    """

    far_posture: npt.NDArray[np.bool_]
    far_movement: npt.NDArray[np.bool_]
    strange_posture: npt.NDArray[np.bool_]
    strange_movement: npt.NDArray[np.bool_]
    at_rest: npt.NDArray[np.bool_]

    @classmethod
    def of_nothing(cls, n_labels: int) -> Judgement:
        """That of someone who knows no activity: nothing is strange."""
        nothing = np.zeros(n_labels, np.bool_)
        return cls(nothing, nothing, nothing, nothing, np.zeros((), np.bool_))


@dataclass(frozen=True)
class Moment:
    """What the last `SECONDS` looked like.

    `posture` `[..., 3]` is the mean acceleration (g); `movement` `[..., 2]` are the logarithms of how much acceleration
    (g) and rotation (rad/s) varied, or `[..., 1]` without the gyroscope.
    """

    posture: Array
    movement: Array

    @property
    def rotation(self) -> Array | None:
        """How much rotation varied `[...]`, in rad/s; None without the gyroscope."""
        return np.exp(self.movement[..., 1]) - _FLOOR if self.movement.shape[-1] == 2 else None


def is_judged(names: Sequence[str]) -> bool:
    """Whether signals called `names` tell posture: whether acceleration with gravity is among them."""
    return set(_GRAVITY) <= set(names)


def inclination(acceleration: npt.NDArray[np.floating]) -> Array:
    """Acceleration along the phone's x axis, which is worn upright, and across it: `[..., 2]` of `[..., 3]`, in g."""
    values = np.asarray(acceleration, np.float64)
    return np.stack([values[..., 0], np.hypot(values[..., 1], values[..., 2])], axis=-1)


def moment(windows: npt.NDArray[np.floating], names: Sequence[str], rate_hz: float) -> Moment:
    """The features of the end of each of `windows` `[..., samples, n_signals]`, whose signals are called `names`."""
    lately = np.asarray(windows[..., -round(SECONDS * rate_hz) :, :], np.float64)
    triads = [[names.index(x) for x in triad] for triad in (_GRAVITY, _ROTATION) if set(triad) <= set(names)]
    spread = [np.log(lately[..., columns].std(axis=-2).mean(axis=-1) + _FLOOR) for columns in triads]
    return Moment(lately[..., triads[0]].mean(axis=-2), np.stack(spread, axis=-1))


class _Compared:
    """Features `[..., n]` beside what is usual for every activity."""

    def __init__(self, values: Array, usual: Sequence[Postures | Movements]) -> None:
        self._usual = usual
        self._distances = np.stack([x.distance(values) for x in usual], axis=-1)

    def beyond(self, limit: str) -> npt.NDArray[np.bool_]:
        """Whether they are beyond the `limit` of each, far or strange, `[..., n_labels]`."""
        outside: npt.NDArray[np.bool_] = self._distances > [getattr(x, limit) for x in self._usual]
        return outside


def _matrix(content: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(float, row)) for row in content)
