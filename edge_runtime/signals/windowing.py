"""Cut windows of the signals of one uninterrupted stretch of samples, as they become complete."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.frontend import N_CHANNELS, RATE_HZ, SIGNALS, FrontEnd
from edge_runtime.signals.types import Window

Array = npt.NDArray[np.float64]


class Windowing:
    """Cuts a window `[samples, 9]` every `hop` samples; chunks of any size give the same windows.

    Filters run over all new samples at once when a window is complete, which is a hundred times as fast as one by one.
    """

    def __init__(self, window: Window, hop: int, start: float, gentle: bool) -> None:
        self.start = start
        self._size, self._hop = window.samples, hop
        self._front_end = FrontEnd(gentle)
        self._raw: list[Array] = []
        self._n_raw = 0
        self._signals = np.empty((0, len(SIGNALS)))  # the last ones
        self._n_signals = 0
        self._next_end = window.samples

    @property
    def n_missing(self) -> int:
        """Samples missing until the next window is complete."""
        return self._next_end + 1 - self._n_raw  # the median of the front end looks one sample ahead

    def add(self, samples: Array) -> Iterator[tuple[float, Array]]:
        """Take samples `[n, 6]`; give the time of the last sample, and the signals, of each window complete by now."""
        self._raw.append(samples)
        self._n_raw += len(samples)
        while self.n_missing <= 0:
            yield self._cut(self._next_end + 1)

    def finish(self) -> Iterator[tuple[float, Array]]:
        """Give the window that ends with the last sample, if one does."""
        self._run(self._n_raw)
        self._append(self._front_end.flush())
        if self._n_signals == self._next_end:
            yield self._cut(self._n_raw)

    def latest(self) -> Array | None:
        """The newest signals `[samples, 9]`, one sample behind; None while there are too few."""
        self._run(self._n_raw)
        return self._signals[-self._size :] if self._n_signals >= self._size else None

    def _cut(self, n_raw: int) -> tuple[float, Array]:
        self._run(n_raw)
        end = self._next_end
        self._next_end += self._hop
        last = len(self._signals) - (self._n_signals - end)
        return self.start + (end - 1) / RATE_HZ, self._signals[last - self._size : last]

    def _run(self, n_raw: int) -> None:
        """Filter the first `n_raw` samples, except samples that are filtered already."""
        raw = np.concatenate([np.empty((0, N_CHANNELS)), *self._raw])
        n_new = max(0, n_raw - (self._n_raw - len(raw)))
        self._raw = [raw[n_new:]]
        self._append(self._front_end.push(raw[:n_new]))

    def _append(self, signals: Array) -> None:
        # `latest` may have run ahead of the next window by less than a hop.
        self._signals = np.concatenate([self._signals, signals])[-(self._size + self._hop) :]
        self._n_signals += len(signals)
