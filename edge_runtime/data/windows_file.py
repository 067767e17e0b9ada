"""Read windows of any signals from an `.npz` file, as `numpy.savez` writes it.

=========  ==========================  ================================================================
member     shape                       content
=========  ==========================  ================================================================
X          [n, samples, channels]      the windows, numbers
y          [n]                         the class of each, whole numbers or text
subject    [n], may be absent          whose they are, whole numbers or text
split      [n], may be absent          0 or "train", 1 or "test"
labels     [classes], may be absent    the names of the classes 0, 1, ..., or all texts in y in their order
signals    [channels], may be absent   the names of the channels
units      [channels], may be absent   their units
rate       a number, may be absent     samples a second
hop        a number, may be absent     samples from one window of a recording to the next
=========  ==========================  ================================================================

X_train, y_train, X_test and y_test, with subject_train and subject_test, stand for X, y, subject and split. The file
may come from anywhere: nothing in it is run, and its sizes are limited.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import MAX_LABELS, Dataset, Split
from edge_runtime.data.labels import UCI_HAR, labels_in_order
from edge_runtime.data.subject_groups import blocks, last_third
from edge_runtime.errors import InputError
from edge_runtime.signals.normalisation import NO_CLIP
from edge_runtime.signals.types import UNKNOWN_UNIT, Signal, Window
from edge_runtime.system.npy_arrays import parse_npy
from edge_runtime.system.printable import quoted
from edge_runtime.system.zip_archive import MAX_MEMBER, Archive

_PARTS = ("train", "test")
_KINDS = {"X": "fiu", "y": "iuUS", "subject": "iuUS", "split": "biuUS", "labels": "US", "signals": "US", "units": "US"}
_KINDS |= {"rate": "fiu", "hop": "iu"}
"""Member -> NumPy's kinds that it may have."""
_MOST = {"samples": 1_000_000, "channels": 1000, "subjects": 1000, "rate": 1_000_000, "hop": 1_000_000}
_LONGEST_NAME = 100
_MAX_OTHER = 1 << 26  # bytes of a member that is not X

Array = npt.NDArray[Any]


def read_windows(path: Path) -> Dataset:
    """Read the file at `path`. Raises `InputError` that names the member which is missing or wrong."""
    try:
        members = _joined(_members(path))
        X, n = members["X"], len(members["X"])
        y, labels = _classes(_column("y", members, n), members.get("labels"))
        is_test = _is_test(_column("split", members, n)) if "split" in members else None
        has_people = "subject" in members
        subject = _subjects(_column("subject", members, n)) if has_people else blocks(y, is_test)
        if is_test is None:
            is_test = np.isin(subject, np.array(last_third(subject.tolist()), subject.dtype))
        if both := np.intersect1d(subject[is_test], subject[~is_test]).tolist():
            raise ValueError(f"subject {quoted(str(both[0]))} has windows in both parts: split by subject")
        names = [f"channel_{i + 1}" for i in range(X.shape[2])]
        names = _names("signals", members["signals"]) if "signals" in members else names
        units = [_text("units", x) for x in members["units"]] if "units" in members else [UNKNOWN_UNIT] * len(names)
        if not len(names) == len(units) == X.shape[2]:
            raise ValueError(f"X has {X.shape[2]} channels, signals {len(names)} and units {len(units)}: name each")
        rate, hop = (_number(name, members) for name in ("rate", "hop"))
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, which is refused next
        train, test = (Split(X[x].astype(np.float32), y[x], subject[x]) for x in (~is_test, is_test))
    for part, split in (("training", train), ("test", test)):
        bad = np.flatnonzero(~((split.X >= -NO_CLIP) & (split.X <= NO_CLIP)).all(axis=(1, 2)))
        if len(bad):
            raise InputError(
                f"{path}: windows of the {part} part, number {bad[0]} first of {len(bad)}, have values that are NaN, "
                f"infinite or beyond {NO_CLIP:g}: leave such windows out, or give a larger unit"
            )
    signals = tuple(Signal(name, unit or UNKNOWN_UNIT) for name, unit in zip(names, units, strict=True))
    window = Window(rate, X.shape[1], X.shape[1] if hop is None else int(hop))  # without a hop they are taken as apart
    return Dataset(path.stem, labels, signals, window, train, test, has_people=has_people)


def _members(path: Path) -> dict[str, Array]:
    """The arrays in the file by their names. Raises `ValueError`, as all that follow."""
    arrays: dict[str, Array] = {}
    with Archive(path, str(path)) as archive:
        for member in archive.names:
            name = member.removesuffix(".npy")
            base = name.removesuffix("_train").removesuffix("_test")
            known = base if base in ("X", "y", "subject") else name
            if known not in _KINDS or name == member or name in arrays:
                raise ValueError(f"it has the member {quoted(member)}; known, each once, are {', '.join(_KINDS)}")
            try:
                content = archive.read(member, MAX_MEMBER if known == "X" else _MAX_OTHER)
                arrays[name] = parse_npy(content, _KINDS[known])
            except ValueError as error:
                raise ValueError(f"{name} cannot be read ({error}); docs/formats.md says what it holds") from error
    return arrays


def _joined(members: dict[str, Array]) -> dict[str, Array]:
    """Put what there is one of for each part together, with the split; and check that there are windows."""
    by_part = [x for x in members if x.endswith(("_train", "_test"))]
    bases = {x.rpartition("_")[0] for x in by_part}
    if by_part:
        if len(by_part) != 2 * len(bases) or {*bases, "split"} & members.keys():
            raise ValueError(f"it has {', '.join(members)}: give each as _train and _test, or X, y and split")
        for base in bases:
            pair = [members.pop(f"{base}_{part}") for part in _PARTS]
            if len({x.dtype.kind in "US" for x in pair}) > 1 or len({x.shape[1:] for x in pair}) > 1:
                raise ValueError(f"{base}_train {pair[0].shape} and {base}_test {pair[1].shape} do not fit each other")
            lengths = [len(x) for x in pair]
            split = members.setdefault("split", np.repeat([0, 1], lengths))
            if np.bincount(split, minlength=2).tolist() != lengths:
                raise ValueError(f"{', '.join(sorted(by_part))} are of different lengths")
            whole = np.concatenate(pair)  # of numbers with and without a sign it makes floats
            members[base] = whole.astype(np.int64) if base != "X" and whole.dtype.kind == "f" else whole
    if missing := {"X", "y"} - members.keys():
        raise ValueError(f"it has no array {min(missing)}: windows are X [n, samples, channels], their classes y [n]")
    shape = members["X"].shape
    if len(shape) != 3 or 0 in shape or shape[1] > _MOST["samples"] or shape[2] > _MOST["channels"]:
        raise ValueError(f"X is {shape}: give [n, samples, channels], at most 1,000,000 samples of 1,000 channels")
    return members


def _column(name: str, members: Mapping[str, Array], n: int) -> Array:
    """The member `name` as `[n]`."""
    if members[name].shape not in ((n,), (n, 1)):
        raise ValueError(f"{name} is {members[name].shape}, and X has {n:,} windows: give one for each")
    return members[name].reshape(n)


def _classes(y: Array, named: Array | None) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    """The class of each window, and the labels."""
    labels = None if named is None else _names("labels", named)
    found, places = np.unique(y, return_inverse=True)
    if max(len(found), len(labels or ())) > MAX_LABELS:
        raise ValueError(f"it has more than {MAX_LABELS} classes: join some")
    if found.dtype.kind in "US":
        texts = _names("y", found)
        labels = labels or list(labels_in_order(texts) if set(texts) <= set(UCI_HAR) else texts)
        if absent := [x for x in texts if x not in labels]:
            raise ValueError(f"y has {quoted(absent[0])}, which is not among labels: name it there")
        classes = [labels.index(x) for x in texts]
    elif labels is None:
        labels, classes = [*map(str, found.tolist())], list(range(len(found)))
    else:
        classes = found.tolist()
        if classes[0] < 0 or classes[-1] >= len(labels):
            raise ValueError(f"y goes from {classes[0]} to {classes[-1]}, and labels has {len(labels)} names, of 0 on")
    if len(labels) < 2:
        raise ValueError(f"it has the one class {quoted(labels[0])}: at least two are needed")
    return np.array(classes, np.uint8)[places.reshape(-1)], tuple(labels)


def _is_test(split: Array) -> npt.NDArray[np.bool_]:
    of_test = np.zeros(len(split), np.bool_)
    for value in np.unique(split).tolist():
        text = _text("split", value) if isinstance(value, (str, bytes)) else int(value)
        if text not in (*_PARTS, 0, 1):
            raise ValueError(f"split has {quoted(str(text))}: 0 or 'train', 1 or 'test' are expected")
        of_test[split == value] = text in (1, "test")
    return of_test


def _subjects(subject: Array) -> Array:
    found, places = np.unique(subject, return_inverse=True)
    if len(found) > _MOST["subjects"]:
        raise ValueError(f"it names {len(found):,} subjects, of which {_MOST['subjects']:,} can be told apart")
    if found.dtype.kind in "US":
        return np.array(_names("subject", found))[places.reshape(-1)]
    return subject.astype(np.int64) if found.dtype != np.uint64 else subject


def _number(name: str, members: Mapping[str, Array]) -> float | None:
    if name not in members:
        return None
    given = members[name]
    if given.size != 1 or not 1e-3 <= (value := float(given.reshape(()))) <= _MOST[name]:
        raise ValueError(f"{name} is one number above 0 and at most {_MOST[name]:,}")
    return value


def _names(what: str, given: Array) -> list[str]:
    """The texts in `given`, a list without a name that is empty or there twice."""
    if given.ndim != 1 or len(given) > _MOST["channels"]:
        raise ValueError(f"{what} is {given.shape}, and a list of names is expected")
    names = [_text(what, x) for x in given.tolist()]
    if not all(names) or len(set(names)) < len(names):
        raise ValueError(f"{what} has an empty name, or one that stands twice: give each its own")
    return names


def _text(what: str, value: str | bytes) -> str:
    """`value` as printable text without blanks around it."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    if len(text) > _LONGEST_NAME or not text.isprintable():
        raise ValueError(f"{what} has {quoted(text, 20)}, which cannot be printed or is too long: give it another name")
    return text.strip()
