"""Hold data sets of windows, labels and subjects in a training and a test part."""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from textwrap import shorten

import numpy as np
import numpy.typing as npt

from edge_runtime.data.recording import Mounting
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card
from edge_runtime.signals.filters import Filters
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.mounting import check_signals, in_walking_frame, is_moving
from edge_runtime.signals.types import Frame, Signal, Window

WINDOW = Window(rate_hz=float(RATE_HZ), samples=128, hop=64)  # 2.56 s, half of it shared with the next

MAX_LABELS = 127  # in an int8


@dataclass(frozen=True)
class Split:
    """Windows `X` `[n, samples, n_signals]` float32 in physical units, classes `y` `[n]` uint8, `subject` `[n]`.

    `mounting` `[n]` int32 indexes the data set's `mountings`; None for windows without recordings.
    """

    X: npt.NDArray[np.float32]
    y: npt.NDArray[np.uint8]
    subject: npt.NDArray[np.generic]
    mounting: npt.NDArray[np.int32] | None = None

    def __len__(self) -> int:
        return len(self.y)

    def __repr__(self) -> str:
        subjects = ", ".join(map(str, np.unique(self.subject)))
        count = len(np.unique(self.subject))
        return shorten(
            f"Split(X {[*self.X.shape]}, y [{len(self)}], {count} subjects: {subjects})", 70, placeholder=" ...)"
        )

    def select(self, rows: npt.NDArray[np.bool_]) -> "Split":
        """The windows where `rows` `[n]` is true."""
        mounting = None if self.mounting is None else self.mounting[rows]
        return Split(self.X[rows], self.y[rows], self.subject[rows], mounting)

    def joined(self, other: "Split") -> "Split":
        """These windows, followed by the windows of `other`."""
        mine, theirs = ([array for array in vars(part).values() if array is not None] for part in (self, other))
        return Split(*(np.concatenate(pair) for pair in zip(mine, theirs, strict=True)))


@dataclass(frozen=True)
class Motionless:
    """The number of `windows`, by label, and of `mountings` in which nobody moves, which have no walking frame."""

    windows: Mapping[str, int] = field(default_factory=dict)
    mountings: int = 0


@dataclass(frozen=True)
class Dataset:
    """Windows of training and test subjects; `y` indexes `labels`, the last axis of `X` indexes `signals`.

    `front_end` are the filters that made the signals, None if they are unknown. Without `has_people`, blocks
    of windows stand for subjects. `without_rotation` names the joined data sets without a gyroscope.
    """

    name: str
    labels: tuple[str, ...]
    signals: tuple[Signal, ...]
    window: Window
    train: Split
    test: Split
    front_end: Filters | None = None
    has_people: bool = True
    mountings: tuple[Mounting, ...] = ()
    frame: Frame = "device"
    without_rotation: tuple[str, ...] = ()

    def __repr__(self) -> str:
        lists = {"labels": self.labels, "signals": [signal.name for signal in self.signals]}
        names = [shorten(f"{kind}: {', '.join(lists[kind])}", 80, placeholder=" ...") for kind in lists]
        parts = f"train: {self.train}", f"test: {self.test}"
        return "\n".join([f"Dataset {self.name!r}, windows of {self.window}", *names, *parts])

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of all that a network can learn from: labels, signal names, classes, subjects and windows."""
        digest = hashlib.sha256()
        digest.update("\n".join((*self.labels, "", *(signal.name for signal in self.signals), "")).encode())
        for part in (self.train, self.test):
            digest.update(part.y.astype(np.uint8).tobytes())
            digest.update("\n".join(map(str, part.subject.tolist())).encode())
            digest.update(np.ascontiguousarray(part.X, "<f4").data)
        return digest.hexdigest()

    def select(self, signal_names: Sequence[str]) -> "Dataset":
        """The same windows with only the named signals, in the order of `signal_names`.

        Raises `InputError` when one is absent or named twice.
        """
        names = [signal.name for signal in self.signals]
        if not signal_names or not set(signal_names) <= set(names) or len(set(signal_names)) < len(signal_names):
            chosen = ", ".join(signal_names)
            raise InputError(f"cannot take '{chosen}' from '{self.name}': name some of {', '.join(names)}, each once")
        columns = [names.index(name) for name in signal_names]
        train, test = (replace(part, X=np.ascontiguousarray(part.X[..., columns])) for part in (self.train, self.test))
        return replace(self, signals=tuple(self.signals[i] for i in columns), train=train, test=test)

    def in_walking_frame(self) -> "Dataset":
        """The windows of `moving`, turned into the walking frame of each mounting.

        Raises `InputError` as `moving`, and without a rate or people.
        """
        if self.frame == "walking":
            return self
        rate_hz = self.window.rate_hz
        if rate_hz is None or not self.has_people:
            lacks = "no people" if rate_hz else "no rate"
            raise InputError(f"the data '{self.name}' has {lacks}, which --frame walking needs: add it")
        data, names, turned = self.moving(), [x.name for x in self.signals], list[Split]()
        for part in (data.train, data.test):
            X = np.empty_like(part.X)
            for rows in _by_mounting(part):
                X[rows] = in_walking_frame(part.X[rows], names, rate_hz)
            turned.append(replace(part, X=X))
        return replace(data, train=turned[0], test=turned[1], frame="walking")

    def moving(self) -> "Dataset":
        """The same windows without mountings in which nobody moves, and without labels that only these have.

        Raises `InputError` when no window is left, and for signals without both accelerations.
        """
        check_signals([x.name for x in self.signals], f"the data '{self.name}'")
        parts = (self.train, self.test)
        still = [self._is_motionless(part) for part in parts]
        if not any(rows.any() for rows in still):
            return self
        train, test = (part.select(~rows) for part, rows in zip(parts, still, strict=True))
        if not len(train) + len(test):
            part = next(part for part in parts if len(part))
            mounting = "" if part.mounting is None else self.mountings[part.mounting[0]].name or str(part.mounting[0])
            raise nobody_walks(f"the windows of '{self.name}'", part.subject[0], mounting)
        had, has = (np.concatenate([x.y for x in pair]) for pair in (parts, (train, test)))
        numbers = np.arange(len(self.labels))
        kept = np.isin(numbers, has) | ~np.isin(numbers, had)
        places = (np.cumsum(kept) - 1).astype(np.uint8)
        labels = tuple(label for label, is_kept in zip(self.labels, kept, strict=True) if is_kept)
        train, test = (replace(part, y=places[part.y]) for part in (train, test))
        return replace(self, labels=labels, train=train, test=test)

    def motionless(self, *parts: Split) -> Motionless:
        """The windows of its `parts` that `moving` leaves out. Raises `InputError` without both accelerations."""
        check_signals([x.name for x in self.signals], f"the data '{self.name}'")
        chosen = [part.select(self._is_motionless(part)) for part in parts]
        counts = np.bincount(np.concatenate([x.y for x in chosen]), minlength=len(self.labels)).tolist()
        windows = {label: n for label, n in zip(self.labels, counts, strict=True) if n}
        return Motionless(windows, sum(len([*_by_mounting(x)]) for x in chosen))

    def _is_motionless(self, part: Split) -> npt.NDArray[np.bool_]:
        names = [signal.name for signal in self.signals]
        still = np.zeros(len(part), np.bool_)
        for rows in _by_mounting(part):
            still[rows] = not is_moving(part.X[rows], names).any()
        return still

    def with_test(self, subjects: Collection[int | str]) -> "Dataset":
        """The same windows, with `subjects` in the test part and everyone else in the training part."""
        if set(self.test.subject.tolist()) == set(subjects):
            return self
        both = self.train.joined(self.test)
        testing = np.isin(both.subject, np.array(sorted(subjects, key=str), both.subject.dtype))
        return replace(self, train=both.select(~testing), test=both.select(testing))

    def as_for(self, card: Card) -> "Dataset":
        """The windows as the model of `card` expects them: its frame, signals and test subjects.

        Raises `InputError` when the data lacks its signals, and as `in_walking_frame`.
        """
        data = self
        if card.frame == "walking":
            data = data.in_walking_frame()  # before people are divided: the card names those who moved
        if test_subjects := own_test_subjects(card, {*data.train.subject.tolist(), *data.test.subject.tolist()}):
            data = data.with_test(test_subjects)
        return data if card.signals == data.signals else data.select([signal.name for signal in card.signals])


def _by_mounting(part: Split) -> Iterator[npt.NDArray[np.bool_]]:
    """Yield, for each mounting, or subject if mountings are unknown, which windows `[n]` of `part` belong to it."""
    worn = part.subject if part.mounting is None else part.mounting
    yield from (worn == one for one in np.unique(worn))


def nobody_walks(where: str, subject: int | str, mounting: str) -> InputError:
    """The error of a `mounting`, "" where it is not known, in which nobody walks."""
    named = f", mounting {mounting}" if mounting else ""
    return InputError(
        f"nobody walks in {where} of subject {subject}{named}: record a few steps too, which show how the device is "
        'worn, or, with a layout, write mounting = "each subject"'
    )


def own_test_subjects(card: Card, people: Collection[int | str]) -> list[int | str] | None:
    """The subjects who were kept from the training of the model of `card`, if that was on the same `people`."""
    training, testing = (card.training.get(part) for part in ("subjects", "test_subjects"))
    if not isinstance(training, list) or not isinstance(testing, list):
        return None
    named = [x for x in (*training, *testing) if isinstance(x, (int, str))]
    return testing if set(named) == set(people) and len(named) == len(training) + len(testing) else None


def cut(
    signals: npt.NDArray[np.floating],
    starts: Sequence[int] | npt.NDArray[np.integer],
    samples: int = WINDOW.samples,
) -> npt.NDArray[np.floating]:
    """Windows `[len(starts), samples, n_signals]` of `signals` `[n, n_signals]`."""
    rows = np.asarray(starts, np.intp)[:, np.newaxis] + np.arange(samples)
    return signals[rows]
