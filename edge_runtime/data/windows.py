"""Cut windows of recordings, each wholly inside one label's segment.

Recordings are treated as UCI HAR's were: by the same front end, which starts gently where a recording begins midway.
Samples without a class feed the filters and give no windows. Without rotation there are no signals of the gyroscope.
"""

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Dataset, Recording, Split, cut, segments
from edge_runtime.data.labels import labels_in_order
from edge_runtime.errors import InputError
from edge_runtime.signals import frontend
from edge_runtime.signals.filters import FILTERS
from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.signals.types import Signal, Window


def windowed(name: str, found: Sequence[Recording], window: Window, test_subjects: Collection[int | str]) -> Dataset:
    """Windows of the recordings that were `found`, those of `test_subjects` in the test part.

    The signals are those of sensors that all have.
    """
    labels = labels_in_order(x for recording in found for x in recording.classes)
    signals = common_signals(found)
    mountings = tuple(dict.fromkeys(x.mounting for x in found))
    parts = [[x for x in found if (x.subject in test_subjects) == is_test] for is_test in (False, True)]
    train, test = (_split(chosen, labels, signals, window, mountings) for chosen in parts)
    return Dataset(name, labels, signals, window, train, test, FILTERS, mountings=mountings)


def common_signals(found: Sequence[Recording]) -> tuple[Signal, ...]:
    """The signals of the sensors that all recordings have, in the order of `SIGNALS`."""
    return tuple(x for x in SIGNALS if not x.is_rotation or all(recording.has_gyroscope for recording in found))


def check_classes(data: Dataset, place: str, testing: Collection[int | str]) -> None:
    """Raise `InputError` that names `place` when a class has no training window, or none of `testing` a test window."""
    training = sorted(set(map(str, data.train.subject.tolist())))
    length = in_seconds(data.window)
    for label, count in zip(data.labels, np.bincount(data.train.y, minlength=len(data.labels)), strict=True):
        if not count:
            raise InputError(
                f"{place}: no training subject ({', '.join(training)}) has {length} of '{label}' "
                "in one piece; record more of it, or leave that label empty"
            )
    if not len(data.test):
        named = ", ".join(map(str, testing))
        raise InputError(f"{place}: no test subject ({named}) has {length} of one label in one piece; record more")


def in_seconds(window: Window) -> str:
    """The length of a window in words."""
    return f"{window.samples / FILTERS.rate_hz:g} s"


def _split(
    chosen: Sequence[Recording],
    labels: Sequence[str],
    signals: Sequence[Signal],
    window: Window,
    mountings: Sequence[object],
) -> Split:
    columns = [SIGNALS.index(x) for x in signals]
    number = {x: i for i, x in enumerate(mountings)}
    X: list[npt.NDArray[np.floating]] = [np.empty((0, window.samples, len(columns)), np.float32)]
    y: list[npt.NDArray[np.uint8]] = [np.empty(0, np.uint8)]
    for recording in chosen:
        starts = [
            start
            for first, end, label in segments(recording.labels)
            if 0 <= label < len(recording.classes)
            for start in range(first, end + 1 - window.samples, window.hop)
        ]
        values = frontend.signals(recording.samples, recording.begins_midway)[:, columns]
        X.append(cut(values, starts, window.samples).astype(np.float32))
        places = np.array([*map(labels.index, recording.classes), 0], np.uint8)
        y.append(places[recording.labels[starts]])
    counts = [len(x) for x in y[1:]]
    subjects = np.array([x.subject for x in chosen] or [""])
    mounting = np.array([number[x.mounting] for x in chosen], np.int32)
    subject = np.repeat(subjects[: len(counts)], counts)
    return Split(np.concatenate(X), np.concatenate(y), subject, np.repeat(mounting, counts))
