"""Load data sets or their recordings: the embedded ones, official copies, files that a layout describes.

Of several the signals are those that all have, the labels those of any, and subjects are named after their data set.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, reduce

import numpy as np

from edge_runtime.data import uci_har, windows, windows_file
from edge_runtime.data.data_sources import DataSource, Given, Sources, in_words, sources
from edge_runtime.data.dataset import MAX_LABELS, WINDOW, Dataset, Mounting, Recording, Split
from edge_runtime.data.labels import labels_in_order
from edge_runtime.data.layout import DEFAULT, Layout, find_layout
from edge_runtime.data.recordings import FoundRecordings, fits, read_recordings
from edge_runtime.data.subject_groups import MIN_SUBJECTS, last_third, natural_order
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card
from edge_runtime.signals.types import Window
from edge_runtime.system import zip_archive
from edge_runtime.system.quantities import counted

_EXPECTED = (
    "give the folder or zip of the official 'UCI HAR Dataset', a folder or zip of CSV recordings with the columns "
    "timestamp, ax, ay, az, gx, gy, gz, label, subject, LAYOUT=PATH for others (docs/data.md), or an .npz "
    "file of windows with the arrays X and y"
)


def load_data(data: Given = None, window: Window | None = None) -> Dataset:
    """The data set that `data` names, or several as one; None is the embedded UCI HAR data.

    `data` is a path, `uci-har`, `LAYOUT=PATH` (see `edge_runtime.data.layout`), or a list of these. A path may be the
    official 'UCI HAR Dataset' as a folder or zip (the zip inside a zip too), a folder or zip of CSV recordings, or an
    `.npz` file of windows of any signals (see `edge_runtime.data.windows_file`). Recordings are cut into windows of
    128 samples every 64, or as `window` says; windows that somebody has cut stay as they are.

    The test part are the official test subjects of UCI HAR, and the last third of others, in natural order of their
    names (s2 before s10). Raises `InputError` when there is no such data, or it is damaged.
    """
    return DataReader(sources(data)).windows(window)


def load_recordings(data: Given = None) -> tuple[Recording, ...]:
    """The continuous recordings that `data` names; None is the embedded ones.

    Raises `InputError` for an official copy of UCI HAR and for a file of windows, and as `load_data` does.
    """
    return DataReader(sources(data)).recordings


@dataclass(frozen=True)
class DataReader:
    """Data sets that are taken together; every file is read once."""

    sources: Sources

    @cached_property
    def parts(self) -> "tuple[SourceReader, ...]":
        """Each of the data sets."""
        return tuple(map(SourceReader, self.sources or (DataSource(),)))

    @property
    def has_recordings(self) -> bool:
        """Tell whether there are recordings: official copies and `.npz` files hold windows only."""
        return all(x.kind in ("embedded", "recordings") for x in self.parts)

    @property
    def is_windows_file(self) -> bool:
        """Tell whether it is one file of windows."""
        return [x.kind for x in self.parts] == ["windows"]

    @property
    def described(self) -> list[tuple[str, FoundRecordings]]:
        """What was found in each data set that a layout describes, by its name in words."""
        return [(str(x.source), x.found) for x in self.parts if x.kind == "recordings"]

    @cached_property
    def recordings(self) -> tuple[Recording, ...]:
        """All recordings."""
        found = [x.recordings for x in self.parts]
        return found[0] if len(found) == 1 else _joined_recordings(found)

    def windows(self, window: Window | None = None) -> Dataset:
        """The windows of all, cut as `window` says. Raises `InputError` as `check` does."""
        self._check_labels()  # before files are read, which such a layout may not fit either
        data = self.found_windows(window)
        self.check(data)
        return data

    def found_windows(self, window: Window | None = None) -> Dataset:
        """The windows that there are, even where these are too few to train on."""
        if len(self.parts) == 1:
            return self.parts[0].windows(window, alone=True)
        _check_classes([x.recordings for x in self.parts if x.kind in ("embedded", "recordings")])
        return _joined([x.windows(window, alone=False) for x in self.parts])

    def windows_to_score(self, window: Window | None = None) -> Dataset:
        """The windows that there are, to score models on: of however few people and labels, nothing is trained.

        Raises `InputError` when there is none, and for a layout that reads no labels.
        """
        self._check_labels()
        data = self.found_windows(window)
        if not len(data.train) + len(data.test):
            raise InputError(
                f"{in_words(self.sources)}: nobody has {windows.in_seconds(data.window)} of one label in one "
                "piece; record more, or fill the column label"
            )
        return data

    def check(self, data: Dataset) -> None:
        """Raise `InputError` where `data`, the windows that there are, cannot be trained on and tested."""
        self._check_labels()
        if len(self.parts) == 1:
            self.parts[0].check(data)
        else:
            windows.check_classes(data, in_words(self.sources), ["nobody is kept"])

    def _check_labels(self) -> None:
        for x in self.parts:
            x.check_labels()

    @property
    def test_subjects(self) -> list[int | str]:
        """Who is kept for the test, among the people of the recordings; all, where a training needs more people."""
        if len(self.parts) == 1:
            return self.parts[0].test_subjects(alone=True)
        before = prefixes([x.recordings[0].mounting.source for x in self.parts])
        people = zip(before, self.parts, strict=True)
        return [f"{prefix}{x}" for prefix, part in people for x in part.test_subjects(alone=False)]


@dataclass(frozen=True)
class SourceReader:
    """One data set."""

    source: DataSource

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
        if path.is_dir() or zip_archive.is_zip(path):
            if uci_har.is_official(path):
                return "official"
            if fits(path, find_layout(DEFAULT)):
                return "recordings"
        raise InputError(f"{path} holds no recordings, nor windows, that har-edge knows; {_EXPECTED}")

    @cached_property
    def found(self) -> FoundRecordings:
        """Recordings that a layout describes, with facts of their files."""
        path = self.source.path
        assert path
        return read_recordings(path, self.layout)

    @cached_property
    def layout(self) -> Layout:
        """How its recordings are read."""
        return find_layout(self.source.layout or DEFAULT)

    @cached_property
    def recordings(self) -> tuple[Recording, ...]:
        """Its recordings. Raises `InputError` when it has windows only."""
        if self.kind == "embedded":
            return uci_har.recordings()
        if self.kind == "recordings":
            return self.found.recordings
        raise InputError(f"{self.source} holds windows only, and this takes recordings: give a folder of CSV files")

    def windows(self, window: Window | None, alone: bool) -> Dataset:
        """Its windows, which are `alone` or joined with others': then a few people may all be learnt from."""
        path = self.source.path
        if self.kind == "windows" and path:
            return windows_file.read_windows(path)
        if self.kind == "official" and path:
            return uci_har.load_official(path)
        if path is None and window in (None, WINDOW):
            return uci_har.load()
        found = self.recordings
        return windows.windowed(found[0].mounting.source, found, window or WINDOW, self.test_subjects(alone))

    def check_labels(self) -> None:
        """Raise `InputError` for a layout that reads no labels."""
        if self.kind == "recordings" and not self.layout.reads_labels:
            raise InputError(
                f"{self.layout.source}: no label is read: write {{label}} in files, label = {{ column = 5 }}, or "
                "[label_file] for labels in files of their own"
            )

    def test_subjects(self, alone: bool) -> list[int | str]:
        """Its official test subjects, or the last third; of very few people all, or nobody beside other data sets."""
        if self.source.path is None:
            return sorted(set(uci_har.load().test.subject.tolist()))
        people = self._people
        return last_third(people) if alone or len(people) >= MIN_SUBJECTS else []

    @property
    def _people(self) -> list[int | str]:
        """Those with labels in their recordings; all, where nobody has any."""
        labelled = natural_order(x.subject for x in self.recordings if (x.labels >= 0).any())
        return labelled or natural_order(x.subject for x in self.recordings)

    def check(self, data: Dataset) -> None:
        """Raise `InputError` where `data`, the windows of its recordings alone, are of too few people or labels."""
        if self.kind in ("windows", "official"):
            return
        people = self._people
        n_classes = len({x for recording in self.recordings for x in recording.classes})
        if n_classes < 2:
            raise InputError(f"the recordings in {self.source} have {n_classes} labels; at least 2 are needed")
        if len(people) < MIN_SUBJECTS:
            raise InputError(
                f"{self.source} has recordings of {counted(len(people), 'subject')}; at least {MIN_SUBJECTS} are "
                "needed, a third of them for the test: record more, or add another data set, such as --data uci-har"
            )
        windows.check_classes(data, str(self.source), self.test_subjects(alone=True))


def check_unchanged(data: Dataset, chosen: Sources, card: Card) -> None:
    """Raise `InputError` unless, by its `card`, a model was trained on the `data` of the sources as it is now."""
    record = card.training.get("data")
    remembered = record.get("fingerprint") if isinstance(record, dict) else None
    if remembered != data.as_for(card).fingerprint:
        given = " ".join(f"--data {x}" for x in chosen)
        raise InputError(
            f"by its card, '{card.name}' was not trained on the data at {in_words(chosen)} as it is now: give {given} "
            "to take it all the same"
        )


def prefixes(names: Sequence[str]) -> list[str]:
    """What stands before the subjects of data sets with these names, each its own."""
    plain = [re.sub(r"[^\w.]+", "-", x.casefold()).strip("-") for x in names]
    return [f"{x}-{plain[:i].count(x) + 1}-" if x in plain[:i] else f"{x}-" for i, x in enumerate(plain)]


def _joined(parts: Sequence[Dataset]) -> Dataset:
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
    labels = _in_bounds(labels_in_order(x for part in parts for x in part.labels))
    names = [x.name for x in first.signals if all(x in part.signals for part in parts)]
    trains: list[Split] = []
    tests: list[Split] = []
    mountings: list[Mounting] = []
    for part, prefix in zip(parts, prefixes([x.name for x in parts]), strict=True):
        chosen = part if len(names) == len(part.signals) else part.select(names)
        table = np.array([labels.index(x) for x in part.labels], np.uint8)
        for splits, split in ((trains, chosen.train), (tests, chosen.test)):
            assert split.mounting is not None
            subject = np.array([f"{prefix}{x}" for x in split.subject.tolist()], np.str_)
            splits.append(Split(split.X, table[split.y], subject, (split.mounting + len(mountings)).astype(np.int32)))
        mountings += part.mountings
    train, test = (reduce(Split.joined, splits) for splits in (trains, tests))
    bare = tuple(x.name for x in parts if not any(y.is_rotation for y in x.signals))
    return replace(
        first,
        name=" + ".join(x.name for x in parts),
        labels=labels,
        signals=tuple(x for x in first.signals if x.name in names),
        train=train,
        test=test,
        mountings=tuple(mountings),
        without_rotation=bare if len(bare) < len(parts) else (),
    )


def _joined_recordings(parts: Sequence[Sequence[Recording]]) -> tuple[Recording, ...]:
    """Recordings of several data sets, whose labels count in the same names. Raises `InputError` as `_joined` does."""
    _check_classes(parts)
    every = [x for part in parts for x in part]
    classes = labels_in_order(x for recording in every for x in recording.classes)
    others = labels_in_order(x for recording in every for x in recording.label_names if x not in classes)
    names = _in_bounds((*classes, *others))
    found = []
    for part, prefix in zip(parts, prefixes([part[0].mounting.source for part in parts]), strict=True):
        for x in part:
            labels = np.array([*map(names.index, x.label_names), -1], np.int8)[x.labels]
            x = replace(x, subject=f"{prefix}{x.subject}", labels=labels, label_names=names)
            found.append(replace(x, n_classes=len(classes)))
    return tuple(found)


def _check_classes(parts: Sequence[Sequence[Recording]]) -> None:
    """Raise `InputError` for a label that is a class in some of the data sets, and no class in another."""
    classes = {name: part[0] for part in parts for x in part for name in x.classes}
    for part in parts:
        for name in part[0].label_names:
            if name in classes and name not in part[0].classes:
                raise InputError(
                    f"'{name}' is a class of '{classes[name].mounting.source}', and of '{part[0].mounting.source}' it "
                    "is none: give it another name under [other_labels] of the one layout, or put it under [labels]"
                )


def _in_bounds(labels: tuple[str, ...]) -> tuple[str, ...]:
    """The `labels`. Raises `InputError` for more than can be told apart."""
    if len(labels) > MAX_LABELS:
        raise InputError(f"together these data sets have {len(labels)} different labels; {MAX_LABELS} are the most")
    return labels
