"""A report on a terminal: a table as wide as it is, failures and doubts, and the sentences that sum it up."""

from __future__ import annotations

from collections.abc import Sequence

import rich.console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edge_runtime.reports import words
from edge_runtime.reports.rows import groups
from edge_runtime.results import Report, Result

_LABEL_WIDTH, _COLUMN_WIDTH = 22, 15


def show(report: Report, console: rich.console.Console) -> None:
    """Print `report`: what was measured where, the table, failures, doubts and the closing sentences."""
    console.print(escape(words.title(report)), style="bold")
    per_table = max(1, (console.width - _LABEL_WIDTH) // _COLUMN_WIDTH)
    names = words.titles(report.results)
    for start in range(0, len(report.results), per_table):
        part = slice(start, start + per_table)
        console.print(_table(report.results[part], names[part]))
    for note in (words.energy(report), words.control(report)):
        if note:
            _item(console, *note.split(": ", 1))
    for failure in words.failures(report):
        _item(console, "failed", failure, "red")
    for doubt in words.doubts(report):
        _item(console, "doubt", doubt, "yellow")
    for sentence in words.verdicts(report):
        console.print(Text(sentence))
    headroom = words.headrooms(report)
    if headroom:
        console.print(Text(headroom))


def _table(results: Sequence[Result], names: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for name in names:
        table.add_column(escape(name), justify="right", overflow="fold")
    for group in groups(results, brief=True):
        for row in group:
            table.add_row(f"  {row.title}" if row.detail else row.title, *row.cells, style="dim" if row.detail else "")
        table.add_section()
    return table


def _item(console: rich.console.Console, kind: str, sentence: str, colour: str = "") -> None:
    """One of several sentences: its later lines are indented, so that the eye finds where the next one starts."""
    text = Text.assemble((f"{kind}: ", colour), sentence)
    first, *rest = text.wrap(console, console.width - 2)
    console.print(first)
    for line in rest:
        line.rstrip()
        console.print(Text("  ") + line)
