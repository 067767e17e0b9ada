"""Correct the network's answers for one person by the look of their windows.

`edge_runtime.live.correction_ridge` fits the correction to a few seconds of each activity.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.model.novelty import GRAVITY
from edge_runtime.signals.mounting import LAG_S
from edge_runtime.signals.types import Array

# In these units, the features of a person's activities differ by about 1 (docs/results/README.md).
UNIT_G = 0.07  # a tilt of four degrees
UNIT_SPREAD = 3.0  # logarithm of a standard deviation
UNIT_CORRELATION = 0.25
FLOOR = 5e-3  # g, rad/s: a smaller standard deviation is noise
FAINT = 0.02  # g, rad/s: at this spread a correlation counts half


@dataclass(frozen=True)
class PersonalCorrection:
    """A correction of the logits: (`look` of a window - `middle`) times `weights` `[n_labels][n_features]`.

    It stays within `lowest` and `highest` `[n_labels]`; `record` describes the recordings that it was learnt from.
    """

    middle: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    record: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, logits: npt.NDArray[np.floating], looks: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Correct the logits `[n, n_labels]` of windows with the `looks` `[n, n_features]`."""
        correction = (looks - np.array(self.middle)) @ np.array(self.weights).T
        corrected = logits + np.clip(correction, np.array(self.lowest), np.array(self.highest))
        return np.asarray(corrected, np.float32)

    def fault(self, n_labels: int, signal_names: Sequence[str]) -> str | None:
        """State what makes the correction unusable for `n_labels` activities and these signals."""
        n_moving = len(moving_columns(signal_names))
        n_features = len(GRAVITY) + n_moving + n_moving**2
        has_rows = {len(self.weights), len(self.lowest), len(self.highest)} == {n_labels}
        if has_rows and {len(row) for row in (self.middle, *self.weights)} == {n_features}:
            return None
        return f"needs {n_features} weights and two limits for each activity of its personal correction"


def look(windows: npt.NDArray[np.floating], signal_names: Sequence[str], rate_hz: float) -> Array:
    """Compute the looks of windows `[n, samples, n_signals]`: features `[n, n_features]` of similar size.

    The features are the mean acceleration, the logarithm of each body signal's standard deviation, and the correlations
    of body signals 160 ms apart, in which gaits differ.
    """
    values = np.asarray(windows, np.float64)
    gravity = values[..., [signal_names.index(name) for name in GRAVITY]].mean(axis=1)
    moving = values[..., moving_columns(signal_names)]
    moving = moving - moving.mean(axis=1, keepdims=True)
    spread = moving.std(axis=1)
    scaled = moving / (spread + FAINT)[:, np.newaxis]
    lag = max(1, round(LAG_S * rate_hz))
    later = np.einsum("nti,ntj->nij", scaled[:, :-lag], scaled[:, lag:]) / values.shape[1]
    parts = gravity / UNIT_G, np.log(spread + FLOOR) / UNIT_SPREAD, later / UNIT_CORRELATION
    return np.concatenate([part.reshape(len(values), -1) for part in parts], axis=1)


def moving_columns(signal_names: Sequence[str]) -> list[int]:
    """Find the columns of signals without gravity."""
    return [i for i, name in enumerate(signal_names) if name.startswith("body_")]
