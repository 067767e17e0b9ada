"""Units by their names, and a rule for samples that come without: what size they have, and how far apart they are.

Acceleration includes gravity, so that its size is about 1 in g and about 9.8 in m/s², whatever a person does for a
second. Samples of motion are 1 to 250 ms apart, which is a different number in s, ms, µs and ns. For rotation there is
no such rule: rad/s is taken.
"""

from typing import NamedTuple

import numpy as np

from edge_runtime.errors import InputError
from edge_runtime.sources import N_CHANNELS, Array, Chunk, Event, Item

TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
ACCELERATION_UNITS = {"g": 1.0, "m/s2": 1 / 9.80665}
ROTATION_UNITS = {"rad/s": 1.0, "deg/s": np.pi / 180}

Row = tuple[float | None, list[float]]
"""One sample as it was sent: its time, if it has one, and six values."""

_OTHER_NAMES = {
    "m/s^2": "m/s2", "m/s²": "m/s2", "m/s/s": "m/s2", "ms-2": "m/s2", "m/s**2": "m/s2",
    "rad": "rad/s", "rads": "rad/s", "deg": "deg/s", "dps": "deg/s", "°/s": "deg/s", "degrees/s": "deg/s",
    "sec": "s", "seconds": "s", "msec": "ms", "milliseconds": "ms", "usec": "us", "µs": "us", "μs": "us",
    "microseconds": "us", "nanoseconds": "ns",
}  # fmt: skip

_LOOK = 50
"""So many samples are held back to find the units: a second at the usual rate."""

_STEP_S = (0.001, 0.25)
_SIZES_G = (0.5, 2.0)


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


class Measured:
    """Turns raw rows into chunks in s, g and rad/s; the first `_LOOK` of them wait where units are to be found out."""

    def __init__(self) -> None:
        self._held: list[Row] = []
        self._units = Units()

    def take(self, rows: list[Row], stated: Units, last: bool = False) -> list[Item]:
        """What `rows` are; `stated` is what header and options say of their units.

        `last` says that no row will follow. Raises `InputError` when there is no telling what the units are.
        """
        self._held += rows
        units = stated.or_else(self._units)
        items: list[Item] = []
        if self._held and (units.acceleration is None or (units.time is None and self._held[0][0] is not None)):
            if len(self._held) < _LOOK and not last:
                return []
            units, said = _found(self._held, units)
            items += said
        if not self._held:
            return items
        self._units = units
        rows, self._held = self._held, []
        items.append(_chunk(rows, units))
        return items

    def forget(self) -> int:
        """Drop the rows that wait; how many they were."""
        count, self._held = len(self._held), []
        return count


def _chunk(rows: list[Row], units: Units) -> Chunk:
    samples = np.array([values for _, values in rows]).reshape(-1, N_CHANNELS)
    samples[:, :3] *= units.acceleration or 1.0
    samples[:, 3:] *= 1.0 if units.rotation is None else units.rotation
    if rows[0][0] is None:
        return Chunk(None, samples)
    return Chunk(np.array([time for time, _ in rows], np.float64) * (units.time or 1.0), samples)


def _found(rows: list[Row], units: Units) -> tuple[Units, list[Event]]:
    """The units of `rows` by their numbers, and what to say about them."""
    said = []
    if units.acceleration is None:
        name = _acceleration_unit(np.array([values[:3] for _, values in rows]))
        units = units._replace(acceleration=ACCELERATION_UNITS[name])
        said.append(f"acceleration in {name}")
    times = [time for time, _ in rows if time is not None]
    if units.time is None and times:
        name = _time_unit(np.array(times))
        units = units._replace(time=TIME_UNITS[name])
        said.append(f"time in {name}")
    sentence = f"no unit is stated; by their size: {', '.join(said)}"
    if units.rotation is None:
        sentence += "; rotation is taken as rad/s (--gyro-units deg/s if it is not)"
    return units, [Event("units", sentence)]


def _acceleration_unit(values: Array) -> str:
    sizes = np.linalg.norm(values, axis=1)
    sizes = sizes[np.isfinite(sizes)]
    typical = float(np.median(sizes)) if len(sizes) else 0.0
    for name, factor in ACCELERATION_UNITS.items():
        if _SIZES_G[0] <= typical * factor <= _SIZES_G[1]:
            return name
    raise InputError(
        f"the acceleration has a size of about {typical:.3g}, which with gravity is neither about 1 (g) nor about 9.8 "
        "(m/s2): check the sensor, or give --units"
    )


def _time_unit(times: Array) -> str:
    steps = np.diff(times)
    steps = steps[np.isfinite(steps) & (steps > 0)]
    typical = float(np.median(steps)) if len(steps) else 0.0
    for name, factor in TIME_UNITS.items():
        if _STEP_S[0] * (1 - 1e-6) <= typical * factor < _STEP_S[1]:
            return name
    raise InputError(
        f"timestamps are about {typical:.3g} apart, which for motion is neither s nor ms, us or ns: "
        "leave the timestamp out and give --rate, or state its unit in the header, such as t[ms]"
    )
