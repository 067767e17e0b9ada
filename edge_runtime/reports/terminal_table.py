"""Print a report on a terminal: tables as wide as it is, failures, doubts and closing sentences."""

from __future__ import annotations

from collections.abc import Sequence

import rich.console
from rich.cells import cell_len
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from edge_runtime.bench.results import Report, Result
from edge_runtime.model.operator_costs import NO_TIMES
from edge_runtime.reports.report_content import MOST, ReportContent
from edge_runtime.reports.rows import Row, groups
from edge_runtime.system.quantities import counted, kilobytes

# Of a column, with the space beside it; the names above may fold, down to this.
_NARROWEST = 14
_LONGEST_WORD = 24


def show(content: ReportContent, console: rich.console.Console) -> None:
    """Print headings, tables with a column for each result, notes, failures, doubts and sentences."""
    for heading in content.headings:
        console.print(heading, style="bold", markup=False)
    results, names = content.results[:MOST], content.names[:MOST]
    n = _fitting(results, names, console.width)
    for start in range(0, len(results), n):
        console.print(_table(results[start : start + n], names[start : start + n]))
    for note in content.notes:
        _item(console, *note.split(": ", 1))
    for failure in content.failures[:MOST]:
        _item(console, "failed", failure, "red")
    for doubt in content.doubts[:MOST]:
        _item(console, "doubt", doubt, "yellow")
    for sentence in content.verdicts[:MOST]:
        console.print(Text(sentence))
    parts = (
        ("result", content.results),
        ("failure", content.failures),
        ("doubt", content.doubts),
        ("sentence", content.verdicts),
    )
    left_out = [counted(len(whole) - MOST, noun) for noun, whole in parts if len(whole) > MOST]
    if content.real_time_factors and len(results) < len(content.results):
        left_out.append("the real-time factors")
    elif content.real_time_factors:
        console.print(Text(content.real_time_factors))
    if left_out:
        console.print(f"Not shown: {', '.join(left_out)}; --html, --csv and --markdown have all of them.")


def show_operators(report: Report, console: rich.console.Console) -> None:
    """Print the work of the operators of each model, and why there are no times."""
    for result in report.results:
        console.print(f"\n[bold]{escape(result.file)}[/bold]: the work of one inference")
        console.print(_operators(result))
    console.print(f"\n{NO_TIMES}.")


def _fitting(results: Sequence[Result], names: Sequence[str], width: int) -> int:
    """Count the results that fit side by side without breaking a number, or a word of a name of usual length."""
    rows = [row for group in groups(results, brief=True) for row in group]
    labels = max((cell_len(_label(row)) for row in rows), default=0)
    column = max((cell_len(cell) + 2 for row in rows for cell in row.cells), default=0)
    words = (cell_len(word) + 2 for name in names for word in name.split() if len(word) <= _LONGEST_WORD)
    return max(1, (width - labels) // max(_NARROWEST, column, max(words, default=0)))


def _table(results: Sequence[Result], names: Sequence[str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("", no_wrap=True)  # long names fold instead
    for name in names:
        table.add_column(escape(name), justify="right", overflow="fold")
    for group in groups(results, brief=True):
        for row in group:
            table.add_row(_label(row), *row.cells, style="dim" if row.detail else "")
        table.add_section()
    return table


def _operators(result: Result) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("operator", overflow="fold")
    for heading in ("count", "multiply-adds", "constants", "written"):
        table.add_column(heading, justify="right")
    costs = result.operator_costs or {}
    for name, x in costs.items():
        table.add_row(name, f"{x.count}", f"{x.macs:,}", kilobytes(x.constant_bytes), kilobytes(x.output_bytes))
    table.add_section()
    count, macs, written = (
        sum(getattr(cost, key) for cost in costs.values()) for key in ("count", "macs", "output_bytes")
    )
    # No sum of constants: one that two types of operators use counts with each.
    table.add_row("all", f"{count}", f"{macs:,}", "", kilobytes(written), style="bold")
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
