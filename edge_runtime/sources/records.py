"""One line -> rows of (time, six values): CSV with or without a header, or a JSON object or array.

JSON that is understood, where numbers may also be text::

    {"t": 12.34, "acc": [x, y, z], "gyro": [x, y, z]}           one sample; 't' may be left out
    {"t": [...], "acc": [[x, y, z], ...], "gyro": [...]}        several
    {"t": 12.34, "ax": 0.1, "ay": ..., "gz": ...}               any names that a CSV header may have, with units too
    {"accelerometer": {"timestamp": ns, "value": [x, y, z]}, "gyroscope": {...}}     SensorStreamer: ns, m/s², rad/s
    [{...}, {...}], {"samples": [{...}, ...]}                   several of them
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from edge_runtime.errors import InputError
from edge_runtime.printable import quoted
from edge_runtime.sources import N_CHANNELS, columns
from edge_runtime.sources.columns import Columns
from edge_runtime.sources.units import ACCELERATION_UNITS, TIME_UNITS, Row, Units

_ACCELERATIONS = ("acc", "accel", "accelerometer", "acceleration")
_ROTATIONS = ("gyro", "gyr", "gyroscope", "rotation")
_TIMES = ("t", "time", "timestamp")
_SENSOR_STREAMER = Units(TIME_UNITS["ns"], ACCELERATION_UNITS["m/s2"], 1.0)
_MOST_NAMES = 100
_DELIMITERS = ",;\t"


class MalformedError(ValueError):
    """A line that is no sample; its text says why."""


class Reader:
    """Reads lines and knows what the header, or the names of the last object, said of columns and units.

    `midway` says that the first line may have lost its beginning: numbers without a header are then not to be trusted.
    """

    def __init__(self, midway: bool = False) -> None:
        self._midway = midway
        self._columns: Columns | None = None
        self._refused = ""  # why the header cannot be used
        self._bare = 0  # cells of a row that no header names
        self._names: tuple[str, ...] = ()
        self._named: Columns | None = None
        self._delimiter = ","
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
        acceleration = next((content[keys[x]] for x in _ACCELERATIONS if x in keys), None)
        rotation = next((content[keys[x]] for x in _ROTATIONS if x in keys), None)
        if isinstance(acceleration, dict) and isinstance(rotation, dict) and "value" in acceleration:
            self.units = _SENSOR_STREAMER
            return [_row(acceleration.get("timestamp"), _three(acceleration) + _three(rotation))]
        if isinstance(acceleration, list) and isinstance(rotation, list):
            self.units = Units()
            time = next((content[keys[x]] for x in _TIMES if x in keys), None)
            return _samples(time, acceleration, rotation)
        return [self._flat(content)]

    def _flat(self, content: Mapping[str, Any]) -> Row:
        names = tuple(content)[:_MOST_NAMES]
        if names != self._names:
            self._names, self._named = names, None
            try:
                self._named = columns.find(names)
            except InputError as error:
                raise MalformedError(str(error)) from error
        if self._named is None:
            raise MalformedError("the same names as before, which are not those of a sample")
        self.units = self._named.units
        values = list(content.values())
        time = None if self._named.time is None else values[self._named.time]
        return _row(time, [values[i] for i in self._named.values])

    def _csv(self, text: str) -> list[Row]:
        cells = self._cells(text)
        if not any(map(_is_number, cells)):
            # Also when a board starts anew, or recordings follow each other: the header comes again.
            self._header(cells)
            return []
        if self._columns is None or self._bare:
            self._without_header(cells)
        if self._columns is None:
            return []
        needed = max(*self._columns.values, self._columns.time or 0)
        if len(cells) <= needed:
            raise MalformedError(f"{len(cells)} columns instead of at least {needed + 1}")
        self.units = self._columns.units
        time = None if self._columns.time is None else cells[self._columns.time]
        return [_row(time, [cells[i] for i in self._columns.values])]

    def _cells(self, text: str) -> list[str]:
        if self._columns is None:
            self._delimiter = max(_DELIMITERS, key=text.count)
        cells = [x.strip().strip('"') for x in text.split(self._delimiter)]
        return cells if self._delimiter == "," else [x.replace(",", ".") for x in cells]

    def _header(self, cells: Sequence[str]) -> None:
        try:
            self._columns, self._refused, self._bare = columns.find(cells), "", 0
        except InputError as error:
            if len(cells) >= N_CHANNELS and self._columns is None:
                self._refused = str(error)
            raise MalformedError(str(error)) from error

    def _without_header(self, cells: Sequence[str]) -> None:
        """Find the columns by their number, unless a header has said that they are others."""
        midway, self._midway = self._midway, False
        if self._refused:
            raise MalformedError(self._refused)
        if midway or len(cells) == self._bare:
            return
        found = columns.bare(len(cells))
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


def _three(values: object) -> list[object]:
    if isinstance(values, dict):
        values = values.get("value")
    if not isinstance(values, list) or len(values) != 3:
        raise MalformedError("an acceleration or rotation has not three values")
    return values


def _row(time: object, values: Sequence[object]) -> Row:
    seconds = None if time is None else _number(time)
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


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
