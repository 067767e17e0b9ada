"""Name activities that look alike at a placement, and decide between sitting and lying at a waist.

A thigh is level while its owner sits or lies; a chest is upright while its owner sits or stands. A waist is only level
while its owner lies.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

# Sitting tilts a thigh backwards by 67 degrees (MotionSense), a waist by 24.
LEAST_TILT = np.cos(np.radians(45))
WITHIN = np.cos(np.radians(60))
LEVEL = np.cos(np.radians(60))  # from upright: at a waist, sitting tilts less and lying more
_OR = " or "
_DISTINCT = ("waist", "chest")  # placements that are upright in sitting, and level in lying


@dataclass(frozen=True)
class AlikeLabels:
    """Labels that look alike to a device at `placements` while it is tilted backwards."""

    labels: tuple[str, ...]
    placements: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the answer that stands for the labels, for example `SITTING or LAYING`."""
        return _OR.join(self.labels)

    def holds(self, placement: str) -> bool:
        """Tell whether the labels may look alike at `placement`."""
        plain = plain_placement(placement)
        return plain not in _DISTINCT or plain in map(plain_placement, self.placements)

    def fault(self, labels: Sequence[str]) -> str | None:
        """State what makes these labels unusable for a model of `labels`."""
        if len(set(self.labels)) > 1 and set(self.labels) <= set(labels) and self.placements and all(self.placements):
            return None
        return "has labels that look alike, which need a placement and at least two of its labels"


def labels_of(answer: str, labels: Sequence[str]) -> list[str]:
    """List the activities that an `answer` stands for: one label, or the joined labels."""
    return [answer] if answer in labels else answer.split(_OR)


PLACEMENTS = ("waist", "trouser pocket", "chest", "upper arm", "wrist", "hand", "bag")
"""Where a device may be worn."""

IN_A_POCKET = AlikeLabels(("SITTING", "LAYING"), ("trouser pocket",))
ON_A_CHEST = AlikeLabels(("SITTING", "STANDING"), ("chest",))
"""These labels look alike while the device is not tilted; an unknown placement does not count as a chest."""


def upright_alike(placement: str, labels: Sequence[str]) -> tuple[AlikeLabels, ...]:
    """Find the `labels` that look alike to a device at `placement` while it is not tilted."""
    is_chest = plain_placement(placement) in ON_A_CHEST.placements
    return (ON_A_CHEST,) if is_chest and ON_A_CHEST.fault(labels) is None else ()


def tilt_decides(placement: str, labels: Sequence[str]) -> bool:
    """Tell whether a device at `placement` shows by its tilt whether somebody sits or lies."""
    return plain_placement(placement) == "waist" and {*IN_A_POCKET.labels} <= {*labels}


def decide_by_tilt(
    probabilities: npt.NDArray[np.floating], acceleration: npt.NDArray[np.floating], labels: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Give all probability `[n, n_labels]` of sitting and lying to one of both, by mean accelerations `[n, 3]`."""
    sitting, lying = map(labels.index, IN_A_POCKET.labels)
    is_level = acceleration[:, 0] < LEVEL * np.linalg.norm(acceleration, axis=1)
    decided = np.array(probabilities, np.float64)
    both = decided[:, sitting] + decided[:, lying]
    decided[:, sitting], decided[:, lying] = np.where(is_level, 0.0, both), np.where(is_level, both, 0.0)
    return decided


def leans_back(acceleration: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
    """Tell which mean accelerations `[..., 3]` in the walking frame show a device that is tilted backwards."""
    up, ahead, sideways = np.moveaxis(np.asarray(acceleration, np.float64), -1, 0)
    level, size = np.hypot(ahead, sideways), np.sqrt(up**2 + ahead**2 + sideways**2)
    return (up < LEAST_TILT * size) & (ahead > WITHIN * level)


def plain_placement(text: str) -> str:
    """Write the placement in lower case with single spaces, for comparisons."""
    return " ".join(text.casefold().split())
