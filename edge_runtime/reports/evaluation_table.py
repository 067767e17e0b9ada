"""Print the scores of `har-edge evaluate` by activity, placement and data set."""

from collections.abc import Iterator

import numpy as np

from edge_runtime.data.evaluation_data import EvaluatedWindows
from edge_runtime.data.names import noun_of, with_noun
from edge_runtime.data.scores import GroupScore, Scores, names_of
from edge_runtime.reports.sentences import left_out, motionless
from edge_runtime.system.quantities import counted, percent
from edge_runtime.system.terminal import Console, plain_table


def show_scores(open_set: Scores, closed_set: Scores, evaluated: EvaluatedWindows) -> None:
    """Print the scores of a model's answers to the windows, and which windows were left out.

    Answers of the `closed_set` are limited to the labels that occur; it is shown if several labels occur and the model
    gave other labels too.
    """
    console = Console()  # labels are text from outside
    n_occurring = sum(bool(row.windows) for row in open_set.per_class.values())
    is_closed = open_set.confusion == closed_set.confusion or n_occurring == 1
    table = plain_table(["activity"], ["windows", "recall", "precision", "F1", *([] if is_closed else ["closed set"])])
    for label, row in open_set.per_class.items():
        shares = [row.recall, row.precision, row.f1, *([] if is_closed else [closed_set.per_class[label].recall])]
        table.add_row(label, f"{row.windows}", *(percent(share, 1) for share in shares))
    console.print(table)
    people = open_set.per_subject_macro_f1
    least = min(people, key=people.__getitem__)
    weakest = f"; {with_noun(least)} has the least macro F1, {percent(people[least], 1)}"
    whose = with_noun(least) if len(people) == 1 else counted(len(people), noun_of(people)) + weakest
    console.print(f"Accuracy {_shares(open_set)} of {whose}.")
    if not is_closed:
        console.print(
            "Closed set, with answers limited to the labels of these windows (last column: recall): "
            f"{_shares(closed_set)}."
        )
    for line in _group_lines(open_set, closed_set, evaluated):
        console.print(line)
    if notice := motionless(evaluated.motionless.windows, evaluated.motionless.mountings):
        console.print(notice)
    if notice := left_out(evaluated.left_out):
        console.print(notice)


def _group_lines(scores: Scores, closed_set: Scores, evaluated: EvaluatedWindows) -> Iterator[str]:
    """Yield a sentence for each placement and data set, if there are several; a data set has its own closed set."""
    if len(scores.per_placement) > 1:
        for name, group in scores.per_placement.items():
            yield f"Placement {name}: accuracy {_shares(group)}."
    if len(scores.per_source) > 1:
        sources = names_of(evaluated.test, evaluated.mountings, "source")
        for name, group in scores.per_source.items():
            n_labels, closed = len(np.unique(evaluated.test.y[sources == name])), closed_set.per_source[name]
            among = f"; closed set of its {n_labels} labels: {_shares(closed)}" if closed != group else ""
            yield f"Data set {name}: accuracy {_shares(group)}{among}."


def _shares(scores: Scores | GroupScore) -> str:
    """Return accuracy and macro F1."""
    windows = counted(scores.windows, "window")
    return f"{percent(scores.accuracy)}, macro F1 {percent(scores.macro_f1)} of {windows}"
