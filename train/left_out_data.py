"""Leave one data set out: train on the others, and score everyone that the left-out set has.

Windows of activities that only the left-out set has are counted, not scored. The others are scored twice. In the closed
set an answer is among the labels that both sides share, in the open set among all labels that were learnt.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.data import uci_har
from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.data.scores import Scores, answers_among, names_of, score
from edge_runtime.errors import InputError
from edge_runtime.reports.confusion_plot import plot_confusion
from edge_runtime.system.quantities import percent
from edge_runtime.system.terminal import Console, plain_table
from train.fit.fit_job import FitJob, FitOutcome, held_rows, load_logits


@dataclass(frozen=True)
class LeftOutData:
    """The scores of one data set; `left_out` counts its windows of labels that no other data set has, by label."""

    source: str
    subjects: list[int | str]
    left_out: dict[str, int]
    labels: list[str]
    closed_set: Scores
    open_set: Scores
    weights_sha256: str
    versions: dict[str, str]


def with_everyone(data: Dataset, kept: Sequence[str] | None) -> Dataset:
    """Move everyone to the training part but UCI HAR's official test subjects, or those `kept` by `--test-subjects`."""
    if kept is not None:
        return data
    official = names_of(data.test, data.mountings, "source") == uci_har.NAME
    return data.with_test(np.unique(data.test.subject[official]).tolist())


def choose_data_sets(data: Dataset) -> dict[str, list[Any]]:
    """The people of each data set by its name.

    Raises `InputError` for fewer than two data sets, and for one that shares no label with the others.
    """
    train = data.train
    source = names_of(train, data.mountings, "source")
    names = [x for x in dict.fromkeys(source.tolist()) if x]
    if len(names) < 2:
        raise InputError(f"--folds datasets needs at least two data sets, and {data.name} is one: give another --data")
    found = {name: np.unique(train.subject[source == name]).tolist() for name in names}
    for name, subjects in found.items():
        held = held_rows(train, subjects)
        if not (_occurring(train, held, data) & _occurring(train, ~held, data)).any():
            raise InputError(f"{name} has no label that another data set has: name their labels alike in the layouts")
    return found


def summarise(jobs: Mapping[str, FitJob], data: Dataset) -> list[LeftOutData]:
    """Score the finished fits `jobs` by data set."""
    found = []
    for source, job in jobs.items():
        held = held_rows(data.train, job.held_out)
        learnt = _occurring(data.train, ~held, data)
        shared = learnt & _occurring(data.train, held, data)
        is_scored = learnt[data.train.y[held]]
        windows = data.train.select(held)
        test, logits = windows.select(is_scored), load_logits(job)[is_scored]
        closed_set, open_set = (
            score(test, answers_among(logits, classes), data.labels, data.mountings) for classes in (shared, learnt)
        )
        absent = np.bincount(windows.y[~is_scored], minlength=len(data.labels)).tolist()
        outcome = FitOutcome.load(job)
        left_out = {label: n for label, n in zip(data.labels, absent, strict=True) if n}
        labels = np.array(data.labels)[shared].tolist()
        facts = (outcome.weights_sha256, outcome.versions)
        found.append(LeftOutData(source, list(job.held_out), left_out, labels, closed_set, open_set, *facts))
    return found


def draw(found: Sequence[LeftOutData], title: str, labels: Sequence[str], folder: Path, pictures: str) -> None:
    """Draw the confusion of each left-out data set into `folder`."""
    for i, x in enumerate(found):
        confusion = [*map(list, x.open_set.confusion)]
        plot_confusion(confusion, labels, f"{title}: {x.source}", folder / f"confusion-{i + 1}.{pictures}")


def show(found: Sequence[LeftOutData]) -> None:
    """Print the scores of each left-out data set, by activity too."""
    console = Console(markup=False)  # labels are other people's text
    columns = ["windows", "closed set", "macro F1", "open set", "macro F1"]
    table = plain_table(["left out"], columns)
    for x in found:
        shares = (x.closed_set.accuracy, x.closed_set.macro_f1, x.open_set.accuracy, x.open_set.macro_f1)
        table.add_row(x.source, f"{x.closed_set.windows}", *map(percent, shares))
        for label in x.labels:
            closed, open_ = x.closed_set.per_class[label], x.open_set.per_class[label]
            cells = (closed.recall, closed.f1, open_.recall, open_.f1)
            table.add_row(f"  {label}", f"{closed.windows}", *(percent(y, 1) for y in cells))
    console.print(table)
    console.print("A data set has accuracy and macro F1, an activity recall and F1. Closed: among the labels shown.")
    for x in found:
        if len(x.labels) == 1:
            console.print(f"{x.source} shares only {x.labels[0]}: its closed set is 100 % by construction.")
        if x.left_out:
            counts = ", ".join(f"{n} of {label}" for label, n in x.left_out.items())
            console.print(f"{x.source}: not scored, since no other data set has the label: {counts}.")


def _occurring(train: Split, rows: npt.NDArray[np.bool_], data: Dataset) -> npt.NDArray[np.bool_]:
    return np.bincount(train.y[rows], minlength=len(data.labels)) > 0


def rows(found: Sequence[LeftOutData]) -> Iterator[Sequence[object]]:
    """The rows of `crossval.csv`: each data set with its people."""
    measures = [f"{kind}_{measure}" for kind in ("closed", "open") for measure in ("accuracy", "macro_f1")]
    yield "left_out", "subject", "windows", *measures
    for x in found:
        closed, open_ = x.closed_set, x.open_set
        yield x.source, "", closed.windows, closed.accuracy, closed.macro_f1, open_.accuracy, open_.macro_f1
        for person in closed.per_subject:
            each = (y[person] for z in (closed, open_) for y in (z.per_subject, z.per_subject_macro_f1))
            yield x.source, person, "", *each
