"""Score the trained network by the field's usual measures, and fit its temperature."""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix

from edge_runtime.data.dataset import Split


def score(split: Split, predicted: npt.NDArray[np.intp], labels: tuple[str, ...]) -> dict[str, Any]:
    """Accuracy, macro and weighted precision / recall / F1, per class, per subject, and the confusion matrix.

    `confusion[i][j]` counts windows of class i that were classified as class j.
    """
    indices = list(range(len(labels)))
    report = classification_report(
        split.y, predicted, labels=indices, target_names=list(labels), output_dict=True, zero_division=0.0
    )
    accuracy_per_subject = {
        str(subject): float(accuracy_score(split.y[rows], predicted[rows]))
        for subject in np.unique(split.subject)
        for rows in [split.subject == subject]
    }
    return {
        "windows": len(split.y),
        "accuracy": float(accuracy_score(split.y, predicted)),
        "macro_f1": report["macro avg"]["f1-score"],
        "weighted": _rename(report["weighted avg"]),
        "per_class": {label: _rename(report[label]) for label in labels},
        "per_subject": accuracy_per_subject,
        "confusion": confusion_matrix(split.y, predicted, labels=indices).tolist(),
    }


def fit_temperature(logits: npt.NDArray[np.float32], y: npt.NDArray[np.uint8]) -> float:
    """The temperature that minimises the cross-entropy of softmax(logits / temperature).

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017. Fit it on windows of subjects that the network was
    not trained on: logits `[n, n_classes]`, classes `[n]`.
    """

    def loss(log_temperature: float) -> float:
        log_probabilities = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -float(log_probabilities[np.arange(len(y)), y].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded").x))


def _rename(row: dict[str, float]) -> dict[str, float]:
    return {
        "precision": row["precision"],
        "recall": row["recall"],
        "f1": row["f1-score"],
        "windows": int(row["support"]),
    }
