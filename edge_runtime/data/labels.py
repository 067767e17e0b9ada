"""Put labels in order, and map activities that look alike to one coarse class."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edge_runtime.errors import InputError

UCI_HAR = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")

JOGGING = "JOGGING"
"""The label that only `edge-anywhere` has."""

_COARSE = {
    "WALKING": "WALKING",
    "WALKING_UPSTAIRS": "STAIRS",
    "WALKING_DOWNSTAIRS": "STAIRS",
    "SITTING": "SITTING_OR_STANDING",
    "STANDING": "SITTING_OR_STANDING",
    "LAYING": "LAYING",
}


def labels_in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Each of the `labels` once: UCI HAR's first in its order, then all others by name."""
    found = set(labels)
    return (*(x for x in UCI_HAR if x in found), *sorted(found.difference(UCI_HAR)))


def coarse_classes(labels: Sequence[str]) -> tuple[tuple[str, ...], tuple[int, ...]]:
    """The coarse labels, and for each of `labels` the index of its coarse one. Raises `InputError` without one."""
    unknown = [x for x in labels if x not in _COARSE and x not in _COARSE.values()]
    if unknown:
        raise InputError(f"{unknown[0]} belongs to no coarse class, as {', '.join(_COARSE)} do")
    names = [_COARSE.get(x, x) for x in labels]
    coarse = tuple(dict.fromkeys(names))
    return coarse, tuple(coarse.index(x) for x in names)


def coarse_label(label: str) -> str:
    """The coarse label of `label`; else itself."""
    return _COARSE.get(label, label)


def is_coarse(labels: Sequence[str]) -> bool:
    """Tell whether `labels` are coarse ones."""
    return set(labels) == set(_COARSE.values())
