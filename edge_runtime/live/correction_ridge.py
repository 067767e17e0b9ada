"""Fit the correction for one person to a few seconds of each activity, by ridge regression in closed form.

The correction of the logits is linear in the look of a window. The targets are the logits of a network that is sure of
the right activity. The ridge keeps the correction small.

References
----------
T. Hastie, R. Tibshirani, J. Friedman: The elements of statistical learning, 2009 (sections 3.4.1, 18.3.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.data.scores import exchanged
from edge_runtime.model.personal_correction import PersonalCorrection
from edge_runtime.signals.types import Array

# Chosen without MotionSense and UCI HAR's test subjects (docs/results/README.md).
RIDGE = 10.0
_HIT, _MISS = 7.0, -1.75  # target logits, times the card's temperature
_MOST = 8.0  # windows that an activity counts as, at most
_DECIMALS = 6
# Minimum accuracies for a person who wears the device in a way that the network was trained with.
_LEAST_BEFORE, _LEAST_AFTER = 0.1, 0.5


@dataclass(frozen=True)
class HeldOut:
    """The share of `windows` that were right `before` and `after` correction, with each fold held out in turn.

    `are_exchanged` tells whether the network answers most windows of two labels by the other label of the two.
    """

    windows: int
    before: float
    after: float
    are_exchanged: bool

    @property
    def is_wrong_throughout(self) -> bool:
        """Tell whether the network does not know this mounting at all, which a correction cannot repair."""
        return self.before < _LEAST_BEFORE or self.after < _LEAST_AFTER


def fit_correction(
    logits: npt.NDArray[np.floating],
    looks: npt.NDArray[np.floating],
    y: npt.NDArray[np.integer],
    temperature: float,
    weight: float = 1.0,
) -> PersonalCorrection:
    """Fit the correction to windows of one person; one window for each of two activities is enough.

    The network's card has `temperature`. For each window there are `logits` `[n, n_labels]`, `looks` `[n, n_features]`
    and an activity in `y` `[n]`. An overlapping window counts as `weight`, an activity as one to eight windows.
    """
    y = np.asarray(y, np.int64)
    targets = np.full(logits.shape, _MISS * temperature)
    targets[np.arange(len(y)), y] = _HIT * temperature
    missing = targets - logits
    missing[:, np.setdiff1d(np.arange(logits.shape[1]), y)] = 0  # without a window there is no target
    missing -= missing.mean(axis=1, keepdims=True)
    of_activity = np.bincount(y)[y]
    counts = np.clip(weight * of_activity, 1, _MOST) / of_activity
    share = counts / counts.sum()
    missing -= share @ missing  # the mean look has no correction
    middle = share @ looks
    centred = looks - middle
    kernel = centred @ centred.T + RIDGE * np.diag(1 / counts)
    weights = centred.T @ np.linalg.solve(kernel, missing)
    corrections = centred @ weights
    lowest, highest = corrections.min(axis=0), corrections.max(axis=0)
    return PersonalCorrection(_rounded(middle), tuple(map(_rounded, weights.T)), _rounded(lowest), _rounded(highest))


def cross_validate(
    logits: npt.NDArray[np.floating],
    looks: npt.NDArray[np.floating],
    y: npt.NDArray[np.integer],
    folds: Sequence[npt.NDArray[np.intp]],
    temperature: float,
    weight: float = 1.0,
) -> HeldOut | None:
    """Score the windows of each fold with the correction that is fitted to the other folds.

    Arguments are as in `fit_correction`; `folds` are rows. Returns None when a fold has all windows of an activity.
    """
    before = after = 0
    for rows in folds:
        others = np.setdiff1d(np.concatenate(folds), rows)
        if len(np.unique(y[others])) < len(np.unique(y)):
            return None
        correction = fit_correction(logits[others], looks[others], y[others], temperature, weight)
        before += int((logits[rows].argmax(axis=1) == y[rows]).sum())
        after += int((correction.apply(logits[rows], looks[rows]).argmax(axis=1) == y[rows]).sum())
    n = sum(map(len, folds))
    return HeldOut(n, before / n, after / n, exchanged(y, logits.argmax(axis=1)) is not None)


def _rounded(values: Array) -> tuple[float, ...]:
    return tuple(round(float(value), _DECIMALS) for value in values)
