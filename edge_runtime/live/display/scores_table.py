"""Print the scores of `har-edge evaluate --live` on a terminal."""

import math
from collections.abc import Mapping

import rich.console
from rich.markup import escape

from edge_runtime.live.decider import UNKNOWN
from edge_runtime.live.stream_scores import LiveScores, WindowScores
from edge_runtime.system.quantities import NOT_MEASURED, counted, percent
from edge_runtime.system.terminal import facts_table, plain_table


def show_scores(found: LiveScores, recordings: int, people: int, console: rich.console.Console) -> None:
    """Print the scores over all recordings, as far as they were measured."""
    table = facts_table()
    table.add_row("recordings", f"{recordings} of {counted(people, 'subject')}, {found.hours:.2f} h of activities")
    windows, not_known = counted(found.windows, "window"), found.mounting_not_known or float("nan")
    false = f"an hour of what the model does not know; {percent(1 - found.unknown_in_activities, 1)} of known is named"
    for name, value, text in (
        ("accuracy, unsmoothed", percent(found.window_accuracy), f"of {windows} wholly in one activity"),
        ("accuracy, live", percent(found.live_accuracy), "of these, unknown being wrong"),
        ("without unknown", percent(found.reported_accuracy), "of those that are not unknown"),
        ("delay", _number(found.delay_median_s, "{:.2f} s"), "until a new activity is reported (median)"),
        ("", _number(found.delay_p90_s, "{:.2f} s"), "(90 %)"),
        ("false changes", _number(found.false_changes_per_hour, "{:.1f}"), "an hour of activities"),
        ("false answers", _number(found.false_answers_per_hour, "{:.1f}"), false),
        ("unknown", percent(found.unknown_in_activities, 1), "of the time in activities, their beginnings included"),
        ("mounting not known", percent(not_known, 1), "of the time in activities; the other scores are of the rest"),
    ):
        if value != NOT_MEASURED:
            table.add_row(name, f"{value} {text}")
    console.print(table)


def show_groups(heading: str, groups: Mapping[str, WindowScores], console: rich.console.Console) -> None:
    """Print a row for each group, under the title `heading`."""
    if not groups:
        return
    table = plain_table([heading], ["windows", "unsmoothed", "live", UNKNOWN])
    for name, x in groups.items():
        shares = (x.window_accuracy, x.live_accuracy, x.unknown)
        table.add_row(escape(name), f"{x.windows}", *(percent(share, 1) for share in shares))
    console.print()
    console.print(table)


def _number(value: float, form: str) -> str:
    """A delay or rate; "never" for an infinite one, "–" without any."""
    return NOT_MEASURED if math.isnan(value) else "never" if math.isinf(value) else form.format(value)
