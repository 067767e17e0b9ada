"""Decimate samples of a fast sensor, without aliases of its vibration.

Above half the new rate a vibration would be aliased: at 50 Hz, one of 45 Hz looks like a movement of 5 Hz. A low-pass
removes it first: a sinc under a Hamming window, which passes frequencies below 0.4 of the new rate, where body motion
is, and attenuates those above 0.6 of it to 0.2 %.

References
----------
A. V. Oppenheim, R. W. Schafer: Discrete-Time Signal Processing, 3rd edition, section 7.5 (windowed filters).
"""

import numpy as np
import numpy.typing as npt

_HALF = 8  # samples at the new rate, 0.16 s at 50 Hz: how far the filter looks to either side

Array = npt.NDArray[np.float64]


class Decimator:
    """Brings samples from `factor` times a rate to that rate; at a `factor` of 1 they stay as they are.

    Chunks of any size give the same numbers. A sample comes out once the filter has seen as far beyond it as before it,
    without a shift in time. Beyond the first and the last sample, their values are assumed.
    """

    def __init__(self, factor: int) -> None:
        self.factor = factor
        places = np.arange(-_HALF * factor, _HALF * factor + 1)
        weights = np.sinc(places / factor) * np.hamming(len(places))
        self._weights = weights / weights.sum()
        self._buffer: Array | None = None  # the samples so far that the next output needs

    @property
    def delay(self) -> int:
        """Return the delay of the output behind the newest input, in samples at the new rate."""
        return _HALF if self.factor > 1 else 0

    def push(self, samples: Array) -> Array:
        """Take samples `[n, n_channels]`; give those `[m, n_channels]` at the new rate that are complete."""
        if self.factor == 1 or not len(samples):
            return samples
        before = np.repeat(samples[:1], _HALF * self.factor, axis=0) if self._buffer is None else self._buffer
        buffer = np.concatenate([before, samples])
        n = max(0, (len(buffer) - len(self._weights)) // self.factor + 1)
        found = np.zeros((n, samples.shape[1]))
        for first, weight in enumerate(self._weights):  # in this order for chunks of any size: the same to the last bit
            found += weight * buffer[first : first + n * self.factor : self.factor][:n]
        self._buffer = buffer[n * self.factor :]
        return found

    def finish(self) -> Array:
        """Give the outputs that are still missing of the samples so far, `[m, n_channels]`."""
        if self._buffer is None:
            return np.empty((0, 0))
        return self.push(np.repeat(self._buffer[-1:], _HALF * self.factor, axis=0))
