"""Read one CSV file of labelled samples strictly: a mistake is refused with its file and line.

The header names the columns, in any order, with their units, as har-edge or a phone app does
(`edge_runtime.data.columns`), and two more: `label` and `subject`. Other columns are ignored. Rotation may be missing
altogether. Where each row is of one sensor, rotation is interpolated linearly at the times of acceleration.
"""

import csv
import io
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np
import numpy.typing as npt

from edge_runtime.data import columns, units
from edge_runtime.data.columns import Columns, MalformedError
from edge_runtime.data.units import ACCELERATION_UNITS, ROTATION_UNITS, TIME_UNITS, Units
from edge_runtime.errors import InputError
from edge_runtime.signals.resampling import MAX_GAP_S
from edge_runtime.signals.sensor_faults import MAX_ACCELERATION_G, MAX_ROTATION_RAD_S
from edge_runtime.system.outside_files import open_file

_EXPECTED = (
    "its first line has to name timestamp[s], ax[g], ay[g], az[g], gx[rad/s], gy[rad/s], gz[rad/s], label, subject"
)
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f]")  # a label is one line of labels.txt, and shown on terminals

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """One file: `seconds` `[n]`, `samples` `[n, 6]` in g and rad/s, `[n, 3]` without rotation; labels, '' for none."""

    path: Path
    subject: str
    seconds: Array
    samples: Array
    labels: list[str]


class _Reading(NamedTuple):
    """A row of both sensors, or of one: time and values in the units of the file."""

    line: int
    sensor: str
    time: float
    values: list[float]
    label: str
    subject: str
    has_iso_time: bool


def read(path: Path) -> Table:
    """The table in the file at `path`, its times increasing.

    Raises `InputError` naming the file and the line, also for values beyond `MAX_ACCELERATION_G` and
    `MAX_ROTATION_RAD_S`, and where a unit is neither stated nor known from the app.
    """
    try:
        with io.TextIOWrapper(open_file(path, "a recording"), encoding="utf-8-sig", newline="") as file:
            return _parse(path, file)
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text ({error.reason}); export the recording again as CSV") from error
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV file ({error}); export the recording again") from error


def _parse(path: Path, file: TextIO) -> Table:
    first_line = file.readline()
    delimiter = columns.delimiter(first_line) or ","
    reader = csv.reader(chain([first_line], file), delimiter=delimiter, strict=True)
    header = next(reader, [])
    found = _columns(path, header)
    readings = []
    for row in reader:
        if row:  # no empty line
            where = f"{path}, line {reader.line_num}"
            if len(row) != len(header):
                raise InputError(f"{where}: {len(row)} fields instead of the header's {len(header)}")
            readings.append(_reading(where, reader.line_num, found, row, columns.has_decimal_commas(delimiter)))
            if readings[-1].subject != readings[0].subject or not readings[0].subject:
                raise InputError(f"{where}: each row of a file needs the same subject, and a name for it")
    acceleration = [x for x in readings if x.sensor == "acceleration"]
    rotation = [x for x in readings if x.sensor == "rotation"]
    if len(acceleration) < 2:
        raise InputError(f"{path} has too few rows of samples ({len(acceleration)}); a recording is expected there")
    known = _units(path, header, found, acceleration)
    names = [header[x].strip() for x in found.values]
    limited = [(MAX_ACCELERATION_G, "g", known.acceleration)] * 3 + [(MAX_ROTATION_RAD_S, "rad/s", known.rotation)] * 3
    samples = _samples(path, names, acceleration, limited)
    seconds = _seconds(path, acceleration, acceleration[0].time, known)
    labels = [x.label for x in acceleration]
    if rotation:
        turns = _samples(path, names, rotation, limited[3:])
        paired, turned = _interpolated(seconds, _seconds(path, rotation, acceleration[0].time, known), turns)
        seconds, samples = seconds[paired], np.concatenate([samples[paired], turned], axis=1)
        labels = [labels[i] for i in paired.tolist()]
        if len(seconds) < 2:
            raise InputError(f"{path}: acceleration and rotation were not recorded at the same time")
    step = float(np.median(np.diff(seconds)))
    if not units.is_step(step):
        raise InputError(
            f"{path}: samples are {step:.3g} s apart, instead of {units.STEP_S[0]:g} to {units.STEP_S[1]:g} s; "
            "check the unit of the timestamp"
        )
    return Table(path, readings[0].subject, seconds, samples, labels)


def _columns(path: Path, header: Sequence[str]) -> Columns:
    try:
        found = columns.find(header, needs_rotation=None)
    except InputError as error:
        raise InputError(f"{path}: {error}; {_EXPECTED}") from error
    if twice := columns.repeated(header, found):
        raise InputError(f"{path} has the column '{twice.strip()}' twice; keep one of them")
    for name, place in (("timestamp", found.time), ("label", found.label), ("subject", found.subject)):
        if place is None:
            raise InputError(f"{path} has no column '{name}'; {_EXPECTED}")
    return found


def _reading(where: str, line: int, found: Columns, row: list[str], has_decimal_commas: bool) -> _Reading:
    stamp, label, subject = ("" if x is None else row[x].strip() for x in (found.time, found.label, found.subject))
    sensor = "acceleration" if found.sensor is None else columns.sensor_kind(row[found.sensor])
    time: float | None = None
    values: list[float] = []
    if sensor:  # another sensor's values may be of any form
        try:
            time, values = found.row([x.replace(",", ".") for x in row] if has_decimal_commas else row)
        except MalformedError as error:
            raise InputError(f"{where}: {error}; leave out rows without a measurement") from error
    if not all(map(math.isfinite, values)):
        raise InputError(f"{where}: a number is not finite; leave out rows without a measurement")
    if _UNPRINTABLE.search(label + subject):
        raise InputError(f"{where}: a label or subject has a line break or control character")
    return _Reading(line, sensor, time or 0.0, values, label, subject, ":" in stamp)


def _units(path: Path, header: Sequence[str], found: Columns, acceleration: Sequence[_Reading]) -> Units:
    """The units that the header states, or its app is known to mean. Raises `InputError` when one stays open."""
    iso_times = Units(1.0) if acceleration[0].has_iso_time else Units()
    known = found.units.or_else(found.app).or_else(iso_times)
    needed = [(known.time, found.time, TIME_UNITS), (known.acceleration, found.values[0], ACCELERATION_UNITS)]
    needed += [(known.rotation, x, ROTATION_UNITS) for x in found.values[3:4]]
    for factor, place, table in needed:
        if factor is None and place is not None:
            name = header[place].strip()
            raise InputError(
                f"{path}: the header gives no unit of '{name}': write {' or '.join(f'{name}[{x}]' for x in table)}"
            )
    if found.units.acceleration is None and known.acceleration is not None:
        size = units.typical_size([x.values[:3] for x in acceleration])
        unit = units.unit_name(known.acceleration, ACCELERATION_UNITS)
        if units.acceleration_unit(size) != unit:
            raise InputError(
                f"{path}: without a unit in the header acceleration is taken as {unit}, but its size is about "
                f"{size:.3g}: write x[g] if it is in g, or record it with gravity"
            )
    return known


def _samples(
    path: Path, names: Sequence[str], readings: Sequence[_Reading], limited: Sequence[tuple[float, str, float | None]]
) -> Array:
    """Values `[n, 3 or 6]` in g and rad/s. Raises `InputError` where one is beyond its limit, which no sensor is."""
    values = np.array([x.values for x in readings])
    limits, factors = (np.array([x[i] or 1.0 for x in limited[: values.shape[1]]]) for i in (0, 2))
    beyond = np.argwhere(np.abs(values) > limits / factors)
    if len(beyond):
        row, column = beyond[0]
        limit, unit, _ = limited[column]
        raise InputError(
            f"{path}, line {readings[row].line}: '{names[column]}' is {values[row, column] * factors[column]:.4g} "
            f"{unit}, and nobody moves with more than {limit:g} {unit}; check its unit in the header, or leave out "
            "such rows"
        )
    return values * factors


def _seconds(path: Path, readings: Sequence[_Reading], start: float, known: Units) -> Array:
    """Times `[n]` since `start`. Raises `InputError` unless they increase."""
    # From the start on: float64 holds nanoseconds since 1970 to a quarter of a microsecond, seconds no better.
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows is then not after the row before
        seconds: Array = (np.array([x.time for x in readings]) - start) * (known.time or 1.0)
        late = np.flatnonzero(~(np.diff(seconds) > 0))
    if len(late):
        raise InputError(
            f"{path}, line {readings[late[0] + 1].line}: the timestamp is not after that of the row before; "
            "sort the rows"
        )
    return seconds


def _interpolated(seconds: Array, turn_seconds: Array, turns: Array) -> tuple[npt.NDArray[np.intp], Array]:
    """The rows of `seconds` `[n]` at which rotation is known, and rotation there `[m, 3]`.

    It is not known before the first, after the last, and where the gyroscope paused for more than `MAX_GAP_S`.
    """
    after = np.clip(np.searchsorted(turn_seconds, seconds), 1, len(turn_seconds) - 1)
    is_near = (turn_seconds[after] - turn_seconds[after - 1] <= MAX_GAP_S) | (turn_seconds[after] == seconds)
    rows = np.flatnonzero(is_near & (seconds >= turn_seconds[0]) & (seconds <= turn_seconds[-1]))
    return rows, np.stack([np.interp(seconds[rows], turn_seconds, x) for x in turns.T], axis=1)
