"""Detect novelty: motion that is not typical of an activity, or a phone that is not worn.

The end of a window is compared with typical motion of each activity. The limits come from other people than
the typical motion (`train.novelty_statistics`). The comparison is of:

- Orientation: the distance of the mean acceleration to the nearest of several centres.
- Movement: the Mahalanobis distance of how much acceleration and rotation vary. Movement is unusual for a moving
  activity only if it is unusual for every moving activity.
- Rest: rotation, since a worn phone turns more than the noise of its gyroscope.
- Steps a second: compared with the quickest activity.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.mounting import MOVING_G
from edge_runtime.signals.steps import step_frequency
from edge_runtime.signals.types import Array, Window
from edge_runtime.system.dataclass_json import Quantity

GRAVITY = ("total_acc_x", "total_acc_y", "total_acc_z")
_ROTATION = ("body_gyro_x", "body_gyro_y", "body_gyro_z")
FLOOR = 2e-3  # g, rad/s: a smaller standard deviation is noise

Flags = npt.NDArray[np.bool_]
_Limit = Annotated[float, Quantity(at_least=1e-12)]


@dataclass(frozen=True)
class TypicalPosture:
    """Typical orientations of an activity: `centres` `[n][2]` of `inclination`, in g.

    An activity does not begin at a distance above `unusual`, and is ruled out at a distance above `novel`.
    """

    centres: tuple[tuple[float, float], ...]
    unusual: _Limit
    novel: _Limit

    def distance(self, acceleration: Array) -> Array:
        """Compute the distance (g) `[...]` of mean accelerations `[..., 3]` to the nearest centre."""
        offsets = inclination(acceleration)[..., np.newaxis, :] - np.array(self.centres)
        nearest: Array = np.linalg.norm(offsets, axis=-1).min(axis=-1)
        return nearest


@dataclass(frozen=True)
class TypicalMovement:
    """The typical movement of an activity: `mean` `[n]` and inverse covariance `precision` `[n][n]` of its features."""

    mean: tuple[float, ...]
    precision: tuple[tuple[float, ...], ...]
    unusual: _Limit
    novel: _Limit

    def distance(self, features: Array) -> Array:
        """Compute the Mahalanobis distance `[...]` of features `[..., n]`."""
        offset = np.asarray(features) - np.array(self.mean)
        distance: Array = np.sqrt(np.einsum("...i,ij,...j->...", offset, np.array(self.precision), offset))
        return distance

    @property
    def is_still(self) -> bool:
        """Tell whether a body that moves like this keeps still."""
        # The mean is over three axes; the standard deviation of the vector is sqrt(3) times as large.
        return math.sqrt(3) * math.exp(self.mean[0]) < MOVING_G


@dataclass(frozen=True)
class TypicalSteps:
    """Steps a second (Hz): 95 % of the quickest activity's windows have at most `most`; `unusual` more are unusual."""

    most: _Limit
    unusual: _Limit

    def beyond(self, steps_hz: Array) -> Array:
        """Compute how far steps a second (Hz) `[...]` exceed `most`; they are unusual from 1 on."""
        return np.maximum(np.asarray(steps_hz) - self.most, 0.0) / self.unusual


@dataclass(frozen=True)
class MotionFeatures:
    """The mean acceleration and the movement in the last hop of a window, and the steps a second in the whole window.

    `posture` `[..., 3]` is in g. `movement` `[..., 2]` are logarithms of the standard deviations of acceleration (g)
    and rotation (rad/s), averaged over the axes; `[..., 1]` without the gyroscope. `steps_hz` is `[...]`.
    """

    posture: Array
    movement: Array
    steps_hz: Array

    @property
    def rotation(self) -> Array | None:
        """Compute the standard deviation of rotation (rad/s) `[...]`; None without the gyroscope."""
        return np.exp(self.movement[..., 1]) - FLOOR if self.movement.shape[-1] == 2 else None


@dataclass(frozen=True)
class Novelty:
    """Whether motion is unusual or novel for each activity `[..., n_labels]`.

    `at_rest` `[...]`: the phone turns less than a worn phone. `too_quick` `[...]`: steps are unusual. `unlike_all`
    `[...]`: the distance of movement from the nearest activity, or of steps from the quickest activity; unusual above
    1. `rotation` `[...]`: the features' rotation (rad/s), 0 without the gyroscope.
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
        """Make the novelty of a model without a detector: none."""
        nothing, no = np.zeros(n_labels, np.bool_), np.zeros((), np.bool_)
        return cls(nothing, nothing, nothing, nothing, no, np.zeros(()), no, np.zeros(()))


@dataclass(frozen=True)
class NoveltyDetector:
    """Detects novelty by the typical motion of each activity, in the order of the labels.

    `rest` is the least rotation (rad/s) of a worn phone, if known; `steps` is None if no activity has steps.
    """

    posture: tuple[TypicalPosture, ...]
    movement: tuple[TypicalMovement, ...]
    rest: _Limit | None = None
    steps: TypicalSteps | None = None

    def detect(self, features: MotionFeatures) -> Novelty:
        """Compare the end of a window, or of many, with every activity."""
        posture = np.stack([typical.distance(features.posture) for typical in self.posture], axis=-1)
        at_rest = np.zeros(posture.shape[:-1], np.bool_)
        if self.rest is not None and features.rotation is not None:
            at_rest = features.rotation < self.rest
        movement = np.stack([typical.distance(features.movement) for typical in self.movement], axis=-1)
        unusual = movement / [typical.unusual for typical in self.movement]
        moving = [not typical.is_still for typical in self.movement]  # a brisk walk resembles other people's stairs
        unusual[..., moving] = unusual[..., moving].min(axis=-1, keepdims=True, initial=np.inf)
        beyond = np.zeros(features.steps_hz.shape) if self.steps is None else self.steps.beyond(features.steps_hz)
        return Novelty(
            posture > [typical.unusual for typical in self.posture],
            unusual > 1,
            posture > [typical.novel for typical in self.posture],
            movement > [typical.novel for typical in self.movement],
            at_rest,
            np.maximum(unusual.min(axis=-1), beyond),
            beyond > 1,
            np.zeros(beyond.shape) if features.rotation is None else features.rotation,
        )

    def fault(self, n_labels: int) -> str | None:
        """State what makes the detector unusable for `n_labels` activities."""
        sizes = {len(movement.mean) for movement in self.movement}
        is_complete = (
            len(self.posture) == len(self.movement) == n_labels
            and sizes in ({1}, {2})
            and all({len(x.precision), *map(len, x.precision)} == {len(x.mean)} for x in self.movement)
            and all(posture.centres for posture in self.posture)
            # Otherwise the square of a distance may be negative.
            and all(np.linalg.eigvalsh(x.precision + np.transpose(x.precision)).min() > 0 for x in self.movement)
        )
        if not is_complete:
            return "needs a typical posture and movement of each activity, or no novelty detection"
        if self.rest is not None and sizes != {2}:
            return "has a limit of rest, which needs the gyroscope"
        return None


def motion_features(windows: npt.NDArray[np.floating], names: Sequence[str], window: Window) -> MotionFeatures:
    """Compute the features of windows `[..., samples, n_signals]` of the signals `names`."""
    end = np.asarray(windows[..., -window.hop :, :], np.float64)
    triads = [[names.index(name) for name in triad] for triad in (GRAVITY, _ROTATION) if set(triad) <= set(names)]
    spread = [np.log(end[..., columns].std(axis=-2).mean(axis=-1) + FLOOR) for columns in triads]
    assert window.rate_hz
    steps_hz = step_frequency(windows[..., triads[0]], window.rate_hz)
    return MotionFeatures(end[..., triads[0]].mean(axis=-2), np.stack(spread, axis=-1), steps_hz)


def inclination(acceleration: npt.NDArray[np.floating]) -> Array:
    """Split acceleration (g) `[..., 3]` into `[..., 2]`: along the x axis, which is worn upright, and across it."""
    values = np.asarray(acceleration, np.float64)
    return np.stack([values[..., 0], np.hypot(values[..., 1], values[..., 2])], axis=-1)
