"""What is wrong with samples that a sensor delivers: seen in the numbers, said once.

A network answers to wrong numbers as readily as to right ones, so what people get wrong is looked for: units, gravity
taken out, a sensor that is off, stuck or beyond its range.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

LOOKED_AT_S = 4.0
"""How much is looked at at once: long enough for one stride or breath, which no sensor takes for constant."""

_STANDARD_GRAVITY = 9.80665  # m/s²
_LEAST_GRAVITY = 0.5  # g: the median of a person's total acceleration, whatever they do, is near 1 g
_MOST_ACCELERATION = 2.0  # g, the same
_MOST_ROTATION = 6.0  # rad/s: nobody turns that fast for seconds on end
_PLATEAU = 4  # the same value so often in a row, far from rest, is a limit
_PLATEAU_FROM = (1.5, 3.0)  # g, rad/s

Array = npt.NDArray[np.float64]


class FaultFinder:
    """Looks at samples in blocks of 4 s and tells of each kind of fault when it begins."""

    def __init__(self, rate_hz: float) -> None:
        self._size, self._rate_hz = round(LOOKED_AT_S * rate_hz), rate_hz
        self._samples: list[Array] = []
        self._seconds: list[float] = []
        self._known: set[str] = set()

    def look(self, samples: Array, seconds: Array) -> Iterator[tuple[float, str, str]]:
        """Take samples `[n, 6]`, g and rad/s, of the times `[n]`; give time, kind and sentence of what is wrong now."""
        for sample, second in zip(samples, seconds.tolist(), strict=True):
            self._samples.append(sample)
            self._seconds.append(second)
            if len(self._samples) == self._size:
                found = faults(np.array(self._samples)) | self._rate_fault()
                yield from ((second, kind, said) for kind, said in found.items() if kind not in self._known)
                self._known = set(found)
                self._samples, self._seconds = [], []

    def _rate_fault(self) -> dict[str, str]:
        steps = np.diff(np.sort(self._seconds))
        rate = 1 / max(float(np.median(steps)), 1e-6)
        if rate > 0.8 * self._rate_hz:
            return {}
        return {
            "rate": f"the sensor gives {rate:.0f} samples a second, and {self._rate_hz:g} are needed: set it faster"
        }


def faults(samples: Array) -> dict[str, str]:
    """Kind -> sentence, of what is wrong with `samples` `[n, 6]`, acceleration in g and rotation in rad/s.

    Of a sensor in other units nothing else is said: its limits are not what they seem.
    """
    acceleration, rotation = samples[:, :3], samples[:, 3:]
    units = {"units": _units(acceleration), "rotation units": _rotation_units(rotation)}
    found = {kind: said for kind, said in units.items() if said}
    stuck = _stuck(acceleration, rotation)
    if stuck:
        found["constant"] = stuck
    elif not found and (limit := _limit(acceleration, rotation)):
        found["saturated"] = limit
    return found


def _units(acceleration: Array) -> str | None:
    size = float(np.median(np.linalg.norm(acceleration, axis=1)))
    if 0.7 * _STANDARD_GRAVITY < size < 1.3 * _STANDARD_GRAVITY:
        return f"the acceleration is about {size:.1f}: that is m/s2, and g is expected; give the units"
    if size < _LEAST_GRAVITY:
        return f"the acceleration is about {size:.2f} g: gravity is missing; give acceleration with gravity, in g"
    if size > _MOST_ACCELERATION:
        return f"the acceleration is about {size:.1f} g, and nobody moves like that for seconds; give the units"
    return None


def _rotation_units(rotation: Array) -> str | None:
    size = float(np.median(np.linalg.norm(rotation, axis=1)))
    if size > _MOST_ROTATION:
        return f"the rotation is about {size:.0f}, and nobody turns that fast in rad/s; is it deg/s? Give the units"
    return None


def _stuck(acceleration: Array, rotation: Array) -> str | None:
    stuck = [
        name
        for name, values in (("accelerometer", acceleration), ("gyroscope", rotation))
        if (values == values[0]).all()
    ]
    verb = "says" if len(stuck) == 1 else "say"
    names = " and the ".join(stuck)
    return f"the {names} {verb} the same for {LOOKED_AT_S:g} s: stuck, or switched off" if stuck else None


def _limit(acceleration: Array, rotation: Array) -> str | None:
    for name, unit, values, least in (
        ("accelerometer", "g", acceleration, _PLATEAU_FROM[0]),
        ("gyroscope", "rad/s", rotation, _PLATEAU_FROM[1]),
    ):
        for channel in values.T:
            limit = _plateau(channel, least)
            if limit is not None:
                return f"the {name} stays at {limit:.3g} {unit} in peaks: it is at its limit; set a wider range"
    return None


def _plateau(channel: Array, least: float) -> float | None:
    """The value at which a channel stays `_PLATEAU` samples long, beyond ± `least`, if any."""
    same = np.diff(channel) == 0
    runs = np.convolve(same, np.ones(_PLATEAU - 1), "valid") == _PLATEAU - 1
    at = np.flatnonzero(runs & (np.abs(channel[: len(runs)]) >= least))
    return float(channel[at[0]]) if len(at) else None
