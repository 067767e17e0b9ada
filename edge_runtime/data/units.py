"""Convert units of time, acceleration and rotation, and recognise them by the size of the numbers.

Acceleration includes gravity: its size is about 1 in g and about 9.8 in m/s², whatever a person does for a second.
Samples of motion are 1 to 250 ms apart: a different number in s, ms, µs and ns. Rotation has no such rule.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.resampling import MAX_GAP_S
from edge_runtime.signals.types import STANDARD_GRAVITY

TIME_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
ACCELERATION_UNITS = {"g": 1.0, "m/s2": 1 / STANDARD_GRAVITY}
ROTATION_UNITS = {"rad/s": 1.0, "deg/s": np.pi / 180}

_OTHER_NAMES = {
    "m/s^2": "m/s2", "m/s²": "m/s2", "m/s/s": "m/s2", "ms-2": "m/s2", "m/s**2": "m/s2",
    "ms2": "m/s2", "mss": "m/s2", "mps2": "m/s2", "m/s/2": "m/s2", "rps": "rad/s",
    "rad": "rad/s", "rads": "rad/s", "deg": "deg/s", "dps": "deg/s", "°/s": "deg/s", "degrees/s": "deg/s",
    "sec": "s", "seconds": "s", "msec": "ms", "milliseconds": "ms", "usec": "us", "µs": "us", "μs": "us",
    "microseconds": "us", "nanoseconds": "ns",
}  # fmt: skip

STEP_S = (0.001, MAX_GAP_S)
"""How far samples of motion may be apart."""

_SIZES_G = (0.5, 2.0)

NOT_NEEDED = 0.0
"""The unit of rotation for a model that takes none: rotation may then be missing."""


class Units(NamedTuple):
    """Factors that convert time, acceleration and rotation to s, g and rad/s; None where the unit is not stated."""

    time: float | None = None
    acceleration: float | None = None
    rotation: float | None = None

    def or_else(self, other: "Units") -> "Units":
        """These units, and those of `other` where these are not stated."""
        return Units(*(mine if mine is not None else theirs for mine, theirs in zip(self, other, strict=True)))


def canonical(name: str) -> str:
    """The tables' name of the unit that is written as `name`; `name` in lower case if they have none."""
    plain = name.strip().lower().replace(" ", "")
    return _OTHER_NAMES.get(plain, plain)


def unit_name(factor: float, units: dict[str, float]) -> str:
    """The name of the unit with this `factor` in one of the tables."""
    return next(name for name, x in units.items() if x == factor)


def typical_size(accelerations: npt.ArrayLike) -> float:
    """Median of the finite magnitudes of `accelerations` `[n, 3]`; 0 if there are none."""
    with np.errstate(over="ignore"):
        sizes = np.linalg.norm(accelerations, axis=1)
    sizes = sizes[np.isfinite(sizes)]
    return float(np.median(sizes)) if len(sizes) else 0.0


def typical_step(times: Sequence[float]) -> float:
    """Median of the positive steps between `times` `[n]`; 0 if there are none."""
    with np.errstate(over="ignore"):
        steps = np.diff(times)
    steps = steps[np.isfinite(steps) & (steps > 0)]
    return float(np.median(steps)) if len(steps) else 0.0


def acceleration_unit(size: float) -> str | None:
    """The unit in which a median magnitude of `size` is 0.5 to 2 g; None if there is none."""
    return next((name for name, factor in ACCELERATION_UNITS.items() if _within(size * factor, _SIZES_G)), None)


def time_unit(step: float) -> str | None:
    """The unit in which a median `step` is one of motion, 1 to 250 ms; None if there is none."""
    return next((name for name, factor in TIME_UNITS.items() if is_step(step * factor)), None)


def is_step(seconds: float) -> bool:
    """Tell whether samples of motion may be so far apart."""
    return _within(seconds, STEP_S)


def _within(value: float, limits: tuple[float, float]) -> bool:
    return limits[0] * (1 - 1e-6) <= value < limits[1] * (1 + 1e-6)
