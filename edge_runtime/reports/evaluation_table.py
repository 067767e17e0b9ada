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

    Answers of the `closed_set` are limited to the labels that occur; it is shown if the model gave other labels too. If
    only one label occurs, precision is always 100 % and F1 follows from recall: both are left out.
    """
    console = Console()  # labels are text from outside
    occurring = [label for label, row in open_set.per_class.items() if row.windows]
    is_single = len(occurring) == 1
    is_closed = open_set.confusion == closed_set.confusion or is_single
    table = plain_table(["activity"], ["windows", "recall", "precision", "F1", *([] if is_closed else ["closed set"])])
    for label, row in open_set.per_class.items():
        precision, f1 = (None, None) if is_single else (row.precision, row.f1)
        shares = [row.recall, precision, f1]
        if not is_closed:
            shares.append(closed_set.per_class[label].recall)
        table.add_row(label, f"{row.windows}", *(percent(share, 1) for share in shares))
    console.print(table)
    people = open_set.per_subject if is_single else open_set.per_subject_macro_f1
    least, measure = min(people, key=people.__getitem__), "accuracy" if is_single else "macro F1"
    weakest = f"; {with_noun(least)} has the least {measure}, {percent(people[least], 1)}"
    whose = with_noun(least) if len(people) == 1 else counted(len(people), noun_of(people)) + weakest
    console.print(f"Accuracy {_shares(open_set, is_single)} of {whose}.")
    if not is_closed:
        among = _shares(closed_set, False)
        console.print(
            f"Closed set, with answers limited to the labels of these windows (last column: recall): {among}."
        )
    if is_single:
        console.print(f"All these windows are of {occurring[0]}: accuracy is recall.")
    console.print("".join(f"{line}\n" for line in _group_lines(open_set, closed_set, evaluated)), end="")
    if notice := motionless(evaluated.motionless.windows, evaluated.motionless.mountings):
        console.print(notice)
    if notice := left_out(evaluated.left_out):
        console.print(notice)


def _group_lines(scores: Scores, closed_set: Scores, evaluated: EvaluatedWindows) -> Iterator[str]:
    """Yield a sentence for each placement and data set, if there are several; a data set has its own closed set."""
    labels = list(scores.per_class)
    for kind, field, groups in (
        ("Placement", "placement", scores.per_placement),
        ("Data set", "source", scores.per_source),
    ):
        names = names_of(evaluated.test, evaluated.mountings, field)
        for name, group in groups.items() if len(groups) > 1 else ():
            classes = np.unique(evaluated.test.y[names == name]).tolist()
            closed, end = closed_set.per_source[name] if field == "source" else group, ""
            if len(classes) == 1:
                end = f", all of {labels[classes[0]]}"
            elif closed != group:
                end = f"; closed set of its {len(classes)} labels: {_shares(closed, False)}"
            yield f"{kind} {name}: accuracy {_shares(group, len(classes) == 1)}{end}."


def _shares(scores: Scores | GroupScore, is_single: bool) -> str:
    """Return accuracy and, unless all windows have one label, macro F1."""
    f1 = "" if is_single else f", macro F1 {percent(scores.macro_f1)}"
    return f"{percent(scores.accuracy)}{f1} of {counted(scores.windows, 'window')}"
