"""Measure how many steps a second someone takes, wherever a phone is worn and however it is turned."""

from __future__ import annotations  # the benchmark's worker, which reads cards, also runs on Python 3.9

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.mounting import MOVING_G

Array = npt.NDArray[np.float64]

_GRID_HZ = 0.05
_SLOWEST, _FASTEST = 24, 80  # of the grid: 1.2 and 4 Hz
_BEATS_HZ = _GRID_HZ * np.arange(_SLOWEST, _FASTEST + 1)
_LEAST_HALF = 0.2  # of the power of the strongest beat, so much at half of it shows that this one comes twice a step


def step_frequency(acceleration: npt.NDArray[np.floating], rate_hz: float) -> Array:
    """Steps a second (Hz) `[...]` in windows of acceleration `[..., samples, 3]` in g; 0 where nobody moves.

    It is the strongest beat of acceleration's size between 1.2 and 4 Hz, in steps of 0.05 Hz, or half of it where that
    is strong as well: a phone that knocks about in a pocket shows two beats a step. Nobody moves where that size varies
    by less than `MOVING_G`. In windows of less than two steps it says little.
    """
    power = beats(acceleration, rate_hz, _BEATS_HZ)
    strongest = power.argmax(axis=-1)
    half = (strongest + _SLOWEST) // 2 - _SLOWEST  # below 0 it is too slow for steps
    at_half = np.take_along_axis(power, np.maximum(half, 0)[..., np.newaxis], axis=-1)[..., 0]
    is_twice = (half >= 0) & (at_half > _LEAST_HALF * power.max(axis=-1))
    steps = _GRID_HZ * (np.where(is_twice, half, strongest) + _SLOWEST)
    found: Array = np.where(_sizes(acceleration).std(axis=-1) < MOVING_G, 0.0, steps)
    return found


def beats(acceleration: npt.NDArray[np.floating], rate_hz: float, frequencies_hz: npt.NDArray[np.floating]) -> Array:
    """The power `[..., n]` of acceleration's size at each of `frequencies_hz` `[n]`, under a Hann window."""
    sizes = _sizes(acceleration)
    samples = sizes.shape[-1]
    angles = 2 * np.pi / rate_hz * np.outer(np.arange(samples), frequencies_hz)
    tapered = (sizes - sizes.mean(axis=-1, keepdims=True)) * np.hanning(samples)
    power: Array = (tapered @ np.cos(angles)) ** 2 + (tapered @ np.sin(angles)) ** 2
    return power


def _sizes(acceleration: npt.NDArray[np.floating]) -> Array:
    sizes: Array = np.linalg.norm(np.asarray(acceleration, np.float64), axis=-1)
    return sizes
