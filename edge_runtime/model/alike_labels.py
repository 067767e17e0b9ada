"""Name activities that a placement cannot tell apart.

A thigh is level when its owner sits and lies; a chest is upright when its owner sits and stands.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Sitting tilts a thigh by 67 degrees backwards (MotionSense), a waist by 24.
_LEAST_TILT = np.cos(np.radians(45))
_WITHIN = np.cos(np.radians(60))
_OR = " or "
_TELLING = ("waist", "chest")  # placements that are upright in sitting, and level in lying


@dataclass(frozen=True)
class AlikeLabels:
    """Labels that look alike to a device at `placements` while it is tilted backwards."""

    labels: tuple[str, ...]
    placements: tuple[str, ...]

    @property
    def name(self) -> str:
        """The one answer that stands for them: `SITTING or LAYING`."""
        return _OR.join(self.labels)

    def holds(self, placement: str) -> bool:
        """Tell whether they may look alike at `placement`."""
        plain = plain_placement(placement)
        return plain not in _TELLING or plain in map(plain_placement, self.placements)

    def fault(self, labels: Sequence[str]) -> str | None:
        """State what makes them unusable for a model of `labels`."""
        if len(set(self.labels)) > 1 and set(self.labels) <= set(labels) and self.placements and all(self.placements):
            return None
        return "needs at least two of its labels, and a placement, for labels that look alike"


def labels_of(answer: str, labels: Sequence[str]) -> list[str]:
    """The activities that an `answer` stands for: itself, or those that it joins."""
    return [answer] if answer in labels else answer.split(_OR)


PLACEMENTS = ("waist", "trouser pocket", "chest", "upper arm", "wrist", "hand", "bag")
"""Where a device is worn, as recordings and people may say."""

IN_A_POCKET = AlikeLabels(("SITTING", "LAYING"), ("trouser pocket",))
ON_A_CHEST = AlikeLabels(("SITTING", "STANDING"), ("chest",))
"""They look alike while the device is not tilted; no placement that is not told is taken for a chest."""


def upright_alike(placement: str, labels: Sequence[str]) -> tuple[AlikeLabels, ...]:
    """Those of a model's `labels` that look alike to a device at `placement` while it is not tilted."""
    is_chest = plain_placement(placement) in ON_A_CHEST.placements
    return (ON_A_CHEST,) if is_chest and ON_A_CHEST.fault(labels) is None else ()


def leans_back(acceleration: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Tell where mean accelerations `[..., 3]` in the walking frame are of a device tilted backwards."""
    up, ahead, left = np.moveaxis(np.asarray(acceleration, np.float64), -1, 0)
    level, size = np.hypot(ahead, left), np.sqrt(up**2 + ahead**2 + left**2)
    return (up < _LEAST_TILT * size) & (ahead > _WITHIN * level)


def plain_placement(text: str) -> str:
    """The placement in lower case with single blanks, for comparisons."""
    return " ".join(text.casefold().split())
