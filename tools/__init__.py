"""Hold the makers' programs, each run from the clone's folder as `python -m tools.NAME`."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from edge_runtime.system.files import write_text

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
COMMAND = [sys.executable, str(ROOT / "har_edge.py")]
"""The `har-edge` command of this clone."""


def har_edge(*arguments: object) -> None:
    """Run the `har-edge` command, without its tables. Raises `CalledProcessError` when it fails."""
    subprocess.run([*COMMAND, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def children_cpu_seconds() -> float:
    """Return the CPU time of all child processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def table(header: str, rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, with a line feed at its end; `header` has its columns, with " | " between them."""
    body = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"| {header} |\n|{'---|' * len(header.split(' | '))}\n{body}"


def table_of(columns: Mapping[str, Callable[[Any], str]], things: Iterable[Any]) -> str:
    """Return a Markdown table with a row for each of `things`, which `columns` write, by their titles."""
    return table(" | ".join(columns), [[write(x) for write in columns.values()] for x in things])


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=1) + "\n")


def write_result(name: str, content: Any, text: str) -> None:
    """Write a measurement, as JSON and as a page, into `docs/results`."""
    write_json(RESULTS / f"{name}.json", content)
    write_text(RESULTS / f"{name}.md", text)
    print(RESULTS / f"{name}.md", flush=True)
