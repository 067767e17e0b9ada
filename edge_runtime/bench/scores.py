"""Compute classification scores with NumPy alone, since a device has no scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.bench.results import ClassScore
from edge_runtime.model.classifier import softmax

Classes = npt.NDArray[np.integer]


def confusion_matrix(y: Classes, predicted: Classes, n_labels: int) -> npt.NDArray[np.int64]:
    """Return `[n_labels, n_labels]` counts: row is the true class, column the predicted one."""
    cells = np.asarray(y, np.int64) * n_labels + np.asarray(predicted, np.int64)
    return np.bincount(cells, minlength=n_labels * n_labels).reshape(n_labels, n_labels)


def accuracy(confusion: npt.NDArray[np.integer]) -> float:
    """Return the share of windows, 0 to 1, that were classified right; `confusion` is `[n_labels, n_labels]` counts."""
    return float(np.trace(confusion) / confusion.sum())


def macro_f1(confusion: npt.NDArray[np.integer]) -> float:
    """Return the mean over classes of 2 TP / (2 TP + FP + FN), 0 to 1; `confusion` is `[n_labels, n_labels]` counts.

    A class that neither occurs nor is predicted is left out of the mean; one that is never right counts 0.
    """
    hits = np.diag(confusion).astype(np.float64)
    total = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float((2 * hits[total > 0] / total[total > 0]).mean())


def per_class(confusion: npt.NDArray[np.integer], labels: Sequence[str]) -> dict[str, ClassScore]:
    """Return precision, recall and F1 of each class by its label; a share of nothing is 0, as in scikit-learn."""
    scored = {}
    for i, label in enumerate(labels):
        hits, windows, predicted = int(confusion[i, i]), int(confusion[i].sum()), int(confusion[:, i].sum())
        scored[label] = ClassScore(
            precision=hits / predicted if predicted else 0.0,
            recall=hits / windows if windows else 0.0,
            f1=2 * hits / (windows + predicted) if windows + predicted else 0.0,
            windows=windows,
        )
    return scored


def calibration_error(logits: npt.NDArray[np.floating], y: Classes, bins: int = 15) -> float:
    """Return the calibration error of `logits` `[n, n_labels]`, after any temperature (Guo et al. 2017, eq. 3).

    The windows are put into equal bins by the probability of the class they were given; the error is the mean over the
    windows of how far the accuracy of their bin is from its mean probability.
    """
    probabilities = softmax(np.asarray(logits, np.float64))
    confidence = probabilities.max(axis=1)
    right = np.asarray(logits).argmax(axis=1) == y
    # Bins are open below and closed above: a probability of 1 belongs to the last.
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    return float(np.abs(np.bincount(index, right - confidence, bins)).sum() / len(right))


def accuracy_per_subject(y: Classes, predicted: Classes, subject: npt.NDArray[np.generic]) -> dict[str, float]:
    """Return the accuracy on each subject's windows, by the subject's number or name as text."""
    right = np.asarray(y) == np.asarray(predicted)
    return {str(person): float(right[subject == person].mean()) for person in np.unique(subject)}
