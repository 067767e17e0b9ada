"""One line -> rows of (time, six values): CSV with or without a header, names with values, or JSON.

Without a header, and as `IMU+GPS` apps send it: `t, 3, x, y, z, 4, x, y, z`, where 3 is the accelerometer (m/s²), 4 the
gyroscope (rad/s), and others may follow. Names with values are what serial plotters take: `ax:0.1,ay:...`. Times may be
those of ISO 8601.

JSON that is understood, where numbers may also be text::

    {"t": 12.34, "acc": [x, y, z], "gyro": [x, y, z]}           one sample; 't' may be left out
    {"t": [...], "acc": [[x, y, z], ...], "gyro": [...]}        several
    {"t": 12.34, "ax": 0.1, "ay": ..., "gz": ...}               any names that a CSV header may have, with units too
    {"accelerometer": {"timestamp": ns, "value": [x, y, z]}, "gyroscope": {...}}     SensorStreamer: ns, m/s², rad/s
    {"sensor": "accelerometer", "t": 12.34, "values": [x, y, z]}     one sensor; the gyroscope has lines of its own
    [{...}, {...}], {"samples": [{...}, ...]}                   several of them
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from datetime import time as time_of_day
from typing import Any

from edge_runtime.errors import InputError
from edge_runtime.live.sources import N_CHANNELS, columns
from edge_runtime.live.sources.columns import Columns
from edge_runtime.live.sources.pairing import MOST_WAITING, Pairing
from edge_runtime.live.sources.units import ACCELERATION_UNITS, TIME_UNITS, Row, Units
from edge_runtime.system.printable import quoted

_ACCELERATIONS = ("acc", "accel", "accelerometer", "acceleration")
_ROTATIONS = ("gyro", "gyr", "gyroscope", "rotation")
_TIMES = ("t", "time", "timestamp")
_SENSOR_STREAMER = Units(TIME_UNITS["ns"], ACCELERATION_UNITS["m/s2"], 1.0)
_MOST_NAMES = 100
_NO_ROTATION = [0.0, 0.0, 0.0]
_LONGEST_CELL = 80
_DELIMITERS = ",;\t"  # without any of them it is white space
_SENSORS, _READINGS = ("sensor", "type"), ("values", "value", "data")
_NAMED_VALUE = re.compile(r"\s*([^:=]*[^:=\s\d][^:=]*)[:=]\s*(\S+)\s*")


class MalformedError(ValueError):
    """A line that is no sample; its text says why."""


class Reader:
    """Reads lines and knows what the header, or the names of the last object, said of columns and units.

    `midway` says that the first line may have lost its beginning: numbers without a header are then not to be trusted.
    Where rotation is not needed, it may be missing, and is 0.
    """

    def __init__(self, midway: bool = False, needs_rotation: bool = True) -> None:
        self._midway, self._needs_rotation = midway, needs_rotation
        self._least = N_CHANNELS if needs_rotation else 3
        self._columns: Columns | None = None
        self._refused = ""  # why the header cannot be used
        self._bare = 0  # cells of a row that no header names
        self._names: tuple[str, ...] = ()
        self._named: Columns | None = None
        self._delimiter: str | None = ","
        self._pairing = Pairing()
        self.units = Units()
        """What the last line said of units."""

    def read(self, line: str) -> list[Row]:
        """The samples of one line; none for a header. Raises `MalformedError`."""
        text = line.strip()
        if text[:1] in ("{", "["):
            return self._json(text)
        return self._csv(text)

    def _json(self, text: str) -> list[Row]:
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise MalformedError(f"no JSON: {getattr(error, 'msg', 'too deep')}") from error
        if isinstance(content, dict) and isinstance(content.get("samples"), list):
            content = content["samples"]
        objects = content if isinstance(content, list) else [content]
        return [row for x in objects for row in self._object(x)]

    def _object(self, content: object) -> list[Row]:
        if not isinstance(content, dict):
            raise MalformedError("a sample is no JSON object")
        keys = {key.lower(): key for key in list(content)[:_MOST_NAMES]}
        sensor = next((content[keys[x]] for x in _SENSORS if x in keys), None)
        readings = next((content[keys[x]] for x in _READINGS if x in keys), None)
        if isinstance(sensor, str) and isinstance(readings, list):
            self.units = Units()
            return self._paired(sensor, next((content[keys[x]] for x in _TIMES if x in keys), None), readings)
        acceleration = next((content[keys[x]] for x in _ACCELERATIONS if x in keys), None)
        rotation = next((content[keys[x]] for x in _ROTATIONS if x in keys), None)
        if rotation is None and not self._needs_rotation:
            rotation = _none_for(acceleration)
        if isinstance(acceleration, dict) and isinstance(rotation, dict) and "value" in acceleration:
            self.units = _SENSOR_STREAMER
            return [_row(acceleration.get("timestamp"), _three(acceleration) + _three(rotation))]
        if isinstance(acceleration, list) and isinstance(rotation, list):
            self.units = Units()
            time = next((content[keys[x]] for x in _TIMES if x in keys), None)
            return _samples(time, acceleration, rotation)
        return [self._flat(content)]

    def _paired(self, sensor: str, time: object, readings: list[object]) -> list[Row]:
        """What a reading of one sensor completes; those of other sensors are ignored."""
        kind = re.sub(r".*\.|\W|_", "", sensor.lower())  # also of 'android.sensor.accelerometer'
        if kind not in (*_ACCELERATIONS, *_ROTATIONS):
            return []
        seconds, values = _row(time, _three(readings))
        if seconds is None:
            raise MalformedError("it is of one sensor and has no time, by which it could be paired with the other")
        if not self._needs_rotation:
            return [] if kind in _ROTATIONS else [(seconds, values + _NO_ROTATION)]
        if kind in _ROTATIONS:
            return self._pairing.rotate(seconds, values)
        if self._pairing.is_full:
            raise MalformedError(f"{MOST_WAITING} accelerations and no rotation: send the gyroscope too")
        return self._pairing.accelerate(seconds, values)

    def _flat(self, content: Mapping[str, Any]) -> Row:
        names = tuple(content)[:_MOST_NAMES]
        if names != self._names:
            self._names, self._named = names, None
            try:
                self._named = columns.find(names, self._needs_rotation)
            except InputError as error:
                raise MalformedError(str(error)) from error
        if self._named is None:
            raise MalformedError("the same names as before, which are not those of a sample")
        self.units = self._named.units
        values = list(content.values())
        time = None if self._named.time is None else values[self._named.time]
        return _row(time, _complete([values[i] for i in self._named.values]))

    def _csv(self, text: str) -> list[Row]:
        cells = self._cells(text)
        matches = [_NAMED_VALUE.fullmatch(x) for x in cells if len(x) < _LONGEST_CELL]
        named = {match[1]: match[2] for match in matches if match}
        if len(named) == len(cells) >= self._least:
            return [self._flat(named)]
        if not any(map(_is_number, cells)):
            # Also when a board starts anew, or recordings follow each other: the header comes again.
            self._header(cells)
            return []
        found = columns.numbered(cells) if self._columns is None else self._columns
        if found is None or self._bare:
            self._without_header(cells)
            found = self._columns
        if found is None:
            return []
        needed = max(*found.values, found.time or 0)
        if len(cells) <= needed:
            raise MalformedError(f"{len(cells)} columns instead of at least {needed + 1}")
        self.units = found.units
        time = None if found.time is None else cells[found.time]
        return [_row(time, _complete([cells[i] for i in found.values]))]

    def _cells(self, text: str) -> list[str]:
        if self._columns is None:
            most = max(_DELIMITERS, key=text.count)
            self._delimiter = most if most in text else None
        cells = [x.strip().strip('"') for x in text.split(self._delimiter)]
        return [x.replace(",", ".") for x in cells] if self._delimiter in (";", "\t") else cells

    def _header(self, cells: Sequence[str]) -> None:
        try:
            self._columns, self._refused, self._bare = columns.find(cells, self._needs_rotation), "", 0
        except InputError as error:
            if len(cells) >= self._least and self._columns is None:
                self._refused = str(error)
            raise MalformedError(str(error)) from error

    def _without_header(self, cells: Sequence[str]) -> None:
        """Find the columns by their number, unless a header has said that they are others."""
        midway, self._midway = self._midway, False
        if self._refused:
            raise MalformedError(self._refused)
        if midway or len(cells) == self._bare:
            return
        found = columns.bare(len(cells), self._needs_rotation)
        if self._bare or found is None:
            raise MalformedError(
                f"{len(cells)} values without a header; six are ax, ay, az, gx, gy, gz, seven have the time before them"
            )
        self._columns, self._bare = found, len(cells)


def _samples(time: object, acceleration: list[Any], rotation: list[Any]) -> list[Row]:
    """One sample, or several where the lists hold lists."""
    if not (acceleration and isinstance(acceleration[0], list)):
        return [_row(time, _three(acceleration) + _three(rotation))]
    times = time if isinstance(time, list) else [time] * len(acceleration)
    if not len(times) == len(acceleration) == len(rotation):
        raise MalformedError("time, acceleration and rotation have different lengths")
    if time is not None and not isinstance(time, list):
        raise MalformedError("several samples have one time: give a list of times, or none")
    return [_row(t, _three(a) + _three(r)) for t, a, r in zip(times, acceleration, rotation, strict=True)]


def _complete(values: list[Any]) -> list[Any]:
    """Six values, of which those of rotation may have been missing."""
    return values if len(values) == N_CHANNELS else values + _NO_ROTATION


def _none_for(acceleration: object) -> list[Any] | None:
    """Rotation that is none, in the form that acceleration has in an object."""
    if isinstance(acceleration, dict):
        return None
    several = isinstance(acceleration, list) and acceleration and isinstance(acceleration[0], list)
    return [_NO_ROTATION] * len(acceleration) if several and isinstance(acceleration, list) else _NO_ROTATION


def _three(values: object) -> list[object]:
    if isinstance(values, dict):
        values = values.get("value")
    if not isinstance(values, list) or len(values) != 3:
        raise MalformedError("an acceleration or rotation has not three values")
    return values


def _row(time: object, values: Sequence[object]) -> Row:
    seconds = None if time is None else _moment(time)
    if seconds is not None and not math.isfinite(seconds):
        raise MalformedError("the time is no finite number")
    return seconds, [_number(x) for x in values]


def _number(value: object) -> float:
    """`value` as a number; text and null, which stand for a sample that failed, too (as NaN)."""
    if value is None:
        return float("nan")
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise MalformedError("a value is no number")
    try:
        return float(value)
    except (ValueError, OverflowError) as error:
        raise MalformedError(f"{quoted(str(value), 20)} is no number") from error


def _moment(value: object) -> float:
    """A time as a number, in its own unit; in seconds where it is written as ISO 8601 has it."""
    if isinstance(value, str) and ":" in value:
        try:
            if "-" in value:
                moment = datetime.fromisoformat(value.strip())
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
            day = time_of_day.fromisoformat(value.strip())
            return 3600 * day.hour + 60 * day.minute + day.second + 1e-6 * day.microsecond
        except ValueError:
            pass
    return _number(value)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
