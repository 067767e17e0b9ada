"""A user's own recordings: a folder of CSV files, each one continuous recording of one subject.

The header names the columns, in any order, with their units; other columns are ignored::

    timestamp[ms],ax[m/s^2],ay[m/s^2],az[m/s^2],gx[deg/s],gy[deg/s],gz[deg/s],label,subject

Samples are brought to 50 Hz as a live stream is, by linear interpolation between timestamps, with a low-pass where
they come clearly faster (`edge_runtime.signals.resampling`). Then they are treated as UCI HAR was: the same front end,
windows of 128 samples every 64, each wholly inside one label's segment. Rows with an empty label feed the filters and
give no windows. Where samples are missing for more than 0.25 s, a new recording begins.

The last third of the subjects, in natural order of their names (s2 before s10), is the test part.
"""

import csv
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np
import numpy.typing as npt

from edge_runtime.data import uci_har
from edge_runtime.data.dataset import WINDOW, Dataset, Recording, Split, cut
from edge_runtime.errors import InputError
from edge_runtime.signals import frontend
from edge_runtime.signals.frontend import RATE_HZ, SIGNALS
from edge_runtime.signals.resampling import MAX_GAP_S, resampled

MIN_STEP_S = 0.001
MIN_SUBJECTS = 3
# Several times what sensors that a person can wear measure: more is a wrong unit, or no measurement.
MAX_ACCELERATION_G = 100.0
MAX_ROTATION_RAD_S = 200.0

_TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_ACCELERATION_UNITS = {"g": 1.0, "m/s^2": 1 / 9.80665}
_ROTATION_UNITS = {"rad/s": 1.0, "deg/s": np.pi / 180}
_UNITS = (
    {"timestamp": _TIME_UNITS}
    | dict.fromkeys(("ax", "ay", "az"), _ACCELERATION_UNITS)
    | dict.fromkeys(("gx", "gy", "gz"), _ROTATION_UNITS)
)
_LIMITS = np.array([MAX_ACCELERATION_G] * 3 + [MAX_ROTATION_RAD_S] * 3)
_TEXT_COLUMNS = ("label", "subject")
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # a label is one line of labels.txt, and shown on terminals
_HEADER_CELL = re.compile(r"\s*([^\[\]]*?)\s*(?:\[\s*(.*?)\s*\])?\s*")
_MAX_LABELS = 127  # int8, as in `Recording`


@dataclass(frozen=True)
class _Column:
    name: str
    unit: str
    index: int
    factor: float


@dataclass(frozen=True)
class _Table:
    """One file: seconds `[n]`, samples `[n, 6]` in g and rad/s, a label a row ('' is none)."""

    path: Path
    subject: str
    seconds: npt.NDArray[np.float64]
    samples: npt.NDArray[np.float64]
    labels: list[str]


def files_in(folder: Path) -> list[Path]:
    """The CSV files in `folder`, in natural order."""
    return sorted((x for x in folder.glob("*") if x.suffix.lower() == ".csv" and x.is_file()), key=_natural_path)


def recordings(folder: Path) -> tuple[Recording, ...]:
    """The recordings in `folder` at 50 Hz, split where samples are missing.

    Raises `InputError` naming the file and the line, also for values beyond `MAX_ACCELERATION_G` and
    `MAX_ROTATION_RAD_S`.
    """
    tables = [_read(path) for path in files_in(folder)]
    if not tables:
        raise InputError(f"{folder} has no CSV files; one for each recording is expected there")
    names = _label_names({x for table in tables for x in table.labels if x}, folder)
    return tuple(recording for table in tables for recording in _resample(table, names))


def load(folder: Path) -> Dataset:
    """Windows of the recordings in `folder`, with the classes that its labels name.

    Classes are in alphabetical order, or in that of UCI HAR when all of them are its names. Raises `InputError` for
    files that cannot be read as they are, fewer than three subjects, and classes without a window to learn from.
    """
    found = recordings(folder)
    subjects = _subjects(found)
    if len(subjects) < MIN_SUBJECTS:
        raise InputError(
            f"{folder} has recordings of {len(subjects)} subject{'s' * (len(subjects) != 1)}; "
            f"at least {MIN_SUBJECTS} are needed, since a third of them are kept for the test"
        )
    n_test = len(subjects) // 3
    train, test = (
        _windows([x for x in found if x.subject in chosen]) for chosen in (subjects[:-n_test], test_subjects(found))
    )
    labels = found[0].label_names
    length = f"{WINDOW.samples / WINDOW.rate_hz:g} s"
    for number, count in enumerate(np.bincount(train.y, minlength=len(labels))):
        if not count:
            raise InputError(
                f"{folder}: no training subject ({', '.join(subjects[:-n_test])}) has {length} of '{labels[number]}' "
                "in one piece; record more of it, or leave that label empty"
            )
    if not len(test):
        raise InputError(
            f"{folder}: no test subject ({', '.join(subjects[-n_test:])}) has {length} of one label in one piece; "
            "record more"
        )
    return Dataset(folder.resolve().name, labels, SIGNALS, WINDOW, train, test)


def test_subjects(found: Sequence[Recording]) -> list[str]:
    """The last third of the people in `found`; all of them where they are fewer than a training needs."""
    subjects = _subjects(found)
    return subjects if len(subjects) < MIN_SUBJECTS else subjects[-(len(subjects) // 3) :]


def as_test(folder: Path, chosen: Sequence[Recording]) -> Dataset:
    """Windows of `chosen` recordings in `folder`, all of them in the test part.

    Raises `InputError` when none is long enough.
    """
    test = _windows(chosen)
    if not len(test):
        people = ", ".join(_subjects(chosen))
        length = f"{WINDOW.samples / WINDOW.rate_hz:g} s"
        raise InputError(f"{folder}: nobody of {people} has {length} of one label in one piece; record more")
    nobody = Split(test.X[:0], test.y[:0], test.subject[:0])
    return Dataset(folder.resolve().name, chosen[0].label_names, SIGNALS, WINDOW, nobody, test)


def _subjects(found: Sequence[Recording]) -> list[str]:
    return sorted({str(x.subject) for x in found}, key=_natural)


def _read(path: Path) -> _Table:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _parse(path, file)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error.reason}); export the recording again as CSV") from error
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV file ({error}); export the recording again") from error


def _parse(path: Path, file: TextIO) -> _Table:
    reader = csv.reader(file, strict=True)
    header = next(reader, [])
    columns = _columns(path, header)
    measured = [columns[name] for name in _UNITS]
    label, subject = (columns[name].index for name in _TEXT_COLUMNS)
    rows: list[list[float]] = []
    lines: list[int] = []
    labels: list[str] = []
    subjects: set[str] = set()
    for row in reader:
        if not row:
            continue  # an empty line
        if len(row) != len(header):
            raise InputError(f"{path}, line {reader.line_num}: {len(row)} fields instead of the header's {len(header)}")
        try:
            rows.append([float(row[x.index]) for x in measured])
        except ValueError as error:
            raise InputError(
                f"{path}, line {reader.line_num}: {error}; leave out rows without a measurement"
            ) from error
        lines.append(reader.line_num)
        labels.append(row[label].strip())
        subjects.add(row[subject].strip())
        if _UNPRINTABLE.search(labels[-1] + row[subject].strip()):
            raise InputError(
                f"{path}, line {reader.line_num}: a label or subject has a line break or control character"
            )
        if len(subjects) > 1 or "" in subjects:
            raise InputError(
                f"{path}, line {reader.line_num}: each row of a file needs the same subject, and a name for it"
            )
    if len(rows) < 2:
        raise InputError(f"{path} has too few rows of samples ({len(rows)}); a recording is expected there")
    values = np.array(rows)
    bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
    if len(bad):
        raise InputError(f"{path}, line {lines[bad[0]]}: a number is not finite; leave out rows without a measurement")
    samples = _samples(path, values[:, 1:], measured[1:], lines)
    # From the first row on: float64 holds nanoseconds since 1970 to a quarter of a microsecond, seconds no better.
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is then not after the row before
        seconds = (values[:, 0] - values[0, 0]) * measured[0].factor
        late = np.flatnonzero(~(np.diff(seconds) > 0))
    if len(late):
        raise InputError(
            f"{path}, line {lines[late[0] + 1]}: the timestamp is not after that of the row before; sort the rows"
        )
    step = float(np.median(np.diff(seconds)))
    if not MIN_STEP_S <= step <= MAX_GAP_S:
        raise InputError(
            f"{path}: samples are {step:.3g} s apart, instead of {MIN_STEP_S:g} to {MAX_GAP_S:g} s; "
            "check the unit of the timestamp"
        )
    return _Table(path, subjects.pop(), seconds, samples, labels)


def _samples(
    path: Path, values: npt.NDArray[np.float64], columns: Sequence[_Column], lines: Sequence[int]
) -> npt.NDArray[np.float64]:
    """Measured `values` `[n, 6]` in g and rad/s. Raises `InputError` where one is more than any sensor measures."""
    factors = np.array([x.factor for x in columns])
    beyond = np.argwhere(np.abs(values) > _LIMITS / factors)
    if len(beyond):
        row, column = beyond[0]
        name, unit, limit = columns[column].name, columns[column].unit, _LIMITS[column] / factors[column]
        raise InputError(
            f"{path}, line {lines[row]}: {name} is {values[row, column]:g} {unit}, and nobody moves with more than "
            f"{limit:.4g} {unit}; check the unit of '{name}' in the header, or leave out such rows"
        )
    return values * factors


def _columns(path: Path, header: Sequence[str]) -> dict[str, _Column]:
    """Where each needed column is, and what its unit is worth in s, g or rad/s."""
    columns: dict[str, _Column] = {}
    for index, cell in enumerate(header):
        match = _HEADER_CELL.fullmatch(cell)
        name, unit = match.groups() if match else (cell, None)
        if name not in _UNITS and name not in _TEXT_COLUMNS:
            continue
        if name in columns:
            raise InputError(f"{path} has the column '{name}' twice; keep one of them")
        factor = 1.0
        if name in _UNITS:
            accepted = _UNITS[name]
            if unit not in accepted:
                choice = " or ".join(f"{name}[{x}]" for x in accepted)
                stated = f"'{unit}'" if unit else "none"
                raise InputError(f"{path}: the header must give the unit of '{name}' as {choice}; it gives {stated}")
            factor = accepted[unit]
        columns[name] = _Column(name, unit or "", index, factor)
    missing = [x for x in (*_UNITS, *_TEXT_COLUMNS) if x not in columns]
    if missing:
        raise InputError(
            f"{path} has no column '{missing[0]}'; its first line has to name "
            "timestamp[s], ax[g], ay[g], az[g], gx[rad/s], gy[rad/s], gz[rad/s], label, subject"
        )
    return columns


def _label_names(found: set[str], folder: Path) -> tuple[str, ...]:
    if not 2 <= len(found) <= _MAX_LABELS:
        raise InputError(f"the CSV files in {folder} have {len(found)} different labels; 2 to {_MAX_LABELS} are needed")
    return tuple(x for x in uci_har.LABELS if x in found) if found <= set(uci_har.LABELS) else tuple(sorted(found))


def _resample(table: _Table, names: tuple[str, ...]) -> Iterator[Recording]:
    """The table at 50 Hz, in one recording for each stretch without a gap; a label is that of the nearest row."""
    number = {name: i for i, name in enumerate(names)}
    labels = np.array([number.get(x, -1) for x in table.labels], np.int8)
    stretches = np.split(np.arange(len(labels)), np.flatnonzero(np.diff(table.seconds) > MAX_GAP_S) + 1)
    for rows in stretches:
        seconds = table.seconds[rows] - table.seconds[rows[0]]
        samples = resampled(seconds, table.samples[rows], RATE_HZ)
        nearest = np.searchsorted((seconds[1:] + seconds[:-1]) / 2, np.arange(len(samples)) / RATE_HZ)
        yield Recording(table.subject, samples, labels[rows][nearest], names)


def _windows(chosen: Sequence[Recording]) -> Split:
    X: list[npt.NDArray[np.floating]] = [np.empty((0, WINDOW.samples, len(SIGNALS)))]
    y: list[int] = []
    subject: list[str] = []
    for recording in chosen:
        starts = _starts(recording.labels)
        X.append(cut(frontend.signals(recording.samples), starts))
        y += recording.labels[starts].tolist()
        subject += [str(recording.subject)] * len(starts)
    return Split(np.concatenate(X).astype(np.float32), np.array(y, np.uint8), np.array(subject, np.str_))


def _starts(labels: npt.NDArray[np.int8]) -> list[int]:
    """First samples of the windows that lie wholly inside one label's segment."""
    edges = np.flatnonzero(np.diff(labels)) + 1
    return [
        start
        for segment in np.split(np.arange(len(labels)), edges)
        if labels[segment[0]] >= 0
        for start in range(segment[0], segment[-1] + 2 - WINDOW.samples, WINDOW.hop)
    ]


def _natural(text: str) -> list[tuple[int, int, str]]:
    """A sort key by which s2 comes before s10."""
    return [(0, int(x), "") if x.isdecimal() else (1, 0, x) for x in re.split(r"(\d+)", text)]


def _natural_path(path: Path) -> list[tuple[int, int, str]]:
    return _natural(path.name)
