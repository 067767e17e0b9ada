"""Cross-validate a network over groups of the training subjects; the test subjects take no part."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from sklearn.model_selection import GroupKFold

from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.data.names import natural, natural_order, noun_of
from edge_runtime.data.scores import Scores, score
from edge_runtime.errors import InputError
from edge_runtime.reports.figures import plot_confusion
from edge_runtime.system.files import scratch_folder, write_text
from edge_runtime.system.progress import OnNotice, OnProgress
from edge_runtime.system.quantities import counted, percent
from edge_runtime.system.terminal import plain_table
from train.fit.fit_job import FitJob, FitOutcome, held_rows, load_logits, plan_fit
from train.fit.networks import short_name
from train.run.fit_processes import do_fits
from train.training_data import TrainingInput, check_signals
from train.training_report import MEASURES, Spread

FORMAT = 1


@dataclass(frozen=True)
class Fold:
    """The scores of the network trained on all other folds, on the subjects of this fold."""

    subjects: list[int | str]
    windows: int
    accuracy: float
    macro_f1: float
    weights_sha256: str
    versions: dict[str, str]


@dataclass(frozen=True)
class CrossValidation:
    """The scores of all folds; `scores` are of all windows together."""

    parameters: int
    folds: list[Fold]
    accuracy: Spread
    macro_f1: Spread
    scores: Scores


def run(
    options: TrainingInput,
    n_folds: int | None,
    folder: Path,
    pictures: str,
    on_notice: OnNotice,
    on_progress: OnProgress,
) -> CrossValidation:
    """Cross-validate, and write the scores into `folder`. Without `n_folds` each subject is a fold."""
    data = options.load_data(on_notice)
    folds = choose_folds(data.train, data.labels, n_folds)
    check_signals(data, data.train)
    options.check_fit(data, on_notice)
    facts = {
        "network": options.network,
        "recipe": dataclasses.asdict(options.recipe),
        "data": {"name": data.name, "fingerprint": data.fingerprint},
        "signals": [x.name for x in data.signals],
        "labels": data.labels,
        "frame": data.frame,
        "seed": options.seed,
    }
    title = _title(options, folds)
    with scratch_folder() as scratch:
        jobs = [
            plan_fit(f"fold-{i + 1}", f"fit of fold {i + 1}", data, options.recipe, options.seed, i, scratch, held_out)
            for i, held_out in enumerate(folds)
        ]
        on_notice(f"Cross-validating {title}: fits of {counted(options.recipe.epochs, 'epoch')} -> {folder}")
        do_fits(jobs, data, on_progress)
        result = _summarise(jobs, data)
    content = dataclasses.asdict(result)
    for measure in MEASURES:
        del content[measure]["per_seed"]  # each fold has its own
    plot_confusion(result.scores.confusion, data.labels, title, folder / f"confusion.{pictures}")
    write_text(folder / "crossval.json", json.dumps({"format": FORMAT, **facts, **content}, indent=1) + "\n")
    return result


def choose_folds(train: Split, labels: Sequence[str], n_folds: int | None) -> list[list[Any]]:
    """Choose the subjects of each fold, with about as many windows each (`GroupKFold`); None makes each subject a fold.

    Raises `InputError` if there are fewer subjects than folds, or if the subjects outside a fold lack a class.
    """
    subjects = natural_order(train.subject.tolist())
    noun = noun_of(subjects)
    if len(subjects) < (n_folds or 2):
        raise InputError(f"{n_folds or 2} folds need as many training {noun}s, and the data has {len(subjects)}")
    folds = [[subject] for subject in subjects]
    if n_folds is not None:
        groups = GroupKFold(n_folds).split(train.X, train.y, train.subject)
        folds = [natural_order(train.subject[rows].tolist()) for _, rows in groups]
    for i, held_out in enumerate(folds):
        fitting = train.y[~held_rows(train, held_out)]
        absent = ", ".join(label for k, label in enumerate(labels) if not (fitting == k).any())
        if absent:
            people = ", ".join(map(str, held_out))
            raise InputError(f"without fold {i + 1} ({people}) no window of {absent} is left: choose other --folds")
    return folds


def _title(options: TrainingInput, folds: Sequence[Sequence[int | str]]) -> str:
    people = [subject for fold in folds for subject in fold]
    n_people = counted(len(people), f"training {noun_of(people)}")
    return f"{short_name(options.network)}, {counted(len(folds), 'fold')} of {n_people}"


def _summarise(jobs: Sequence[FitJob], data: Dataset) -> CrossValidation:
    train = data.train
    predictions = np.full(len(train), -1)
    folds, outcomes = [], [FitOutcome.load(job) for job in jobs]
    for job, outcome in zip(jobs, outcomes, strict=True):
        rows = held_rows(train, job.held_out)
        predictions[rows] = load_logits(job).argmax(1)
        scores = score(train.select(rows), predictions[rows], data.labels)
        subjects, facts = list(job.held_out), (outcome.weights_sha256, outcome.versions)
        folds.append(Fold(subjects, scores.windows, scores.accuracy, scores.macro_f1, *facts))
    return CrossValidation(
        outcomes[0].parameters,
        folds,
        Spread.of([fold.accuracy for fold in folds]),
        Spread.of([fold.macro_f1 for fold in folds]),
        score(train, predictions, data.labels, data.mountings),
    )


def scores_table(result: CrossValidation, options: TrainingInput) -> Table:
    """Return the scores of each subject, of all windows and of each fold, and their mean, as a table."""
    scores = result.scores
    title = f"{_title(options, [fold.subjects for fold in result.folds])}: {result.parameters:,} parameters"
    table = plain_table(["", f"{noun_of(scores.per_subject)}s"], ["windows", *MEASURES.values()], title)
    for subject in sorted(scores.per_subject, key=natural):
        accuracy, macro_f1 = scores.per_subject[subject], scores.per_subject_macro_f1[subject]
        table.add_row("", subject, "", percent(accuracy), percent(macro_f1))
    table.add_row("all", "", str(scores.windows), percent(scores.accuracy), percent(scores.macro_f1))
    for i, fold in enumerate(result.folds):
        subjects = ", ".join(map(str, fold.subjects))
        table.add_row(f"fold {i + 1}", subjects, str(fold.windows), percent(fold.accuracy), percent(fold.macro_f1))
    table.add_row("mean ± sd of folds", "", "", str(result.accuracy), str(result.macro_f1), style="bold")
    return table
