"""Units by their names, and a rule by which samples show theirs: what size they have, and how far apart they are.

Acceleration includes gravity, so that its size is about 1 in g and about 9.8 in m/s², whatever a person does for a
second. Samples of motion are 1 to 250 ms apart, which is a different number in s, ms, µs and ns. Where units are
stated, the rule checks them. For rotation there is none: rad/s is taken.
"""

from typing import NamedTuple

import numpy as np

from edge_runtime.errors import InputError
from edge_runtime.live.sources import N_CHANNELS, Chunk, Event, Item

TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
ACCELERATION_UNITS = {"g": 1.0, "m/s2": 1 / 9.80665}
ROTATION_UNITS = {"rad/s": 1.0, "deg/s": np.pi / 180}

Row = tuple[float | None, list[float]]
"""One sample as it was sent: its time, if it has one, and six values."""

_OTHER_NAMES = {
    "m/s^2": "m/s2", "m/s²": "m/s2", "m/s/s": "m/s2", "ms-2": "m/s2", "m/s**2": "m/s2",
    "ms2": "m/s2", "mss": "m/s2", "mps2": "m/s2", "m/s/2": "m/s2", "rps": "rad/s",
    "rad": "rad/s", "rads": "rad/s", "deg": "deg/s", "dps": "deg/s", "°/s": "deg/s", "degrees/s": "deg/s",
    "sec": "s", "seconds": "s", "msec": "ms", "milliseconds": "ms", "usec": "us", "µs": "us", "μs": "us",
    "microseconds": "us", "nanoseconds": "ns",
}  # fmt: skip

_LOOK = 50
"""So many samples are held back to find or check the units: a second at the usual rate."""

_STEP_S = (0.001, 0.25)
_SIZES_G = (0.5, 2.0)


NOT_NEEDED = 0.0
"""What a unit of rotation is worth to a model that takes none: it may then be missing."""


class Units(NamedTuple):
    """What one unit of time, acceleration and rotation is worth in s, g and rad/s; None where nobody has said it."""

    time: float | None = None
    acceleration: float | None = None
    rotation: float | None = None

    def or_else(self, other: "Units") -> "Units":
        """These units, and those of `other` where these are unsaid."""
        return Units(*(mine if mine is not None else theirs for mine, theirs in zip(self, other, strict=True)))


def known(name: str) -> str:
    """The name under which the tables have the unit that someone wrote as `name`."""
    plain = name.strip().lower().replace(" ", "")
    return _OTHER_NAMES.get(plain, plain)


class UnitEstimator:
    """Turns raw rows into chunks in s, g and rad/s; the first `_LOOK` wait where units are to be found out.

    Where all are stated they do not wait, unless they have turned out to be others. `options` are the units that the
    user has given, which a header does not change.
    """

    def __init__(self, options: Units) -> None:
        self._options = options
        self._held: list[Row] = []
        self._seen: list[Row] = []  # the first of a header
        self._header: Units | None = None  # for which `_units` hold
        self._units = Units()
        self._trusts_statements = True

    def take(self, rows: list[Row], header: Units, last: bool = False) -> list[Item]:
        """What `rows` are; `header` is what they say of their units, if anything.

        `last` says that no row will follow, at least none with this header. Raises `InputError` when there is no
        telling what the units are, or when they are clearly not what is stated.
        """
        self._held += rows
        if not self._held:
            self._seen = [] if last else self._seen
            return []
        if header == self._header:
            return [_chunk(self._given(), self._units)]
        self._seen += rows
        stated = self._options.or_else(header)
        units = stated.or_else(self._units)
        said: list[Event] = []
        is_open = units.acceleration is None or (units.time is None and self._held[0][0] is not None)
        if last or len(self._seen) >= _LOOK:
            self._check(stated)
            units, said = _found(self._seen, units)
            self._header, self._units = (None if last else header), units
            self._seen, self._trusts_statements = [], True
        elif is_open or not self._trusts_statements:
            return []
        return [*said, _chunk(self._given(), units)]

    def forget(self) -> int:
        """Drop the rows that wait, since their units are not what they should be; how many they were."""
        self._seen, self._trusts_statements = [], False
        return len(self._given())

    def _given(self) -> list[Row]:
        held, self._held = self._held, []
        return held

    def _check(self, stated: Units) -> None:
        """Raise `InputError` where the numbers are those of another unit than is stated."""
        size, step = _typical_size(self._held), _typical_step(self._held)
        if stated.acceleration is not None:
            other, mine = _fitting(size, _SIZES_G, ACCELERATION_UNITS), _name(stated.acceleration, ACCELERATION_UNITS)
            if other not in (None, mine):
                who = "the header says" if self._options.acceleration is None else "--units says"
                raise InputError(
                    f"{who} {mine}, but the numbers look like {other}: acceleration has a size of about {size:.3g}; "
                    f"give --units {other}"
                )
        if stated.time is not None:
            other, mine = _fitting(step, _STEP_S, TIME_UNITS), _name(stated.time, TIME_UNITS)
            if other is not None and not _fits(step * stated.time, _STEP_S):
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


def _found(rows: list[Row], units: Units) -> tuple[Units, list[Event]]:
    """The units of `rows` by their numbers where `units` has none, and what to say about them."""
    said = []
    if units.acceleration is None:
        name = _acceleration_unit(rows)
        units = units._replace(acceleration=ACCELERATION_UNITS[name])
        said.append(f"acceleration in {name}")
    if units.time is None and rows[0][0] is not None:
        name = _time_unit(rows)
        units = units._replace(time=TIME_UNITS[name])
        said.append(f"time in {name}")
    if not said:
        return units, []
    sentence = f"no unit is stated; by their size: {', '.join(said)}"
    if units.rotation is None:
        sentence += "; rotation is taken as rad/s (--gyro-units deg/s if it is not)"
    return units, [Event("units", sentence)]


def _acceleration_unit(rows: list[Row]) -> str:
    size = _typical_size(rows)
    name = _fitting(size, _SIZES_G, ACCELERATION_UNITS)
    if name is None:
        raise InputError(
            f"the acceleration has a size of about {size:.3g}, which with gravity is neither about 1 (g) nor about 9.8 "
            "(m/s2): check the sensor, or give --units"
        )
    return name


def _time_unit(rows: list[Row]) -> str:
    step = _typical_step(rows)
    name = _fitting(step, _STEP_S, TIME_UNITS)
    if name is None:
        raise InputError(
            f"timestamps are about {step:.3g} apart, which for motion is neither s nor ms, us or ns: "
            "leave the timestamp out and give --rate, or state its unit in the header, such as t[ms]"
        )
    return name


def _typical_size(rows: list[Row]) -> float:
    sizes = np.linalg.norm([values[:3] for _, values in rows], axis=1)
    sizes = sizes[np.isfinite(sizes)]
    return float(np.median(sizes)) if len(sizes) else 0.0


def _typical_step(rows: list[Row]) -> float:
    steps = np.diff([time for time, _ in rows if time is not None])
    steps = steps[np.isfinite(steps) & (steps > 0)]
    return float(np.median(steps)) if len(steps) else 0.0


def _fitting(value: float, limits: tuple[float, float], units: dict[str, float]) -> str | None:
    """The unit in which `value` lies within `limits`, if any."""
    return next((name for name, factor in units.items() if _fits(value * factor, limits)), None)


def _fits(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] * (1 - 1e-6) <= value < limits[1] * (1 + 1e-6)


def _name(factor: float, units: dict[str, float]) -> str:
    return next(name for name, x in units.items() if x == factor)
