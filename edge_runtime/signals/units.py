"""Convert units of time, acceleration and rotation, and recognise them by the size of the numbers.

Acceleration with gravity is about 1 in g, 9.8 in m/s² and 1000 in mg; samples of motion are 1 to 250 ms apart.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.signals.resampling import MAX_GAP_S
from edge_runtime.signals.sensor_faults import GRAVITY_SIZES_G
from edge_runtime.signals.types import STANDARD_GRAVITY

TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
ACCELERATION_UNITS = {"g": 1.0, "m/s2": 1 / STANDARD_GRAVITY, "mg": 1e-3}
ROTATION_UNITS = {"rad/s": 1.0, "deg/s": np.pi / 180, "mdps": np.pi / 180_000}

_OTHER_NAMES = {
    "m/s^2": "m/s2", "m/s²": "m/s2", "m/s/s": "m/s2", "ms-2": "m/s2", "m/s**2": "m/s2",
    "ms2": "m/s2", "mss": "m/s2", "mps2": "m/s2", "m/s/2": "m/s2", "rps": "rad/s",
    "rad": "rad/s", "rads": "rad/s", "deg": "deg/s", "dps": "deg/s", "°/s": "deg/s", "degrees/s": "deg/s",
    "sec": "s", "seconds": "s", "msec": "ms", "milliseconds": "ms", "usec": "us", "µs": "us", "μs": "us",
    "microseconds": "us", "nanoseconds": "ns",
}  # fmt: skip

MOST_ROTATION_RAD_S = 20.0  # on average over a second: nobody turns so fast, and in deg/s everyone does
N_JUDGED = 50  # samples whose numbers show the units
STEP_S = (0.001, MAX_GAP_S)  # between samples of motion
NOT_NEEDED = 0.0  # the unit of rotation that may be missing, for a model without it


class Units(NamedTuple):
    """Factors that convert time, acceleration and rotation to s, g and rad/s; None where the unit is not stated."""

    time: float | None = None
    acceleration: float | None = None
    rotation: float | None = None

    def or_else(self, other: "Units") -> "Units":
        """These units, and the units of `other` where these are not stated."""
        return Units(*(mine if mine is not None else theirs for mine, theirs in zip(self, other, strict=True)))


def canonical(name: str) -> str:
    """The tables' name of the unit that is written as `name`; else `name` in lower case."""
    plain = name.strip().lower().replace(" ", "")
    return _OTHER_NAMES.get(plain, plain)


def unit_name(factor: float, units: dict[str, float]) -> str:
    """The name of the unit with this `factor` in one of the tables."""
    return next(name for name, value in units.items() if value == factor)


def inferred_units(stated: Units, accelerations: npt.ArrayLike, times: Sequence[float] = ()) -> Units:
    """The `stated` units, and acceleration's and time's by the size of `accelerations` `[n, 3]` and `times` `[n]`.

    Raises `InputError` where the numbers clearly contradict the stated unit, or fit no unit.
    """
    with np.errstate(over="ignore"):
        sizes, steps = np.linalg.norm(accelerations, axis=1), np.diff(times)
    sizes, steps = sizes[np.isfinite(sizes)], steps[np.isfinite(steps) & (steps > 0)]
    size, step = (float(np.median(x)) if len(x) else 0.0 for x in (sizes, steps))
    acceleration = next((name for name, g in ACCELERATION_UNITS.items() if _within(size * g, GRAVITY_SIZES_G)), None)
    time = next((name for name, s in TIME_UNITS.items() if is_step(step * s)), None)
    by_size = Units(TIME_UNITS[time] if time else None, ACCELERATION_UNITS[acceleration] if acceleration else None)
    if stated.acceleration is None and acceleration is None:
        raise InputError(
            f"acceleration is about {size:.4g}, not about 1 (g), 9.8 (m/s2) or 1000 (mg): give --units, or divide the "
            "sensor's counts"
        )
    if stated.acceleration is not None and by_size.acceleration not in (None, stated.acceleration):
        raise InputError(
            f"acceleration is taken as {unit_name(stated.acceleration, ACCELERATION_UNITS)}, but its size is about "
            f"{size:.3g}, as in {acceleration}: write ax[{acceleration}] in the header, or give --units {acceleration}"
        )
    if stated.time is None and time is None and len(times):
        raise InputError(f"times are {step:.3g} apart, in neither s, ms, us nor ns: give --rate or a unit, as t[ms]")
    if stated.time is not None and time and not is_step(step * stated.time):
        raise InputError(
            f"times are taken as {unit_name(stated.time, TIME_UNITS)}, but they are about {step:.3g} apart, as in "
            f"{time}: write their unit in the header, as t[{time}]"
        )
    return stated.or_else(by_size)


def are_degrees(rotations: npt.ArrayLike) -> bool:
    """Tell whether `rotations` `[n, 3]` without a unit are too fast for rad/s."""
    with np.errstate(over="ignore"):
        return bool(np.median(np.linalg.norm(rotations, axis=1)) > MOST_ROTATION_RAD_S)


def units_notice(stated: Units, inferred: Units) -> str:
    """A sentence about units of acceleration and rotation that are not `stated` but assumed, or ""."""
    parts: list[str] = []
    if stated.acceleration is None and inferred.acceleration:
        parts.append(f"acceleration in {unit_name(inferred.acceleration, ACCELERATION_UNITS)} (see --units)")
    if inferred.rotation is None:
        parts.append("rotation in rad/s (if it is in deg/s, give --gyro-units deg/s)")
    elif stated.rotation is None:
        parts.append("rotation in deg/s (see --gyro-units)")
    return f"no unit is given; assuming {' and '.join(parts)}" if parts else ""


def is_step(seconds: float) -> bool:
    """Tell whether samples of motion may be so far apart."""
    return _within(seconds, STEP_S)


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] * (1 - 1e-6) <= value < limits[1] * (1 + 1e-6)
