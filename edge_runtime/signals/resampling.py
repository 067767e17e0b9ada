"""Resample raw samples to a fixed rate by their timestamps.

Each sample waits a moment for earlier ones; between two neighbours, values are interpolated linearly. Samples of a
clearly faster sensor are decimated behind a low-pass, a sinc under a Hamming window. It passes frequencies below 0.4 of
the rate and attenuates those above 0.6 to 0.2 %. Times are whole microseconds and rates whole millihertz, so that the
grid is exact after a day.

References
----------
A. V. Oppenheim, R. W. Schafer: Discrete-Time Signal Processing, 3rd edition, section 7.5 (windowed filters).
"""

from bisect import bisect_left
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.types import Array

MAX_GAP_S = 0.25
WAIT_S = 0.06  # three samples at 50 Hz
# After a few samples in a row that are so far behind, the clock was set back.
SET_BACK_S, SET_BACK_SAMPLES = 1.0, 5
# Length of a stretch that shows the rate of its sensor; samples this much faster are decimated.
LOOK_S, CLEARLY_FASTER, MOST_TIMES_FASTER = 0.5, 1.25, 20
HALF = 8  # samples at the rate, 0.16 s at 50 Hz: how far the filter of a fast sensor looks to either side
HAMMING = 0.54  # the middle of the window
_GAP = 1e6 * MAX_GAP_S
_STEP = 10**9  # of the grid, in microseconds times the rate in millihertz


@dataclass(frozen=True)
class Piece:
    """Samples `[n, n_channels]` at the fixed rate; the first sample is at `seconds`.

    `gap_s` is the gap before a new stretch, 0 at the very start, negative where the clock was set back; else None.
    """

    seconds: float
    samples: Array
    gap_s: float | None


class Resampler:
    """Brings samples to `rate_hz`; chunks of any size give the same numbers.

    A new stretch begins after `MAX_GAP_S` without a sample. A sample may arrive `wait_s` later than newer ones.
    `duplicates` and `late` count the samples left out.
    """

    def __init__(self, rate_hz: float, wait_s: float = WAIT_S) -> None:
        self._rate_mhz, self._wait = round(1000 * rate_hz), round(1e6 * wait_s)
        self.duplicates = self.late = 0
        self._waiting: list[tuple[float, Array]] = []  # in the order of their times
        self._newest = -np.inf
        self._behind: list[tuple[float, Array]] = []
        self._ahead: tuple[float, Array] | None = None
        self._stretch: _Stretch | None = None
        self._last: float | None = None  # when the last sample was taken that left the queue
        self._done: list[Piece] = []

    def push(self, seconds: npt.ArrayLike, samples: npt.ArrayLike, at_least: int = 1) -> list[Piece]:
        """Take samples `[n, n_channels]` of the times `seconds` `[n]`, all finite; give the pieces complete by now.

        Pieces wait until they have `at_least` samples or a gap ends them, since small arrays are slow.
        """
        for time, sample in zip(microseconds(seconds), np.asarray(samples), strict=True):
            self._take(time, sample)
        return self.give(at_least)

    def flush(self) -> list[Piece]:
        """End the stream: return the last pieces, and reset everything except the counts."""
        self.late += len(self._behind) + (self._ahead is not None)
        self._behind, self._ahead = [], None
        self._end()
        return self.give()

    def give(self, at_least: int = 1) -> list[Piece]:
        """Give the pieces that are complete by now."""
        done, self._done = self._done, []
        is_ready = self._stretch is not None and (done or self._stretch.n_ready >= at_least)
        return [*done, *(self._stretch.take() if self._stretch and is_ready else [])]

    def _take(self, time: float, sample: Array) -> None:
        """Take a sample, unless it seems to come after a gap: then the next one has to confirm its time."""
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            if time == ahead[0]:
                self.duplicates += 1
                self._ahead = ahead
                return
            if time > ahead[0] - self._wait:
                self._place(*ahead)
            else:
                self.late += 1
        if np.isfinite(self._newest) and time > self._newest + _GAP:
            self._ahead = (time, sample)
        else:
            self._place(time, sample)

    def _place(self, time: float, sample: Array) -> None:
        if time < self._newest - 1e6 * SET_BACK_S:
            self._behind.append((time, sample))
            if len(self._behind) == SET_BACK_SAMPLES:
                behind, self._behind = self._behind, []
                self._end()
                for earlier in behind:
                    self._take(*earlier)
            return
        self.late += len(self._behind)
        self._behind = []
        if time <= self._newest - self._wait:
            self.late += 1
            return
        place = bisect_left(self._waiting, time, key=itemgetter(0))
        if place < len(self._waiting) and self._waiting[place][0] == time:
            self.duplicates += 1
            return
        self._waiting.insert(place, (time, sample))
        self._newest = max(self._newest, time)
        while self._waiting and self._waiting[0][0] <= self._newest - self._wait:
            self._use(*self._waiting.pop(0))

    def _use(self, time: float, sample: Array) -> None:
        stretch = self._stretch
        if stretch is not None and time - stretch.end <= _GAP:
            stretch.add(time, sample)
        else:
            self._finish_stretch()
            gap_s = 0.0 if self._last is None else (time - self._last) / 1e6
            self._stretch = _Stretch(time, sample, self._rate_mhz, gap_s)
        self._last = time

    def _end(self) -> None:
        waiting, self._waiting = self._waiting, []
        for time, sample in waiting:
            self._use(time, sample)
        self._finish_stretch()
        self._newest = -np.inf

    def _finish_stretch(self) -> None:
        if self._stretch is not None:
            self._done.append(self._stretch.finish())
        self._stretch = None


def resampled(seconds: Array, samples: Array, rate_hz: float) -> Array:
    """Samples `[m, n_channels]` of increasing times `[m]` without a gap, at `rate_hz` from the first sample on."""
    start, *times = microseconds(seconds)
    stretch = _Stretch(start, samples[0], round(1000 * rate_hz), 0.0)
    stretch.extend(times, samples[1:])
    return stretch.finish().samples


def microseconds(seconds: npt.ArrayLike) -> list[float]:
    """Round times `[n]` to whole microseconds, which float64 holds for 285 years."""
    times: list[float] = np.rint(1e6 * np.asarray(seconds, np.float64)).tolist()
    return times


class _Stretch:
    """Samples without a gap, on a grid of times that begins with the first sample."""

    def __init__(self, start: float, sample: Array, rate_mhz: int, gap_s: float) -> None:
        self._start, self._rate_mhz = start, rate_mhz
        self._gap_s: float | None = gap_s
        self._times, self._samples = [0.0], [sample[np.newaxis]]  # since the start, from the last sample used on
        self._decimator: Decimator | None = None  # until it is known how fast the sensor is
        self._interpolated = self._given = 0

    @property
    def end(self) -> float:
        return self._start + self._times[-1]

    @property
    def n_ready(self) -> int:
        """The number of samples that `take` would give, or one less."""
        delay = self._decimator.delay if self._decimator else 0
        return int(self._times[-1] * self._rate_mhz) // _STEP - delay - self._given + 1

    def add(self, time: float, sample: Array) -> None:
        self._times.append(time - self._start)
        self._samples.append(sample[np.newaxis])

    def extend(self, times: list[float], samples: Array) -> None:
        self._times += [time - self._start for time in times]
        self._samples.append(samples)

    def take(self) -> list[Piece]:
        """Give the new samples on the grid: no piece or one."""
        if self._decimator is None:
            if self._times[-1] < 1e6 * LOOK_S:
                return []
            self._decimator = Decimator(self._times_faster())
        samples = self._decimator.push(self._interpolate(self._decimator.factor))
        return [self._piece(samples)] if len(samples) else []

    def finish(self) -> Piece:
        decimator = self._decimator or Decimator(self._times_faster())
        # A microsecond more, since the last time was rounded.
        pieces = [decimator.push(self._interpolate(decimator.factor, beyond=1)), decimator.finish()]
        return self._piece(np.concatenate([piece for piece in pieces if piece.size] or pieces[:1]))

    def _times_faster(self) -> int:
        """The factor between the rate and the finer grid of a fast sensor; 1 if it is hardly faster."""
        n_steps = min(bisect_left(self._times, 1e6 * LOOK_S), len(self._times) - 1)
        faster = n_steps / max(self._times[n_steps], 1.0) * _STEP / self._rate_mhz
        return 1 if faster < CLEARLY_FASTER else min(max(2, round(faster)), MOST_TIMES_FASTER)

    def _interpolate(self, factor: int, beyond: int = 0) -> Array:
        """Interpolate on the grid of `factor` times the rate, up to some microseconds `beyond` the last sample."""
        rate, samples = factor * self._rate_mhz, np.concatenate(self._samples).astype(np.float64)
        places = np.array(self._times).astype(np.int64) * rate
        grid = _STEP * np.arange(self._interpolated, (places[-1] + beyond * rate) // _STEP + 1)
        after = np.minimum(np.searchsorted(places, grid), len(places) - 1)
        before = np.maximum(after - 1, 0)
        share = (grid - places[before]) / np.maximum(places[after] - places[before], 1)
        between = samples[before] + share[:, np.newaxis] * (samples[after] - samples[before])
        self._interpolated += len(grid)
        self._times, self._samples = self._times[-1:], [samples[-1:]]
        return np.where((grid < places[after])[:, np.newaxis], between, samples[after])

    def _piece(self, samples: Array) -> Piece:
        piece = Piece(self._start / 1e6 + 1000 * self._given / self._rate_mhz, samples, self._gap_s)
        self._given += len(samples)
        self._gap_s = None
        return piece


class Decimator:
    """Bring samples from `factor` times a rate to that rate, without a shift in time."""

    def __init__(self, factor: int) -> None:
        self.factor = factor
        places = np.arange(-HALF * factor, HALF * factor + 1)
        window = HAMMING + (1 - HAMMING) * np.cos(np.pi * places / (HALF * factor))
        weights = np.sinc(places / factor) * window
        self._weights = weights / weights.sum()
        self._buffer: Array | None = None  # the samples so far that the next output needs

    @property
    def delay(self) -> int:
        """The delay of the output behind the newest input, in samples at the new rate."""
        return HALF if self.factor > 1 else 0

    def push(self, samples: Array) -> Array:
        """Take samples `[n, n_channels]`; give those `[m, n_channels]` at the new rate that are complete."""
        if self.factor == 1 or not len(samples):
            return samples
        before = np.repeat(samples[:1], HALF * self.factor, axis=0) if self._buffer is None else self._buffer
        buffer = np.concatenate([before, samples])
        n = max(0, (len(buffer) - len(self._weights)) // self.factor + 1)
        output = np.zeros((n, samples.shape[1]))
        for first, weight in enumerate(self._weights):  # always in this order: the same to the last bit
            output += weight * buffer[first : first + n * self.factor : self.factor][:n]
        self._buffer = buffer[n * self.factor :]
        return output

    def finish(self) -> Array:
        """Give the outputs that are still missing, `[m, n_channels]`."""
        if self._buffer is None:
            return np.empty((0, 0))
        return self.push(np.repeat(self._buffer[-1:], HALF * self.factor, axis=0))
