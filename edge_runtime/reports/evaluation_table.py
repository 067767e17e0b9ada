"""Print the scores of `har-edge evaluate`: of activities, people, placements and data sets."""

from collections.abc import Mapping

from edge_runtime.data.scores import GroupScore, Scores, worst
from edge_runtime.data.subject_groups import noun_of, with_noun
from edge_runtime.system.quantities import counted, percent
from edge_runtime.system.terminal import Console, plain_table

_JOGGING = "JOGGING"
_RUNNING = ("jog", "run")


def show_scores(open_set: Scores, closed_set: Scores, left_out: Mapping[str, int]) -> None:
    """Print both scores of a model's answers, and which windows have none.

    Answers of the `closed_set` are among the labels that occur; it is shown where other labels were answered too, and
    there are two at least, of which one may be answered for the other.
    """
    console = Console(markup=False)  # labels are other people's text
    occurring = [label for label, row in open_set.per_class.items() if row.windows]
    is_closed = open_set.confusion == closed_set.confusion or len(occurring) < 2
    table = plain_table(["activity"], ["windows", "recall", "precision", "F1", *([] if is_closed else ["closed set"])])
    for label, row in open_set.per_class.items():
        precision, f1 = (row.precision, row.f1) if len(occurring) > 1 else (None, None)
        shares = [x if row.windows else None for x in (row.recall, precision, f1)]
        if not is_closed:
            shares.append(closed_set.per_class[label].recall if row.windows else None)
        table.add_row(label, f"{row.windows}", *(percent(x, 1) for x in shares))
    console.print(table)
    people = open_set.per_subject_macro_f1
    least = worst(people)
    console.print(
        f"Accuracy {percent(open_set.accuracy)}, macro F1 {percent(open_set.macro_f1)} of "
        f"{counted(open_set.windows, 'window')} of {counted(len(people), noun_of(people))}; {with_noun(least)} has the "
        f"least macro F1, {percent(people[least], 1)}."
    )
    if not is_closed:
        console.print(
            f"Closed set, answers among the labels of these windows alone: accuracy {percent(closed_set.accuracy)}, "
            f"macro F1 {percent(closed_set.macro_f1)}; the last column is its recall."
        )
    if len(occurring) == 1:
        console.print(
            f"All these windows are of {occurring[0]}: the accuracy is its recall alone, since activities that the "
            f"model would take for {occurring[0]} are not among them, and precision is 100 % by construction."
        )
    for kind, groups in (("Placement", open_set.per_placement), ("Data set", open_set.per_source)):
        if len(groups) > 1:
            console.print("".join(f"{kind} {name}: {_both(x)}.\n" for name, x in groups.items()), end="")
    if left_out:
        named = ", ".join(f"{n} of {label}" for label, n in left_out.items())
        console.print(f"Windows left out, since the model has no such label: {named}.")
        running = [x for x in left_out if x.lower().startswith(_RUNNING)]
        if running and _JOGGING in open_set.per_class:
            console.print(f"The model calls running {_JOGGING}: where {running[0]} is that, name it so under [labels].")


def _both(group: GroupScore) -> str:
    shares = f"accuracy {percent(group.accuracy)}, macro F1 {percent(group.macro_f1)}"
    return f"{shares} of {counted(group.windows, 'window')}"
