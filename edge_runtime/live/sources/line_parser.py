"""Parse one line into samples: CSV, with or without a header, or a JSON object (docs/stream.md shows all forms)."""

import csv
import json
from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from operator import itemgetter

from edge_runtime.data import column_names
from edge_runtime.data.column_names import Columns, Row
from edge_runtime.data.text_rows import delimiter, split
from edge_runtime.errors import InputError
from edge_runtime.signals.frontend import N_CHANNELS
from edge_runtime.signals.units import Units

MOST_READINGS, MOST_IN_FILE = 100, 1_000_000  # of a sensor, which wait for the other sensor
_READINGS = ("values", "value", "data")
_NO_ROTATION = [0.0, 0.0, 0.0]
_AXES = frozenset("xyz")  # in each header

_Reading = tuple[float, list[float]]  # a time in any unit, and three values


class LineParser:
    """Parses lines; `units` are the units of the last line.

    With `midway` the first line may have lost its beginning, and is left out unless it is a header. Rotation that is
    not needed may be missing, and is then 0.
    """

    def __init__(self, midway: bool = False, needs_rotation: bool = True, most_readings: int = MOST_READINGS) -> None:
        self._midway, self._needs_rotation = midway, needs_rotation
        self._columns: Columns | None = None
        self._refused = ""  # why the header cannot be used
        self._bare = self._misfit = 0  # cells of a row that no header names; of the latest row if it has others
        self._delimiter: str | None = ","
        self._pairing = Pairing(most_readings)
        self.units = Units()

    def parse(self, line: str) -> list[Row]:
        """The samples of one line; none for a header. Raises `InputError`."""
        text = line.strip()
        return self._json(text) if text[:1] in ("{", "[") else self._csv(text)

    def _json(self, text: str) -> list[Row]:
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"it is not JSON: {error}") from error
        if not isinstance(content, dict):
            raise InputError("it is not a JSON object")
        return [row for reading in _readings(content) for row in self._object(reading)]

    def _object(self, content: Mapping[str, object]) -> list[Row]:
        values = _flattened(content)
        return self._rows(_columns(tuple(values), self._needs_rotation), list(values.values()))

    def _csv(self, text: str) -> list[Row]:
        if self._columns is None:
            self._delimiter = delimiter(text)
        try:
            cells = split(text, self._delimiter)
        except csv.Error as error:
            raise InputError(str(error)) from error
        if text.endswith(("HTTP/1.0", "HTTP/1.1")):
            raise InputError("this is HTTP, or a WebSocket: send plain lines instead (docs/stream.md has apps)")
        if not any(map(column_names.is_number, cells)):  # a header, which a board repeats when it restarts
            if self._columns and not _AXES.issubset(text.lower()):
                raise InputError("it has neither numbers nor the names of a header")
            try:
                self._columns, self._bare = _columns(tuple(cells), self._needs_rotation), 0
            except InputError as error:
                if self._columns is None and len(cells) >= (N_CHANNELS if self._needs_rotation else 3):
                    self._refused = str(error)
                raise
            return []
        if self._columns is None:
            if self._refused:
                raise InputError(self._refused)
            if self._midway:
                self._midway = False
                return []
            self._columns, self._bare = column_names.unnamed_columns(len(cells), self._needs_rotation), len(cells)
        if self._bare in (0, len(cells)):
            self._misfit = 0
        elif self._misfit != len(cells):
            self._misfit = len(cells)
            raise InputError(f"{len(cells)} values without a header, after lines of {self._bare}")
        else:  # the earlier lines were cut
            self._columns, self._bare = column_names.unnamed_columns(len(cells), self._needs_rotation), len(cells)
        return self._rows(self._columns, cells)

    def _rows(self, columns: Columns, cells: Sequence[object]) -> list[Row]:
        """The samples that `cells` complete."""
        time, values = columns.row(cells)
        self.units = columns.units
        if columns.sensor is not None:
            return self._paired(str(cells[columns.sensor]), time, values)
        return [(time, values if len(values) == N_CHANNELS else values + _NO_ROTATION)]

    def _paired(self, sensor: str, time: float | None, values: list[float]) -> list[Row]:
        """The samples that a reading of one sensor completes; other sensors are ignored."""
        kind = column_names.sensor_kind(sensor)
        if not kind:
            return []
        if time is None:
            raise InputError("it holds one sensor without a time, so it cannot be paired with the other sensor")
        if not self._needs_rotation:
            return [] if kind == "rotation" else [(time, values + _NO_ROTATION)]
        return self._pairing.rotate(time, values) if kind == "rotation" else self._pairing.accelerate(time, values)


class Pairing:
    """Gives each acceleration the rotation at its time, on the line between the readings before and after it.

    It remembers the latest `most` readings of each sensor.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._waiting: deque[_Reading] = deque()  # accelerations, until a rotation is as late
        self._rotations: list[_Reading] = []

    def accelerate(self, time: float, values: list[float]) -> list[Row]:
        """Take an acceleration; give the samples that are complete now. Raises `InputError` without rotation."""
        if len(self._waiting) == self._most:
            self._waiting.popleft()
            raise InputError(f"{self._most:,} accelerations and no rotation: send the gyroscope too")
        self._waiting.append((time, values))
        return self._complete()

    def rotate(self, time: float, values: list[float]) -> list[Row]:
        """Take a rotation; give the samples that are complete now."""
        if self._rotations and time == self._rotations[-1][0]:
            return []
        if self._rotations and time < self._rotations[-1][0]:  # another clock, or a reading that came late
            self._waiting.clear()
            self._rotations.clear()
        self._rotations.append((time, values))
        if len(self._rotations) > 2 * self._most:
            del self._rotations[: self._most]
        return self._complete()

    def _complete(self) -> list[Row]:
        rows: list[Row] = []
        while self._rotations and self._waiting and self._waiting[0][0] <= self._rotations[-1][0]:
            time, acceleration = self._waiting.popleft()
            place = bisect_left(self._rotations, time, key=itemgetter(0))
            later, rotation = self._rotations[place]
            if time == later:
                rows.append((time, acceleration + rotation))
            elif place:
                earlier, before = self._rotations[place - 1]
                share = (time - earlier) / (later - earlier)
                rows.append((time, acceleration + [a + share * (b - a) for a, b in zip(before, rotation, strict=True)]))
        return rows


_columns = lru_cache(4)(column_names.find_columns)


def _readings(content: Mapping[str, object]) -> Sequence[Mapping[str, object]]:
    """The readings that Sensor Logger pushes as `payload`, of acceleration and rotation; or else `content` itself."""
    payload = content.get("payload")
    if not isinstance(payload, list):
        return [content]
    readings = [
        reading
        for reading in payload
        if isinstance(reading, dict) and column_names.sensor_kind(str(reading.get("name")))
    ]
    with_gravity = [reading for reading in readings if reading["name"] != "accelerometer"]
    if len(with_gravity) < len(readings) and not any(reading["name"] == "totalacceleration" for reading in readings):
        raise InputError(column_names.NO_GRAVITY.format("accelerometer"))
    return with_gravity


def _flattened(content: Mapping[str, object]) -> dict[str, object]:
    """An object with a name for each axis instead of lists of three; SensorStreamer's objects get its units."""
    flat: dict[str, object] = {}
    for key, value in content.items():
        unit, kind = "", column_names.sensor_kind(key)
        if kind and isinstance(value, dict) and "value" in value:
            unit = "[m/s2]" if kind == "acceleration" else "[rad/s]"
            if kind == "acceleration":
                flat["timestamp[ns]"] = value.get("timestamp")
            value = value["value"]
        if isinstance(value, dict) and value.keys() >= {*"xyz"}:
            value = [value[axis] for axis in "xyz"]
        if isinstance(value, list) and len(value) == 3:
            name = "" if key.lower() in _READINGS else key
            flat |= {f"{name}{axis}{unit}": x for axis, x in zip("xyz", value, strict=True)}
        else:
            flat[key] = value
    if "timestamp[ns]" in flat:
        flat.pop("timestamp", None)
    return flat
