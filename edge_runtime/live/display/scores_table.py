"""Print the scores of `har-edge evaluate --live` on a terminal."""

import math
from collections.abc import Mapping

import rich.console
from rich.markup import escape
from rich.table import Table

from edge_runtime.live.decider import UNKNOWN
from edge_runtime.live.scores_by_part import PartScores, Reported
from edge_runtime.live.stream_scores import LiveScores
from edge_runtime.system.quantities import counted, percent
from edge_runtime.system.terminal import plain_table

_WIDEST_NAME = 30  # of a label that is never broken


def show_scores(found: LiveScores, recordings: int, people: int, console: rich.console.Console) -> None:
    """Print the scores over all recordings, without those of which nothing was measured."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    table.add_row("recordings", f"{recordings} of {counted(people, 'subject')}, {found.hours:.2f} h of activities")
    for name, value in (
        ("accuracy, windows alone", _windows_alone(found)),
        ("accuracy, live", _live(found)),
        ("of every moment", _of_every_moment(found)),
        ("delay", _delay(found)),
        ("false changes", _false_changes(found)),
        ("unknown", _unknown(found)),
        ("mounting not known", _before_walking(found.mounting_not_known)),
        ("several at once", _several_at_once(found)),
        ("not known", _not_known(found)),
    ):
        if value:
            table.add_row(name, value)
    console.print(table)


def show_parts(heading: str, parts: Mapping[str, PartScores], console: rich.console.Console) -> None:
    """Print a row for each part, if there is any; `heading` is the title of their column."""
    if not parts:
        return
    table = plain_table([heading], ["windows", "right alone", "F1", "right live", "F1", UNKNOWN])
    for name, x in parts.items():
        shares = (x.window_accuracy, x.window_f1, x.live_accuracy, x.live_f1, x.unknown)
        table.add_row(escape(name), f"{x.windows}", *(percent(share, 1) for share in shares))
    console.print()
    console.print(table)
    mean = "" if heading == "activity" else "; F1 is the mean over these activities"
    console.print(f"Of windows wholly in one activity{mean}.")


def show_reported(
    transitions: Mapping[str, Reported], others: Mapping[str, Reported], console: rich.console.Console
) -> None:
    """Print the shares reported during each label that is no activity: transitions, then others."""
    for heading, chosen in (("transition", transitions), ("other label", others)):
        if chosen:
            console.print()
            console.print(_reported_table(heading, chosen))


def _reported_table(heading: str, found: Mapping[str, Reported]) -> Table:
    """A row for each label: what was reported for half a percent of its time or more, the most first."""
    table = Table(box=None, pad_edge=False)
    names = [escape(x) for x in found]
    table.add_column(heading, overflow="fold", min_width=min(max(map(len, names)), _WIDEST_NAME))
    table.add_column("n", justify="right")
    table.add_column("reported, in % of the time", overflow="fold")
    for name, x in zip(names, found.values(), strict=True):
        shares = sorted(x.shares.items(), key=lambda item: -item[1])
        said = ", ".join(f"{escape(label)} {100 * share:.0f}" for label, share in shares if share >= 0.005)
        table.add_row(name, f"{x.times}", said)
    return table


def _windows_alone(found: LiveScores) -> str:
    if not found.windows:
        return ""
    shares = f"{percent(found.window_accuracy)}, macro F1 {percent(found.window_macro_f1)}"
    return f"{shares} of {counted(found.windows, 'window')} wholly in one activity"


def _live(found: LiveScores) -> str:
    if not found.windows:
        return ""
    if math.isnan(found.reported_accuracy):
        return f"{percent(found.live_accuracy)}: all are unknown"
    of_all = f"{percent(found.live_accuracy)}, macro F1 {percent(found.live_macro_f1)} of all"
    return f"{percent(found.reported_accuracy)} of those that are not unknown; {of_all}"


def _of_every_moment(found: LiveScores) -> str:
    if math.isnan(found.sample_accuracy):
        return ""
    return f"{percent(found.sample_accuracy, 1)} of all samples of the activities, from their first on"


def _delay(found: LiveScores) -> str:
    """State the delays that are finite, and how many activities were never reported."""
    if not found.activities:
        return ""
    if math.isinf(found.delay_median_s):
        were = "was" if found.activities == 1 else "were"
        return f"{found.missed} of {counted(found.activities, 'new activity', 'new activities')} {were} never reported"
    slow = "" if math.isinf(found.delay_p90_s) else f", {found.delay_p90_s:.2f} s (90 %)"
    return (
        f"{found.delay_median_s:.2f} s until a new activity is reported (median){slow}; "
        f"{found.missed} of {found.activities} were never reported"
    )


def _false_changes(found: LiveScores) -> str:
    if math.isnan(found.false_changes_per_hour):
        return ""
    return (
        f"{found.false_changes_per_hour:.1f} an hour; {found.false_changes_seen_per_hour:.1f} when the whole window "
        "was of the labelled activity"
    )


def _unknown(found: LiveScores) -> str:
    parts = (
        (found.unknown_in_activities, "of the time in activities, their beginnings included"),
        (found.unknown_in_transitions, "of the time in transitions between postures"),
    )
    return ", and ".join(f"{percent(share, 1)} {text}" for share, text in parts if not math.isnan(share))


def _before_walking(share: float) -> str:
    """State the time of postures before the first walk; "" where there was none."""
    return f"{percent(share, 1)} of the time in activities; all else is of the rest" if share > 0 else ""


def _several_at_once(found: LiveScores) -> str:
    if not found.joined > 0:
        return ""
    return f"{percent(found.joined, 1)} of the windows were answered with activities that look alike there"


def _not_known(found: LiveScores) -> str:
    if math.isnan(found.false_answers_per_hour):
        return ""
    auroc = found.novelty_auroc
    told = "" if math.isnan(auroc) else f"; novelty tells it with an AUROC of {auroc:.3f}"
    return (
        f"{found.false_answers_per_hour:.1f} false answers an hour of what the model does not know, transitions "
        f"included ({60 * found.hours_not_known:.1f} min){told}"
    )
