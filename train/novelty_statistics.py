"""What each activity usually looks like, measured on the training windows."""

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.model_selection import GroupKFold

from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.model.novelty import Moment, Movements, NoveltyDetector, Postures, inclination, is_judged, moment

_FOLDS = 4
_CENTRES = 4
# Nineteen in twenty of other people's windows are so near to an activity; the rest has mislabelled ones.
_USUAL = 0.95
# So many times as far, a window cannot begin an activity, or is taken for none: chosen with the numbers of smoothing
# (docs/results/live.md). Postures differ more between people than how much an activity moves.
POSTURE, MOVEMENT = (2.5, 4.0), (1.5, 2.5)
# One in a hundred windows of the stillest activity is stiller; several in a row are not.
_AT_REST = 0.01
_RIDGE = 1e-4  # for a feature that hardly varies
_DIGITS = 5

Array = npt.NDArray[np.float64]
Limits = tuple[float, float]
Usual = TypeVar("Usual", Postures, Movements)


def fit_familiarity(dataset: Dataset, posture: Limits = POSTURE, movement: Limits = MOVEMENT) -> NoveltyDetector | None:
    """What is usual for each activity over all training windows; None for signals that do not tell posture.

    How far is far is measured on the subjects of each of four folds, from what is usual for the others: people differ
    more from each other than from themselves.
    """
    names = [x.name for x in dataset.signals]
    if not is_judged(names):
        return None
    found = moment(dataset.train.X, names, dataset.window.rate_hz)
    n_labels = len(dataset.labels)
    return NoveltyDetector(
        _usual(found.posture, dataset.train, n_labels, posture, _postures),
        _usual(found.movement, dataset.train, n_labels, movement, _movements),
        _rest(found, dataset.train),
    )


def _rest(found: Moment, train: Split) -> float | None:
    """The rotation (rad/s) below which windows of no activity are, but for a few; None without the gyroscope."""
    if (rotation := found.rotation) is None:
        return None
    return _rounded(min(float(np.quantile(rotation[train.y == y], _AT_REST)) for y in np.unique(train.y)))


def _usual(
    values: Array, train: Split, n_labels: int, limits: Limits, fit: Callable[[Array], Usual]
) -> tuple[Usual, ...]:
    """For each class what `fit` makes of its features `[n_windows, n_features]`, with the limits of others."""
    of_others: list[list[Array]] = [[] for _ in range(n_labels)]
    n_folds = min(_FOLDS, len(np.unique(train.subject)))
    for fitting, held_out in GroupKFold(n_folds).split(values, train.y, train.subject):
        for label, distances in enumerate(of_others):
            own = values[fitting][train.y[fitting] == label]
            if len(own) > 1:  # else nobody but those left out did it
                distances.append(fit(own).distance(values[held_out][train.y[held_out] == label]))
    usual = []
    for label, distances in enumerate(of_others):
        own = values[train.y == label]
        found = fit(own)
        # An activity of one person alone can only be measured on that person.
        measured = np.concatenate(distances) if any(map(len, distances)) else found.distance(own)
        far, strange = np.quantile(measured, _USUAL) * np.array(limits)
        usual.append(replace(found, far=_rounded(float(far)), strange=_rounded(float(strange))))
    return tuple(usual)


def _postures(own: Array) -> Postures:
    # No more centres than there are different windows.
    inclined = inclination(own)
    n = min(_CENTRES, len(np.unique(inclined, axis=0)))
    centres = KMeans(n, n_init=1, random_state=0).fit(inclined).cluster_centers_
    return Postures(_rows(centres), np.inf, np.inf)


def _movements(own: Array) -> Movements:
    covariance = np.cov(own.T).reshape(2 * own.shape[1:]) + _RIDGE * np.eye(own.shape[1])
    return Movements(_rows(own.mean(axis=0, keepdims=True))[0], _rows(np.linalg.inv(covariance)), np.inf, np.inf)


def _rows(values: npt.NDArray[np.floating]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(_rounded, row)) for row in values.tolist())


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
