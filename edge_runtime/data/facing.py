"""Tell from windows of walking where the devices of people face, for models that take the device's own axes."""

from collections.abc import Mapping

import numpy as np

from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.model.model_card import WALKING
from edge_runtime.signals.mounting import Motion, is_moving, walking_frame
from edge_runtime.signals.types import Array, triads

_UPRIGHT = 0.7  # of gravity on the axis that points up
_ENOUGH = 5  # windows
_SAME_WAY = 0.5  # cosine of 60 degrees; people of UCI HAR are within 36 of their mean

Ahead = tuple[float, float, float]


def headings(data: Dataset, part: Split) -> dict[int | str, Array]:
    """Where each person of `part` walks, a unit vector `[3]` in the device's axes, by their windows of walking.

    Without people who have few, or whose x does not point up. Empty if `data` lacks a rate, accelerations or walking.
    """
    names, rate_hz = [signal.name for signal in data.signals], data.window.rate_hz
    has_both = {"body_acc", "total_acc"} <= set(triads(names).values())
    if not has_both or rate_hz is None or WALKING not in data.labels or data.frame == "walking":
        return {}
    walks = part.select(part.y == data.labels.index(WALKING))
    walks = walks.select(is_moving(walks.X, names))
    people, counts = np.unique(walks.subject, return_counts=True)
    people = people[counts >= _ENOUGH]
    frames = [walking_frame(Motion.of(walks.X[walks.subject == person], names, rate_hz)) for person in people]
    return {x: frame[1] for x, frame in zip(people.tolist(), frames, strict=True) if frame[0, 0] > _UPRIGHT}


def common_heading(of_people: Mapping[int | str, Array]) -> tuple[Ahead | None, list[int | str]]:
    """The mean of these headings, None if somebody's is over 60 degrees apart from it, and whose are."""
    if not of_people:
        return None, []
    mean = np.mean([*of_people.values()], axis=0)
    mean /= max(float(np.linalg.norm(mean)), 1e-9)
    others = [person for person, heading in of_people.items() if heading @ mean < _SAME_WAY]
    x, y, z = (round(float(value), 4) for value in mean)
    return None if others else (x, y, z), others


def facing_back(of_people: Mapping[int | str, Array], ahead: Ahead) -> list[int | str]:
    """The people whose headings are within 60 degrees of the opposite of `ahead`."""
    return [person for person, heading in of_people.items() if heading @ ahead < -_SAME_WAY]
