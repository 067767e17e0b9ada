"""Cross-validate a network over groups of the training subjects; the test subjects take no part."""

import dataclasses
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from sklearn.model_selection import GroupKFold

from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.data.names import natural, natural_order, noun_of
from edge_runtime.data.scores import Scores, score
from edge_runtime.errors import InputError
from edge_runtime.reports.figures import plot_confusion
from edge_runtime.system.files import csv_text, scratch_folder, write_text
from edge_runtime.system.quantities import counted, percent
from edge_runtime.system.terminal import Console, plain_table
from train.fit.fit_job import FitJob, FitOutcome, Key, held_rows, load_logits, plan_fit
from train.fit.networks import short_name
from train.training_data import TrainingInput, check_signals
from train.training_progress import do_fits
from train.training_report import MEASURES, Spread

FORMAT = 1


@dataclass(frozen=True)
class Fold:
    """The scores on the subjects of one fold of the network trained on all others."""

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


def run(wanted: TrainingInput, n_folds: int | None, folder: Path, pictures: str) -> None:
    """Cross-validate what is `wanted`, print the scores and write them into `folder`.

    Without `n_folds` each subject is a fold.
    """
    data = wanted.load_data()
    folds = choose_folds(data.train, data.labels, n_folds)
    check_signals(data, data.train)
    wanted.check_fit(data)
    people = [x for fold in folds for x in fold]
    name = short_name(wanted.network)
    title = f"{name}, {counted(len(folds), 'fold')} of {counted(len(people), f'training {noun_of(people)}')}"
    asked = {
        "network": wanted.network,
        "recipe": dataclasses.asdict(wanted.recipe),
        "data": {"name": data.name, "fingerprint": data.fingerprint},
        "signals": [x.name for x in data.signals],
        "labels": data.labels,
        "frame": data.frame,
        "seed": wanted.seed,
    }
    with scratch_folder() as scratch:
        jobs = [
            plan_fit(f"fold-{i + 1}", f"fit of fold {i + 1}", data, wanted.recipe, Key(wanted.seed, i), scratch, held)
            for i, held in enumerate(folds)
        ]
        click.echo(f"Cross-validating {title}: fits of {counted(wanted.recipe.epochs, 'epoch')} -> {folder}", err=True)
        do_fits(jobs, data)
        result = _summarise(jobs, data)
    content = dataclasses.asdict(result)
    for measure in MEASURES:
        del content[measure]["per_seed"]  # each fold has its own
    plot_confusion(result.scores.confusion, data.labels, title, folder / f"confusion.{pictures}")
    _show(result, title)
    write_text(folder / "crossval.csv", csv_text(_rows(result)))
    write_text(folder / "crossval.json", json.dumps({"format": FORMAT, **asked, **content}, indent=1) + "\n")
    click.echo(f"Scores and pictures: {folder}")


def choose_folds(train: Split, labels: Sequence[str], n_folds: int | None) -> list[list[Any]]:
    """The subjects of each fold, which have about as many windows each (`GroupKFold`); each subject is one for None.

    Raises `InputError` when there are fewer subjects than folds, or when those outside a fold leave a class empty.
    """
    subjects = natural_order(train.subject.tolist())
    noun = noun_of(subjects)
    if len(subjects) < (n_folds or 2):
        raise InputError(f"{n_folds or 2} folds need as many training {noun}s, and the data has {len(subjects)}")
    found = [[x] for x in subjects]
    if n_folds is not None:
        groups = GroupKFold(n_folds).split(train.X, train.y, train.subject)
        found = [natural_order(train.subject[rows].tolist()) for _, rows in groups]
    for i, held in enumerate(found):
        left = train.y[~held_rows(train, held)]
        absent = ", ".join(label for k, label in enumerate(labels) if not (left == k).any())
        if absent:
            people = ", ".join(map(str, held))
            raise InputError(f"without fold {i + 1} ({people}) no window of {absent} is left: choose other --folds")
    return found


def _summarise(jobs: Sequence[FitJob], data: Dataset) -> CrossValidation:
    train = data.train
    predicted = np.full(len(train), -1)
    folds, outcomes = [], [FitOutcome.load(job) for job in jobs]
    for job, outcome in zip(jobs, outcomes, strict=True):
        held = held_rows(train, job.held_out)
        predicted[held] = load_logits(job).argmax(1)
        found = score(train.select(held), predicted[held], data.labels)
        subjects, facts = list(job.held_out), (outcome.weights_sha256, outcome.versions)
        folds.append(Fold(subjects, found.windows, found.accuracy, found.macro_f1, *facts))
    return CrossValidation(
        outcomes[0].parameters,
        folds,
        Spread.of([x.accuracy for x in folds]),
        Spread.of([x.macro_f1 for x in folds]),
        score(train, predicted, data.labels, data.mountings),
    )


def _show(result: CrossValidation, title: str) -> None:
    people, found = f"{noun_of(result.scores.per_subject)}s", result.scores
    columns = ["windows", *MEASURES.values()]
    table = plain_table(["", people], columns, f"{title}: {result.parameters:,} parameters")
    for subject in sorted(found.per_subject, key=natural):
        accuracy, macro_f1 = found.per_subject[subject], found.per_subject_macro_f1[subject]
        table.add_row("", subject, "", percent(accuracy), percent(macro_f1))
    table.add_row("all", "", str(found.windows), percent(found.accuracy), percent(found.macro_f1))
    for i, fold in enumerate(result.folds):
        subjects = ", ".join(map(str, fold.subjects))
        table.add_row(f"fold {i + 1}", subjects, str(fold.windows), percent(fold.accuracy), percent(fold.macro_f1))
    table.add_row("mean ± sd of folds", "", "", str(result.accuracy), str(result.macro_f1), style="bold")
    Console().print(table)


def _rows(result: CrossValidation) -> Iterator[Sequence[object]]:
    yield "fold", "subject", "windows", *MEASURES
    people, macro_f1 = result.scores.per_subject, result.scores.per_subject_macro_f1
    for i, fold in enumerate(result.folds):
        yield i + 1, "", fold.windows, fold.accuracy, fold.macro_f1
        yield from ((i + 1, x, "", people[str(x)], macro_f1[str(x)]) for x in fold.subjects)
