"""A report on a terminal: a table as wide as it is, failures and doubts, and the sentences that sum it up."""

from __future__ import annotations

from collections.abc import Sequence

import rich.console
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edge_runtime.bench.results import Report, Result
from edge_runtime.reports import sentences
from edge_runtime.reports.rows import Row, groups

# Of a column, with the space beside it; the names above may fold, down to this.
_NARROWEST = 14
_LONGEST_WORD = 24


def show(report: Report, console: rich.console.Console) -> None:
    """Print `report`: what was measured where, the table, failures, doubts and the closing sentences."""
    console.print(escape(sentences.title(report)), style="bold")
    show_table(report.results, sentences.titles(report.results), console)
    for note in (sentences.energy(report), sentences.control(report)):
        if note:
            _item(console, *note.split(": ", 1))
    show_items(sentences.failures(report), sentences.doubts(report), console)
    for sentence in sentences.verdicts(report):
        console.print(Text(sentence))
    headroom = sentences.headrooms(report)
    if headroom:
        console.print(Text(headroom))


def show_table(results: Sequence[Result], names: Sequence[str], console: rich.console.Console) -> None:
    """Print a table with a column for each of `results`, or several where they do not fit side by side."""
    per_table = _fitting(results, names, console.width)
    for start in range(0, len(results), per_table):
        part = slice(start, start + per_table)
        console.print(_table(results[part], names[part]))


def show_items(failures: Sequence[str], doubts: Sequence[str], console: rich.console.Console) -> None:
    """Print failures and doubts, a paragraph each."""
    for failure in failures:
        _item(console, "failed", failure, "red")
    for doubt in doubts:
        _item(console, "doubt", doubt, "yellow")


def _fitting(results: Sequence[Result], names: Sequence[str], width: int) -> int:
    """How many results fit side by side without any number, or word of a name that is not too long, being broken."""
    rows = [row for group in groups(results, brief=True) for row in group]
    labels = max((cell_len(_label(row)) for row in rows), default=0)
    column = max((cell_len(cell) + 2 for row in rows for cell in row.cells), default=0)
    words = (cell_len(word) + 2 for name in names for word in name.split() if len(word) <= _LONGEST_WORD)
    return max(1, (width - labels) // max(_NARROWEST, column, max(words, default=0)))


def _table(results: Sequence[Result], names: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for name in names:
        table.add_column(escape(name), justify="right", overflow="fold")
    for group in groups(results, brief=True):
        for row in group:
            table.add_row(_label(row), *row.cells, style="dim" if row.detail else "")
        table.add_section()
    return table


def _label(row: Row) -> str:
    return f"  {row.title}" if row.detail else row.title


def _item(console: rich.console.Console, kind: str, sentence: str, colour: str = "") -> None:
    """One of several sentences: its later lines are indented, so that the eye finds where the next one starts."""
    text = Text.assemble((f"{kind}: ", colour), sentence)
    first, *rest = text.wrap(console, console.width - 2)
    console.print(first)
    for line in rest:
        line.rstrip()
        console.print(Text("  ") + line)
