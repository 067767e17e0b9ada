"""Read windows of any signals from an `.npz` file, as `numpy.savez` writes it.

Members are X `[n, samples, channels]` and the classes y `[n]`; docs/formats.md has the others. The file may come from
anywhere: nothing in it is run, and its sizes are limited.
"""

import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import MAX_LABELS, Dataset, Split
from edge_runtime.data.names import UCI_HAR, blocks, labels_in_order, test_group
from edge_runtime.errors import InputError
from edge_runtime.signals.normalisation import NO_CLIP
from edge_runtime.signals.raw_signals import size_fault
from edge_runtime.signals.types import UNKNOWN_UNIT, Signal, Window
from edge_runtime.system.printable import printable, quoted
from edge_runtime.system.zip_archive import MAX_MEMBER, Archive

_KINDS = {"X": "fiu", "y": "iuUS", "subject": "iuUS", "split": "biu", "labels": "US", "signals": "US", "units": "US"}
_KINDS |= {"rate": "fiu", "hop": "iu", "name": "US"}
"""Member -> NumPy's kinds that it may have."""
_MOST_SAMPLES, _MOST_NAMES, _LONGEST_NAME = 1_000_000, 1000, 100
_MAX_OTHER = 1 << 26  # bytes of a member that is not X
# numpy.lib.format, versions 1 to 3: magic, version and the length of the header, then a dictionary of Python.
_HEADER = re.compile(
    rb"\x93NUMPY(?:\x01\x00..|[\x02\x03]\x00....)"
    rb"\{ *'descr': *'(?P<type>[<>|=]?[A-Za-z?][0-9]{0,9})', *'fortran_order': *(?P<order>True|False), *"
    rb"'shape': *\((?P<shape>[0-9, ]{0,100})\),? *\} *\n",
    re.DOTALL,
)
_LARGEST_ITEM = 1 << 20  # bytes

Array = npt.NDArray[Any]


def read_windows(path: Path) -> Dataset:
    """Read the file at `path`. Raises `InputError` that names the member which is missing or wrong."""
    try:
        members = _members(path)
        _check_windows(members)
        name = members.get("name", np.array(path.stem))
        if name.size != 1:
            raise ValueError("name is a list: give one text")
        return _dataset(printable(name.item(), _LONGEST_NAME), members)
    except ValueError as error:
        raise InputError(f"{path}: {error}") from error


def _dataset(name: str, members: Mapping[str, Array]) -> Dataset:
    """The data set. Raises `ValueError`, as all that follow."""
    n, _, n_channels = members["X"].shape
    with np.errstate(over="ignore"):  # a number too large for float32 becomes infinite
        X = members["X"].astype(np.float32, copy=False)
    is_good = (X.max(axis=(1, 2)) <= NO_CLIP) & (X.min(axis=(1, 2)) >= -NO_CLIP)  # False for NaN
    if len(bad := np.flatnonzero(~is_good)):
        raise ValueError(
            f"window {bad[0]}, the first of {len(bad)}, has values that are NaN, infinite or beyond {NO_CLIP:g}: leave "
            "out these windows, or use a larger unit"
        )
    y, labels = _classes(_column("y", members, n), members.get("labels"))
    is_test = _column("split", members, n) if "split" in members else None
    if is_test is not None and not np.isin(is_test, (0, 1)).all():
        raise ValueError("split has numbers other than 0 for training and 1 for test")
    is_test = None if is_test is None else is_test == 1
    has_people = "subject" in members
    subject = _column("subject", members, n) if has_people else blocks(y, is_test)
    if subject.dtype.kind in "US":
        subjects, places = np.unique(subject, return_inverse=True)
        subject = np.array(_names("subject", subjects))[places.reshape(-1)]
    elif subject.dtype != np.uint64:
        subject = subject.astype(np.int64)
    if is_test is None:
        is_test = np.isin(subject, np.array(test_group(subject.tolist()), subject.dtype))
    if both := np.intersect1d(subject[is_test], subject[~is_test]).tolist():
        raise ValueError(f"subject {quoted(str(both[0]))} has windows in both parts: split by subject")
    names = [f"channel_{i + 1}" for i in range(n_channels)]
    names = _names("signals", members["signals"]) if "signals" in members else names
    units = (
        [_text("units", member) for member in members["units"]] if "units" in members else [UNKNOWN_UNIT] * len(names)
    )
    if not len(names) == len(units) == n_channels:
        raise ValueError(f"X has {n_channels} channels, signals {len(names)} and units {len(units)}: name each")
    rate, hop = (_number(x, members) for x in ("rate", "hop"))
    train, test = (Split(X[x], y[x], subject[x]) for x in (~is_test, is_test))
    signals = tuple(Signal(name, unit or UNKNOWN_UNIT) for name, unit in zip(names, units, strict=True))
    if fault := size_fault(X, signals):
        raise ValueError(fault)
    window = Window(rate, X.shape[1], X.shape[1] if hop is None else int(hop))  # without a hop they do not overlap
    return Dataset(name, labels, signals, window, train, test, has_people=has_people)


def _members(path: Path) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    with Archive(path, str(path)) as archive:
        for member in archive.names:
            name = member.removesuffix(".npy")
            if name not in _KINDS or name == member or name in arrays:
                raise ValueError(f"it has the member {quoted(member)}; known, each once, are {', '.join(_KINDS)}")
            try:
                content = archive.read(member, MAX_MEMBER if name == "X" else _MAX_OTHER)
                arrays[name] = _parsed(content, _KINDS[name])
            except ValueError as error:
                raise ValueError(f"{name} cannot be read ({error}); docs/formats.md says what it holds") from error
    return arrays


def _parsed(content: bytes, kinds: str) -> Array:
    """The read-only array in a `.npy` file, whose header and shape `numpy.load` would trust.

    Raises `ValueError` for a wrong one, and for a type of none of NumPy's `kinds`: "iuf" are numbers, "U" is text.
    """
    header = _HEADER.match(content)
    if header is None:
        raise ValueError("it is not a plain NumPy array")
    try:
        dtype = np.dtype(header["type"].decode())
        shape = tuple(int(x) for x in header["shape"].decode().split(",") if x.strip())
    except (TypeError, ValueError):
        raise ValueError("its type or its shape is wrong") from None
    if dtype.kind not in kinds:
        raise ValueError(f"it holds {dtype.name}")
    size = math.prod((dtype.itemsize, *shape))
    if not 0 < dtype.itemsize <= _LARGEST_ITEM or size != len(content) - header.end():
        raise ValueError("its length does not match its shape")
    flat = np.frombuffer(content, dtype, offset=header.end()) if size else np.empty(0, dtype)
    # Python's own texts break on anything beyond.
    if dtype.kind == "U" and size and flat.view(f"{dtype.byteorder}u4").max() > sys.maxunicode:
        raise ValueError("it holds invalid characters")
    return flat.reshape(shape, order="F" if header["order"] == b"True" else "C")


def _check_windows(members: Mapping[str, Array]) -> None:
    if missing := {"X", "y"} - members.keys():
        raise ValueError(f"it has no array {min(missing)}: windows are X [n, samples, channels], their classes y [n]")
    shape = members["X"].shape
    is_large = max(shape, default=0) > _MOST_SAMPLES or 4 * members["X"].size > MAX_MEMBER
    if len(shape) != 3 or 0 in shape or is_large or shape[2] > _MOST_NAMES:
        limits = f"at most a million samples of {_MOST_NAMES:,} channels, and {MAX_MEMBER // 4:,} numbers"
        raise ValueError(f"X is {shape}: give [n, samples, channels], {limits}")
    if "signals" not in members and shape[2] > shape[1]:
        raise ValueError(
            f"X is {shape}, with more channels than samples: transpose [n, channels, samples], or name the signals"
        )


def _column(name: str, members: Mapping[str, Array], n: int) -> Array:
    if members[name].shape not in ((n,), (n, 1)):
        raise ValueError(f"{name} is {members[name].shape}, and X has {n:,} windows: give one for each")
    return members[name].reshape(n)


def _classes(y: Array, named: Array | None) -> tuple[npt.NDArray[np.uint8], tuple[str, ...]]:
    labels = None if named is None else _names("labels", named)
    distinct, places = np.unique(y, return_inverse=True)
    if max(len(distinct), len(labels or ())) > MAX_LABELS:
        raise ValueError(f"it has more than {MAX_LABELS} classes: join some")
    if distinct.dtype.kind in "US":
        texts = _names("y", distinct)
        labels = labels or list(labels_in_order(texts) if set(texts) <= set(UCI_HAR) else texts)
        if absent := [text for text in texts if text not in labels]:
            raise ValueError(f"y has {quoted(absent[0])}, which is not among labels: name it there")
        classes = [labels.index(text) for text in texts]
    elif labels is None:
        labels, classes = [*map(str, distinct.tolist())], list(range(len(distinct)))
    else:
        classes = distinct.tolist()
        if classes[0] < 0 or classes[-1] >= len(labels):
            raise ValueError(f"y goes from {classes[0]} to {classes[-1]}, and labels has {len(labels)} names, of 0 on")
    if len(labels) < 2:
        raise ValueError(f"it has the one class {quoted(labels[0])}: at least two are needed")
    return np.array(classes, np.uint8)[places.reshape(-1)], tuple(labels)


def _number(name: str, members: Mapping[str, Array]) -> float | None:
    number = members.get(name)
    if number is not None and (number.size != 1 or not 1e-3 <= number.reshape(()) <= 1e6):
        raise ValueError(f"{name} is not one number above 0 and at most a million")
    return None if number is None else float(number.reshape(()))


def _names(what: str, given: Array) -> list[str]:
    """The texts in the list `given`, none of them empty or there twice."""
    if given.ndim != 1 or len(given) > _MOST_NAMES:
        raise ValueError(f"{what} is {given.shape}, and a list of at most {_MOST_NAMES} names is expected")
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
