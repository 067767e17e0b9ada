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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import MAX_LABELS, Dataset, Split
from edge_runtime.data.subject_groups import blocks, last_third
from edge_runtime.data.uci_har import LABELS
from edge_runtime.errors import InputError
from edge_runtime.signals.normalisation import NO_CLIP
from edge_runtime.signals.types import UNKNOWN_UNIT, Signal, Window
from edge_runtime.system.npy_arrays import parse_npy
from edge_runtime.system.printable import quoted
from edge_runtime.system.quantities import counted
from edge_runtime.system.zip_archive import MAX_MEMBER, Archive

PARTS = ("train", "test")
_NAMES = ("US", "names as text")
_MEMBERS = {
    "X": ("fiu", "numbers [n, samples, channels]"),
    "y": ("iuUS", "whole numbers or text, one for each window (of floats y.astype(int)),"),
    "subject": ("iuUS", "whole numbers or text, one for each window,"),
    "split": ("biuUS", "0 and 1, or 'train' and 'test', one for each window,"),
    "labels": _NAMES,
    "signals": _NAMES,
    "units": _NAMES,
    "rate": ("fiu", "samples a second, one number,"),
    "hop": ("iu", "samples from one window to the next, one number,"),
}
"""Member -> NumPy's kinds that it may have, and what is expected there in words."""
_BY_PART = ("X", "y", "subject")  # members that there may be one of for each part
_MAX_SAMPLES, _MAX_CHANNELS, _MAX_SUBJECTS = 1_000_000, 1000, 1000  # what a card has room for
_MAX_RATE_HZ = 1e6
_LONGEST_NAME = 100
_MAX_OTHER = 1 << 26  # bytes of a member that is not X

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class WindowsFile:
    """The windows of the file at `path`, of which `check` tells whether their values can be used.

    `absent` are the members that the file does not have.
    """

    path: Path
    data: Dataset
    absent: tuple[str, ...]

    def check(self) -> None:
        """Raise `InputError` for values that are not finite or too large."""
        for part, split in (("training", self.data.train), ("test", self.data.test)):
            bad = np.flatnonzero(~((split.X >= -NO_CLIP) & (split.X <= NO_CLIP)).all(axis=(1, 2)))
            if len(bad):
                raise InputError(
                    f"{self.path}: {counted(len(bad), 'window')} of the {part} part, number {bad[0]} first, "
                    f"{'has' if len(bad) == 1 else 'have'} values that are NaN, infinite or beyond {NO_CLIP:g}: "
                    "leave such windows out, or give a larger unit"
                )


def load(path: Path) -> Dataset:
    """The windows in the file at `path`; errors as of `read` and `WindowsFile.check`."""
    found = read(path)
    found.check()
    return found.data


def read(path: Path) -> WindowsFile:
    """Read the file at `path`. Raises `InputError` that names the member which is missing or wrong."""
    members = _joined(_members(path), path)
    for name in ("X", "y"):
        if name not in members:
            raise InputError(
                f"{path} has no array {name}: windows are X [n, samples, channels] with the class of each in y [n]"
            )
    X = members["X"]
    _check_shape(X, path)
    y, labels = _classes(_column("y", members, len(X), path), members.get("labels"), path)
    is_test = _is_test(_column("split", members, len(X), path), path) if "split" in members else None
    has_people = "subject" in members
    subject = _subjects(_column("subject", members, len(X), path), path) if has_people else blocks(y, is_test)
    if is_test is None:
        is_test = np.isin(subject, np.array(last_third(subject.tolist()), subject.dtype))
    _check_parts(subject, is_test, path)
    with np.errstate(over="ignore"):  # what is too large for float32 becomes infinite, which `check` finds
        train, test = (Split(X[x].astype(np.float32), y[x], subject[x]) for x in (~is_test, is_test))
    signals, window = _signals(members, X.shape[2], path), _window(members, X, path)
    data = Dataset(path.stem, labels, signals, window, train, test, has_people=has_people)
    return WindowsFile(path, data, tuple(x for x in _MEMBERS if x not in members))


def _members(path: Path) -> dict[str, Array]:
    """The arrays in the file by their names."""
    arrays: dict[str, Array] = {}
    with Archive(path, str(path)) as archive:
        for member in archive.names:
            name = member.removesuffix(".npy")
            base = name.removesuffix("_train").removesuffix("_test")
            known = base if name == base or base in _BY_PART else ""
            if known not in _MEMBERS or name == member:
                raise InputError(
                    f"{path} has the member {quoted(member)}, which is none of {', '.join(_MEMBERS)}: rename it, or "
                    "leave it out"
                )
            if name in arrays:
                raise InputError(f"{path} has the array {name} twice: save it again")
            kinds, expected = _MEMBERS[known]
            try:
                arrays[name] = parse_npy(archive.read(member, MAX_MEMBER if known == "X" else _MAX_OTHER), kinds)
            except ValueError as error:
                raise InputError(f"{path}: {name} cannot be read ({error}): {expected} are expected") from error
    return arrays


def _joined(members: Mapping[str, Array], path: Path) -> dict[str, Array]:
    """Put what there is one of for each part together, with the split."""
    by_part = [x for x in members if x.endswith(("_train", "_test"))]
    if not by_part:
        return dict(members)
    joined = {name: x for name, x in members.items() if name not in by_part}
    for name in _BY_PART:
        given = [part for part in PARTS if f"{name}_{part}" in members]
        if name == "subject" and not given:
            continue
        if len(given) < 2 or name in joined or "split" in joined:
            raise InputError(f"{path} has {', '.join(members)}: give {name}_train and {name}_test, or X, y and split")
        both = [members[f"{name}_{part}"] for part in PARTS]
        fits = all(x.shape[:1] == members[f"X_{part}"].shape[:1] != () for x, part in zip(both, PARTS, strict=True))
        kinds = {x.dtype.kind if x.dtype.kind in "US" else "" for x in both}
        if not fits or len({x.shape[1:] for x in both}) > 1 or len(kinds) > 1:
            raise InputError(
                f"{path}: {name}_train {_shape(both[0])} and {name}_test {_shape(both[1])} do not fit each other or X"
            )
        joined[name] = np.concatenate(both)
        if name != "X" and joined[name].dtype.kind == "f":  # of numbers with and without a sign
            joined[name] = joined[name].astype(np.int64)
    joined["split"] = np.repeat([0, 1], [len(members[f"X_{part}"]) for part in PARTS])
    return joined


def _check_shape(X: Array, path: Path) -> None:
    if X.ndim != 3:
        advice = "; of one channel it is X[..., np.newaxis]" if X.ndim == 2 else ""
        raise InputError(f"{path}: X has the shape {_shape(X)}, and [n, samples, channels] is expected{advice}")
    n, samples, channels = X.shape
    if not n:
        raise InputError(f"{path} has no windows: X is {_shape(X)}")
    if not (1 <= samples <= _MAX_SAMPLES and 1 <= channels <= _MAX_CHANNELS):
        raise InputError(
            f"{path}: X has {samples:,} samples of {channels:,} channels; 1 to {_MAX_SAMPLES:,} of 1 to "
            f"{_MAX_CHANNELS:,} are taken, in this order"
        )


def _column(name: str, members: Mapping[str, Array], n: int, path: Path) -> Array:
    """The member `name` as `[n]`."""
    values = members[name]
    if values.shape not in ((n,), (n, 1)):
        advice = "; of one-hot rows take y.argmax(axis=1)" if name == "y" and values.ndim == 2 else ""
        raise InputError(f"{path}: {name} has the shape {_shape(values)}, and X has {n:,} windows{advice}")
    return values.reshape(n)


def _classes(y: Array, named: Array | None, path: Path) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    """The class of each window, and the labels."""
    labels = None if named is None else _names("labels", named, path)
    found, places = np.unique(y, return_inverse=True)
    if len(found) > MAX_LABELS or (labels and len(labels) > MAX_LABELS):
        raise InputError(f"{path} has more than {MAX_LABELS} classes: join some")
    if found.dtype.kind in "US":
        texts = _names("y", found, path)
        if labels is None:
            labels = tuple(x for x in LABELS if x in texts) if set(texts) <= set(LABELS) else texts
        absent = [x for x in texts if x not in labels]
        if absent:
            raise InputError(f"{path}: y has {quoted(absent[0])}, which is not among labels: name it there")
        classes = [labels.index(x) for x in texts]
    elif labels is None:
        labels, classes = tuple(map(str, found.tolist())), list(range(len(found)))
    else:
        classes = found.tolist()
        if classes[0] < 0 or classes[-1] >= len(labels):
            raise InputError(
                f"{path}: y goes from {classes[0]} to {classes[-1]}, and labels has {len(labels)} names, which are "
                f"those of 0 to {len(labels) - 1}"
            )
    if len(labels) < 2:
        raise InputError(f"{path} has the one class {quoted(labels[0])}: at least two are needed")
    return np.array(classes, np.uint8)[places.reshape(-1)], labels


def _is_test(split: Array, path: Path) -> npt.NDArray[np.bool_]:
    of_test = np.zeros(len(split), np.bool_)
    for value in _listed("split", np.unique(split), path):
        text = _text(value, "split", path) if isinstance(value, (str, bytes)) else int(value)
        if text not in (*PARTS, 0, 1):
            raise InputError(f"{path}: split has {quoted(str(text))}: 0 or 'train', 1 or 'test' are expected")
        of_test[split == value] = text in (1, "test")
    return of_test


def _subjects(subject: Array, path: Path) -> Array:
    found, places = np.unique(subject, return_inverse=True)
    if len(found) > _MAX_SUBJECTS:
        raise InputError(
            f"{path} names {len(found):,} subjects, and {_MAX_SUBJECTS:,} can be told apart: put several into one"
        )
    if found.dtype.kind not in "US":
        return subject.astype(np.int64) if found.dtype != np.uint64 else subject
    return np.array(_names("subject", found, path))[places.reshape(-1)]


def _check_parts(subject: Array, is_test: npt.NDArray[np.bool_], path: Path) -> None:
    both = np.intersect1d(subject[is_test], subject[~is_test])
    if len(both):
        raise InputError(
            f"{path}: subject {quoted(str(both[0]))} has windows in both parts of split, so that the test would be of "
            "people who are known: split by subject, or leave subject out"
        )


def _signals(members: Mapping[str, Array], n: int, path: Path) -> tuple[Signal, ...]:
    names = [f"channel_{i + 1}" for i in range(n)]
    units: Sequence[str] = [UNKNOWN_UNIT] * n
    if "signals" in members:
        names = list(_names("signals", members["signals"], path))
    if "units" in members:
        units = [_text(x, "units", path) or UNKNOWN_UNIT for x in _listed("units", members["units"], path)]
    for what, given in (("signals", names), ("units", units)):
        if len(given) != n:
            raise InputError(f"{path}: {what} has {len(given)} names, and X has {n} channels: name each")
    return tuple(map(Signal, names, units))


def _window(members: Mapping[str, Array], X: Array, path: Path) -> Window:
    """The window; without a hop, windows are taken as apart from each other."""
    rate, hop = _number("rate", members, _MAX_RATE_HZ, path), _number("hop", members, _MAX_SAMPLES, path)
    samples = X.shape[1]
    return Window(rate, samples, samples if hop is None else int(hop))


def _number(name: str, members: Mapping[str, Array], at_most: float, path: Path) -> float | None:
    if name not in members:
        return None
    given = members[name]
    if given.size != 1 or not 1e-3 <= (value := float(given.reshape(()))) <= at_most:
        raise InputError(f"{path}: {name} is {_MEMBERS[name][1]} above 0 and at most {at_most:,.0f}")
    return value


def _names(what: str, given: Array, path: Path) -> tuple[str, ...]:
    """The texts in `given`, a list without a name that is empty, too long, not printable or there twice."""
    names = tuple(_text(x, what, path) for x in _listed(what, given, path))
    if not all(names):
        raise InputError(f"{path}: {what} has a name without a character: give each its own name")
    twice = next((x for x in names if names.count(x) > 1), None)
    if twice:
        raise InputError(f"{path}: {what} has {quoted(twice)} twice: give each its own name")
    return names


def _listed(what: str, given: Array, path: Path) -> list[Any]:
    if given.ndim != 1 or len(given) > _MAX_CHANNELS:
        raise InputError(f"{path}: {what} has the shape {_shape(given)}, and a list of names is expected")
    names: list[Any] = given.tolist()
    return names


def _text(value: str | bytes, what: str, path: Path) -> str:
    """`value` as printable text without blanks around it."""
    text = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else value
    if len(text) > _LONGEST_NAME:
        raise InputError(f"{path}: {what} has {quoted(text, 20)}, and {_LONGEST_NAME} characters are the longest name")
    if not text.isprintable():
        raise InputError(f"{path}: {what} has {quoted(text)}, which cannot be printed: give it another name")
    return text.strip()


def _shape(array: Array) -> str:
    return f"[{', '.join(map(str, array.shape))}]"
