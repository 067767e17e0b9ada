"""Turn still windows into postures that public data hardly has.

In a pocket a phone measures the thigh, which is level in lying. A network that only knows lying from the waist takes it
for sitting. At the waist a phone measures the pelvis, which tilts back by some 30 degrees in sitting. A network that
only knows sitting from a pocket takes it for standing. And nobody lies on the belly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Dataset
from edge_runtime.model.alike_labels import IN_A_POCKET, plain_placement
from edge_runtime.signals.mounting import turned
from edge_runtime.signals.types import triads
from train.fit.recipe import Recipe

LYING = "LAYING"
SITTING = "SITTING"
STILL = (SITTING, "STANDING")
_LYING_TILT = 92.0, 10.0  # degrees of the thigh from upright: mean and standard deviation
_LYING_ASIDE = 180.0  # on the back, a side or the belly
_SITTING_TILT = 30.0, 10.0  # of the pelvis, from standing
_SITTING_ASIDE = 35.0
_LEAST_TILT = 5.0  # degrees; less has no direction


@dataclass(frozen=True)
class MadePosture:
    """Turn a `share` of the windows with a class of `still`, in one of the `mountings`, into the class `posture`.

    Windows are in the walking frame, in which the upright axis is the first and straight ahead the second. `tilt` is
    mean and standard deviation of the angle from upright, `aside` the greatest angle from straight back, in degrees.
    """

    posture: int
    still: tuple[int, ...]
    mountings: tuple[int, ...]
    share: float
    tilt: tuple[float, float]
    aside: float

    def apply(
        self,
        X: npt.NDArray[np.float32],
        y: npt.NDArray[np.uint8],
        mounting: npt.NDArray[np.int32],
        names: Sequence[str],
        generator: np.random.Generator,
    ) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.uint8]]:
        """Return windows `[n, samples, n_signals]` of the signals `names`, and classes `[n]`, some in the posture."""
        drawn = generator.random(len(y)) < self.share
        rows = np.flatnonzero(drawn & np.isin(y, self.still) & np.isin(mounting, self.mountings))
        mean, deviation = np.radians(self.tilt)
        tilt = np.maximum(generator.normal(mean, deviation, len(rows)), np.radians(_LEAST_TILT))
        aside = generator.uniform(-np.radians(self.aside), np.radians(self.aside), len(rows))
        upright = np.stack([np.cos(tilt), np.sin(tilt) * np.cos(aside), np.sin(tilt) * np.sin(aside)], axis=1)
        first = next(i for i, quantity in triads(names).items() if quantity == "total_acc")
        up = X[rows, :, first : first + 3].mean(axis=1, dtype=np.float64)
        X, y = X.copy(), y.copy()
        X[rows], y[rows] = turned(X[rows], names, _shortest_turns(up, upright)), self.posture
        return X, y


def plan_made_postures(dataset: Dataset, recipe: Recipe) -> tuple[MadePosture, ...]:
    """Return the postures to make from windows of `dataset`, in this order, by numbers of the `recipe`.

    All postures need their class and the walking frame, in which ahead is known; `made_lying` and `made_sitting` also
    need still windows of a trouser pocket.
    """
    pockets = tuple(
        i for i, x in enumerate(dataset.mountings) if plain_placement(x.placement) in IN_A_POCKET.placements
    )
    still = tuple(i for i, label in enumerate(dataset.labels) if label in STILL)
    postures = []
    lying, sitting = (dataset.labels.index(x) if x in dataset.labels else None for x in (LYING, SITTING))
    if dataset.frame == "walking":
        if recipe.made_lying and lying is not None and pockets and still:
            share = recipe.made_lying / (1 + recipe.made_lying)
            postures.append(MadePosture(lying, still, pockets, share, _LYING_TILT, _LYING_ASIDE))
        if recipe.rolled_lying and lying is not None:
            mountings = tuple(range(len(dataset.mountings)))
            postures.append(MadePosture(lying, (lying,), mountings, recipe.rolled_lying, _LYING_TILT, _LYING_ASIDE))
        if recipe.made_sitting and sitting is not None and pockets:
            postures.append(
                MadePosture(sitting, (sitting,), pockets, recipe.made_sitting, _SITTING_TILT, _SITTING_ASIDE)
            )
    return tuple(postures)


def _shortest_turns(start: npt.NDArray[np.float64], end: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Compute the shortest rotations `[n, 3, 3]` of directions `start` to unit vectors `end`, both `[n, 3]`."""
    start = start / np.linalg.norm(start, axis=1, keepdims=True)
    x, y, z = np.cross(start, end).T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    # Opposite directions have no shortest rotation: a body that is nearly upside down is turned nearly to its end.
    cosine = np.maximum((start * end).sum(axis=1), -0.999)
    return np.asarray(np.eye(3) + cross + cross @ cross / (1 + cosine)[:, np.newaxis, np.newaxis])
