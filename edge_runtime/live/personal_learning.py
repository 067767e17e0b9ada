"""Learn the correction for one person from a few seconds of each activity, in closed form: ridge from the source.

The correction of the logits is linear in how windows look, and as small as a ridge makes it: with few windows there are
few directions in which it differs from 0. Its targets are the logits of a network that is sure of the right activity.

References
----------
T. Hastie, R. Tibshirani, J. Friedman: The elements of statistical learning, 2009 (sections 3.4.1, 18.3.5).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.model.personal_correction import PersonalCorrection

RIDGE = 10.0
"""Chosen, as all numbers that a correction depends on, without the people of MotionSense and UCI HAR's test.

See docs/results/README.md.
"""
_HIT, _MISS = 7.0, -1.75  # times the card's temperature: the logits aimed at
_MOST = 8.0  # windows that an activity counts as: more of one occasion tell little of another (docs/results/live.md)
_DECIMALS = 6
# Shares that are right of anyone who wears the device as the network knows it; nothing was searched.
_LEAST_BEFORE, _LEAST_AFTER = 0.1, 0.5

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class HeldOut:
    """Count the correct ones of `windows`, each part of the time left out in its turn, before and after."""

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
    """Learn from windows of one person, of which one for each of at least two activities is enough.

    `logits` `[n, n_labels]` are the network's, whose card has `temperature`, `looks` `[n, n_features]` the windows',
    `y` `[n]` the activities. Of windows that overlap, each counts as `weight`, but an activity as one window at
    least and eight at most.
    Logits of activities that were not shown are as they were, but for a shift of all.
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
    ridge: float = RIDGE,
) -> HeldOut | None:
    """Score windows, given as to `learn`, with the correction that all folds but their own teach.

    `folds` are rows, parts of the time. None when all windows of an activity are in one fold: without it nothing could
    be learnt.
    """
    before = after = 0
    for rows in folds:
        others = np.setdiff1d(np.concatenate(folds), rows)
        if len(np.unique(y[others])) < len(np.unique(y)):
            return None
        correction = learn(logits[others], looks[others], y[others], temperature, weight, ridge)
        before += int((logits[rows].argmax(axis=1) == y[rows]).sum())
        after += int((correction.apply(logits[rows], looks[rows]).argmax(axis=1) == y[rows]).sum())
    return HeldOut(sum(map(len, folds)), before, after)


def exchanged(logits: npt.NDArray[np.floating], y: npt.NDArray[np.integer]) -> dict[int, int]:
    """Find postures of `y` `[n]` that seem to have each other's labels, each with the network's answer to it.

    They form cycles: networks confuse postures in one direction only. Cross-validation does not show exchanged labels,
    since all folds agree.
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
