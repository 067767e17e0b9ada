"""Cut windows of the signals of one uninterrupted stretch of samples, as they become complete."""

from collections.abc import Iterator

import numpy as np

from edge_runtime.signals.frontend import N_CHANNELS, SIGNALS, FrontEnd
from edge_runtime.signals.raw_signals import NoFilters
from edge_runtime.signals.types import Array, Window


class Windowing:
    """Cuts windows `[samples, 9]` as `window` says; chunks of any size give the same windows.

    Filters run over all new samples at once when a window is complete, which is a hundred times as fast as one by one.
    """

    def __init__(self, window: Window, start: float, front_end: FrontEnd | NoFilters) -> None:
        assert window.rate_hz
        self.start = start
        self._size, self._hop, self._rate_hz = window.samples, window.hop, window.rate_hz
        self._front_end = front_end
        self._raw = [np.empty((0, N_CHANNELS))]  # not filtered yet
        self._n_raw = 0
        self._signals = np.empty((0, len(SIGNALS)))  # of the last window
        self._next_end = window.samples

    @property
    def n_missing(self) -> int:
        """Samples missing until the next window is complete."""
        return self._next_end + self._front_end.delay - self._n_raw

    def add(self, samples: Array) -> Iterator[tuple[float, Array]]:
        """Take samples `[n, 6]`; give the time of the last sample, and the signals, of each window complete by now."""
        self._raw.append(samples)
        self._n_raw += len(samples)
        while self.n_missing <= 0:
            raw = np.concatenate(self._raw)
            n = len(raw) + self.n_missing
            self._raw = [raw[n:]]
            yield self._cut(self._front_end.push(raw[:n]))

    def finish(self) -> Iterator[tuple[float, Array]]:
        """Give the window that ends with the last sample, if one does."""
        if self._n_raw == self._next_end:
            signals = self._front_end.push(np.concatenate(self._raw))
            yield self._cut(np.concatenate([signals, self._front_end.flush()]))

    def _cut(self, signals: Array) -> tuple[float, Array]:
        """Cut the next window, at whose end the new `signals` `[n, 9]` end too."""
        end = self._next_end
        self._next_end += self._hop
        self._signals = np.concatenate([self._signals, signals])[-self._size :]
        return self.start + (end - 1) / self._rate_hz, self._signals
