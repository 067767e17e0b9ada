"""Hold recordings: samples and labels of one person who wears a device in one way."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from textwrap import shorten

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.signals.frontend import RATE_HZ, SIGNALS
from edge_runtime.signals.types import Signal, Window


@dataclass(frozen=True)
class Mounting:
    """A device that one person wears in one way without taking it off between recordings; unknown fields are "".

    `name` distinguishes the mountings of a person; `source` is the data set, `device` the make.
    """

    name: str = ""
    source: str = ""
    placement: str = ""
    device: str = ""


@dataclass(frozen=True)
class Recording:
    """One continuous recording of one subject.

    `samples` is `[n, 6]` float64: acceleration x y z in g, angular rate x y z in rad/s. `labels` is `[n]` int8: an
    index into `label_names`, or -1. The first `n_classes` of these, or all, are classes to learn. Where it
    `begins_midway` in an activity the filters start gently. `trial` is its number among a person's, `file` its path
    inside the folder or zip.
    """

    subject: int | str
    samples: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int8]
    label_names: tuple[str, ...]
    rate_hz: float = float(RATE_HZ)
    has_gyroscope: bool = True
    mounting: Mounting = Mounting()
    n_classes: int | None = None
    begins_midway: bool = False
    trial: str = ""
    file: str = ""

    def __repr__(self) -> str:
        about = f"subject {self.subject}, samples {[*self.samples.shape]} at {self.rate_hz:g} Hz"
        return shorten(f"Recording({about}, labels {', '.join(self.found_labels)})", 80, placeholder=" ...)")

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels that are classes to learn."""
        return self.label_names[: self.n_classes]

    @property
    def found_labels(self) -> tuple[str, ...]:
        """The labels that its samples have."""
        return tuple(self.label_names[x] for x in np.unique(self.labels) if x >= 0)

    @property
    def signals(self) -> tuple[Signal, ...]:
        """The signals of its sensors, in the order of `SIGNALS`."""
        return tuple(signal for signal in SIGNALS if self.has_gyroscope or not signal.is_rotation)

    def starts(self, window: Window) -> list[int]:
        """The first sample of each window that holds only one class."""
        runs = [run for run in label_runs(self.labels) if 0 <= run[2] < len(self.classes)]
        return [i for first, end, _ in runs for i in range(first, end + 1 - window.samples, window.hop)]

    def label_at(self, seconds: float) -> str:
        """The label of the sample taken `seconds` after the first, or ""."""
        label = int(self.labels[min(max(round(seconds * self.rate_hz), 0), len(self.labels) - 1)])
        return self.label_names[label] if label >= 0 else ""

    def check_signals(self, signals: Sequence[Signal]) -> None:
        """Raise `InputError` unless its sensors give the `signals` that a model takes."""
        if not self.has_gyroscope and any(signal.is_rotation for signal in signals):
            raise InputError(
                f"the recordings of subject {self.subject} have no rotation, which the model takes: train another by "
                "'har-edge train --sensors accelerometer --frame walking --data ...'"
            )


def label_runs(labels: npt.NDArray[np.generic]) -> Iterator[tuple[int, int, int]]:
    """First sample, end and label of each run of equal `labels` `[n]`, also of -1."""
    edges = [0, *(np.flatnonzero(labels[1:] != labels[:-1]) + 1).tolist(), len(labels)]
    for first, end in pairwise(edges):
        if first < end:
            yield first, end, int(labels[first])
