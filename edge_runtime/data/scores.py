"""Score answers to windows over classes, people, placements and data sets, and calibrate them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Annotated

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Split
from edge_runtime.data.recording import Mounting
from edge_runtime.model.classifier import softmax
from edge_runtime.system.dataclass_json import Quantity

Share = Annotated[float, Quantity(at_least=0, at_most=1)]
Count = Annotated[int, Quantity(at_least=0)]

Classes = npt.NDArray[np.integer]

_ENOUGH, _MOST = 5, 0.5  # windows, and their share, of a class that is taken for another
_LITTLE = 0.05  # of recall, which untrained networks gain over guessing


@dataclass(frozen=True)
class ClassScore:
    """The scores of one class; null where it has no windows."""

    precision: Annotated[Share | None, "share of the windows answered with this class that are right"]
    recall: Annotated[Share | None, "share of the windows of this class that are answered right"]
    f1: Annotated[Share | None, "harmonic mean of precision and recall"]
    windows: Annotated[Count, "test windows of this class"]


@dataclass(frozen=True)
class GroupScore:
    """The scores of the windows of one placement or data set."""

    windows: Annotated[Count, "test windows"]
    accuracy: Annotated[Share, "share of windows classified right"]
    macro_f1: Annotated[Share, "mean F1 of the classes that occur"]


@dataclass(frozen=True)
class Scores:
    """The scores of the answers to some windows; `weighted` are the means over the classes by their windows.

    `confusion[i][j]` counts windows of class i that were given class j. `exchanged` are two labels of a person, of
    which most windows were given the other.
    """

    windows: int
    accuracy: float
    macro_f1: float
    weighted: ClassScore
    per_class: Mapping[str, ClassScore]
    per_subject: Mapping[str, float]
    per_subject_macro_f1: Mapping[str, float]
    per_placement: Mapping[str, GroupScore]
    per_source: Mapping[str, GroupScore]
    confusion: tuple[tuple[int, ...], ...]
    exchanged: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def score(split: Split, predicted: Classes, labels: Sequence[str], mountings: Sequence[Mounting] = ()) -> Scores:
    """Score the classes `predicted` `[n]` of `split`, as numbers of `labels`."""
    confusion = confusion_matrix(split.y, predicted, len(labels))
    by_class = per_class(confusion, labels)
    people = by_group(split.y, predicted, split.subject)
    # A network that guesses says nothing about labels.
    doubted = () if is_chance(by_class) else np.unique(split.subject)
    return Scores(
        windows=len(split),
        accuracy=accuracy(confusion),
        macro_f1=macro_f1(confusion),
        weighted=_weighted(by_class),
        per_class=by_class,
        per_subject={name: person.accuracy for name, person in people.items()},
        per_subject_macro_f1={name: person.macro_f1 for name, person in people.items()},
        per_placement=by_group(split.y, predicted, names_of(split, mountings, "placement")),
        per_source=by_group(split.y, predicted, names_of(split, mountings, "source")),
        confusion=tuple(map(tuple, confusion.tolist())),
        exchanged={
            str(person): (labels[pair[0]], labels[pair[1]])
            for person in doubted
            if (pair := exchanged(split.y[split.subject == person], predicted[split.subject == person]))
        },
    )


def exchanged(y: Classes, predicted: Classes) -> tuple[int, int] | None:
    """Two classes, of which most windows are `predicted` `[n]` as the other; None without such a pair."""
    classes, counts = np.unique(y, return_counts=True)
    for one, other in combinations(classes[counts >= _ENOUGH].tolist(), 2):
        if min(np.mean(predicted[y == one] == other), np.mean(predicted[y == other] == one)) > _MOST:
            return one, other
    return None


def confusion_matrix(y: Classes, predicted: Classes, n_labels: int) -> npt.NDArray[np.int64]:
    """Counts `[n_labels, n_labels]`: row is the true class, column the predicted one."""
    cells = np.asarray(y, np.int64) * n_labels + np.asarray(predicted, np.int64)
    return np.bincount(cells, minlength=n_labels * n_labels).reshape(n_labels, n_labels)


def accuracy(confusion: npt.NDArray[np.integer]) -> float:
    """The share of windows that were classified right."""
    return float(np.trace(confusion) / confusion.sum())


def macro_f1(confusion: npt.NDArray[np.integer]) -> float:
    """The mean of 2 TP / (2 TP + FP + FN) over the classes that occur, the rows of `confusion`."""
    occurs = confusion.sum(axis=1) > 0
    hits = np.diag(confusion).astype(np.float64)
    total = confusion.sum(axis=0) + confusion.sum(axis=1)
    return float((2 * hits[occurs] / total[occurs]).mean())


def per_class(confusion: npt.NDArray[np.integer], labels: Sequence[str]) -> dict[str, ClassScore]:
    """Precision, recall and F1 of each class by its label; precision is 0 where nothing was given the class."""
    scored = {}
    for i, label in enumerate(labels):
        hits, windows, predicted = int(confusion[i, i]), int(confusion[i].sum()), int(confusion[:, i].sum())
        if windows:
            precision = hits / predicted if predicted else 0.0
            scored[label] = ClassScore(precision, hits / windows, 2 * hits / (windows + predicted), windows)
        else:
            scored[label] = ClassScore(None, None, None, 0)
    return scored


def is_chance(scored: Mapping[str, ClassScore]) -> bool:
    """Tell whether windows are classified right hardly more often than by one constant answer.

    Each class that occurs has the same weight.
    """
    recalls = [score.recall for score in scored.values() if score.recall is not None]
    n = len(recalls) if len(recalls) > 1 else len(scored)
    return bool(recalls) and sum(recalls) / len(recalls) <= 1 / n + _LITTLE


def by_group(y: Classes, predicted: Classes, groups: npt.NDArray[np.generic]) -> dict[str, GroupScore]:
    """The scores of each group's windows: a subject, placement or data set; "" is left out."""
    scores = {}
    for name in np.unique(groups):
        rows = groups == name
        n_labels = 1 + int(max(np.max(y[rows]), np.max(predicted[rows])))
        confusion = confusion_matrix(y[rows], predicted[rows], n_labels)
        if str(name):
            scores[str(name)] = GroupScore(int(rows.sum()), accuracy(confusion), macro_f1(confusion))
    return scores


def closed_by_group(
    logits: npt.NDArray[np.floating], y: Classes, groups: npt.NDArray[np.generic]
) -> dict[str, GroupScore]:
    """As `by_group`, by the greatest of `logits` `[n, n_labels]` among the classes of each group's windows."""
    predicted = np.zeros(len(y), np.intp)
    for name in np.unique(groups):
        rows = groups == name
        predicted[rows] = answers_among(logits[rows], np.bincount(y[rows], minlength=logits.shape[1]) > 0)
    return by_group(y, predicted, groups)


def names_of(split: Split, mountings: Sequence[Mounting], field: str) -> npt.NDArray[np.str_]:
    """The `field` of each window's mounting `[n]`, or ""."""
    if split.mounting is None or not mountings:
        return np.full(len(split), "")
    return np.array([getattr(mounting, field) for mounting in mountings], np.str_)[split.mounting]


def answers_among(logits: npt.NDArray[np.floating], classes: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """The class `[n]` with the greatest logit where `classes` `[n_labels]` is true."""
    places = np.flatnonzero(classes)
    answers: npt.NDArray[np.intp] = places[np.asarray(logits)[:, places].argmax(axis=1)]
    return answers


def calibration_error(logits: npt.NDArray[np.floating], y: Classes, bins: int = 15) -> float:
    """The expected calibration error of `logits` `[n, n_labels]`, after any temperature (Guo et al. 2017, eq. 3)."""
    probabilities = softmax(np.asarray(logits, np.float64))
    confidence = probabilities.max(axis=1)
    right = np.asarray(logits).argmax(axis=1) == y
    # Bins are open below and closed above: a probability of 1 belongs to the last.
    index = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    return float(np.abs(np.bincount(index, right - confidence, bins)).sum() / len(right))


def fit_temperature(logits: npt.NDArray[np.float32], y: npt.NDArray[np.uint8]) -> float:
    """The temperature that minimises the cross-entropy of softmax(logits / temperature).

    Guo et al., On Calibration of Modern Neural Networks, ICML 2017. Fit it on windows of subjects that the network was
    not trained on: logits `[n, n_classes]`, classes `[n]`. As in Platt, Probabilistic Outputs for Support Vector
    Machines, 1999, the true class has a probability of (n + 1) / (n + 2), so faultless answers are not overconfident.
    """
    from scipy.optimize import minimize_scalar
    from scipy.special import log_softmax

    n, n_classes = logits.shape
    targets = np.full((n, n_classes), 1 / (n + 2) / (n_classes - 1))
    targets[np.arange(n), y] = (n + 1) / (n + 2)

    def loss(log_temperature: float) -> float:
        log_probabilities = log_softmax(logits / np.exp(log_temperature), axis=1)
        return -float((targets * log_probabilities).sum(axis=1).mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded").x))


def _weighted(by_class: Mapping[str, ClassScore]) -> ClassScore:
    """The means of the scores of the classes, weighted by their windows."""
    rows = [x for x in by_class.values() if x.windows]
    windows, names = [row.windows for row in rows], ("precision", "recall", "f1")
    precision, recall, f1 = (float(np.average([getattr(row, name) for row in rows], weights=windows)) for name in names)
    return ClassScore(precision, recall, f1, sum(windows))
