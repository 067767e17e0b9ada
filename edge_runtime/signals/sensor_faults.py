"""Detect faults of a sensor: wrong units, no gravity, a slow, stuck or saturated sensor, and a faulty clock."""

from collections import deque
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.resampling import WAIT_S, microseconds
from edge_runtime.signals.types import STANDARD_GRAVITY, Array

# Several times the range of worn sensors: more is a wrong unit, or no measurement.
MAX_ACCELERATION_G = 100.0
MAX_ROTATION_RAD_S = 200.0

LOOKED_AT_S = 4.0  # length of a block of samples: a stride or breath, in which no worn sensor is constant
REPEAT_AFTER = 15  # blocks, a minute, without a fault before it is reported again
BREAK_S = 1.0  # a block does not reach across a longer pause
MOST_SAMPLES = 4000  # of a block, which a clock that stands still would never end

GRAVITY_SIZES_G = (0.5, 2.0)  # of a person's total acceleration, for most of a second
MOST_ROTATION = 6.0  # rad/s: nobody turns that fast for seconds on end
# Where the mean acceleration over `SHAKE_S` mostly changes in size by `SHAKEN_G`, a worn device turns faster than this.
SHAKE_S, SHAKEN_G, LEAST_ROTATION = 0.1, 0.08, 0.08
SLOW = 0.8  # of the rate: most samples of a slower sensor are further apart than that
OFF_RATE = 0.03  # of the rate: C reports samples further from it unless it resamples them
OFF_STATED = 0.2  # of the rate that the program in C states, from which C resamples
PLATEAU, PLATEAU_S = 4, 0.06  # the same value so often in a row and for so long, far from rest, is a limit
PLATEAU_FROM = (1.5, 3.0)  # g, rad/s
MOVED = (0.05, 0.2)  # g, rad/s: the standard deviation beside which no axis is constant

# Of the clock:
IN_A_ROW = 10  # samples of past times, or too far ahead; or more samples that come at once than other samples
AT_ONCE_S = 0.0005  # a step below it: half of the step of the fastest sensors
ANOTHER_S = 1.0  # a step beyond this is another clock, or another stretch of its time: restart


def is_measurement(samples: Array) -> npt.NDArray[np.bool_]:
    """Tell which of `samples` `[n, 6]`, in g and rad/s, a sensor can have measured: `[n]`, False for NaN."""
    acceleration, rotation = np.abs(samples[:, :3]), np.abs(samples[:, 3:])
    possible = np.asarray((acceleration <= MAX_ACCELERATION_G).all(axis=1))
    return possible & (rotation <= MAX_ROTATION_RAD_S).all(axis=1)


class FaultFinder:
    """Looks at samples of 6 channels, or 3 without the gyroscope, in blocks of 4 s; tells faults when they begin."""

    def __init__(self, rate_hz: float, n_channels: int = 6) -> None:
        self._rate_hz, self._n_channels = rate_hz, n_channels
        self._samples: list[Array] = []
        self._times: list[float] = []  # in microseconds
        self._blocks_since: dict[str, int] = {}  # blocks since a kind of fault was last seen
        self._useless: deque[tuple[float, str]] = deque([(-np.inf, "")])

    def check(self, samples: Array, seconds: Array) -> Iterator[tuple[float, str, str]]:
        """Take samples `[n, 6]`, g and rad/s, of the times `[n]`; give time, kind and sentence of each fault."""
        for sample, time in zip(samples[:, : self._n_channels], microseconds(seconds), strict=True):
            if (self._times and abs(time - self._times[-1]) > 1e6 * BREAK_S) or len(self._times) == MOST_SAMPLES:
                self._samples, self._times = [], []
            elif self._times and time - self._times[0] >= 1e6 * LOOKED_AT_S:
                yield from self._judge(time / 1e6)
                self._samples, self._times = [], []
            self._samples.append(sample)
            self._times.append(time)

    def fault_at(self, second: float) -> str:
        """The sentence about useless samples at `second`, or ""; older ones are dropped."""
        second = round(second, 6)
        while len(self._useless) > 1 and self._useless[1][0] <= second:
            self._useless.popleft()
        return self._useless[0][1] if self._useless[0][0] <= second else ""

    def _judge(self, now: float) -> Iterator[tuple[float, str, str]]:
        steps, rate_hz = np.diff(self._times), _rate_hz(np.array(self._times))
        sentences = faults(np.array(self._samples), np.array(self._times))
        if _most(steps * SLOW * self._rate_hz >= 1e6):
            sentences["rate"] = f"the sensor gives {rate_hz:.0f} samples a second, not {self._rate_hz:g}: set it faster"
        useless = sentences.get("constant", sentences.get("units", ""))
        if useless != self._useless[-1][1]:
            self._useless.append((now, useless))
        yield from ((now, kind, text) for kind, text in sentences.items() if kind not in self._blocks_since)
        self._blocks_since = {
            kind: n + 1 for kind, n in self._blocks_since.items() if n < REPEAT_AFTER
        } | dict.fromkeys(sentences, 0)


def faults(samples: Array, times: Array) -> dict[str, str]:
    """Find the faults of `samples` `[n, 6]` in g and rad/s, `[n, 3]` without rotation: a sentence by kind.

    `times` `[n]` are in microseconds.
    """
    acceleration, rotation = samples[:, :3], samples[:, 3:]
    units = {"units": _units(acceleration), "rotation units": _rotation_units(rotation)}
    sentences = {kind: text for kind, text in units.items() if text}
    stuck = _stuck(acceleration, rotation)
    if stuck:
        sentences["constant"] = stuck
    elif not sentences and (limit := _limit(acceleration, rotation, _rate_hz(times))):
        sentences["saturated"] = limit
    elif not sentences and (slow := _slow_rotation(acceleration, rotation, times)):
        sentences["rotation units"] = slow
    return sentences


def _rate_hz(times: Array) -> float:
    return float(1e6 / max(np.diff(times).mean(), 1.0))


def _units(acceleration: Array) -> str | None:
    sizes = np.linalg.norm(acceleration, axis=1)
    size = float(np.median(sizes))
    if not _most(sizes < GRAVITY_SIZES_G[0]) and not _most(sizes > GRAVITY_SIZES_G[1]):
        return None
    if 0.7 * STANDARD_GRAVITY < size < 1.3 * STANDARD_GRAVITY:
        return f"the acceleration is about {size:.1f}: that is m/s2, and g is expected; give the units"
    if size < GRAVITY_SIZES_G[0]:
        is_in_g = 0.9 < size * STANDARD_GRAVITY < 1.1
        mend = (
            "that is g under a header of m/s2; give the units"
            if is_in_g
            else "gravity is missing, or its scale is wrong; give it too, in g"
        )
        return f"the acceleration is about {size:.2f} g: {mend}"
    return f"the acceleration is about {size:.1f} g, and nobody moves like that for seconds; give the units"


def _rotation_units(rotation: Array) -> str | None:
    sizes = np.linalg.norm(rotation, axis=1)
    if _most(sizes > MOST_ROTATION):
        size = float(np.median(sizes))
        return f"the rotation is about {size:.0f}, too fast for rad/s: give --gyro-units deg/s, or divide counts"
    return None


def _slow_rotation(acceleration: Array, rotation: Array, times: Array) -> str | None:
    """The sentence about a device that moves and hardly turns: vibration, spikes and a step are not movement."""
    part = np.maximum.accumulate(np.trunc((times - times[0]) / (1e6 * SHAKE_S)))
    starts = np.flatnonzero(np.diff(part, prepend=-1))
    means = np.add.reduceat(acceleration, starts)[:-1] / np.diff(starts)[:, np.newaxis]
    turning = np.linalg.norm(rotation, axis=1)
    is_shaken = _most(np.abs(np.diff(np.linalg.norm(means, axis=1))) > SHAKEN_G)
    if rotation.size and is_shaken and _most(turning < LEAST_ROTATION):
        size = float(turning.mean())
        return f"the device moves, but turns at only {size:.2g} rad/s: if its unit is rad/s, give --gyro-units rad/s"
    return None


def _most(flags: npt.NDArray[np.bool_]) -> bool:
    """Tell whether more than half of the `flags` are true."""
    return bool(2 * flags.sum() > flags.size)


def _stuck(acceleration: Array, rotation: Array) -> str | None:
    """The sentence about sensors that always give the same values, or an axis that does while others move."""
    stuck = []
    for name, values, moved in (
        ("accelerometer", acceleration, MOVED[0]),
        ("gyroscope", rotation, MOVED[1]),
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
    """The sentence about a sensor that keeps a value far from rest."""
    n = max(PLATEAU, round(PLATEAU_S * rate_hz) + 1)
    for name, unit, values, least in (
        ("accelerometer", "g", acceleration, PLATEAU_FROM[0]),
        ("gyroscope", "rad/s", rotation, PLATEAU_FROM[1]),
    ):
        for channel in values.T if len(values) >= n else ():
            runs = np.convolve(np.diff(channel) == 0, np.ones(n - 1), "valid") == n - 1
            at = np.flatnonzero(runs & (np.abs(channel[: len(runs)]) >= least))
            if len(at):
                limit = float(channel[at[0]])
                return f"the {name} stays at {limit:.3g} {unit} in peaks: it is at its limit; set a wider range"
    return None


class ClockWatch:
    """Looks at the times of samples in the order of their arrival, and tells each kind of fault once."""

    def __init__(self) -> None:
        self._newest = -np.inf
        self._behind = self._ahead = 0  # in a row
        self._at_once = 0  # samples that come at once with the sample before, less the other samples
        self._told: set[str] = set()

    def check(self, seconds: Array) -> Iterator[tuple[float, str, str]]:
        """Take the times `[n]` of the next samples; give time, kind and sentence of each fault that begins."""
        for time in microseconds(seconds):
            kind, text = self._fault(time)
            if kind and kind not in self._told:
                self._told.add(kind)
                yield time / 1e6, kind, text

    def _fault(self, time: float) -> tuple[str, str]:
        """Kind and sentence of the fault that the next time shows; "" without one."""
        step = time - self._newest
        self._ahead = self._ahead + 1 if 1e6 * ANOTHER_S < step < np.inf else 0
        self._behind = self._behind + 1 if -1e6 * ANOTHER_S <= step <= -1e6 * WAIT_S else 0
        self._at_once = self._at_once + 1 if 0 <= step < 1e6 * AT_ONCE_S else max(self._at_once - 1, 0)
        if step > 0 or step < -1e6 * ANOTHER_S:
            self._newest = time
        if self._ahead == IN_A_ROW:
            return "rate", f"times say that samples are {step / 1e6:,.0f} s apart: see their unit"
        if self._at_once == IN_A_ROW:
            return "clock", "most samples come within 0.5 ms of another: see the unit, and give each its own time"
        if self._behind == IN_A_ROW:
            return "clock", f"the source's clock went back by {-step / 1e6:.2f} s: samples are left out until then"
        return "", ""
