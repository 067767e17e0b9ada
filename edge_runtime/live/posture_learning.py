"""Learn the posture correction of one person from a minute of each posture.

Multinomial logistic regression on the mean acceleration of a window, with the network's logits as its offset and a
strong ridge, so that little data changes little.

References
----------
T. Hastie, R. Tibshirani, J. Friedman: The elements of statistical learning, 2nd edition, 2009 (section 4.4).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.model.classifier import softmax
from edge_runtime.model.posture_correction import PostureCorrection

RIDGE = 4.0
"""Chosen by cross-validation over the training subjects (docs/results/live.md)."""

_UNIT_G = 0.05  # a tilt of three degrees: the unit of the ridge
_WINDOWS_PER_S = 0.78  # about one a hop: overlapping windows add little information

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


def learn(
    logits: npt.NDArray[np.floating],
    gravity: npt.NDArray[np.floating],
    y: npt.NDArray[np.integer],
    seconds: float,
    temperature: float,
    ridge: float = RIDGE,
) -> PostureCorrection:
    """Fit the correction to `seconds` of a person's windows.

    `logits` `[n, n_labels]` are the network's, whose card has `temperature`; `gravity` `[n, 3]` are mean accelerations
    (g), `y` `[n]` the activities, at least two of them.
    """
    from scipy.optimize import minimize

    rows = np.unique(y)
    own = np.asarray(logits, np.float64)[:, rows] / temperature
    target = y[:, np.newaxis] == rows
    middle = np.mean([gravity[y == row].mean(axis=0) for row in rows], axis=0)
    tilt = (gravity - middle) / _UNIT_G
    # Each activity counts alike, all together as many windows as follow each other in that time.
    weight = (seconds * _WINDOWS_PER_S / len(rows) / target.sum(axis=0))[target.argmax(axis=1)]

    def loss(flat: Array) -> tuple[float, Array]:
        weights = flat.reshape(len(rows), 3)
        shares = softmax(own + tilt @ weights.T)
        value = -(weight * np.log(shares[target])).sum() + ridge * (weights**2).sum()
        gradient = ((shares - target) * weight[:, np.newaxis]).T @ tilt + 2 * ridge * weights
        return float(value), gradient.ravel()

    found = minimize(loss, np.zeros(3 * len(rows)), jac=True, method="L-BFGS-B").x.reshape(len(rows), 3)
    return PostureCorrection(
        tuple(map(int, rows)),
        tuple(map(float, middle)),
        tuple(tuple(map(float, row)) for row in temperature * found / _UNIT_G),
    )


def cross_validate(
    logits: npt.NDArray[np.floating],
    gravity: npt.NDArray[np.floating],
    y: npt.NDArray[np.integer],
    folds: Sequence[npt.NDArray[np.intp]],
    seconds: float,
    temperature: float,
    ridge: float = RIDGE,
) -> HeldOut:
    """Score windows, given as to `learn`, with the correction that all folds but their own teach.

    `folds` are rows, parts of the time. Raises `ValueError` when all windows of an activity are in one fold: without
    it nothing could be learnt.
    """
    before = after = 0
    for rows in folds:
        others = np.setdiff1d(np.concatenate(folds), rows)
        if len(np.unique(y[others])) < len(np.unique(y)):
            raise ValueError("an activity is in one fold alone")
        correction = learn(
            logits[others], gravity[others], y[others], seconds * len(others) / len(y), temperature, ridge
        )
        before += int((logits[rows].argmax(axis=1) == y[rows]).sum())
        after += int((correction.apply(logits[rows], gravity[rows]).argmax(axis=1) == y[rows]).sum())
    return HeldOut(sum(map(len, folds)), before, after)


def exchanged(logits: npt.NDArray[np.floating], y: npt.NDArray[np.integer]) -> dict[int, int]:
    """Find activities of `y` `[n]` that seem to have each other's labels, each with the network's answer to it.

    Networks confuse postures in one direction only.
    Cross-validation does not show exchanged labels, since all folds agree.
    """
    answers = np.asarray(logits).argmax(axis=1)
    taken_for = {}
    for label in np.unique(y).tolist():
        counts = np.bincount(answers[y == label])
        if counts.max() > counts.sum() / 2:
            taken_for[label] = int(counts.argmax())
    taken_for = {label: other for label, other in taken_for.items() if other != label}
    return taken_for if set(taken_for) == set(taken_for.values()) else {}
