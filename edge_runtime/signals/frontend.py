"""Filter raw samples of a phone into the nine signals of UCI HAR, sample by sample.

Every filter is causal and keeps its state: chunks of any size give the same signals to the last bit. Signals come one
sample late, since the median looks ahead.

The steps reproduce the published windows. Unlike the paper's, the low-pass at 20 Hz has order 10 instead of 3, and
drift of the gyroscope below 0.1 Hz is removed.

References
----------
D. Anguita, A. Ghio, L. Oneto, X. Parra, J. L. Reyes-Ortiz: A public domain dataset for human activity recognition using
smartphones. ESANN 2013.
"""

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.signals.filters import FILTERS
from edge_runtime.signals.types import Array, Signal

RATE_HZ = round(FILTERS.rate_hz)
N_CHANNELS = 6  # accelerometer x y z, gyroscope x y z
SIGNALS = tuple(
    Signal(f"{quantity}_{axis}", unit)
    for quantity, unit in (("body_acc", "g"), ("body_gyro", "rad/s"), ("total_acc", "g"))
    for axis in "xyz"
)


class FrontEnd:
    """A causal filter from raw samples to signals, fed in chunks of any size.

    Filters start from zero, as for the published windows. With a `gentle` start, the filters of acceleration start as
    if the first sample had always been there, without a step of 1 g.
    """

    delay = 1  # samples: the median looks one sample ahead

    def __init__(self, gentle: bool = False) -> None:
        from scipy.signal import lfilter, sosfilt  # now, since it takes a second, which samples would wait for

        self._lfilter, self._sosfilt = lfilter, sosfilt
        self._gentle = gentle
        self._noise, self._gravity = (np.array(x.sections) for x in (FILTERS.noise, FILTERS.gravity))
        self._drift_b, self._drift_a = np.split(np.array(FILTERS.drift.sections[0]), 2)
        self._started = False
        self._last_two = np.zeros((2, N_CHANNELS))  # zeros stand before the first sample
        self._noise_state = np.zeros((len(self._noise), 2, N_CHANNELS))
        self._gravity_state = np.zeros((len(self._gravity), 2, 3))
        self._drift_state = np.zeros((2, 3))

    def push(self, raw: npt.ArrayLike) -> Array:
        """Take the next samples `[n, 6]`, acceleration x y z in g and angular rate x y z in rad/s, at 50 Hz.

        Returns the signals that are complete by now, `[m, 9]` float64 in the units of `SIGNALS`; `m` is `n`, at first
        `n - 1`. Raises `InputError` for another shape or a number that is not finite, and keeps its state.
        """
        samples = _checked(raw)
        if not len(samples):
            return np.empty((0, len(SIGNALS)))
        if self._gentle and not self._started:
            self._settle(samples[0])
        padded = np.concatenate([self._last_two, samples])
        self._last_two = padded[-2:]
        medians = _median_of_three(padded)
        if not self._started:
            medians = medians[1:]  # the first median is centred before the recording
            self._started = True
        return self._filter(medians)

    def flush(self) -> Array:
        """End the recording: give the signals of its last sample, `[1, 9]`, `[0, 9]` without samples."""
        return self.push(np.zeros((1, N_CHANNELS))) if self._started else np.empty((0, len(SIGNALS)))

    def _settle(self, sample: Array) -> None:
        """Set the states that an endless past of the acceleration of `sample` leaves."""
        acceleration = np.concatenate([sample[:3], np.zeros(3)])
        self._last_two[:] = acceleration
        self._noise_state = np.array(FILTERS.noise.settled)[..., np.newaxis] * acceleration
        self._gravity_state = np.array(FILTERS.gravity.settled)[..., np.newaxis] * acceleration[:3]

    def _filter(self, medians: Array) -> Array:
        if not len(medians):
            return np.empty((0, len(SIGNALS)))
        clean, self._noise_state = self._sosfilt(self._noise, medians, axis=0, zi=self._noise_state)
        total_acc, gyro = clean[:, :3], clean[:, 3:]
        gravity, self._gravity_state = self._sosfilt(self._gravity, total_acc, axis=0, zi=self._gravity_state)
        drift, self._drift_state = self._lfilter(self._drift_b, self._drift_a, gyro, axis=0, zi=self._drift_state)
        return np.concatenate([total_acc - gravity, gyro - drift, total_acc], axis=1)


def signals(raw: npt.ArrayLike, gentle: bool = False) -> Array:
    """The signals `[n, 9]` of one whole recording `[n, 6]`; start, units and errors as for `FrontEnd`."""
    front_end = FrontEnd(gentle)
    return np.concatenate([front_end.push(raw), front_end.flush()])


def _median_of_three(samples: Array) -> Array:
    """Medians `[n - 2, ...]` of each sample and its two neighbours."""
    before, here, after = samples[:-2], samples[1:-1], samples[2:]
    return np.maximum(np.minimum(before, here), np.minimum(np.maximum(before, here), after))


def _checked(raw: npt.ArrayLike) -> Array:
    samples = np.asarray(raw, np.float64)
    if samples.ndim != 2 or samples.shape[1] != N_CHANNELS:
        raise InputError(f"raw samples are {samples.shape}: give [n, {N_CHANNELS}], acc x y z (g), gyro x y z (rad/s)")
    if not (is_finite := np.isfinite(samples).all(axis=1)).all():
        raise InputError(f"raw sample {is_finite.argmin()} is not finite: leave it out, and restart after the gap")
    # -0.0 becomes 0.0: which of the two a minimum returns depends on the length of the array.
    return samples + 0.0
