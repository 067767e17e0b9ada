"""Convert raw rows to chunks in s, g and rad/s; infer units that are not stated from the first samples.

Stated units are checked by the same rule (`edge_runtime.data.units`). Rotation without a unit is taken as rad/s.
"""

import numpy as np

from edge_runtime.data import units as known
from edge_runtime.data.columns import Row
from edge_runtime.data.units import ACCELERATION_UNITS, TIME_UNITS, Units
from edge_runtime.errors import InputError
from edge_runtime.live.sources import Chunk, Event, Item
from edge_runtime.signals.frontend import N_CHANNELS

_FIRST_SAMPLES = 50
"""So many samples are held back to infer or check the units: a second at the usual rate."""


class UnitEstimator:
    """Turns raw rows into chunks; the first `_FIRST_SAMPLES` wait where units have to be inferred.

    Where all are stated they do not wait, unless they have turned out to be others. `options` are the units that the
    user has given; a header does not change them.
    """

    def __init__(self, options: Units) -> None:
        self._options = options
        self._waiting: list[Row] = []
        self._seen: list[Row] = []  # the first of a header
        self._header: Units | None = None  # for which `_units` hold
        self._units = Units()
        self._trusts_statements = True

    def take(self, rows: list[Row], header: Units, last: bool = False) -> list[Item]:
        """Convert `rows`; `header` holds the units that they state, if any.

        `last` says that no row will follow, at least none with this header. Raises `InputError` when the units cannot
        be inferred, or when they are clearly not those that are stated.
        """
        self._waiting += rows
        if not self._waiting:
            self._seen = [] if last else self._seen
            return []
        if header == self._header:
            return [_chunk(self._release(), self._units)]
        self._seen += rows
        stated = self._options.or_else(header)
        units = stated.or_else(self._units)
        events: list[Event] = []
        is_open = units.acceleration is None or (units.time is None and self._waiting[0][0] is not None)
        if last or len(self._seen) >= _FIRST_SAMPLES:
            self._check(stated)
            units, events = _inferred(self._seen, units)
            self._header, self._units = (None if last else header), units
            self._seen, self._trusts_statements = [], True
        elif is_open or not self._trusts_statements:
            return []
        return [*events, _chunk(self._release(), units)]

    def drop(self) -> int:
        """Drop the rows that wait, since their units are not what they should be; return how many they were."""
        self._seen, self._trusts_statements = [], False
        return len(self._release())

    def _release(self) -> list[Row]:
        waiting, self._waiting = self._waiting, []
        return waiting

    def _check(self, stated: Units) -> None:
        """Raise `InputError` where the numbers are those of another unit than is stated."""
        size, step = _size(self._waiting), _step(self._waiting)
        if stated.acceleration is not None:
            other = known.acceleration_unit(size)
            mine = known.unit_name(stated.acceleration, ACCELERATION_UNITS)
            if other not in (None, mine):
                who = "the header says" if self._options.acceleration is None else "--units says"
                raise InputError(
                    f"{who} {mine}, but the numbers look like {other}: acceleration has a size of about {size:.3g}; "
                    f"give --units {other}"
                )
        if stated.time is not None:
            other, mine = known.time_unit(step), known.unit_name(stated.time, TIME_UNITS)
            if other is not None and not known.is_step(step * stated.time):
                raise InputError(
                    f"the header says that times are in {mine}, but they are about {step:.3g} apart, as they are in "
                    f"{other}: correct the header, such as t[{other}]"
                )


def _chunk(rows: list[Row], units: Units) -> Chunk:
    samples = np.array([values for _, values in rows]).reshape(-1, N_CHANNELS)
    samples[:, :3] *= units.acceleration or 1.0
    samples[:, 3:] *= 1.0 if units.rotation is None else units.rotation
    if rows[0][0] is None:
        return Chunk(None, samples)
    return Chunk(np.array([time for time, _ in rows], np.float64) * (units.time or 1.0), samples)


def _inferred(rows: list[Row], units: Units) -> tuple[Units, list[Event]]:
    """The units of `rows` by their numbers where `units` has none, and an event that names them."""
    names = []
    if units.acceleration is None:
        name = known.acceleration_unit(_size(rows))
        if name is None:
            raise InputError(
                f"the acceleration has a size of about {_size(rows):.3g}, which with gravity is neither about 1 (g) "
                "nor about 9.8 (m/s2): check the sensor, or give --units"
            )
        units = units._replace(acceleration=ACCELERATION_UNITS[name])
        names.append(f"acceleration in {name}")
    if units.time is None and rows[0][0] is not None:
        name = known.time_unit(_step(rows))
        if name is None:
            raise InputError(
                f"timestamps are about {_step(rows):.3g} apart, which for motion is neither s nor ms, us or ns: "
                "leave the timestamp out and give --rate, or state its unit in the header, such as t[ms]"
            )
        units = units._replace(time=TIME_UNITS[name])
        names.append(f"time in {name}")
    if not names:
        return units, []
    sentence = f"no unit is stated; by their size: {', '.join(names)}"
    if units.rotation is None:
        sentence += "; rotation is taken as rad/s (--gyro-units deg/s if it is not)"
    return units, [Event("units", sentence)]


def _size(rows: list[Row]) -> float:
    return known.typical_size([values[:3] for _, values in rows])


def _step(rows: list[Row]) -> float:
    return known.typical_step([time for time, _ in rows if time is not None])
