"""Put labels in order: UCI HAR's first, in its own order, then all others by name."""

from collections.abc import Iterable

UCI_HAR = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")

JOGGING = "JOGGING"
"""The label of `edge-anywhere` that UCI HAR does not have."""


def in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Each of the `labels` once, in order."""
    found = set(labels)
    return (*(x for x in UCI_HAR if x in found), *sorted(found.difference(UCI_HAR)))
