"""What each activity usually looks like, measured on the training windows."""

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import GroupKFold

from edge_runtime.dataset import Dataset, Split
from edge_runtime.familiarity import Familiarity, Range, distance, is_judged, moment

_FOLDS = 4
# Shares of the windows of people who were left out. Beyond the first a window cannot begin an activity, beyond the
# second it is taken for none; chosen with the numbers of smoothing (results/live.md).
_FAR, _STRANGE = 0.995, 0.999
_RIDGE = 1e-4  # for a feature that hardly varies
_DIGITS = 6

Array = npt.NDArray[np.float64]


def fit_familiarity(dataset: Dataset) -> Familiarity | None:
    """The ranges of each activity over all training windows; None for signals that do not tell how gravity points.

    How far is far is measured on the subjects of each of four folds with ranges fitted to the others: people differ
    more from each other than from themselves.
    """
    names = [x.name for x in dataset.signals]
    if not is_judged(names):
        return None
    found = moment(dataset.train.X, names, dataset.window.rate_hz)
    return Familiarity(*(_ranges(x, dataset.train, len(dataset.labels)) for x in (found.posture, found.movement)))


def _ranges(values: Array, train: Split, n_labels: int) -> tuple[Range, ...]:
    """For each class the range of its features `[n_windows, n_features]`."""
    left_out: list[list[Array]] = [[] for _ in range(n_labels)]
    n_folds = min(_FOLDS, len(np.unique(train.subject)))
    for fitting, held_out in GroupKFold(n_folds).split(values, train.y, train.subject):
        for label, distances in enumerate(left_out):
            own = values[fitting][train.y[fitting] == label]
            if len(own) > 1:  # else nobody but those left out did it
                distances.append(distance(values[held_out][train.y[held_out] == label], _range(own)))
    ranges = []
    for label, distances in enumerate(left_out):
        own = values[train.y == label]
        # An activity of one person alone can only be measured on that person.
        of_others = np.concatenate(distances) if distances else distance(own, _range(own))
        far, strange = np.quantile(of_others, (_FAR, _STRANGE))
        ranges.append(_range(own, float(far), float(strange)))
    return tuple(ranges)


def _range(own: Array, far: float = np.inf, strange: float = np.inf) -> Range:
    precision = np.linalg.inv(np.cov(own.T).reshape(2 * own.shape[1:]) + _RIDGE * np.eye(own.shape[1]))
    rows = tuple(tuple(map(_rounded, row)) for row in precision.tolist())
    return Range(tuple(map(_rounded, own.mean(axis=0).tolist())), rows, _rounded(far), _rounded(strange))


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
