"""How well classes were told apart, with numpy alone: a device has no scikit-learn."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Classes = npt.NDArray[np.integer]


def confusion_matrix(y: Classes, predicted: Classes, n_labels: int) -> npt.NDArray[np.int64]:
    """`[n_labels, n_labels]` counts: row is the true class, column the predicted one."""
    cells = np.asarray(y, np.int64) * n_labels + np.asarray(predicted, np.int64)
    return np.bincount(cells, minlength=n_labels * n_labels).reshape(n_labels, n_labels)


def accuracy(confusion: npt.NDArray[np.integer]) -> float:
    """The share of windows, 0 to 1, that were classified right; `confusion` is `[n_labels, n_labels]` counts."""
    return float(np.trace(confusion) / confusion.sum())


def macro_f1(confusion: npt.NDArray[np.integer]) -> float:
    """The mean over the classes of 2 TP / (2 TP + FP + FN), 0 to 1; `confusion` is `[n_labels, n_labels]` counts.

    A class that neither occurs nor is predicted is left out of the mean; one that is never right counts 0.
    """
    hits = np.diag(confusion).astype(np.float64)
    total = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float((2 * hits[total > 0] / total[total > 0]).mean())


def accuracy_per_subject(y: Classes, predicted: Classes, subject: npt.NDArray[np.generic]) -> dict[str, float]:
    """The accuracy on each subject's windows, by the subject's number or name as text."""
    right = np.asarray(y) == np.asarray(predicted)
    return {str(person): float(right[subject == person].mean()) for person in np.unique(subject)}
