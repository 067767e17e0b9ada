"""Detect faults of a sensor in its samples: units, missing gravity, a slow, stuck, disabled or saturated sensor.

A network classifies wrong input without complaint; common mistakes are detected, each told when it begins.
"""

from collections import deque
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.types import STANDARD_GRAVITY

# Several times the range of sensors that a person can wear: more is a wrong unit, or no measurement.
MAX_ACCELERATION_G = 100.0
MAX_ROTATION_RAD_S = 200.0

LOOKED_AT_S = 4.0
"""Length of a block of samples: long enough for one stride or breath, in which no worn sensor is constant."""

_REPEAT_AFTER = 15  # blocks, a minute, without a fault before it is told again
_BREAK_S = 1.0  # a block does not reach across a longer pause
_MOST_SAMPLES = 4000  # of a block, which a clock that stands still would never end

GRAVITY_SIZES_G = (0.5, 2.0)
"""The median size of a person's total acceleration, whatever they do for a second, lies between these."""

_MOST_ROTATION = 6.0  # rad/s: nobody turns that fast for seconds on end
_PLATEAU, _PLATEAU_S = 4, 0.06  # the same value so often in a row and for so long, far from rest, is a limit
_PLATEAU_FROM = (1.5, 3.0)  # g, rad/s
_MOVED = (0.05, 0.2)  # g, rad/s: the standard deviation beside which no axis is constant

Array = npt.NDArray[np.float64]


def is_measurement(samples: Array) -> npt.NDArray[np.bool_]:
    """Tell of each of `samples` `[n, 6]`, g and rad/s, whether a sensor can have measured it: `[n]`; NaN is none."""
    acceleration, rotation = np.abs(samples[:, :3]), np.abs(samples[:, 3:])
    possible = np.asarray((acceleration <= MAX_ACCELERATION_G).all(axis=1))
    return possible & (rotation <= MAX_ROTATION_RAD_S).all(axis=1)


class FaultFinder:
    """Looks at samples in blocks of 4 s and tells each kind of fault when it begins.

    `n_channels` are those that the model uses: 6, or 3 without the gyroscope.
    """

    def __init__(self, rate_hz: float, n_channels: int = 6) -> None:
        self._rate_hz, self._n_channels = rate_hz, n_channels
        self._samples: list[Array] = []
        self._seconds: list[float] = []
        self._blocks_since: dict[str, int] = {}  # blocks since a kind of fault was last seen
        self._stuck: deque[tuple[float, str]] = deque([(-np.inf, "")])

    def look(self, samples: Array, seconds: Array) -> Iterator[tuple[float, str, str]]:
        """Take samples `[n, 6]`, g and rad/s, of the times `[n]`; give time, kind and sentence of each fault."""
        for sample, second in zip(samples[:, : self._n_channels], seconds.tolist(), strict=True):
            if (self._seconds and abs(second - self._seconds[-1]) > _BREAK_S) or len(self._seconds) == _MOST_SAMPLES:
                self._samples, self._seconds = [], []
            elif self._seconds and second - self._seconds[0] >= LOOKED_AT_S:
                yield from self._judge(second)
                self._samples, self._seconds = [], []
            self._samples.append(sample)
            self._seconds.append(second)

    def stuck_at(self, second: float) -> str:
        """Return the sentence about stuck sensors at `second`, or "". Drops older entries."""
        while len(self._stuck) > 1 and self._stuck[1][0] <= second:
            self._stuck.popleft()
        return self._stuck[0][1] if self._stuck[0][0] <= second else ""

    def _judge(self, now: float) -> Iterator[tuple[float, str, str]]:
        """Look at the block that has ended `now`."""
        rate_hz = 1 / max(float(np.median(np.diff(np.sort(self._seconds)))), 1e-6)
        found = faults(np.array(self._samples), rate_hz)
        if rate_hz <= 0.8 * self._rate_hz:
            found["rate"] = (
                f"the sensor gives {rate_hz:.0f} samples a second, and {self._rate_hz:g} are needed: set it faster"
            )
        if found.get("constant", "") != self._stuck[-1][1]:
            self._stuck.append((now, found.get("constant", "")))
        yield from ((now, kind, text) for kind, text in found.items() if kind not in self._blocks_since)
        self._blocks_since = {
            kind: n + 1 for kind, n in self._blocks_since.items() if n < _REPEAT_AFTER
        } | dict.fromkeys(found, 0)


def faults(samples: Array, rate_hz: float = RATE_HZ) -> dict[str, str]:
    """Find the faults of `samples` `[n, 6]`, acceleration in g and rotation in rad/s: a sentence by kind.

    Without rotation they are `[n, 3]`. With other units, saturation is not looked for.
    """
    acceleration, rotation = samples[:, :3], samples[:, 3:]
    units = {"units": _units(acceleration), "rotation units": _rotation_units(rotation)}
    found = {kind: text for kind, text in units.items() if text}
    stuck = _stuck(acceleration, rotation)
    if stuck:
        found["constant"] = stuck
    elif not found and (limit := _limit(acceleration, rotation, rate_hz)):
        found["saturated"] = limit
    return found


def _units(acceleration: Array) -> str | None:
    size = float(np.median(np.linalg.norm(acceleration, axis=1)))
    if 0.7 * STANDARD_GRAVITY < size < 1.3 * STANDARD_GRAVITY:
        return f"the acceleration is about {size:.1f}: that is m/s2, and g is expected; give the units"
    if size < GRAVITY_SIZES_G[0]:
        return f"the acceleration is about {size:.2f} g: gravity is missing; give acceleration with gravity, in g"
    if size > GRAVITY_SIZES_G[1]:
        return f"the acceleration is about {size:.1f} g, and nobody moves like that for seconds; give the units"
    return None


def _rotation_units(rotation: Array) -> str | None:
    size = float(np.median(np.linalg.norm(rotation, axis=1)))
    if size > _MOST_ROTATION:
        return (
            f"the rotation is about {size:.0f}, and nobody turns that fast in rad/s; is it deg/s? Say so: gx[deg/s] in "
            "the header, --gyro-units deg/s, or unit under [rotation] of a layout"
        )
    return None


def _stuck(acceleration: Array, rotation: Array) -> str | None:
    """Tell a sensor that always gives the same values, or an axis that does while others move."""
    stuck = []
    for name, values, moved in (
        ("accelerometer", acceleration, _MOVED[0]),
        ("gyroscope", rotation, _MOVED[1]),
    ):
        constant = (values == values[0]).all(axis=0)
        if values.size and constant.all():
            stuck.append(f"the {name}")
        elif constant.any() and values.std(axis=0).max() > moved:
            stuck.append(f"{'xyz'[int(constant.argmax())]} of the {name}")
    verb = "gives" if len(stuck) == 1 else "give"
    names = " and ".join(stuck)
    return f"{names} {verb} the same values for {LOOKED_AT_S:g} s: stuck, or switched off" if stuck else None


def _limit(acceleration: Array, rotation: Array, rate_hz: float) -> str | None:
    n = max(_PLATEAU, round(_PLATEAU_S * rate_hz) + 1)
    for name, unit, values, least in (
        ("accelerometer", "g", acceleration, _PLATEAU_FROM[0]),
        ("gyroscope", "rad/s", rotation, _PLATEAU_FROM[1]),
    ):
        for channel in values.T:
            limit = _plateau(channel, least, n)
            if limit is not None:
                return f"the {name} stays at {limit:.3g} {unit} in peaks: it is at its limit; set a wider range"
    return None


def _plateau(channel: Array, least: float, n: int) -> float | None:
    """The value beyond ± `least` that a channel keeps for `n` samples, if any."""
    if len(channel) < n:
        return None
    same = np.diff(channel) == 0
    runs = np.convolve(same, np.ones(n - 1), "valid") == n - 1
    at = np.flatnonzero(runs & (np.abs(channel[: len(runs)]) >= least))
    return float(channel[at[0]]) if len(at) else None
