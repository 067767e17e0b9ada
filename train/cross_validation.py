"""Cross-validation over groups of the training subjects: how good a network is on people it does not know.

Each fold's subjects are answered for by a fit to all the others. The test subjects have no part in it: what is chosen
by these scores is not chosen by them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import GroupKFold

from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.errors import InputError
from train.fit.recipe import Recipe
from train.run.fit_job import FitJob, FitOutcome, held_rows, load_logits, plan_fit
from train.scoring import score
from train.spread import Spread


@dataclass(frozen=True)
class Fold:
    """The subjects of one fold and how many of their windows were answered right, as a share."""

    subjects: list[int | str]
    windows: int
    accuracy: float
    weights_sha256: str
    versions: dict[str, str]


@dataclass(frozen=True)
class CrossValidation:
    """What all folds say together. `scores` are over all windows, each answered for by the fit that did not see it."""

    parameters: int
    folds: list[Fold]
    accuracy: Spread
    scores: dict[str, Any]


def choose_folds(train: Split, labels: Sequence[str], n_folds: int) -> list[list[Any]]:
    """The subjects of each fold: as many windows in each as the subjects allow (scikit-learn's `GroupKFold`).

    Raises `InputError` when there are fewer subjects than folds, or when those outside a fold leave a class empty.
    """
    subjects = np.unique(train.subject)
    if len(subjects) < n_folds:
        raise InputError(
            f"{n_folds} folds need as many training subjects, and the data has {len(subjects)}: choose fewer --folds"
        )
    found = [
        np.unique(train.subject[rows]).tolist()
        for _, rows in GroupKFold(n_folds).split(train.X, train.y, train.subject)
    ]
    for i, held in enumerate(found):
        left = train.y[~held_rows(train, held)]
        absent = ", ".join(label for k, label in enumerate(labels) if not (left == k).any())
        if absent:
            raise InputError(
                f"without the subjects of fold {i + 1} ({', '.join(map(str, held))}) no window of {absent} is left to "
                "train on: choose other --folds, or record it with more people"
            )
    return found


def plan_folds(
    folds: Sequence[Sequence[Any]], data: Dataset, recipe: Recipe, seed: int, folder: Path
) -> list[list[FitJob]]:
    """The jobs of each fold, teachers first; all their files lie in `folder`."""
    return [
        plan_fit(f"fold-{i + 1}", f"fit of fold {i + 1}", data, recipe, seed, i, len(folds), folder, held)
        for i, held in enumerate(folds)
    ]


def summarise(jobs: Sequence[FitJob], data: Dataset) -> CrossValidation:
    """The scores of the finished fits `jobs`, one a fold. Raises `InputError` when a file of theirs is damaged."""
    train = data.train
    answers = np.full(len(train), -1)
    folds, outcomes = [], [FitOutcome.load(job) for job in jobs]
    for job, outcome in zip(jobs, outcomes, strict=True):
        held = held_rows(train, job.held_out)
        answers[held] = load_logits(job).argmax(1)
        right = float(np.mean(answers[held] == train.y[held]))
        folds.append(Fold(list(job.held_out), int(held.sum()), right, outcome.weights_sha256, outcome.versions))
    return CrossValidation(
        outcomes[0].parameters,
        folds,
        Spread.of([x.accuracy for x in folds]),
        score(train, answers, data.labels),
    )
