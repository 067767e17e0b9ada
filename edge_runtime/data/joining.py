"""Join data sets: the signals that all have, the labels of any, subjects named after their data set."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from edge_runtime.data.dataset import MAX_LABELS, Dataset, Mounting, Recording, Split
from edge_runtime.data.labels import labels_in_order
from edge_runtime.errors import InputError


def prefixes(names: Sequence[str]) -> list[str]:
    """What stands before the subjects of data sets with these names, each its own."""
    plain = [re.sub(r"[^\w.]+", "-", x.casefold()).strip("-") for x in names]
    return [f"{x}-{plain[:i].count(x) + 1}-" if x in plain[:i] else f"{x}-" for i, x in enumerate(plain)]


def joined(parts: Sequence[Dataset]) -> Dataset:
    """One data set of several.

    Raises `InputError` when their windows have nothing in common, and for too many labels.
    """
    first = parts[0]
    for x in parts[1:]:
        if (x.window, x.front_end) != (first.window, first.front_end) or first.front_end is None:
            raise InputError(
                f"'{first.name}' has windows of {first.window}, and '{x.name}' of {x.window}, or they were cut by "
                "somebody else: windows of any kind are taken alone, and a copy of UCI HAR with windows as published"
            )
    if any(x.mounting is None for part in parts for x in (part.train, part.test)):
        raise InputError("windows of unknown mountings are taken alone")
    labels = labels_in_order(x for part in parts for x in part.labels)
    _check_number(labels)
    names = [x.name for x in first.signals if all(x in part.signals for part in parts)]
    before = prefixes([x.name for x in parts])
    trains: list[Split] = []
    tests: list[Split] = []
    mountings: list[Mounting] = []
    for part, prefix in zip(parts, before, strict=True):
        chosen = part if [x.name for x in part.signals] == names else part.select(names)
        table = np.array([labels.index(x) for x in part.labels], np.uint8)
        for splits, split in ((trains, chosen.train), (tests, chosen.test)):
            assert split.mounting is not None
            subject = np.array([f"{prefix}{x}" for x in split.subject.tolist()], np.str_)
            number = (split.mounting + len(mountings)).astype(np.int32)
            splits.append(Split(split.X, table[split.y], subject, number))
        mountings += part.mountings
    train, test = (_concatenated(splits) for splits in (trains, tests))
    name = " + ".join(x.name for x in parts)
    signals = tuple(x for x in first.signals if x.name in names)
    bare = tuple(x.name for x in parts if not any(y.is_rotation for y in x.signals))
    return replace(
        first,
        name=name,
        labels=labels,
        signals=signals,
        train=train,
        test=test,
        mountings=tuple(mountings),
        without_rotation=bare if len(bare) < len(parts) else (),
    )


def check_labels(parts: Sequence[Sequence[Recording]]) -> None:
    """Raise `InputError` for a label that is a class in some of the data sets, and no class in another."""
    classes = {name: part[0] for part in parts for x in part for name in x.classes}
    for part in parts:
        for name in part[0].label_names:
            if name in classes and name not in part[0].classes:
                raise InputError(
                    f"'{name}' is a class of '{classes[name].mounting.source}', and of '{part[0].mounting.source}' it "
                    "is none: give it another name under [other_labels] of the one layout, or put it under [labels]"
                )


def _check_number(names: Sequence[str]) -> None:
    if len(names) > MAX_LABELS:
        raise InputError(f"together these data sets have {len(names)} different labels; {MAX_LABELS} are the most")


def joined_recordings(parts: Sequence[Sequence[Recording]]) -> tuple[Recording, ...]:
    """Recordings of several data sets, whose labels count in the same names. Raises `InputError` as `joined` does."""
    check_labels(parts)
    every = [x for part in parts for x in part]
    classes = labels_in_order(x for recording in every for x in recording.classes)
    others = labels_in_order(x for recording in every for x in recording.label_names if x not in classes)
    names = (*classes, *others)
    _check_number(names)
    before = prefixes([part[0].mounting.source for part in parts])
    found = []
    for part, prefix in zip(parts, before, strict=True):
        for x in part:
            table = np.array([*map(names.index, x.label_names), -1], np.int8)
            labels = table[x.labels]
            found.append(
                replace(x, subject=f"{prefix}{x.subject}", labels=labels, label_names=names, n_classes=len(classes))
            )
    return tuple(found)


def _concatenated(splits: Sequence[Split]) -> Split:
    whole = splits[0]
    for x in splits[1:]:
        whole = whole.joined(x)
    return whole
