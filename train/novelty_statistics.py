"""Measure on the training windows what is typical of each activity, for novelty detection."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.model_selection import GroupKFold

from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.data.scores import names_of
from edge_runtime.model.novelty import (
    GRAVITY,
    MotionFeatures,
    NoveltyDetector,
    TypicalMovement,
    TypicalPosture,
    TypicalSteps,
    inclination,
    motion_features,
)
from edge_runtime.signals.steps import FASTEST_HZ, GRID_HZ

_FOLDS = 4
_CENTRES = 4
# Share of the windows of other people that keep the typical distance; the rest has mislabelled ones.
_TYPICAL = 0.95
# Multiples of that distance where a window gets unusual, and novel, for an activity.
POSTURE, MOVEMENT = (2.5, 4.0), (1.5, 2.5)
# Share of the windows of the stillest activity with less rotation; several in a row have more.
_AT_REST = 0.01
# Share by which unusual steps are quicker than typical ones: people walk with 1.5 to 2.2 steps a second and run with
# 2.4 to 3.1 (UCI HAR, GeoTec and MotionSense).
_QUICKER = 0.1
# A way to wear a phone needs as many for an activity: fewer people would show how they differ, not the way.
_ENOUGH_WINDOWS, _ENOUGH_PEOPLE = 10, 3
_RIDGE = 1e-4  # for a feature that hardly varies
_DIGITS = 5

Array = npt.NDArray[np.float64]
Limits = tuple[float, float]
Typical = TypeVar("Typical", TypicalPosture, TypicalMovement)


def fit_novelty_detector(dataset: Dataset) -> NoveltyDetector | None:
    """Fit the detector to all training windows; None for signals that do not tell orientation.

    The typical distance is measured on people who are left out, in four folds, since people differ more from each other
    than from themselves. The spread of movement includes that between phones, placements and data sets (a random
    effect), since a stream may come from another one.
    """
    names = [x.name for x in dataset.signals]
    if not set(GRAVITY) <= set(names):
        return None
    found = motion_features(dataset.train.X, names, dataset.window)
    n_labels, between = len(dataset.labels), _between(found.movement, dataset)
    return NoveltyDetector(
        _typical(found.posture, dataset.train, n_labels, POSTURE, _posture),
        _typical(found.movement, dataset.train, n_labels, MOVEMENT, partial(_movement, between=between)),
        _rest(found, dataset.train),
        _steps(found, dataset.train),
    )


def _between(movement: Array, dataset: Dataset) -> Array:
    """The covariance `[n, n]` of mean movements `[n_windows, n]` between ways to wear a phone; 0 with one way.

    A way is a data set, placement and device. Still activities are left out: there only the sensors' noise differs.
    """
    train, worn = dataset.train, dataset.mountings
    ways = np.stack([names_of(train, worn, x) for x in ("source", "placement", "device")], axis=1)
    way = np.unique(ways, axis=0, return_inverse=True)[1].reshape(-1)
    own = [train.y == label for label in np.unique(train.y)]
    means = [_means(movement, train, x, way) for x in own if not _movement(movement[x]).is_still]
    scatter = sum(((x - x.mean(axis=0)).T @ (x - x.mean(axis=0)) for x in means), np.zeros(2 * movement.shape[1:]))
    return np.asarray(scatter / max(sum(len(x) - 1 for x in means), 1))


def _means(movement: Array, train: Split, own: npt.NDArray[np.bool_], way: npt.NDArray[np.integer]) -> Array:
    """The mean movements `[n_ways, n_features]` in the windows `own`, of each way that has enough; else of all."""
    chosen = [own & (way == x) for x in np.unique(way[own])]
    enough = [x for x in chosen if x.sum() >= _ENOUGH_WINDOWS and len(np.unique(train.subject[x])) >= _ENOUGH_PEOPLE]
    return np.stack([movement[x].mean(axis=0) for x in enough or [own]])


def _steps(found: MotionFeatures, train: Split) -> TypicalSteps | None:
    """The steps a second that are unusual for every activity; None where nobody steps, or the limit is not counted."""
    most = max(float(np.quantile(found.steps_hz[train.y == y], _TYPICAL)) for y in np.unique(train.y))
    # Between two steps of the grid, so that no rounding decides.
    limit = (np.floor((1 + _QUICKER) * most / GRID_HZ) + 0.5) * GRID_HZ
    return TypicalSteps(_rounded(most), _rounded(limit - most)) if most > 0 and limit < FASTEST_HZ else None


def _rest(found: MotionFeatures, train: Split) -> float | None:
    """The rotation (rad/s) that all but a few windows of every activity have; None without the gyroscope."""
    if (rotation := found.rotation) is None:
        return None
    return _rounded(min(float(np.quantile(rotation[train.y == y], _AT_REST)) for y in np.unique(train.y)))


def _typical(
    values: Array, train: Split, n_labels: int, limits: Limits, fit: Callable[[Array], Typical]
) -> tuple[Typical, ...]:
    """For each class the `fit` of its features `[n_windows, n_features]`, with limits measured on other people."""
    of_others: list[list[Array]] = [[] for _ in range(n_labels)]
    n_folds = min(_FOLDS, len(np.unique(train.subject)))
    for fitting, held_out in GroupKFold(n_folds).split(values, train.y, train.subject):
        for label, distances in enumerate(of_others):
            own = values[fitting][train.y[fitting] == label]
            if len(own) > 1:  # else only people who are left out did it
                distances.append(fit(own).distance(values[held_out][train.y[held_out] == label]))
    typical = []
    for label, distances in enumerate(of_others):
        own = values[train.y == label]
        found = fit(own)
        # An activity of one person can only be measured on that person.
        measured = np.concatenate(distances) if any(map(len, distances)) else found.distance(own)
        unusual, novel = np.quantile(measured, _TYPICAL) * np.array(limits)
        typical.append(replace(found, unusual=_rounded(float(unusual)), novel=_rounded(float(novel))))
    return tuple(typical)


def _posture(own: Array) -> TypicalPosture:
    inclined = inclination(own)
    n = min(_CENTRES, len(np.unique(inclined, axis=0)))
    centres = KMeans(n, n_init=1, random_state=0).fit(inclined).cluster_centers_
    return TypicalPosture(tuple((along, across) for along, across in _rows(centres)), np.inf, np.inf)


def _movement(own: Array, between: Array | float = 0.0) -> TypicalMovement:
    covariance = np.cov(own.T).reshape(2 * own.shape[1:]) + _RIDGE * np.eye(own.shape[1])
    found = TypicalMovement(_rows(own.mean(axis=0, keepdims=True))[0], _rows(np.linalg.inv(covariance)), np.inf, np.inf)
    return found if found.is_still else replace(found, precision=_rows(np.linalg.inv(covariance + between)))


def _rows(values: npt.NDArray[np.floating]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(_rounded, row)) for row in values.tolist())


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
