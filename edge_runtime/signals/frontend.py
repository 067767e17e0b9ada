"""Filter raw samples of a phone into the nine signals of UCI HAR, sample by sample.

Every filter is causal and keeps its state: a whole recording, a live stream and any chunking of it give the same
signals to the last bit, since there is one code path. The median looks one sample ahead, so signals come one sample
(20 ms) late. `edge_runtime.signals.filters` has the order of the steps and every coefficient.

The steps and the orders of the filters are those that reproduce the published windows. They differ from the papers in
two places: the low-pass at 20 Hz has order 10 (the papers say 3), and slow drift of the gyroscope is removed below
0.1 Hz (the papers do not mention it).

References
----------
D. Anguita, A. Ghio, L. Oneto, X. Parra, J. L. Reyes-Ortiz: A public domain dataset for human activity recognition using
smartphones. ESANN 2013.
"""

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.signals.filters import FILTERS
from edge_runtime.signals.types import Signal

RATE_HZ = round(FILTERS.rate_hz)
N_CHANNELS = 6  # accelerometer x y z, gyroscope x y z
SIGNALS = tuple(
    Signal(f"{quantity}_{axis}", unit)
    for quantity, unit in (("body_acc", "g"), ("body_gyro", "rad/s"), ("total_acc", "g"))
    for axis in "xyz"
)

Array = npt.NDArray[np.float64]


class FrontEnd:
    """A causal filter from raw samples to signals, fed in chunks of any size.

    Filters start from zero, as they did for the published windows. With a `gentle` start, those of acceleration start
    as if the first sample had always been there: there is no step of 1 g, and the first windows are much more like
    those after a longer past. The gyroscope starts from zero all the same, since a first sample in motion is no offset.
    After 12 s the two starts give the same answers, after 50 s the same signals to 1e-10.
    """

    def __init__(self, gentle: bool = False) -> None:
        self._gentle = gentle
        self._noise, self._gravity = (np.array(x.sections) for x in (FILTERS.noise, FILTERS.gravity))
        self._drift_b, self._drift_a = np.split(np.array(FILTERS.drift.sections[0]), 2)
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next sample is the first of a new recording."""
        self._started = False
        self._last_two = np.zeros((2, N_CHANNELS))  # zeros stand before the first sample
        self._noise_state = np.zeros((len(self._noise), 2, N_CHANNELS))
        self._gravity_state = np.zeros((len(self._gravity), 2, 3))
        self._drift_state = np.zeros((2, 3))

    def push(self, raw: npt.ArrayLike) -> Array:
        """Take the next `n` samples; give the signals that are complete by now.

        Parameters
        ----------
        raw : `[n, 6]`, acceleration x y z in g and angular rate x y z in rad/s, at 50 Hz.

        Returns
        -------
        `[m, 9]` float64 in the order and units of `SIGNALS`; `m` is `n`, or `n - 1` for the first samples.

        Raises
        ------
        InputError
            when the shape is another or a number is not finite; the state is then what it was before.
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
            medians = medians[1:]  # the first one is centred before the recording
            self._started = True
        return self._filter(medians)

    def flush(self) -> Array:
        """End the recording: give the signals of its last sample, `[1, 9]` (`[0, 9]` if there was none), and reset."""
        signals = self.push(np.zeros((1, N_CHANNELS))) if self._started else np.empty((0, len(SIGNALS)))
        self.reset()
        return signals

    def _settle(self, sample: Array) -> None:
        """Set the states that an endless past of the acceleration of `sample` leaves."""
        acceleration = np.concatenate([sample[:3], np.zeros(3)])
        self._last_two[:] = acceleration
        self._noise_state = np.array(FILTERS.noise.settled)[..., np.newaxis] * acceleration
        self._gravity_state = np.array(FILTERS.gravity.settled)[..., np.newaxis] * acceleration[:3]

    def _filter(self, medians: Array) -> Array:
        from scipy.signal import lfilter, sosfilt

        if not len(medians):
            return np.empty((0, len(SIGNALS)))
        clean, self._noise_state = sosfilt(self._noise, medians, axis=0, zi=self._noise_state)
        total_acc, gyro = clean[:, :3], clean[:, 3:]
        gravity, self._gravity_state = sosfilt(self._gravity, total_acc, axis=0, zi=self._gravity_state)
        drift, self._drift_state = lfilter(self._drift_b, self._drift_a, gyro, axis=0, zi=self._drift_state)
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
    try:
        samples = np.asarray(raw, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"raw samples are not an array of numbers ({error}); give acceleration and rotation"
        ) from error
    if samples.ndim != 2 or samples.shape[1] != N_CHANNELS:
        shape = " x ".join(map(str, samples.shape)) or "a single number"
        raise InputError(
            f"raw samples have the shape {shape}; [n, {N_CHANNELS}] is needed: acc x y z (g), gyro x y z (rad/s)"
        )
    if not np.isfinite(samples).all():
        row = int(np.flatnonzero(~np.isfinite(samples).all(axis=1))[0])
        raise InputError(
            f"raw sample {row} (counting from 0) is not finite; leave such samples out and start anew after the gap"
        )
    # -0.0 becomes 0.0: which of the two a minimum returns depends on the length of the array.
    return samples + 0.0
