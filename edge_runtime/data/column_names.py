"""Find the columns of a recording by the names that boards, phone apps and people give them; read their rows.

Case, spaces and underscores do not matter. Units stand in brackets, behind the name as in `acc_x_g`, or not at all.
Names of har-edge, phyphox, Physics Toolbox, Sensor Logger and the like are known. A row may hold one sensor only.
"""

import math
import re
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from datetime import time as time_of_day
from typing import NamedTuple

from edge_runtime.errors import InputError
from edge_runtime.signals.units import ACCELERATION_UNITS, ROTATION_UNITS, TIME_UNITS, Units, canonical
from edge_runtime.system.printable import quoted

Row = tuple[float | None, list[float]]
"""One sample as it was recorded: its time, if it has one, and six values, or three of one sensor."""

SENSOR_NAMES = ("sensor", "type", "name")
NO_GRAVITY = "'{}' is acceleration without gravity: record it with gravity, as 'total' or 'with g'"

# Names, with the unit that they imply; the most specific names come first.
_TIMES = {
    "secondselapsed": "s", "timestamp": "", "time": "", "t": "", "timems": "ms", "millis": "ms", "ms": "ms",
    "seconds": "s",
    "timesincestartinms": "ms", "micros": "us", "us": "us", "epoch": "",
}  # fmt: skip
_ACCELERATIONS = {
    "totalacceleration": "m/s2", "gf": "g", "a": "", "ac": "",
    "acc": "", "accel": "", "acceleration": "", "accelerometer": "",
    "linearacceleration": "", "linearaccelerometer": "", "useracceleration": "",
}  # fmt: skip
_ROTATIONS = {
    "g": "", "gy": "",
    "gyro": "", "gyr": "", "gyroscope": "", "w": "", "rotationrate": "", "rotation": "", "angularvelocity": "",
}  # fmt: skip
DECIMAL_COMMAS = (";", "\t")  # between cells of spreadsheets whose numbers may have decimal commas

_CODES_OF_DAY = frozenset("HIpMSfzZXTR%")  # of strptime: a pattern without others has no date
# Only Sensor Logger and Physics Toolbox have these columns; their times are in s, and rotation in rad/s.
_APPS, _OF_APPS = {"secondselapsed", "gfx"}, Units(1.0, None, 1.0)
_ANDROID = Units(None, ACCELERATION_UNITS["m/s2"], 1.0)  # of android.hardware.SensorEvent
_LONGEST = 80  # characters of a name that are looked at: a peer may send any text
_ALL_UNITS = {*TIME_UNITS, *ACCELERATION_UNITS, *ROTATION_UNITS}
_SUFFIXED = re.compile(r"(.*[xyz]|t|time|timestamp|epoch)[_\s.\-]+([^\W\d]\w*)", re.IGNORECASE)  # acc_x_g, gyro_x_deg_s
_CELL = re.compile(r"\s*([^\[\](]*?)\s*(?:[\[(]\s*([^\])]*?)\s*[\])])?\s*")


class Columns(NamedTuple):
    """Places in a row of six values, or of three values of one sensor; the units of the header and of its `app`."""

    time: int | None
    values: tuple[int, ...]
    units: Units
    app: Units = Units()
    sensor: int | None = None

    def known_units(self, is_date: bool) -> Units:
        """The units of the header, or else of its app; seconds for dates. Raises `InputError` for an unknown unit."""
        units = self.units.or_else(self.app).or_else(Units(1.0 if is_date else None))
        has_rotation = len(self.values) > 3 or self.sensor is not None
        is_needed = {"time": self.time is not None, "acceleration": True, "rotation": has_rotation}
        if absent := [name for name in is_needed if is_needed[name] and getattr(units, name) is None]:
            listed = ", ".join(absent)
            raise InputError(f"the header gives no unit of {listed}: write it there, as t[ms], ax[g], gx[deg/s]")
        return units

    def row(self, cells: Sequence[object]) -> Row:
        """The sample in `cells`. Raises `InputError` if a value is not a number, or a cell is missing."""
        needed = max(*self.values, self.time or 0, self.sensor or 0)
        if len(cells) <= needed:
            raise InputError(f"{len(cells)} columns instead of at least {needed + 1}")
        time = None if self.time is None else _moment(cells[self.time])
        if time is not None and not math.isfinite(time):
            raise InputError("the time is not a finite number")
        return time, [_number(cells[i]) for i in self.values]


class _Cell(NamedTuple):
    place: int
    name: str
    unit: str


def find_columns(header: Sequence[str], needs_rotation: bool | None = True) -> Columns:
    """The columns that `header` names; with `needs_rotation` None rotation is found if it is there.

    Raises `InputError` for a missing or doubled column, or an unknown unit.
    """
    cells = [_cell(place, text) for place, text in enumerate(header)]
    by_name: dict[str, _Cell] = {}
    for cell in cells:
        by_name.setdefault(cell.name, cell)
    time = next((by_name[name] for name in _TIMES if name in by_name), None)
    time_unit = _factor(time, _TIMES[time.name], TIME_UNITS) if time else None
    app = _OF_APPS if _APPS & by_name.keys() else Units()
    sensor = next((by_name[name] for name in SENSOR_NAMES if name in by_name), None)
    values: tuple[_Cell, ...]
    if sensor is not None and {"x", "y", "z"} <= by_name.keys() and not _named(by_name, _ACCELERATIONS):
        values = by_name["x"], by_name["y"], by_name["z"]
        units = Units(time_unit, ACCELERATION_UNITS.get(values[0].unit), ROTATION_UNITS.get(values[0].unit))
        app = app.or_else(_ANDROID)
    else:
        sensor, rotation = None, None
        values, acceleration = _axes(by_name, _ACCELERATIONS, ACCELERATION_UNITS, "ax, ay, az")
        if needs_rotation is None:
            needs_rotation = any(name + axis in by_name for name in _ROTATIONS for axis in "xyz")
        if needs_rotation:
            turning, rotation = _axes(by_name, _ROTATIONS, ROTATION_UNITS, "of a gyroscope, gx, gy, gz")
            values = (*values, *turning)
        units = Units(time_unit, acceleration, rotation)
    names = [cell.name for cell in cells]
    if doubled := [cell.name for cell in (*values, time, sensor) if cell and names.count(cell.name) > 1]:
        raise InputError(f"the header names the column {quoted(doubled[0])} twice: leave one out")
    time_place, sensor_place = (cell.place if cell else None for cell in (time, sensor))
    return Columns(time_place, tuple(cell.place for cell in values), units, app, sensor_place)


def unnamed_columns(n_values: int, needs_rotation: bool = True) -> Columns:
    """The columns of a row without a header: six values, or three without rotation, with or without a time before.

    Raises `InputError` for another number of values.
    """
    size = 3 if n_values in (3, 4) and not needs_rotation else 6
    if n_values not in (size, size + 1):
        raise InputError(f"{n_values} values without a header; give ax, ay, az, gx, gy, gz, or t before them")
    return Columns(0 if n_values > size else None, tuple(range(n_values - size, n_values)), Units())


def is_number(cell: str) -> bool:
    """Tell whether a cell holds a number, NaN included."""
    try:
        float(cell)
    except ValueError:
        return False
    return True


def sensor_kind(name: str) -> str:
    """'acceleration', 'rotation' or '', by names such as 'android.sensor.accelerometer'."""
    plain = "".join(filter(str.isalnum, name.rpartition(".")[2][:_LONGEST].lower()))
    if plain in ("acc", "accel", "accelerometer", "acceleration", "totalacceleration"):
        return "acceleration"
    return "rotation" if plain in ("gyro", "gyr", "gyroscope", "rotation") else ""


def _number(value: object) -> float:
    """`value` as a number; null, which stands for a sample that failed, as NaN."""
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise InputError("a value is not a number")
    try:
        return float(value)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{quoted(str(value), 20)} is not a number") from error


def date_seconds(text: str, pattern: str = "") -> float:
    """Seconds since 1970 of a date, in UTC without a zone, or since midnight of a time of day.

    It is written as in ISO 8601, or in the codes of `strptime`. Raises `ValueError`.
    """
    text = text.strip()
    moment = datetime.strptime(text, pattern) if pattern else None
    if moment is None and "-" in text:
        moment = datetime.fromisoformat(text)
    if moment and not (pattern and _CODES_OF_DAY.issuperset(re.findall("%(.)", pattern))):
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    if moment is None and ":" not in text:
        raise ValueError(f"{text} is not a time of day")
    day = moment.time() if moment else time_of_day.fromisoformat(text)
    return 3600 * day.hour + 60 * day.minute + day.second + 1e-6 * day.microsecond


def _moment(value: object) -> float:
    if isinstance(value, str) and ":" in value:
        with suppress(ValueError):
            return date_seconds(value)
    return _number(value)


def _named(by_name: dict[str, _Cell], names: dict[str, str]) -> list[str]:
    return [name for name in names if {f"{name}{axis}" for axis in "xyz"} <= by_name.keys()]


def _axes(
    by_name: dict[str, _Cell], names: dict[str, str], units: dict[str, float], expected: str
) -> tuple[tuple[_Cell, ...], float | None]:
    matches = _named(by_name, names)
    if not matches:
        there = ", ".join(quoted(x, 20) for x in list(by_name)[:8]) or "nothing"
        begun = next((name for name in names for axis in "xyz" if f"{name}{axis}" in by_name), None)
        absent = [] if begun is None else [f"{begun}{axis}" for axis in "xyz" if f"{begun}{axis}" not in by_name]
        missing = f"is no column {', '.join(absent)}" if absent else f"are no columns {expected} (or acc_x, gyro_x …)"
        raise InputError(f"there {missing}, and there is {there}")
    # Sensor Logger's Accelerometer is without gravity (its UNITS.md); other programs' has gravity.
    if matches[0].startswith(("linear", "user")) or (matches[0] == "accelerometer" and "secondselapsed" in by_name):
        raise InputError(NO_GRAVITY.format(f"{matches[0]}_x"))
    cells = tuple(by_name[matches[0] + axis] for axis in "xyz")
    factors = {_factor(cell, names[matches[0]], units) for cell in cells}
    if len(factors) > 1:
        raise InputError(f"the header gives different units of '{matches[0]}x', y and z: give all three the same")
    return cells, factors.pop()


def _cell(place: int, text: str) -> _Cell:
    text = " ".join(text[:_LONGEST].split())  # the time of _CELL grows with a high power of the blanks in a row
    match = _CELL.fullmatch(text)
    name, unit = match.groups() if match else (text, None)
    suffixed = None if unit else _SUFFIXED.fullmatch(name)
    if suffixed and canonical(suffixed[2].replace("_", "/")) in _ALL_UNITS:
        name, unit = suffixed[1], suffixed[2].replace("_", "/")
    plain = re.sub(r"[\s_.\-:]", "", name).lower()
    return _Cell(place, plain, canonical(unit or ""))


def _factor(cell: _Cell, implied: str, units: dict[str, float]) -> float | None:
    unit = cell.unit or implied
    if unit and unit not in units:
        raise InputError(f"the header gives {quoted(cell.name)} the unit {quoted(unit)}; known are {', '.join(units)}")
    return units.get(unit)
