"""Learn the correction for one person from a few seconds of each activity, by ridge regression in closed form.

The correction of the logits is linear in the look of a window. Its targets are the logits of a network that is sure of
the right activity; the ridge keeps it small.

References
----------
T. Hastie, R. Tibshirani, J. Friedman: The elements of statistical learning, 2009 (sections 3.4.1, 18.3.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.model.personal_correction import PersonalCorrection

# Chosen without MotionSense and UCI HAR's test subjects (docs/results/README.md).
RIDGE = 10.0
_HIT, _MISS = 7.0, -1.75  # target logits, times the card's temperature
_MOST = 8.0  # windows that an activity counts as
_DECIMALS = 6
# The least shares that are right of anyone who wears the device as the network knows it.
_LEAST_BEFORE, _LEAST_AFTER = 0.1, 0.5

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class HeldOut:
    """How many of `windows` were right `before` and `after` correction, each fold held out in turn."""

    windows: int
    before: int
    after: int

    @property
    def is_worse(self) -> bool:
        """Tell whether the correction does harm."""
        return self.after < self.before

    @property
    def is_wrong_throughout(self) -> bool:
        """Tell whether the network does not know how the device is worn, which no correction mends."""
        return self.before < _LEAST_BEFORE * self.windows or self.after < _LEAST_AFTER * self.windows


def learn(
    logits: npt.NDArray[np.floating],
    looks: npt.NDArray[np.floating],
    y: npt.NDArray[np.integer],
    temperature: float,
    weight: float = 1.0,
    ridge: float = RIDGE,
) -> PersonalCorrection:
    """Learn from windows of one person; one window for each of two activities is enough.

    `logits` `[n, n_labels]` are of a network whose card has `temperature`, `looks` `[n, n_features]` those of the
    windows, `y` `[n]` the activities. Overlapping windows count as `weight` each, an activity as one window to eight.
    """
    y = np.asarray(y, np.int64)
    targets = np.full(logits.shape, _MISS * temperature)
    targets[np.arange(len(y)), y] = _HIT * temperature
    missing = targets - logits
    missing[:, np.setdiff1d(np.arange(logits.shape[1]), y)] = 0  # nothing is aimed at for these
    missing -= missing.mean(axis=1, keepdims=True)
    of_activity = np.bincount(y)[y]
    counts = np.clip(weight * of_activity, 1, _MOST) / of_activity
    share = counts / counts.sum()
    missing -= share @ missing  # the mean look has no correction
    middle = share @ looks
    apart = looks - middle
    kernel = apart @ apart.T + ridge * np.diag(1 / counts)
    weights = apart.T @ np.linalg.solve(kernel, missing)
    shown = apart @ weights
    return PersonalCorrection(
        _rounded(middle), tuple(map(_rounded, weights.T)), _rounded(shown.min(axis=0)), _rounded(shown.max(axis=0))
    )


def cross_validate(
    logits: npt.NDArray[np.floating],
    looks: npt.NDArray[np.floating],
    y: npt.NDArray[np.integer],
    folds: Sequence[npt.NDArray[np.intp]],
    temperature: float,
    weight: float = 1.0,
) -> HeldOut | None:
    """Score windows, given as to `learn`, with the correction that the other folds teach.

    `folds` are rows. None when one fold holds all windows of an activity.
    """
    before = after = 0
    for rows in folds:
        others = np.setdiff1d(np.concatenate(folds), rows)
        if len(np.unique(y[others])) < len(np.unique(y)):
            return None
        correction = learn(logits[others], looks[others], y[others], temperature, weight)
        before += int((logits[rows].argmax(axis=1) == y[rows]).sum())
        after += int((correction.apply(logits[rows], looks[rows]).argmax(axis=1) == y[rows]).sum())
    return HeldOut(sum(map(len, folds)), before, after)


def exchanged(logits: npt.NDArray[np.floating], y: npt.NDArray[np.integer]) -> dict[int, int]:
    """Find postures of `y` `[n]` that seem to have each other's labels; the network's answer to each.

    They form cycles; a network that only confuses postures does so in one direction.
    """
    answers = np.asarray(logits).argmax(axis=1)
    taken_for = {}
    for label in np.unique(y).tolist():
        counts = np.bincount(answers[y == label])
        if counts.max() > counts.sum() / 2:
            taken_for[label] = int(counts.argmax())
    taken_for = {label: other for label, other in taken_for.items() if other != label}
    while set(taken_for) != set(taken_for.values()):
        labels, others = set(taken_for), set(taken_for.values())
        taken_for = {label: other for label, other in taken_for.items() if other in labels and label in others}
    return taken_for


def _rounded(values: Array) -> tuple[float, ...]:
    return tuple(round(float(x), _DECIMALS) for x in values)
