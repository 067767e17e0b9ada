"""The makers' programs; run each from the clone's folder as `python -m tools.NAME`."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from edge_runtime.bench import results
from edge_runtime.system.files import write_text

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
COMMAND = [sys.executable, str(ROOT / "har_edge.py")]
"""The `har-edge` command of this clone."""


def har_edge(*arguments: object) -> None:
    """Run the `har-edge` command, without its tables. Raises `CalledProcessError` if it fails."""
    subprocess.run([*COMMAND, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def bench(models: Iterable[Path], out: Path) -> results.Report:
    """Measure `models`, their rivals and their C, if they have one, in one run. Writes its JSON to `out`."""
    out.unlink(missing_ok=True)
    with suppress(subprocess.CalledProcessError):
        har_edge("bench", *models, "--rivals", "--runtime", "c", "--json", out)
    return results.read_report(out)


def children_cpu_seconds() -> float:
    """Return the CPU time of all child processes that have ended."""
    times = os.times()
    return times.children_user + times.children_system


def table(header: str, rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table, with a line feed at its end; `header` has the columns, with " | " between them."""
    body = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"| {header} |\n|{'---|' * len(header.split(' | '))}\n{body}"


def table_of(columns: Mapping[str, Callable[[Any], str]], things: Iterable[Any]) -> str:
    """Return a Markdown table with a row for each thing; `columns` write the cells, by title.

    A column with only dashes is left out.
    """
    rows = list(things)
    cells = {title: [write(row) for row in rows] for title, write in columns.items()}
    cells = {title: column for title, column in cells.items() if {*column} != {"–"}}
    return table(" | ".join(cells), zip(*cells.values(), strict=True))


def us_of(measured: Mapping[str, Any]) -> Any:
    """Return the undisturbed time, or the times by form; older files have medians, which they call p50."""
    return measured.get("us") or measured["p50_us"]


def c_against_float(times: Mapping[str, float], scheme: str) -> str:
    """Write the time of a form as C and, in brackets, its ratio to the fastest float form's; `times` are by form."""
    c = times.get(f"{scheme} as C")
    floats = [us for form, us in times.items() if form.endswith("float32")]
    return "–" if c is None else f"{c:.1f} ({c / min(floats):.2f})"


def write_json(path: Path, content: Any) -> None:
    """Write `content` as JSON, whole or not at all."""
    write_text(path, json.dumps(content, indent=1) + "\n")


def write_result(name: str, content: Any, text: str) -> None:
    """Write a measurement, as JSON and as a page, into `docs/results`."""
    write_json(RESULTS / f"{name}.json", content)
    write_text(RESULTS / f"{name}.md", text)
    print(RESULTS / f"{name}.md", flush=True)
