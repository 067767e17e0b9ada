"""Measure on the training windows which features are typical of each activity, for novelty detection."""

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
from edge_runtime.signals.raw_signals import RAW_RATES_HZ, measured_names, raw_factors
from edge_runtime.signals.steps import FASTEST_HZ, GRID_HZ
from edge_runtime.signals.types import Array

_FOLDS = 4
_CENTRES = 4
# Share of other people's windows within the typical distance; some windows are mislabelled.
_TYPICAL = 0.95
# Multiples of the typical distance from which a window is unusual, and novel, for an activity.
POSTURE, MOVEMENT = (2.5, 4.0), (1.5, 2.5)
# Share of the stillest activity's windows with less rotation than the limit of rest.
_AT_REST = 0.01
# Share by which unusual steps are quicker than typical steps: people walk with 1.5 to 2.2 steps a second and run with
# 2.4 to 3.1 (UCI HAR, GeoTec and MotionSense).
_QUICKER = 0.1
# Least number in an activity for a way to wear a phone: fewer people would show their own differences.
_ENOUGH_WINDOWS, _ENOUGH_PEOPLE = 10, 3
_RIDGE = 1e-4  # for a feature that hardly varies
_DIGITS = 5

Limits = tuple[float, float]
Typical = TypeVar("Typical", TypicalPosture, TypicalMovement)


def fit_novelty_detector(dataset: Dataset) -> NoveltyDetector | None:
    """Fit the detector to all training windows; None for signals that are not live, and for windows without people.

    The typical distance is measured on held-out people in four folds, since people differ more from each other than
    from themselves. The spread of movement includes the differences between phones, placements and data sets (a random
    effect), since a stream may come from a new phone.
    """
    factors, names = raw_factors(dataset.signals), measured_names(dataset.signals)
    is_raw = factors is not None and dataset.has_people and (dataset.window.rate_hz or 0) >= RAW_RATES_HZ[0]
    if (dataset.front_end is None and not is_raw) or not set(GRAVITY) <= set(names):
        return None
    X = dataset.train.X if factors is None else dataset.train.X * factors
    features = motion_features(X, names, dataset.window)
    n_labels, between = len(dataset.labels), _between(features.movement, dataset)
    return NoveltyDetector(
        _typical(features.posture, dataset.train, n_labels, POSTURE, _posture),
        _typical(features.movement, dataset.train, n_labels, MOVEMENT, partial(_movement, between=between)),
        _rest(features, dataset.train),
        _steps(features, dataset.train),
    )


def _between(movement: Array, dataset: Dataset) -> Array:
    """Compute the covariance `[n, n]` of mean movements between ways to wear a phone; 0 with one way.

    `movement` is `[n_windows, n]`. A way is a data set, placement and device. Still activities are left out: only the
    sensors' noise differs there.
    """
    train, worn = dataset.train, dataset.mountings
    ways = np.stack([names_of(train, worn, x) for x in ("source", "placement", "device")], axis=1)
    way = np.unique(ways, axis=0, return_inverse=True)[1].reshape(-1)
    activities = [train.y == label for label in np.unique(train.y)]
    means = [_means(movement, train, rows, way) for rows in activities if not _movement(movement[rows]).is_still]
    scatter = sum(((x - x.mean(axis=0)).T @ (x - x.mean(axis=0)) for x in means), np.zeros(2 * movement.shape[1:]))
    return np.asarray(scatter / max(sum(len(x) - 1 for x in means), 1))


def _means(movement: Array, train: Split, rows: npt.NDArray[np.bool_], way: npt.NDArray[np.integer]) -> Array:
    """Compute the mean movement `[n_ways, n_features]` in `rows` of each way that has enough windows, else of all."""
    ways = [rows & (way == number) for number in np.unique(way[rows])]
    enough = [
        way for way in ways if way.sum() >= _ENOUGH_WINDOWS and len(np.unique(train.subject[way])) >= _ENOUGH_PEOPLE
    ]
    return np.stack([movement[x].mean(axis=0) for x in enough or [rows]])


def _steps(features: MotionFeatures, train: Split) -> TypicalSteps | None:
    """Compute the steps a second that are unusual for every activity; None without steps, or for a limit too high."""
    most = max(float(np.quantile(features.steps_hz[train.y == y], _TYPICAL)) for y in np.unique(train.y))
    # Between two points of the grid, so that rounding does not decide.
    limit = (np.floor((1 + _QUICKER) * most / GRID_HZ) + 0.5) * GRID_HZ
    return TypicalSteps(_rounded(most), _rounded(limit - most)) if most > 0 and limit < FASTEST_HZ else None


def _rest(features: MotionFeatures, train: Split) -> float | None:
    """Compute the rotation (rad/s) that nearly all windows of every activity exceed; None without the gyroscope."""
    if (rotation := features.rotation) is None:
        return None
    return _rounded(min(float(np.quantile(rotation[train.y == y], _AT_REST)) for y in np.unique(train.y)))


def _typical(
    values: Array, train: Split, n_labels: int, limits: Limits, fit: Callable[[Array], Typical]
) -> tuple[Typical, ...]:
    """Apply `fit` to the features `[n_windows, n_features]` of each class, with limits measured on other people."""
    of_others: list[list[Array]] = [[] for _ in range(n_labels)]
    n_folds = min(_FOLDS, len(np.unique(train.subject)))
    for fitting, held_out in GroupKFold(n_folds).split(values, train.y, train.subject):
        for label, distances in enumerate(of_others):
            features = values[fitting][train.y[fitting] == label]
            if len(features) > 1:  # without windows, only held-out people have this activity
                distances.append(fit(features).distance(values[held_out][train.y[held_out] == label]))
    typical = []
    for label, distances in enumerate(of_others):
        features = values[train.y == label]
        activity = fit(features)
        # An activity of one person can only be measured on that person.
        measured = np.concatenate(distances) if any(map(len, distances)) else activity.distance(features)
        unusual, novel = np.quantile(measured, _TYPICAL) * np.array(limits)
        typical.append(replace(activity, unusual=_rounded(float(unusual)), novel=_rounded(float(novel))))
    return tuple(typical)


def _posture(features: Array) -> TypicalPosture:
    inclined = inclination(features)
    n = min(_CENTRES, len(np.unique(inclined, axis=0)))
    centres = KMeans(n, n_init=1, random_state=0).fit(inclined).cluster_centers_
    return TypicalPosture(tuple((along, across) for along, across in _rows(centres)), np.inf, np.inf)


def _movement(features: Array, between: Array | float = 0.0) -> TypicalMovement:
    covariance = np.cov(features.T).reshape(2 * features.shape[1:]) + _RIDGE * np.eye(features.shape[1])
    (mean,) = _rows(features.mean(axis=0, keepdims=True))
    movement = TypicalMovement(mean, _rows(np.linalg.inv(covariance)), np.inf, np.inf)
    return movement if movement.is_still else replace(movement, precision=_rows(np.linalg.inv(covariance + between)))


def _rows(values: npt.NDArray[np.floating]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(map(_rounded, row)) for row in values.tolist())


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
