"""How far an official copy of UCI HAR and the rebuilt windows are from each other."""

from dataclasses import dataclass

import numpy as np

from edge_runtime.data.dataset import Dataset
from edge_runtime.signals.types import Signal

# The official files hold seven significant digits: one unit in the last of them is at most 1e-6 of the value, and
# float32 adds up to 1.2e-7.
ROUNDING = 1.2e-6


@dataclass(frozen=True)
class SignalDifference:
    """One signal over all windows.

    The largest difference in its unit, how many values differ, and how many by more than one unit in the seventh digit.
    """

    signal: Signal
    largest: float
    n_different: int
    n_beyond_rounding: int


@dataclass(frozen=True)
class CopyComparison:
    """What differs between two copies of the same data set."""

    labels_equal: bool
    subjects_equal: bool
    n_values: int
    signals: tuple[SignalDifference, ...]

    @property
    def agrees(self) -> bool:
        """Whether labels and subjects are equal, and signals as equal as seven digits can tell."""
        return self.labels_equal and self.subjects_equal and not any(x.n_beyond_rounding for x in self.signals)


def compare(official: Dataset, rebuilt: Dataset) -> CopyComparison:
    """Compare two data sets of the same shapes, training and test part together."""
    parts = ((official.train, rebuilt.train), (official.test, rebuilt.test))
    differences = []
    for column, signal in enumerate(rebuilt.signals):
        a, b = (np.concatenate([pair[side].X[..., column] for pair in parts]).astype(np.float64) for side in (0, 1))
        distance = np.abs(a - b)
        beyond = distance > ROUNDING * np.maximum(np.abs(a), np.abs(b))
        differences.append(
            SignalDifference(signal, float(distance.max()), int((distance > 0).sum()), int(beyond.sum()))
        )
    return CopyComparison(
        labels_equal=all(np.array_equal(a.y, b.y) for a, b in parts),
        subjects_equal=all(np.array_equal(a.subject, b.subject) for a, b in parts),
        n_values=sum(a.X[..., 0].size for a, _ in parts),
        signals=tuple(differences),
    )
