"""One person's way to wear the phone: what tells their postures apart, learnt on the device from a minute of each.

Nearly all errors of a good network are one still posture taken for another, and they follow how a person wears the
phone: sitting tilts it a few degrees more on one than on another. A network that was trained on others knows no better,
but a minute of each posture shows it. To the logits of those postures is added how far gravity points one way rather
than the other: multinomial logistic regression on the mean acceleration, with the network's own logits as its offset
and a strong ridge, so that little data changes little.

References
----------
T. Hastie, R. Tibshirani, J. Friedman: The elements of statistical learning, 2nd edition, 2009 (section 4.4).
"""

from __future__ import annotations  # the benchmark's worker, which reads cards, also runs on Python 3.9

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

GRAVITY = ("total_acc_x", "total_acc_y", "total_acc_z")

_UNIT_G = 0.05  # a tilt of three degrees: what the ridge takes for a step
RIDGE = 4.0
"""Chosen by cross-validation over the training subjects (docs/results/live.md)."""

_WINDOWS_PER_S = 0.78  # overlapping windows say little new: a second counts as much as one window a hop

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PostureCorrection:
    """What is added to the logits of the activities `rows` for one person.

    The mean acceleration of a window less `middle` `[3]` (g), times `weights` `[len(rows)][3]` (per g). `record` says
    what it was learnt from.
    """

    rows: tuple[int, ...]
    middle: tuple[float, ...]
    weights: tuple[tuple[float, ...], ...]
    record: Mapping[str, Any] = field(default_factory=dict)

    def apply(self, logits: npt.NDArray[np.floating], gravity: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Corrected logits `[n, n_labels]` for windows whose mean acceleration is `gravity` `[n, 3]` (g).

        The choice is among those activities only: which windows belong to one of them is left to the network.
        """
        rows = list(self.rows)
        corrected = np.array(logits, np.float32)
        correction = (np.asarray(gravity) - np.array(self.middle)) @ np.array(self.weights).T
        is_theirs = np.isin(corrected.argmax(axis=1), rows)
        # The greatest of them stays as great as it was: none is taken from, or given to, other activities.
        before = corrected[:, rows].max(axis=1, keepdims=True)
        changed = corrected[:, rows] + correction.astype(np.float32)
        changed += before - changed.max(axis=1, keepdims=True)
        corrected[np.flatnonzero(is_theirs)[:, np.newaxis], rows] = changed[is_theirs]
        return corrected

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> PostureCorrection:
        """From a card's JSON. Raises `KeyError`, `TypeError` or `ValueError` when it is none."""
        return cls(
            tuple(map(int, content["rows"])),
            tuple(map(float, content["middle"])),
            tuple(tuple(map(float, x)) for x in content["weights"]),
            dict(content.get("record", {})),
        )

    def fault(self, n_labels: int) -> str | None:
        """What makes it unusable for so many activities, if anything."""
        fits = len(self.rows) == len(self.weights) and all(0 <= x < n_labels for x in self.rows)
        if fits and len(self.rows) > 1 and {len(x) for x in (self.middle, *self.weights)} == {3}:
            return None
        return "needs one row and three weights for each activity that was learnt from a person"


@dataclass(frozen=True)
class HeldOut:
    """How many of `windows`, each of a part of the time that was left out in its turn, are right before and after."""

    windows: int
    before: int
    after: int

    @property
    def is_worse(self) -> bool:
        """Whether what was learnt does harm."""
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

    `logits` `[n, n_labels]` are the network's, whose card says `temperature`; `gravity` `[n, 3]` are mean accelerations
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
        scores = own + tilt @ weights.T
        scores -= scores.max(axis=1, keepdims=True)
        shares = np.exp(scores)
        shares /= shares.sum(axis=1, keepdims=True)
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
    """How windows as for `learn` are answered with what all but their own fold teach.

    `folds` are rows, parts of the time. Raises `ValueError` when all windows of an activity are in one fold: without
    it nothing could be learnt.
    """
    before = after = 0
    for rows in folds:
        others = np.setdiff1d(np.concatenate(folds), rows)
        if len(np.unique(y[others])) < len(np.unique(y)):
            raise ValueError("an activity is in one fold alone")
        personal = learn(logits[others], gravity[others], y[others], seconds * len(others) / len(y), temperature, ridge)
        before += int((logits[rows].argmax(axis=1) == y[rows]).sum())
        after += int((personal.apply(logits[rows], gravity[rows]).argmax(axis=1) == y[rows]).sum())
    return HeldOut(sum(map(len, folds)), before, after)


def exchanged(logits: npt.NDArray[np.floating], y: npt.NDArray[np.integer]) -> dict[int, int]:
    """Activities of `y` `[n]` that seem to have each other's labels, each with what the network takes it for.

    A network takes one posture of a person for another, but not at the same time the other for the one. Folds do not
    show this: what is wrong all the time agrees with itself.
    """
    answers = np.asarray(logits).argmax(axis=1)
    taken_for = {}
    for label in np.unique(y).tolist():
        counts = np.bincount(answers[y == label])
        if counts.max() > counts.sum() / 2:
            taken_for[label] = int(counts.argmax())
    taken_for = {label: other for label, other in taken_for.items() if other != label}
    return taken_for if set(taken_for) == set(taken_for.values()) else {}
