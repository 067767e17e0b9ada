"""Parse one line into samples: CSV with or without a header, names with values, or JSON.

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
import re
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from edge_runtime.data import columns
from edge_runtime.data.columns import Columns, MalformedError, Row
from edge_runtime.data.units import ACCELERATION_UNITS, ROTATION_UNITS, Units
from edge_runtime.errors import InputError
from edge_runtime.signals.frontend import N_CHANNELS

MAX_UNPAIRED = 100
"""Accelerations that wait for a rotation."""

_TIMES = ("t", "time", "timestamp")
_READINGS = ("values", "value", "data")
_MOST_NAMES = 100
_NO_ROTATION = [0.0, 0.0, 0.0]
_LONGEST_CELL = 80
_NAMED_VALUE = re.compile(r"\s*([^:=]*[^:=\s\d][^:=]*)[:=]\s*(\S+)\s*")

_Reading = tuple[float, list[float]]
"""A time in any unit, and three values."""


class LineParser:
    """Parses lines; remembers what the header, or the names of the last object, said of columns and units.

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

    def parse(self, line: str) -> list[Row]:
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
        return [row for x in objects for sample in _samples(x) for row in self._named_values(_flattened(sample))]

    def _named_values(self, content: Mapping[str, object]) -> list[Row]:
        """The samples of values that have the names of columns."""
        names = tuple(content)
        if names != self._names:
            self._names, self._named = names, None
            try:
                self._named = columns.find(names, self._needs_rotation)
            except InputError as error:
                raise MalformedError(str(error)) from error
        if self._named is None:
            raise MalformedError("the same names as before, which are not those of a sample")
        return self._row(self._named, list(content.values()))

    def _csv(self, text: str) -> list[Row]:
        cells = self._cells(text)
        matches = [_NAMED_VALUE.fullmatch(x) for x in cells if len(x) < _LONGEST_CELL]
        named = {match[1]: match[2] for match in matches if match}
        if len(named) == len(cells) >= self._least:
            return self._named_values(named)
        if not any(map(_is_number, cells)):
            # Also when a board starts anew, or recordings follow each other: the header comes again.
            self._header(cells)
            return []
        found = _numbered(cells) if self._columns is None else self._columns
        if found is None or self._bare:
            self._without_header(cells)
            found = self._columns
        return [] if found is None else self._row(found, cells)

    def _row(self, found: Columns, cells: Sequence[object]) -> list[Row]:
        """The samples that `cells` complete."""
        time, values = found.row(cells)
        self.units = found.units
        if found.sensor is not None:
            return self._paired(str(cells[found.sensor]), time, values)
        return [(time, values if len(values) == N_CHANNELS else values + _NO_ROTATION)]

    def _paired(self, sensor: str, time: float | None, values: list[float]) -> list[Row]:
        """The samples that a reading of one sensor completes; those of other sensors are ignored."""
        kind = columns.sensor_kind(sensor)
        if not kind:
            return []
        if time is None:
            raise MalformedError("it is of one sensor and has no time, by which it could be paired with the other")
        if not self._needs_rotation:
            return [] if kind == "rotation" else [(time, values + _NO_ROTATION)]
        if kind == "rotation":
            return self._pairing.rotate(time, values)
        return self._pairing.accelerate(time, values)

    def _cells(self, text: str) -> list[str]:
        if self._columns is None:
            self._delimiter = columns.delimiter(text)
        cells = [x.strip().strip('"') for x in text.split(self._delimiter)]
        return [x.replace(",", ".") for x in cells] if columns.has_decimal_commas(self._delimiter) else cells

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
        found = _unnamed(len(cells), self._needs_rotation)
        if self._bare or found is None:
            raise MalformedError(
                f"{len(cells)} values without a header; six are ax, ay, az, gx, gy, gz, seven have the time before them"
            )
        self._columns, self._bare = found, len(cells)


class Pairing:
    """Gives each acceleration the rotation at its time, on the line between the readings before and after it."""

    def __init__(self) -> None:
        self._waiting: deque[_Reading] = deque(maxlen=MAX_UNPAIRED)  # accelerations, until a rotation is as late
        self._before: _Reading | None = None
        self._latest: _Reading | None = None

    def accelerate(self, time: float, values: list[float]) -> list[Row]:
        """Take an acceleration; give the samples that are complete now.

        Raises `MalformedError` when so many wait that no rotation seems to come.
        """
        if len(self._waiting) == MAX_UNPAIRED:
            raise MalformedError(f"{MAX_UNPAIRED} accelerations and no rotation: send the gyroscope too")
        self._waiting.append((time, values))
        return self._complete()

    def rotate(self, time: float, values: list[float]) -> list[Row]:
        """Take a rotation; give the samples that are complete now."""
        if self._latest and time == self._latest[0]:
            return []
        if self._latest and time < self._latest[0]:  # another clock, or a reading that came late
            self._waiting.clear()
            self._latest = None
        self._before, self._latest = self._latest, (time, values)
        return self._complete()

    def _complete(self) -> list[Row]:
        rows: list[Row] = []
        while self._latest and self._waiting and self._waiting[0][0] <= self._latest[0]:
            time, acceleration = self._waiting.popleft()
            if time == self._latest[0]:
                rows.append((time, acceleration + self._latest[1]))
            elif self._before:
                share = max(0.0, (time - self._before[0]) / (self._latest[0] - self._before[0]))
                turned = [a + share * (b - a) for a, b in zip(self._before[1], self._latest[1], strict=True)]
                rows.append((time, acceleration + turned))
        return rows


def _unnamed(n_values: int, needs_rotation: bool) -> Columns | None:
    """The columns of a row of numbers that nothing names: six values, or the time and six values.

    Or three, where rotation need not be.
    """
    size = 3 if n_values in (3, 4) and not needs_rotation else N_CHANNELS
    if n_values not in (size, size + 1):
        return None
    return Columns(0 if n_values > size else None, tuple(range(n_values - size, n_values)), Units())


def _numbered(cells: Sequence[str]) -> Columns | None:
    """The columns of a row that has the time, then Android's number of each sensor before its three values."""
    numbers = cells[1::4]
    if len(cells) % 4 != 1 or not {"3", "4"} <= set(numbers):
        return None
    starts = [2 + 4 * numbers.index(x) for x in ("3", "4")]
    values = tuple(first + i for first in starts for i in range(3))
    return Columns(0, values, Units(None, ACCELERATION_UNITS["m/s2"], ROTATION_UNITS["rad/s"]))


def _samples(content: object) -> list[dict[str, Any]]:
    """The object itself, or an object for each sample where it holds lists of samples."""
    if not isinstance(content, dict):
        raise MalformedError("a sample is no JSON object")
    several = {key: x for key, x in content.items() if isinstance(x, list) and x and isinstance(x[0], list)}
    if not several:
        return [content]
    times = {key: x for key, x in content.items() if key.lower() in _TIMES}
    if not all(isinstance(x, list) for x in times.values()):
        raise MalformedError("several samples have one time: give a list of times, or none")
    lists = several | times
    if len({len(x) for x in lists.values()}) > 1:
        raise MalformedError("time, acceleration and rotation have different lengths")
    return [dict(zip(lists, row, strict=True)) for row in zip(*lists.values(), strict=True)]


def _flattened(content: dict[str, Any]) -> dict[str, object]:
    """An object with a name for each axis instead of lists of three; with SensorStreamer's units where it is its."""
    flat: dict[str, object] = {}
    for key, value in list(content.items())[:_MOST_NAMES]:
        unit = ""
        kind = columns.sensor_kind(key)
        if kind and isinstance(value, dict) and "value" in value:
            unit = "[m/s2]" if kind == "acceleration" else "[rad/s]"
            if kind == "acceleration":
                flat["timestamp[ns]"] = value.get("timestamp")
            value = value["value"]
        if isinstance(value, list) and len(value) == 3:
            name = "" if key.lower() in _READINGS else key
            flat |= {f"{name}{axis}{unit}": x for axis, x in zip("xyz", value, strict=True)}
        else:
            flat[key] = value
    return flat


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
