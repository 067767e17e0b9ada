"""Correct the network's answers for one person, by the way gravity points in their postures.

Nearly all errors of a good network are one still posture taken for another, and they follow how a person wears the
phone: sitting tilts it a few degrees more on one than on another. `edge_runtime.live.posture_learning` learns the
correction from a minute of each posture.
"""

from __future__ import annotations  # the benchmark's worker, which reads cards, also runs on Python 3.9

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class PostureCorrection:
    """A correction of the logits of the activities `rows`, which count in the labels.

    It is the mean acceleration of a window less `middle` `[3]` (g), times `weights` `[len(rows)][3]` (per g). `record`
    says what it was learnt from.
    """

    rows: tuple[int, ...]
    middle: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]
    record: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, logits: npt.NDArray[np.floating], gravity: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Correct logits `[n, n_labels]` of windows whose mean acceleration is `gravity` `[n, 3]` (g).

        Only the choice among those activities changes: which windows belong to one of them is left to the network.
        """
        rows = list(self.rows)
        corrected = np.array(logits, np.float32)
        correction = (np.asarray(gravity) - np.array(self.middle)) @ np.array(self.weights).T
        is_corrected = np.isin(corrected.argmax(axis=1), rows)
        # The greatest of them stays as great as it was: no window moves from or to another activity.
        before = corrected[:, rows].max(axis=1, keepdims=True)
        changed = corrected[:, rows] + correction.astype(np.float32)
        changed += before - changed.max(axis=1, keepdims=True)
        corrected[np.flatnonzero(is_corrected)[:, np.newaxis], rows] = changed[is_corrected]
        return corrected

    def fault(self, n_labels: int) -> str | None:
        """State what makes it unusable for so many activities, if anything does."""
        fits = len(self.rows) == len(self.weights) and all(0 <= x < n_labels for x in self.rows)
        if fits and len(self.rows) > 1 and {len(x) for x in (self.middle, *self.weights)} == {3}:
            return None
        return "needs one row and three weights for each activity of its posture correction"
