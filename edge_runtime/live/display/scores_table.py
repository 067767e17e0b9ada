"""Print the scores of `har-edge evaluate --live` on a terminal."""

import math
from collections.abc import Mapping, Sequence

import rich.console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edge_runtime.live.decider import UNKNOWN
from edge_runtime.live.scores_by_part import PartScores, Reported
from edge_runtime.live.stream_scores import LiveScores
from edge_runtime.system.quantities import NOT_MEASURED, counted, percent
from edge_runtime.system.terminal import plain_table


def show_scores(found: LiveScores, recordings: int, people: int, console: rich.console.Console) -> None:
    """Print the scores over all recordings."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    for name, value in (
        ("recordings", f"{recordings} of {counted(people, 'subject')}, {found.hours:.2f} h of activities"),
        (
            "accuracy, windows alone",
            f"{percent(found.window_accuracy)} of {found.windows} windows wholly in one activity",
        ),
        (
            "accuracy, live",
            f"{percent(found.reported_accuracy)} of those that are not unknown; {percent(found.live_accuracy)} of all",
        ),
        (
            "of every moment",
            f"{percent(found.sample_accuracy, 1)} of all samples of the activities, from their first on",
        ),
        (
            "delay",
            f"{_seconds(found.delay_median_s)} until a new activity is reported (median), "
            f"{_seconds(found.delay_p90_s)} (90 %); {found.missed} of {found.activities} were never reported"
            if found.activities
            else "",
        ),
        (
            "false changes",
            f"{_number(found.false_changes_per_hour)} an hour; {_number(found.false_changes_seen_per_hour)} when the "
            "whole window was of the labelled activity",
        ),
        (
            "unknown",
            f"{percent(found.unknown_in_activities, 1)} of the time in activities, their beginnings included, and "
            f"{percent(found.unknown_in_transitions, 1)} of that in transitions between postures",
        ),
        ("mounting not known", _before_walking(found.mounting_not_known)),
        (
            "several at once",
            f"{percent(found.joined, 1)} of the windows were answered with activities that look alike there"
            if found.joined > 0
            else "",
        ),
        (
            "not known",
            f"{_number(found.false_answers_per_hour)} false answers an hour of what the model does not know, "
            f"transitions included ({60 * found.hours_not_known:.1f} min); novelty tells it with an AUROC of "
            f"{_auroc(found.novelty_auroc)}",
        ),
    ):
        if value:
            table.add_row(name, value)
    console.print(table)


def show_parts(heading: str, parts: Mapping[str, PartScores], console: rich.console.Console) -> None:
    """Print a row for each part; `heading` is the title of their column."""
    table = plain_table([heading], ["windows", "right alone", "right live", UNKNOWN])
    for name, x in parts.items():
        shares = (x.window_accuracy, x.live_accuracy, x.unknown)
        table.add_row(escape(name), f"{x.windows}", *(percent(share, 1) for share in shares))
    console.print()
    console.print(table)
    console.print("Of windows wholly in one activity.")


def show_reported(
    transitions: Mapping[str, Reported],
    others: Mapping[str, Reported],
    activities: Sequence[str],
    console: rich.console.Console,
) -> None:
    """Print the shares reported during each label that is none of `activities`: transitions, then others."""
    for heading, chosen in (("transition", transitions), ("other label", others)):
        if chosen:
            console.print()
            console.print(_reported_table(heading, chosen, activities))
    if transitions or others:
        console.print(Text("Shares, in %, of the time that these lasted, by what was reported."))


def _reported_table(heading: str, found: Mapping[str, Reported], activities: Sequence[str]) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0))
    table.add_column(heading)
    table.add_column("n", justify="right")
    for name in (*activities, UNKNOWN):
        # Long names break where their words end: six of them and their numbers are to fit on 80 columns.
        table.add_column(escape(name.replace("_", "_\n")), justify="right", vertical="bottom")
    for name, x in found.items():
        shares = (x.shares[column] for column in (*activities, UNKNOWN))
        table.add_row(escape(name), f"{x.times}", *(f"{100 * y:.0f}" if y else NOT_MEASURED for y in shares))
    return table


def _before_walking(share: float) -> str:
    """State the time of postures before the first walk; "" where there was none."""
    return f"{percent(share, 1)} of the time in activities; all else is of the rest" if share > 0 else ""


def _number(value: float) -> str:
    return NOT_MEASURED if math.isnan(value) else f"{value:.1f}"


def _auroc(value: float) -> str:
    return NOT_MEASURED if math.isnan(value) else f"{value:.3f}"


def _seconds(value: float) -> str:
    if math.isnan(value):
        return NOT_MEASURED
    return "never" if math.isinf(value) else f"{value:.2f} s"
