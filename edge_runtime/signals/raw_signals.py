"""Take the samples of the sensors as signals in any of their units, without filters."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.signals.sensor_faults import GRAVITY_SIZES_G, LEAST_ROTATION, MOST_ROTATION, SHAKEN_G
from edge_runtime.signals.types import RAW_NAMES, Array, Signal
from edge_runtime.signals.units import ACCELERATION_UNITS, ROTATION_UNITS, canonical

RAW_RATES_HZ = 10, 1000
"""The least rate, at which steps can be counted, and the greatest."""

_LEAST_MOVING = 0.1  # share of windows with movement, in which a wrong unit of rotation shows


def are_raw(signals: Sequence[Signal]) -> bool:
    """Tell whether `signals` are named as raw acceleration, or as raw acceleration and rotation, in any order."""
    return {signal.name for signal in signals} in ({*RAW_NAMES[:3]}, {*RAW_NAMES})


def raw_factors(signals: Sequence[Signal]) -> Array | None:
    """Compute the factors `[n_signals]` that convert raw signals to g and rad/s; None for other signals and units."""
    tables = [ROTATION_UNITS if signal.is_rotation else ACCELERATION_UNITS for signal in signals]
    factors = [table.get(canonical(signal.unit)) for table, signal in zip(tables, signals, strict=True)]
    return np.array(factors) if are_raw(signals) and None not in factors else None


def size_fault(X: npt.NDArray[np.floating], signals: Sequence[Signal]) -> str:
    """Say which signals of the windows `X` `[n, samples, signals]` cannot have their units; "" if all can."""
    turning = [i for i, x in enumerate(signals) if x.is_rotation and canonical(x.unit) in ROTATION_UNITS]
    rad_s = X[:, :, turning] * [ROTATION_UNITS[canonical(signals[i].unit)] for i in turning]
    sizes = np.linalg.norm(rad_s, axis=2).mean(axis=1)
    if np.quantile(sizes, 1 - _LEAST_MOVING) > MOST_ROTATION:
        return f"rotation in {signals[turning[0]].unit} is too fast for a person: correct units"
    factors = raw_factors(signals)
    if factors is None:
        return ""
    names = [signal.name for signal in signals]
    places = [names.index(name) for name in RAW_NAMES[: len(names)]]
    acceleration = X[:, :, places[:3]] * factors[places[:3]]
    means = acceleration.mean(axis=1)
    size, unit = float(np.median(np.linalg.norm(means, axis=1))), signals[places[0]].unit
    if not GRAVITY_SIZES_G[0] <= size <= GRAVITY_SIZES_G[1]:
        return (
            f"acceleration is about {size / factors[places[0]]:.2g} {unit}, and gravity is 1 g or 9.8 m/s2: "
            "correct units, or leave them out if windows are normalised or have no gravity"
        )
    moves = np.linalg.norm(acceleration, axis=2).std(axis=1) > SHAKEN_G
    if turning and moves.mean() > _LEAST_MOVING and np.median(sizes[moves]) < LEAST_ROTATION:
        return f"rotation in {signals[turning[0]].unit} is too slow for a person who moves: correct units"
    return ""


def is_live(signals: Sequence[Signal], rate_hz: float | None) -> bool:
    """Tell whether raw `signals` at `rate_hz` can be made from live samples: their units and their rate are known."""
    return raw_factors(signals) is not None and RAW_RATES_HZ[0] <= (rate_hz or 0) <= RAW_RATES_HZ[1]


def measured_names(signals: Sequence[Signal]) -> list[str]:
    """Name the signals of the same sensors in `SIGNALS`: `total_acc_x` for `ax`; other signals keep their names."""
    names = dict(zip(RAW_NAMES, (signal.name for signal in (*SIGNALS[6:], *SIGNALS[3:6])), strict=True))
    return [names.get(signal.name, signal.name) for signal in signals]


class NoFilters:
    """The front end of raw signals: samples are complete at once, and `body_acc` still has its gravity."""

    delay = 0

    def push(self, raw: Array) -> Array:
        """Take samples `[n, 6]`, acceleration in g and rotation in rad/s; return `[n, 9]` in the order of `SIGNALS`."""
        return np.concatenate([raw, raw[:, :3]], axis=1)

    def flush(self) -> Array:
        """End the recording: no sample is missing, `[0, 9]`."""
        return np.empty((0, len(SIGNALS)))
