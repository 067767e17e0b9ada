"""Correct the network's answers for one person, by how their windows look.

`edge_runtime.live.personal_learning` learns the correction from a few seconds of each activity.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.model.novelty import GRAVITY
from edge_runtime.signals.mounting import LAG_S

# Units in which features of one person's activities differ by about 1 (docs/results/README.md).
_UNIT_G = 0.07  # a tilt of four degrees
_UNIT_SPREAD = 3.0  # of the logarithm of a standard deviation
_UNIT_CORRELATION = 0.25
_FLOOR = 5e-3  # g, rad/s: below, a standard deviation is the sensor's noise
_FAINT = 0.02  # g, rad/s: movement whose correlation counts half

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PersonalCorrection:
    """A correction of the logits: a window's `look` less `middle`, times `weights` `[n_labels][n_features]`.

    It stays within `lowest` and `highest` `[n_labels]`; `record` says what it was learnt from.
    """

    middle: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    record: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, logits: npt.NDArray[np.floating], looks: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Correct logits `[n, n_labels]` of windows with these `looks` `[n, n_features]`."""
        correction = (looks - np.array(self.middle)) @ np.array(self.weights).T
        corrected = logits + np.clip(correction, np.array(self.lowest), np.array(self.highest))
        return np.asarray(corrected, np.float32)

    def fault(self, n_labels: int, signal_names: Sequence[str], rate_hz: float | None) -> str | None:
        """State what makes it unusable for `n_labels` activities and these signals."""
        if rate_hz is None:
            return "corrects answers by what follows 160 ms later, and its window has no rate_hz"
        if not {*signal_names} >= {*GRAVITY}:
            return "corrects answers by gravity, which is not among its signals"
        n_moving = len(_moving(signal_names))
        n_features = len(GRAVITY) + n_moving + n_moving**2
        has_rows = {len(self.weights), len(self.lowest), len(self.highest)} == {n_labels}
        if has_rows and {len(x) for x in (self.middle, *self.weights)} == {n_features}:
            return None
        return f"needs {n_features} weights for each activity of its personal correction, and their limits"


def look(windows: npt.NDArray[np.floating], signal_names: Sequence[str], rate_hz: float) -> Array:
    """How windows `[n, samples, n_signals]` look: features `[n, n_features]` of one size, whatever their units.

    They are the mean acceleration, the logarithm of each body signal's standard deviation, and the correlations of body
    signals 160 ms apart, in which gaits differ.
    """
    values = np.asarray(windows, np.float64)
    gravity = values[..., [signal_names.index(x) for x in GRAVITY]].mean(axis=1)
    moving = values[..., _moving(signal_names)]
    moving = moving - moving.mean(axis=1, keepdims=True)
    spread = moving.std(axis=1)
    scaled = moving / (spread + _FAINT)[:, np.newaxis]
    lag = max(1, round(LAG_S * rate_hz))
    later = np.einsum("nti,ntj->nij", scaled[:, :-lag], scaled[:, lag:]) / values.shape[1]
    parts = gravity / _UNIT_G, np.log(spread + _FLOOR) / _UNIT_SPREAD, later / _UNIT_CORRELATION
    return np.concatenate([x.reshape(len(values), -1) for x in parts], axis=1)


def _moving(signal_names: Sequence[str]) -> list[int]:
    """The columns of signals without gravity."""
    return [i for i, x in enumerate(signal_names) if x.startswith("body_")]
