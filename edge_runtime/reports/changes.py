"""What changed between two runs, on a terminal: a table per result, and a sentence on what is beyond the noise."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import rich.console
from rich.markup import escape
from rich.table import Table

from edge_runtime.bench.comparison import METRICS, PERCENT, Change, ResultChanges, RunComparison
from edge_runtime.reports.rows import time_unit
from edge_runtime.system.quantities import NOT_MEASURED, kilobytes, megabytes, percent, time

# The rows of the table; the other metrics are for gates and for the JSON.
_SHOWN = (("accuracy", "macro_f1"), ("p50", "p99", "end_to_end", "load"), ("memory", "size"))


def show(outcome: RunComparison, console: rich.console.Console) -> None:
    """Print `outcome`: a table per matched result, what only one file has, what else differs, and the summary."""
    for pair in outcome.pairs:
        about = "the same file" if pair.old.sha256 == pair.new.sha256 else "the model file changed"
        console.print(f"[bold]{escape(pair.title)}[/bold]: {about}")
        console.print(_table(pair))
        console.print()
    for titles, name in ((outcome.only_old, "OLD"), (outcome.only_new, "NEW")):
        if titles:
            console.print(escape(f"only in {name}: {', '.join(titles)}"))
    for note in outcome.notes:
        console.print(f"[yellow]note:[/yellow] {escape(note)}")
    for doubt in outcome.doubts:
        console.print(f"[yellow]doubt[/yellow] {escape(doubt)}")
    for sentence in sentences(outcome):
        console.print(escape(sentence))


def sentences(outcome: RunComparison) -> Iterator[str]:
    """One per result: which changes are beyond the noise, of those that have an interval to tell."""
    for pair in outcome.pairs:
        changes = pair.changes.items()
        beyond = [f"{METRICS[name].words} {change.text()}" for name, change in changes if change.beyond_noise]
        yield f"{pair.title}: {', '.join(beyond) or 'no change'} beyond the noise."


def _table(pair: ResultChanges) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("", "old", "new", "change", "95 % interval", ""):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    cells = _cells(pair)
    for group in _SHOWN:
        for name in group:
            change = pair.changes[name]
            verdict, style = _verdict(change)
            values = (NOT_MEASURED if x is None else cells[name](x) for x in (change.old, change.new))
            table.add_row(
                METRICS[name].words, *values, change.text(), change.interval_text(), f"[{style}]{verdict}[/{style}]"
            )
        table.add_section()
    return table


def _cells(pair: ResultChanges) -> dict[str, Callable[[float], str]]:
    unit = time_unit((pair.old, pair.new))
    times = {name: lambda x: time(x, unit) for name in ("p50", "p99", "end_to_end")}
    return times | {
        "load": lambda x: time(x, "ms"),
        "memory": lambda x: megabytes(int(x)),
        "size": lambda x: kilobytes(int(x)),
        "accuracy": percent,
        "macro_f1": percent,
    }


def _verdict(change: Change) -> tuple[str, str]:
    """What the change means, and the colour for it."""
    if change.beyond_noise is None or change.change is None:
        return "", "dim"
    if not change.beyond_noise:
        return "same" if change.interval in (None, (0.0, 0.0)) else "noise", "dim"
    worse = change.change > 0 if change.unit == PERCENT else change.change < 0
    return ("worse", "red") if worse else ("better", "green")
