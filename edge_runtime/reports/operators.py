"""What the operators of each model have to do, as a table for the terminal: `har-edge bench --profile`."""

from __future__ import annotations

from rich.markup import escape
from rich.table import Table

from edge_runtime.bench.results import Report, Result
from edge_runtime.model.operator_costs import NO_TIMES
from edge_runtime.system.terminal import Console


def show(report: Report, console: Console) -> None:
    """Print a table per model, the type with the most multiplications first, and why there are no times."""
    for result in report.results:
        console.print(f"\n[bold]{escape(result.file)}[/bold]: the work of one inference")
        console.print(_table(result))
    console.print(f"\n{NO_TIMES}.")


def _table(result: Result) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("operator", overflow="fold")
    for heading in ("count", "multiply-adds", "constants", "written"):
        table.add_column(heading, justify="right")
    costs = result.operator_costs or {}
    for name, cost in costs.items():
        table.add_row(
            name, f"{cost.count}", f"{cost.macs:,}", _kilobytes(cost.constant_bytes), _kilobytes(cost.output_bytes)
        )
    table.add_section()
    count, macs, written = (
        sum(getattr(cost, key) for cost in costs.values()) for key in ("count", "macs", "output_bytes")
    )
    # No sum of constants: one that two types of operators use counts with each.
    table.add_row("all", f"{count}", f"{macs:,}", "", _kilobytes(written), style="bold")
    return table


def _kilobytes(size: int) -> str:
    return f"{size / 1e3:.1f} kB"
