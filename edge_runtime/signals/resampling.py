"""Resample raw samples to a fixed rate by their timestamps.

Each sample waits a moment for earlier ones; between two neighbours, values are interpolated linearly. Samples of a
clearly faster sensor are decimated behind a low-pass, a sinc under a Hamming window. It passes frequencies below 0.4 of
the rate and attenuates those above 0.6 to 0.2 %.

References
----------
A. V. Oppenheim, R. W. Schafer: Discrete-Time Signal Processing, 3rd edition, section 7.5 (windowed filters).
"""

from bisect import bisect_left
from dataclasses import dataclass
from operator import itemgetter

import numpy as np
import numpy.typing as npt

MAX_GAP_S = 0.25
WAIT_S = 0.06  # three samples at 50 Hz
# After a few samples in a row that are so far behind, the clock was set back.
_SET_BACK_S, _SET_BACK_SAMPLES = 1.0, 5
# Length of a stretch that shows the rate of its sensor; samples this much faster are decimated.
_LOOK_S, _CLEARLY_FASTER, _MOST_TIMES_FASTER = 0.5, 1.25, 20
# A stretch at exactly the rate keeps its last sample although its timestamps were rounded to binary.
_TOLERANCE = 1e-6  # of the time between two samples
_HALF = 8  # samples at the rate, 0.16 s at 50 Hz: how far the filter of a fast sensor looks to either side

Array = npt.NDArray[np.float64]


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
        self.rate_hz, self.wait_s = rate_hz, wait_s
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
        for second, sample in zip(np.asarray(seconds, np.float64).tolist(), np.asarray(samples), strict=True):
            self._take(second, sample)
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

    def _take(self, second: float, sample: Array) -> None:
        """Take a sample, unless it seems to come after a gap: then the next one has to confirm its time."""
        if self._ahead is not None:
            ahead, self._ahead = self._ahead, None
            if second == ahead[0]:
                self.duplicates += 1
                self._ahead = ahead
                return
            if second > ahead[0] - self.wait_s:
                self._place(*ahead)
            else:
                self.late += 1
        if np.isfinite(self._newest) and second > self._newest + MAX_GAP_S:
            self._ahead = (second, sample)
        else:
            self._place(second, sample)

    def _place(self, second: float, sample: Array) -> None:
        if second < self._newest - _SET_BACK_S:
            self._behind.append((second, sample))
            if len(self._behind) == _SET_BACK_SAMPLES:
                self._set_back()
            return
        self.late += len(self._behind)
        self._behind = []
        if second <= self._newest - self.wait_s:
            self.late += 1
            return
        place = bisect_left(self._waiting, second, key=itemgetter(0))
        if place < len(self._waiting) and self._waiting[place][0] == second:
            self.duplicates += 1
            return
        self._waiting.insert(place, (second, sample))
        self._newest = max(self._newest, second)
        while self._waiting and self._waiting[0][0] <= self._newest - self.wait_s:
            self._use(*self._waiting.pop(0))

    def _set_back(self) -> None:
        behind, self._behind = self._behind, []
        self._end()
        for second, sample in behind:
            self._take(second, sample)

    def _use(self, second: float, sample: Array) -> None:
        stretch = self._stretch
        if stretch is not None and second - stretch.end <= MAX_GAP_S:
            stretch.add(second, sample)
        else:
            self._finish_stretch()
            gap_s = 0.0 if self._last is None else second - self._last
            self._stretch = _Stretch(second, sample, self.rate_hz, gap_s)
        self._last = second

    def _end(self) -> None:
        waiting, self._waiting = self._waiting, []
        for second, sample in waiting:
            self._use(second, sample)
        self._finish_stretch()
        self._newest = -np.inf

    def _finish_stretch(self) -> None:
        if self._stretch is not None:
            self._done.append(self._stretch.finish())
        self._stretch = None


def resampled(seconds: Array, samples: Array, rate_hz: float) -> Array:
    """Samples `[m, n_channels]` of increasing times `[m]` without a gap, at `rate_hz` from the first sample on."""
    stretch = _Stretch(float(seconds[0]), samples[0], rate_hz, 0.0)
    stretch.extend(seconds[1:], samples[1:])
    return stretch.finish().samples


class _Stretch:
    """Samples without a gap, on a grid of times that begins with the first sample."""

    def __init__(self, second: float, sample: Array, rate_hz: float, gap_s: float) -> None:
        self._start, self._rate_hz = second, rate_hz
        self._gap_s: float | None = gap_s
        self._seconds, self._samples = [0.0], [sample[np.newaxis]]  # since the start, from the last sample used on
        self._decimator: Decimator | None = None  # until it is known how fast the sensor is
        self._interpolated = self._given = 0

    @property
    def end(self) -> float:
        return self._start + self._seconds[-1]

    @property
    def n_ready(self) -> int:
        """The number of samples that `take` would give, or one less."""
        delay = self._decimator.delay if self._decimator else 0
        return int(self._seconds[-1] * self._rate_hz) - delay - self._given + 1

    def add(self, second: float, sample: Array) -> None:
        self._seconds.append(second - self._start)
        self._samples.append(sample[np.newaxis])

    def extend(self, seconds: Array, samples: Array) -> None:
        self._seconds += (seconds - self._start).tolist()
        self._samples.append(samples)

    def take(self) -> list[Piece]:
        """Give the new samples on the grid: no piece or one."""
        if self._decimator is None:
            if self._seconds[-1] < _LOOK_S:
                return []
            self._decimator = Decimator(self._times_faster())
        samples = self._decimator.push(self._interpolate(self._decimator.factor))
        return [self._piece(samples)] if len(samples) else []

    def finish(self) -> Piece:
        decimator = self._decimator or Decimator(self._times_faster())
        pieces = [decimator.push(self._interpolate(decimator.factor, _TOLERANCE)), decimator.finish()]
        return self._piece(np.concatenate([piece for piece in pieces if piece.size] or pieces[:1]))

    def _times_faster(self) -> int:
        """The factor between the rate and the finer grid of a fast sensor; 1 if it is hardly faster."""
        n_steps = min(bisect_left(self._seconds, _LOOK_S), len(self._seconds) - 1)
        faster = n_steps / max(self._seconds[n_steps], 1e-9) / self._rate_hz
        return 1 if faster < _CLEARLY_FASTER else min(max(2, round(faster)), _MOST_TIMES_FASTER)

    def _interpolate(self, factor: int, tolerance: float = 0.0) -> Array:
        """Interpolate on the grid of `factor` times the rate, up to `tolerance` steps beyond the last sample."""
        seconds, rate_hz = np.array(self._seconds), factor * self._rate_hz
        grid = np.arange(self._interpolated, int(seconds[-1] * rate_hz + tolerance) + 2) / rate_hz
        grid = grid[grid <= seconds[-1] + tolerance / rate_hz]
        samples = np.concatenate(self._samples).astype(np.float64)
        self._interpolated += len(grid)
        self._seconds, self._samples = self._seconds[-1:], [samples[-1:]]
        return np.stack([np.interp(grid, seconds, channel) for channel in samples.T], axis=1)

    def _piece(self, samples: Array) -> Piece:
        piece = Piece(self._start + self._given / self._rate_hz, samples, self._gap_s)
        self._given += len(samples)
        self._gap_s = None
        return piece


class Decimator:
    """Bring samples from `factor` times a rate to that rate, without a shift in time."""

    def __init__(self, factor: int) -> None:
        self.factor = factor
        places = np.arange(-_HALF * factor, _HALF * factor + 1)
        weights = np.sinc(places / factor) * np.hamming(len(places))
        self._weights = weights / weights.sum()
        self._buffer: Array | None = None  # the samples so far that the next output needs

    @property
    def delay(self) -> int:
        """The delay of the output behind the newest input, in samples at the new rate."""
        return _HALF if self.factor > 1 else 0

    def push(self, samples: Array) -> Array:
        """Take samples `[n, n_channels]`; give those `[m, n_channels]` at the new rate that are complete."""
        if self.factor == 1 or not len(samples):
            return samples
        before = np.repeat(samples[:1], _HALF * self.factor, axis=0) if self._buffer is None else self._buffer
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
        return self.push(np.repeat(self._buffer[-1:], _HALF * self.factor, axis=0))
