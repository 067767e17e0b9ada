"""Samples of a fast sensor -> a lower rate, without the vibration that the lower rate cannot show.

What is faster than half the new rate would come back as slow motion that nobody made: at 50 Hz, a vibration of 45 Hz
looks like a movement of 5 Hz. A low-pass takes it out first: a sinc under a Hamming window, which passes what is below
0.4 of the new rate, where all that the network knows of is, and leaves 0.2 % of what is above 0.6 of it.

References
----------
A. V. Oppenheim, R. W. Schafer: Discrete-Time Signal Processing, 3rd edition, section 7.5 (windowed filters).
"""

import numpy as np
import numpy.typing as npt

_HALF = 8  # samples at the new rate, 0.16 s at 50 Hz: how far the filter looks to either side

Array = npt.NDArray[np.float64]


class Decimator:
    """Brings samples from `factor` times a rate to that rate; at a `factor` of 1 they stay what they are.

    Chunks of any size give the same numbers, none of them delayed: a sample comes out once the filter has seen as far
    beyond it as before it. What lies beyond the first and the last sample is taken to be like them.
    """

    def __init__(self, factor: int) -> None:
        self.factor = factor
        places = np.arange(-_HALF * factor, _HALF * factor + 1)
        taps = np.sinc(places / factor) * np.hamming(len(places))
        self._taps = taps / taps.sum()
        self._held: Array | None = None  # what the next sample is made of, as far as it has come

    @property
    def delay(self) -> int:
        """How many samples at the new rate come out later than the newest that went in."""
        return _HALF if self.factor > 1 else 0

    def push(self, samples: Array) -> Array:
        """Take samples `[n, n_channels]`; give those `[m, n_channels]` at the new rate that are complete."""
        if self.factor == 1 or not len(samples):
            return samples
        before = np.repeat(samples[:1], _HALF * self.factor, axis=0) if self._held is None else self._held
        held = np.concatenate([before, samples])
        n = max(0, (len(held) - len(self._taps)) // self.factor + 1)
        found = np.zeros((n, samples.shape[1]))
        for first, tap in enumerate(self._taps):  # in this order for chunks of any size: the same to the last bit
            found += tap * held[first : first + n * self.factor : self.factor][:n]
        self._held = held[n * self.factor :]
        return found

    def finish(self) -> Array:
        """Give what is still to come of the samples so far, `[m, n_channels]`."""
        if self._held is None:
            return np.empty((0, 0))
        return self.push(np.repeat(self._held[-1:], _HALF * self.factor, axis=0))
