"""Hold the makers' programs, each run from the clone's folder as `python -m tools.NAME`."""

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
COMMAND = [sys.executable, str(ROOT / "har_edge.py")]
"""The `har-edge` command of this clone."""


def table(header: str, rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, with a line feed at its end; `header` has its columns, with " | " between them."""
    body = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"| {header} |\n|{'---|' * len(header.split(' | '))}\n{body}"
