"""Measure how many steps a second someone takes, wherever a phone is worn and however it is turned."""

import math

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.mounting import MOVING_G
from edge_runtime.signals.types import Array

GRID_HZ = 0.05  # resolution of the periodogram
SLOWEST_HZ, FASTEST_HZ = 1.2, 4.0  # shaking at another frequency returns the nearer limit
SLOWEST, FASTEST = round(SLOWEST_HZ / GRID_HZ), round(FASTEST_HZ / GRID_HZ)
LEAST_HALF = 0.2  # share of the strongest beat's power at half its frequency, where that beat comes twice a step


def step_frequency(acceleration: npt.NDArray[np.floating], rate_hz: float) -> Array:
    """Steps a second (Hz) `[...]` in windows of acceleration `[..., samples, 3]` in g; 0 where nobody moves.

    It is the peak of a periodogram of acceleration's size from `SLOWEST_HZ` to `FASTEST_HZ`, or half of that
    where half is strong as well. A phone that knocks about in a pocket shows two beats a step.
    """
    power = beats(acceleration, rate_hz)[..., SLOWEST : FASTEST + 1]
    strongest = power.argmax(axis=-1)
    half = (strongest + SLOWEST) // 2 - SLOWEST  # below 0 it is too slow for steps
    at_half = np.take_along_axis(power, np.maximum(half, 0)[..., np.newaxis], axis=-1)[..., 0]
    is_twice = (half >= 0) & (at_half > LEAST_HALF * power.max(axis=-1))
    steps = GRID_HZ * (np.where(is_twice, half, strongest) + SLOWEST)
    frequency: Array = np.where(_sizes(acceleration).std(axis=-1) < MOVING_G, 0.0, steps)
    return frequency


def beats(acceleration: npt.NDArray[np.floating], rate_hz: float) -> Array:
    """Power `[..., n]` of acceleration's size every `GRID_HZ` from 0, under a Hann window; `rate_hz` a multiple."""
    sizes = _sizes(acceleration)
    samples, period = sizes.shape[-1], round(rate_hz / GRID_HZ)
    tapered = (sizes - sizes.mean(axis=-1, keepdims=True)) * np.hanning(samples)
    finer = math.ceil(samples / period)  # of a longer window, so that the transform takes all of it
    power: Array = np.abs(np.fft.rfft(tapered, finer * period)[..., ::finer]) ** 2
    return power


def _sizes(acceleration: npt.NDArray[np.floating]) -> Array:
    sizes: Array = np.linalg.norm(np.asarray(acceleration, np.float64), axis=-1)
    return sizes
