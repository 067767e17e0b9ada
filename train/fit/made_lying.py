"""Turn still windows of a trouser pocket until they lie, of which public data has next to none.

In a pocket a phone measures the thigh, which is level in whoever lies. A network that knows lying from the waist alone
reads it as sitting, the one posture it knows with a level thigh.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Dataset
from edge_runtime.model.alike_labels import IN_A_POCKET
from edge_runtime.signals.mounting import turned
from edge_runtime.signals.types import triads

LYING = "LAYING"
STILL = ("SITTING", "STANDING")
_TILT = np.radians(92.0), np.radians(10.0)  # of the thigh from upright: mean and standard deviation
_ASIDE = np.radians(105.0)  # on the back or a side: to lie on the belly is rare, and another posture for a thigh


@dataclass(frozen=True)
class MadeLying:
    """Make windows of the class `lying` of `share` of those of the classes `still` in one of the `mountings`.

    Windows are in the walking frame, in which the upright axis is the first and straight ahead the second.
    """

    lying: int
    still: tuple[int, ...]
    mountings: tuple[int, ...]
    share: float

    def apply(
        self,
        X: npt.NDArray[np.float32],
        y: npt.NDArray[np.uint8],
        mounting: npt.NDArray[np.int32],
        names: Sequence[str],
        generator: np.random.Generator,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        """Windows `[n, samples, n_signals]` of the signals `names` and classes `[n]`, some turned until they lie."""
        drawn = generator.random(len(y)) < self.share
        rows = np.flatnonzero(drawn & np.isin(y, self.still) & np.isin(mounting, self.mountings))
        tilt = generator.normal(*_TILT, len(rows))
        aside = generator.uniform(-_ASIDE, _ASIDE, len(rows))
        wanted = np.stack([np.cos(tilt), np.sin(tilt) * np.cos(aside), np.sin(tilt) * np.sin(aside)], axis=1)
        first = next(i for i, quantity in triads(names).items() if quantity == "total_acc")
        up = X[rows, :, first : first + 3].mean(axis=1, dtype=np.float64)
        lying_X, lying_y = X.copy(), y.copy()
        lying_X[rows], lying_y[rows] = turned(X[rows], names, _shortest_turns(up, wanted)), self.lying
        return lying_X, lying_y


def plan_made_lying(dataset: Dataset, weight: float) -> MadeLying | None:
    """The windows of `dataset` to turn, `weight` for each that stays; None for none.

    None too, where it has no frame in which ahead is known, no class of lying, or nobody who is still with the phone
    in a trouser pocket.
    """
    worn = tuple(i for i, x in enumerate(dataset.mountings) if x.placement in IN_A_POCKET.placements)
    still = tuple(i for i, label in enumerate(dataset.labels) if label in STILL)
    if not (weight and worn and still and LYING in dataset.labels and dataset.frame == "walking"):
        return None
    return MadeLying(dataset.labels.index(LYING), still, worn, weight / (1 + weight))


def _shortest_turns(start: npt.NDArray[np.float64], end: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Rotations `[n, 3, 3]` of directions `start` to unit vectors `end`, both `[n, 3]`, by the shortest way."""
    start = start / np.linalg.norm(start, axis=1, keepdims=True)
    x, y, z = np.cross(start, end).T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    # Opposite directions have no shortest way; a body that is nearly upside down is turned nearly to its end.
    cosine = np.maximum((start * end).sum(axis=1), -0.999)
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + cosine)[:, np.newaxis, np.newaxis])
