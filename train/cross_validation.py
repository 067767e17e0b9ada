"""Cross-validate a network over groups of the training subjects: how good it is on people it does not know.

The training subjects are divided into groups, the folds. For each fold a network is trained on all other training
subjects and scored on the fold's. The test subjects have no part in it: whatever is chosen by these scores is not
chosen by them.
"""

import dataclasses
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.table import Table
from sklearn.model_selection import GroupKFold

from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.data.scores import Scores, score
from edge_runtime.data.subject_groups import natural, natural_order, noun_of
from edge_runtime.errors import InputError
from edge_runtime.reports.confusion_plot import plot_confusion
from edge_runtime.system.files import scratch_folder, write_csv, write_text
from edge_runtime.system.quantities import counted, percent
from edge_runtime.system.terminal import Console
from train import left_out_data
from train.fit.fit_job import FitJob, FitOutcome, Key, held_rows, load_logits, plan_fit
from train.fit.networks import short_name
from train.fit.recipe import Recipe
from train.seed_spread import MEASURES, Spread
from train.training_data import TrainingInput, check_signals
from train.training_plots import plot_subjects
from train.training_progress import do_fits

FORMAT = 1


@dataclass(frozen=True)
class Fold:
    """The subjects of one fold, and the scores on their windows of the network trained on all other subjects."""

    subjects: list[int | str]
    windows: int
    accuracy: float
    macro_f1: float
    weights_sha256: str
    versions: dict[str, str]


@dataclass(frozen=True)
class CrossValidation:
    """The scores of all folds. `scores` are over all windows, each classified by the network that did not see it."""

    parameters: int
    folds: list[Fold]
    accuracy: Spread
    macro_f1: Spread
    scores: Scores


def run(wanted: TrainingInput, kind: int | str, cluster: str | None, folder: Path, pictures: str) -> None:
    """Cross-validate what is `wanted`, print the scores and write them into `folder`.

    `kind` is the number of folds, or what each of them is: one of the `subjects` or `datasets`. Fits are done on the
    `cluster` of that address, or here.
    """
    data = wanted.load_data()
    if kind == "datasets":
        data = left_out_data.with_everyone(data, wanted.test_subjects)
        data_sets = left_out_data.choose_data_sets(data)
        folds = list(data_sets.values())
    else:
        folds = choose_folds(data.train, data.labels, None if kind == "subjects" else int(kind))
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
        jobs = plan_folds(folds, data, wanted.recipe, wanted.seed, scratch)
        click.echo(f"Cross-validating {title}: fits of {counted(wanted.recipe.epochs, 'epoch')} -> {folder}", err=True)
        do_fits(jobs, data, cluster=cluster)
        if kind == "datasets":
            left_out = left_out_data.summarise(dict(zip(data_sets, jobs, strict=True)), data)
            left_out_data.write_left_out(left_out, asked, title, data.labels, folder, pictures)
            left_out_data.show_left_out(left_out)
        else:
            result = summarise(jobs, data)
            write_cross_validation(result, asked, title, data.labels, folder, pictures)
            show_cross_validation(result, title)
    click.echo(f"Scores and pictures: {folder}")


def choose_folds(train: Split, labels: Sequence[str], n_folds: int | None) -> list[list[Any]]:
    """The subjects of each fold: as many windows in each as the subjects allow (scikit-learn's `GroupKFold`).

    None stands for a fold of each subject (leave one subject out), in the order of the subjects.

    Raises `InputError` when there are fewer subjects than folds, or when those outside a fold leave a class empty.
    """
    subjects = natural_order(train.subject.tolist())
    noun = noun_of(subjects)
    if len(subjects) < (n_folds or 2):
        raise InputError(f"{n_folds or 2} folds need as many training {noun}s, and the data has {len(subjects)}")
    if n_folds is None:
        found = [[x] for x in subjects]
    else:
        groups = GroupKFold(n_folds).split(train.X, train.y, train.subject)
        found = [natural_order(train.subject[rows].tolist()) for _, rows in groups]
    for i, held in enumerate(found):
        left = train.y[~held_rows(train, held)]
        absent = ", ".join(label for k, label in enumerate(labels) if not (left == k).any())
        if absent:
            people = ", ".join(map(str, held))
            raise InputError(f"without fold {i + 1} ({people}) no window of {absent} is left: choose other --folds")
    return found


def plan_folds(folds: Sequence[Sequence[Any]], data: Dataset, recipe: Recipe, seed: int, folder: Path) -> list[FitJob]:
    """The fit of each fold, to all subjects but the fold's; all their files lie in `folder`."""
    return [
        plan_fit(f"fold-{i + 1}", f"fit of fold {i + 1}", data, recipe, Key(seed, i), folder, held)
        for i, held in enumerate(folds)
    ]


def summarise(jobs: Sequence[FitJob], data: Dataset) -> CrossValidation:
    """Score the finished fits `jobs`, one a fold. Raises `InputError` when a file of theirs is damaged."""
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


def write_cross_validation(
    result: CrossValidation,
    asked: Mapping[str, Any],
    title: str,
    labels: tuple[str, ...],
    folder: Path,
    pictures: str,
) -> None:
    """Write `crossval.csv`, the pictures and, last, `crossval.json` into `folder`; `asked` describes the training."""
    write_csv(folder / "crossval.csv", _rows(result))
    per_subject = result.scores.per_subject
    folds = {
        f"fold {i + 1}": {str(x): [per_subject[str(x)]] for x in fold.subjects} for i, fold in enumerate(result.folds)
    }
    plot_subjects(folds, title, f"Folds: {result.accuracy}.", folder / f"crossval.{pictures}")
    plot_confusion(result.scores.confusion, labels, title, folder / f"confusion.{pictures}")
    content = {"format": FORMAT, **asked, **dataclasses.asdict(result)}
    for measure in MEASURES:
        del content[measure]["per_seed"]  # it is that of each of the folds
    write_text(folder / "crossval.json", json.dumps(content, indent=1) + "\n")


def show_cross_validation(result: CrossValidation, title: str) -> None:
    """Print the scores of the folds, their mean and deviation, and those of the subjects."""
    table = Table(title=f"{title}: {result.parameters:,} parameters", title_justify="left")
    people = f"{noun_of(result.scores.per_subject)}s"
    for name in ("", people, "windows", *MEASURES.values()):
        table.add_column(name, justify="left" if name in ("", people) else "right")
    for i, fold in enumerate(result.folds):
        subjects = ", ".join(map(str, fold.subjects))
        table.add_row(f"fold {i + 1}", subjects, str(fold.windows), percent(fold.accuracy), percent(fold.macro_f1))
    table.add_section()
    found = result.scores
    table.add_row("mean ± sd of folds", "", "", str(result.accuracy), str(result.macro_f1))
    table.add_row("all windows", "", str(found.windows), percent(found.accuracy), percent(found.macro_f1))
    for groups in (found.per_placement, found.per_source):
        if len(groups) > 1:
            for name, x in groups.items():
                table.add_row(name, "", str(x.windows), percent(x.accuracy), percent(x.macro_f1))
    table.add_section()
    for subject in sorted(found.per_subject, key=natural):
        accuracy, macro_f1 = found.per_subject[subject], found.per_subject_macro_f1[subject]
        table.add_row("", subject, "", percent(accuracy), percent(macro_f1))
    Console(markup=False).print(table)  # subjects are other people's text


def _rows(result: CrossValidation) -> Iterator[Sequence[object]]:
    yield "fold", "subject", "windows", *MEASURES
    people, macro_f1 = result.scores.per_subject, result.scores.per_subject_macro_f1
    for i, fold in enumerate(result.folds):
        yield i + 1, "", fold.windows, fold.accuracy, fold.macro_f1
        yield from ((i + 1, x, "", people[str(x)], macro_f1[str(x)]) for x in fold.subjects)
