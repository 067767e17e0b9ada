"""Load data sets or their recordings: the embedded ones, official copies, files that a layout describes.

Several data sets have the signals of all and the labels of any, and their subjects are named after their data set.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce

import numpy as np
import numpy.typing as npt

from edge_runtime.data import embedded_recordings, uci_har, windows_file
from edge_runtime.data.data_sources import DataSource, Given, Sources, in_words, sources
from edge_runtime.data.dataset import MAX_LABELS, WINDOW, Dataset, Split, cut
from edge_runtime.data.layout import DEFAULT, Layout, find_layout
from edge_runtime.data.layout_recordings import LayoutRecordings, exported_by, fits, read_recordings
from edge_runtime.data.names import MIN_SUBJECTS, labels_in_order, test_group
from edge_runtime.data.recording import Mounting, Recording
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card
from edge_runtime.signals import frontend
from edge_runtime.signals.filters import FILTERS
from edge_runtime.signals.frontend import RATE_HZ, SIGNALS
from edge_runtime.signals.types import Window
from edge_runtime.system import zip_archive
from edge_runtime.system.quantities import counted

_EXPECTED = (
    "give uci-har, CSV recordings with the columns timestamp, ax, ay, az, gx, gy, gz, label, subject, the "
    "official 'UCI HAR Dataset', an .npz file of windows, or LAYOUT=PATH (docs/data.md)"
)


def load_data(data: Given = None, window: Window | None = None) -> Dataset:
    """The data set that `data` names, or several as one; None is the embedded UCI HAR data.

    `data` is `uci-har`, `LAYOUT=PATH`, the path of CSV recordings, of the official 'UCI HAR Dataset' or of an `.npz`
    file, or a list of these. Recordings are cut into windows of 128 samples every 64, or as `window` says. The test
    part holds UCI HAR's official test subjects, and every third person with windows of other data. Raises `InputError`.
    """
    return DataReader(sources(data)).windows(window)


def load_recordings(data: Given = None) -> tuple[Recording, ...]:
    """The continuous recordings that `data` names, as for `load_data`; their `label_names` name their `labels`.

    UCI HAR's have the six of `load_data` and then six transitions. Raises `InputError` for data of windows only.
    """
    return DataReader(sources(data)).recordings


@dataclass(frozen=True)
class DataReader:
    """Data sets that are taken together; every file is read once. Recordings are brought to `rate_hz` (None: 50)."""

    sources: Sources
    rate_hz: float | None = None

    @cached_property
    def parts(self) -> "tuple[SourceReader, ...]":
        """Each of the data sets."""
        every = self.sources or (DataSource(),)
        return tuple(SourceReader(source, len(every) == 1, self.rate_hz or RATE_HZ) for source in every)

    @property
    def has_recordings(self) -> bool:
        """Tell whether there are recordings: official copies and `.npz` files hold windows only."""
        return all(part.kind in ("embedded", "recordings") for part in self.parts)

    @property
    def described(self) -> list[tuple[str, LayoutRecordings]]:
        """The recordings, at 50 Hz, and facts of each data set that a layout describes, by its name."""
        parts = self.parts if self.rate_hz in (None, RATE_HZ) else DataReader(self.sources).parts
        return [(str(part.source), part.found) for part in parts if part.kind == "recordings"]

    @cached_property
    def recordings(self) -> tuple[Recording, ...]:
        """All recordings."""
        recordings_of_parts = [part.recordings for part in self.parts]
        return recordings_of_parts[0] if len(recordings_of_parts) == 1 else _joined_recordings(recordings_of_parts)

    def windows(self, window: Window | None = None) -> Dataset:
        """The windows of all, cut as `window` says. Raises `InputError` as `check` does."""
        self._check_labels()  # before files are read, which such a layout may not fit either
        data = self.found_windows(window)
        if len(self.parts) > 1 or self.has_recordings:  # windows may only be for calibration or evaluation
            self.check(data)
        return data

    def found_windows(self, window: Window | None = None) -> Dataset:
        """The windows that there are, even where these are too few to train on."""
        data_sets = [part.windows(window) for part in self.parts]
        return data_sets[0] if len(data_sets) == 1 else _joined(data_sets)

    def check(self, data: Dataset, tests: bool = True) -> None:
        """Raise `InputError` where `data`, the windows that there are, cannot be trained on and, if `tests`, tested."""
        self._check_labels()
        place, length = in_words(self.sources), f"{data.window.samples / FILTERS.rate_hz:g} s"
        if len(self.parts) == 1 and self.has_recordings:
            people = {*data.train.subject.tolist(), *data.test.subject.tolist()}
            if len(data.labels) < 2:
                lack = counted(len(data.labels), "label")
                raise InputError(f"the recordings in {place} have {lack}; at least 2 are needed")
            if len(people) < MIN_SUBJECTS:
                lack = f"{counted(len(people), 'subject')} with {length} of one label in one piece"
                raise InputError(f"{place} has {lack}, and needs {MIN_SUBJECTS}: add data, for example uci-har")
        counts = np.bincount(data.train.y, minlength=len(data.labels))
        if absent := [label for label, n in zip(data.labels, counts, strict=True) if not n]:
            in_a_row = self.has_recordings or len(self.parts) > 1
            lack = f"subject has {length} of '{absent[0]}' in a row" if in_a_row else f"window of '{absent[0]}'"
            raise InputError(f"{place}: no training {lack}: record more, or choose other test subjects")
        if tests and not len(data.test):
            raise InputError(f"{place} has no test subject: choose test subjects")

    def _check_labels(self) -> None:
        for x in (part.layout for part in self.parts if part.kind == "recordings"):
            if not (x.label_file or x.label or "label" in x.pattern.names):
                raise InputError(f"{x.source} reads no label: write {{label}} in files, label or [label_file]")

    def test_subjects(self, window: Window) -> list[int | str]:
        """The test subjects among the people of the recordings, for windows as `window` says."""
        if len(self.parts) == 1:
            return self.parts[0].test_subjects(window)
        before = prefixes([part.recordings[0].mounting.source for part in self.parts])
        people = zip(before, self.parts, strict=True)
        return [f"{prefix}{subject}" for prefix, part in people for subject in part.test_subjects(window)]


@dataclass(frozen=True)
class SourceReader:
    """One data set, which is `alone` or joined with others."""

    source: DataSource
    alone: bool
    rate_hz: float

    @cached_property
    def kind(self) -> str:
        """`embedded`, `official`, `windows` or `recordings`. Raises `InputError` when it is none of them."""
        path = self.source.path
        if path is None:
            return "embedded"
        if not path.exists():
            raise InputError(f"{path} does not exist; {_EXPECTED}")
        if self.source.layout:
            return "recordings"
        if path.suffix.lower() == ".npz" and path.is_file():
            return "windows"
        if path.suffix.lower() == ".csv" and path.is_file():
            return "recordings"
        if path.is_dir() or zip_archive.is_zip(path):
            if uci_har.is_official(path):
                return "official"
            if fits(path, self.layout):
                return "recordings"
        raise InputError(f"{path} holds neither recordings nor windows that har-edge knows; {_EXPECTED}")

    @cached_property
    def found(self) -> LayoutRecordings:
        """Recordings that a layout describes, with facts of their files."""
        assert self.source.path
        return read_recordings(self.source.path, self.layout, self.rate_hz)

    @cached_property
    def layout(self) -> Layout:
        """The layout of its recordings."""
        path = self.source.path
        return find_layout(self.source.layout or (path and exported_by(path)) or DEFAULT)

    @cached_property
    def recordings(self) -> tuple[Recording, ...]:
        """Its recordings. Raises `InputError` when it has windows only."""
        if self.kind == "embedded":
            return tuple(embedded_recordings.at_rate(x, self.rate_hz) for x in embedded_recordings.load())
        if self.kind == "recordings":
            return self.found.recordings
        raise InputError(f"{self.source} holds windows only, and this takes recordings: give CSV files")

    def windows(self, window: Window | None) -> Dataset:
        """Its windows."""
        path = self.source.path
        if self.kind == "windows" and path:
            return windows_file.read_windows(path)
        if self.kind == "official" and path:
            return uci_har.load_official(path)
        if path is None and window in (None, WINDOW):
            return uci_har.load()
        recordings, window = self.recordings, window or WINDOW
        return windowed(recordings[0].mounting.source, recordings, window, self.test_subjects(window))

    def test_subjects(self, window: Window) -> list[int | str]:
        """Its official test subjects, or every third who has windows; all where nobody has any.

        With very few people these are all; beside other data sets, nobody.
        """
        if self.source.path is None:
            return sorted(set(uci_har.load().test.subject.tolist()))
        with_windows = [recording for recording in self.recordings if recording.starts(window)]
        people = {recording.subject for recording in with_windows or self.recordings}
        return test_group(people) if self.alone or len(people) >= MIN_SUBJECTS else []


def check_unchanged(data: Dataset, chosen: Sources, card: Card) -> None:
    """Raise `InputError` unless the model of `card` was trained on the `data` of the sources as it is now."""
    if card.training_data.get("fingerprint") != data.as_for(card).fingerprint:
        options = " ".join(f"--data {x}" for x in chosen)
        raise InputError(f"'{card.name}' was not trained on {in_words(chosen)} as it is now: give {options} to take it")


def prefixes(names: Sequence[str]) -> list[str]:
    """The prefix of the subjects of each of the data sets with these names."""
    plain = [re.sub(r"[^\w.]+", "-", name.casefold()).strip("-") for name in names]
    return [f"{x}-{plain[:i].count(x) + 1}-" if x in plain[:i] else f"{x}-" for i, x in enumerate(plain)]


def windowed(name: str, recordings: Sequence[Recording], window: Window, tested: Collection[int | str]) -> Dataset:
    """Windows of recordings, each wholly inside one label's segment, with the signals that all recordings have."""
    labels = labels_in_order(label for recording in recordings for label in recording.classes)
    have_rotation = all(recording.has_gyroscope for recording in recordings)
    signals = tuple(signal for signal in SIGNALS if have_rotation or not signal.is_rotation)
    mountings = tuple(dict.fromkeys(recording.mounting for recording in recordings))
    number = {mounting: i for i, mounting in enumerate(mountings)}
    columns = [SIGNALS.index(signal) for signal in signals]

    def split(chosen: Sequence[Recording]) -> Split:
        X: list[npt.NDArray[np.floating]] = [np.empty((0, window.samples, len(columns)), np.float32)]
        y: list[npt.NDArray[np.uint8]] = [np.empty(0, np.uint8)]
        for recording in chosen:
            starts = recording.starts(window)
            values = frontend.signals(recording.samples, recording.begins_midway)[:, columns]
            X.append(cut(values, starts, window.samples).astype(np.float32))
            places = np.array([*map(labels.index, recording.classes), 0], np.uint8)
            y.append(places[recording.labels[starts]])
        counts = [len(x) for x in y[1:]]
        subject = np.repeat(np.array([x.subject for x in chosen] or [""])[: len(counts)], counts)
        mounting = np.repeat(np.array([number[x.mounting] for x in chosen], np.int32), counts)
        return Split(np.concatenate(X), np.concatenate(y), subject, mounting)

    train, test = (split([x for x in recordings if (x.subject in tested) == is_test]) for is_test in (False, True))
    return Dataset(name, labels, signals, window, train, test, FILTERS, mountings=mountings)


def _joined(parts: Sequence[Dataset]) -> Dataset:
    """One data set of several. Raises `InputError` when their windows differ in kind, and for too many labels."""
    first = parts[0]
    for x in parts[1:]:
        if (x.window, x.front_end) != (first.window, first.front_end) or first.front_end is None:
            raise InputError(
                f"'{first.name}' has windows of {first.window}, and '{x.name}' of {x.window}, or their filters differ: "
                "windows can be joined only if they are cut from recordings alike"
            )
    labels = _in_bounds(labels_in_order(label for part in parts for label in part.labels))
    names = [signal.name for signal in first.signals if all(signal in part.signals for part in parts)]
    trains, tests = list[Split](), list[Split]()
    mountings: list[Mounting] = []
    for part, prefix in zip(parts, prefixes([part.name for part in parts]), strict=True):
        chosen = part if len(names) == len(part.signals) else part.select(names)
        table = np.array([labels.index(label) for label in part.labels], np.uint8)
        for splits, split in ((trains, chosen.train), (tests, chosen.test)):
            assert split.mounting is not None
            subject = np.array([f"{prefix}{x}" for x in split.subject.tolist()], np.str_)
            splits.append(Split(split.X, table[split.y], subject, (split.mounting + len(mountings)).astype(np.int32)))
        mountings += part.mountings
    train, test = (reduce(Split.joined, splits) for splits in (trains, tests))
    bare = tuple(part.name for part in parts if not any(y.is_rotation for y in part.signals))
    return replace(
        first,
        name=" + ".join(part.name for part in parts),
        labels=labels,
        signals=tuple(signal for signal in first.signals if signal.name in names),
        train=train,
        test=test,
        mountings=tuple(mountings),
        without_rotation=bare if len(bare) < len(parts) else (),
    )


def _joined_recordings(parts: Sequence[Sequence[Recording]]) -> tuple[Recording, ...]:
    """Recordings of several data sets, whose labels index the same names. Raises `InputError` as `_joined` does."""
    every = [recording for part in parts for recording in part]
    classes = labels_in_order(label for recording in every for label in recording.classes)
    others = labels_in_order(name for recording in every for name in recording.label_names if name not in classes)
    names = _in_bounds((*classes, *others))
    joined = []
    for part, prefix in zip(parts, prefixes([part[0].mounting.source for part in parts]), strict=True):
        for x in part:
            subject = f"{prefix}{x.subject}"
            labels = np.array([*map(names.index, x.label_names), -1], np.int8)[x.labels]
            joined.append(replace(x, subject=subject, labels=labels, label_names=names, n_classes=len(classes)))
    return tuple(joined)


def _in_bounds(labels: tuple[str, ...]) -> tuple[str, ...]:
    if len(labels) > MAX_LABELS:
        raise InputError(f"together these data sets have {len(labels)} different labels; {MAX_LABELS} are the most")
    return labels
