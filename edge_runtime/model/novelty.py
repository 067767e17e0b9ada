"""Detect novelty: motion that is not typical of an activity, or a phone that is not worn at all.

The end of a window is compared with what is typical of each activity, by limits from people who were left out
(`train.novelty_statistics`):

- Orientation, by the distance of the mean acceleration to the nearest of some centres.
- Movement, by the Mahalanobis distance of how much acceleration and rotation vary. In a moving activity it
  must be unusual for every moving activity.
- Rest, since a worn phone turns more than the noise of its gyroscope.
- Steps a second, by the most of any activity.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.mounting import MOVING_G
from edge_runtime.signals.steps import step_frequency
from edge_runtime.signals.types import Window

GRAVITY = ("total_acc_x", "total_acc_y", "total_acc_z")
_ROTATION = ("body_gyro_x", "body_gyro_y", "body_gyro_z")
_FLOOR = 2e-3  # g, rad/s: below, a standard deviation is the sensor's noise

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class TypicalPosture:
    """Typical orientations of an activity: `centres` `[n][2]` of `inclination`, in g.

    An activity does not begin at a distance above `unusual`, and does not have one above `novel`.
    """

    centres: tuple[tuple[float, float], ...]
    unusual: float
    novel: float

    def distance(self, acceleration: Array) -> Array:
        """The distance (g) `[...]` of mean accelerations `[..., 3]` to the nearest centre."""
        apart = inclination(acceleration)[..., np.newaxis, :] - np.array(self.centres)
        nearest: Array = np.linalg.norm(apart, axis=-1).min(axis=-1)
        return nearest


@dataclass(frozen=True)
class TypicalMovement:
    """The typical movement of an activity: `mean` `[n]` and inverse covariance `precision` `[n][n]` of its features."""

    mean: tuple[float, ...]
    precision: tuple[tuple[float, ...], ...]
    unusual: float
    novel: float

    def distance(self, features: Array) -> Array:
        """The Mahalanobis distance `[...]` of features `[..., n]`."""
        offset = np.asarray(features) - np.array(self.mean)
        apart: Array = np.sqrt(np.einsum("...i,ij,...j->...", offset, np.array(self.precision), offset))
        return apart

    @property
    def is_still(self) -> bool:
        """Tell whether a body that moves like this keeps still."""
        # The typical standard deviation is the mean of three axes: that of all is sqrt(3) times as large.
        return math.sqrt(3) * math.exp(self.mean[0]) < MOVING_G


@dataclass(frozen=True)
class TypicalSteps:
    """The steps a second (Hz) of 95 % of the quickest activity's windows, and how many more are `unusual` for all."""

    most: float
    unusual: float

    def beyond(self, steps_hz: Array) -> Array:
        """How far steps a second (Hz) `[...]` are beyond the most; they are unusual from 1 on."""
        return np.maximum(np.asarray(steps_hz) - self.most, 0.0) / self.unusual


@dataclass(frozen=True)
class MotionFeatures:
    """The mean acceleration and the movement in the last hop of a window, and the steps a second in the whole window.

    `posture` `[..., 3]` is in g. `movement` `[..., 2]` are logarithms of the standard deviations of acceleration (g)
    and rotation (rad/s), means of the axes; `[..., 1]` without the gyroscope. `steps_hz` is `[...]`.
    """

    posture: Array
    movement: Array
    steps_hz: Array

    @property
    def rotation(self) -> Array | None:
        """The standard deviation of rotation (rad/s) `[...]`; None without the gyroscope."""
        return np.exp(self.movement[..., 1]) - _FLOOR if self.movement.shape[-1] == 2 else None


@dataclass(frozen=True)
class Novelty:
    """Whether motion is unusual or novel for each activity `[..., n_labels]`.

    `at_rest` `[...]`: it turns less than a worn phone. `too_quick` `[...]`: steps are unusual. `unlike_all` `[...]`:
    how far movement is from the nearest activity, or steps from the quickest; unusual above 1. `rotation` `[...]`: that
    of the features (rad/s), 0 without the gyroscope.
    """

    unusual_posture: Flags
    unusual_movement: Flags
    novel_posture: Flags
    novel_movement: Flags
    at_rest: Flags
    unlike_all: Array
    too_quick: Flags
    rotation: Array

    @classmethod
    def none(cls, n_labels: int) -> "Novelty":
        """No novelty, for a model without a detector."""
        nothing, no = np.zeros(n_labels, np.bool_), np.zeros((), np.bool_)
        return cls(nothing, nothing, nothing, nothing, no, np.zeros(()), no, np.zeros(()))


@dataclass(frozen=True)
class NoveltyDetector:
    """Detect novelty by what is typical of each activity, in the order of the labels.

    `rest` is the least rotation (rad/s) of a worn phone, if it is known; `steps` is None where nobody takes any.
    """

    posture: tuple[TypicalPosture, ...]
    movement: tuple[TypicalMovement, ...]
    rest: float | None = None
    steps: TypicalSteps | None = None

    def detect(self, features: MotionFeatures) -> Novelty:
        """Compare one end of a window, or many, with every activity."""
        posture = np.stack([x.distance(features.posture) for x in self.posture], axis=-1)
        at_rest = np.zeros(posture.shape[:-1], np.bool_)
        if self.rest is not None and features.rotation is not None:
            at_rest = features.rotation < self.rest
        movement = np.stack([x.distance(features.movement) for x in self.movement], axis=-1)
        unusual = movement / [x.unusual for x in self.movement]
        moving = [not x.is_still for x in self.movement]  # a brisk walk moves as other people do on stairs
        unusual[..., moving] = unusual[..., moving].min(axis=-1, keepdims=True, initial=np.inf)
        beyond = np.zeros(features.steps_hz.shape) if self.steps is None else self.steps.beyond(features.steps_hz)
        return Novelty(
            posture > [x.unusual for x in self.posture],
            unusual > 1,
            posture > [x.novel for x in self.posture],
            movement > [x.novel for x in self.movement],
            at_rest,
            np.maximum(unusual.min(axis=-1), beyond),
            beyond > 1,
            np.zeros(beyond.shape) if features.rotation is None else features.rotation,
        )

    def fault(self, n_labels: int) -> str | None:
        """State what makes it unusable for `n_labels` activities."""
        sizes = {len(x.mean) for x in self.movement}
        typical: tuple[TypicalPosture | TypicalMovement, ...] = (*self.posture, *self.movement)
        is_complete = (
            len(self.posture) == len(self.movement) == n_labels
            and sizes in ({1}, {2})
            and all({len(x.precision), *map(len, x.precision)} == {len(x.mean)} for x in self.movement)
            and all(x.centres for x in self.posture)
            and all(x.unusual > 0 and x.novel > 0 for x in typical)
            # A distance is a number above 0.
            and all(np.linalg.eigvalsh(x.precision + np.transpose(x.precision)).min() > 0 for x in self.movement)
        )
        if not is_complete:
            return "needs typical postures and movements of each activity with limits above 0, or no novelty detection"
        if self.steps is not None and not (self.steps.most > 0 and self.steps.unusual > 0):
            return "has limits of steps, which need to be above 0"
        if self.rest is not None and not (sizes == {2} and self.rest > 0):
            return "has a limit of rest, which needs to be above 0 and the gyroscope among its signals"
        return None


def motion_features(windows: npt.NDArray[np.floating], names: Sequence[str], window: Window) -> MotionFeatures:
    """Compute the features of windows `[..., samples, n_signals]`, whose signals are called `names`."""
    end = np.asarray(windows[..., -window.hop :, :], np.float64)
    triads = [[names.index(x) for x in triad] for triad in (GRAVITY, _ROTATION) if set(triad) <= set(names)]
    spread = [np.log(end[..., columns].std(axis=-2).mean(axis=-1) + _FLOOR) for columns in triads]
    assert window.rate_hz
    steps_hz = step_frequency(windows[..., triads[0]], window.rate_hz)
    return MotionFeatures(end[..., triads[0]].mean(axis=-2), np.stack(spread, axis=-1), steps_hz)


def inclination(acceleration: npt.NDArray[np.floating]) -> Array:
    """Acceleration along the phone's x axis, which is worn upright, and across it: `[..., 2]` of `[..., 3]`, in g."""
    values = np.asarray(acceleration, np.float64)
    return np.stack([values[..., 0], np.hypot(values[..., 1], values[..., 2])], axis=-1)
