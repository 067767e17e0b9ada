"""Write reports as CSV or as Markdown."""

from __future__ import annotations

import csv
import dataclasses
import io
import re
import typing
from collections.abc import Iterator, Sequence
from typing import Any

from edge_runtime.bench.results import Report, Result
from edge_runtime.reports.report_content import ReportContent
from edge_runtime.reports.rows import groups
from edge_runtime.system.dataclass_json import bare_type, field_types

_DEVICE = ("name", "board", "cpu", "machine", "kernel", "os")


def to_csv(reports: Sequence[Report]) -> str:
    """A header and a row per result of each report, with empty cells where nothing was measured.

    Every number and text of a result is a column, named as its keys in the JSON joined by `_`: `latency_ms_p50`,
    `accuracy_ci95_low`. Doubts and other lists of texts are joined by ` | `; raw times and tables are left out.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, columns(), lineterminator="\n")
    writer.writeheader()
    for report in reports:
        about = {
            "created": report.created,
            "har_edge": report.har_edge,
            "data": report.data.name,
            "mode": report.settings.mode,
            "rounds": report.settings.rounds,
        } | {f"device_{key}": getattr(report.device, key) for key in _DEVICE}
        writer.writerows(about | dict(_cells(Result, result)) for result in report.results)
    return stream.getvalue()


def columns() -> list[str]:
    """The names of the columns."""
    about = ("created", "har_edge", *(f"device_{key}" for key in _DEVICE), "data", "mode", "rounds")
    return [*about, *(name for name, _ in _cells(Result, None))]


def _cells(declared: Any, value: Any, name: str = "") -> Iterator[tuple[str, str | float | None]]:
    """The columns of a value of the type `declared`, each with its cell."""
    kind, _, _ = bare_type(declared)
    arguments = typing.get_args(kind)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        for field, part in field_types(kind).items():
            yield from _cells(part, getattr(value, field, None), f"{name}_{field}".lstrip("_"))
    elif kind in (str, int, float, bool):
        yield name, value
    elif arguments == (str, ...):
        yield name, " | ".join(value or ())
    elif typing.get_origin(kind) is tuple and len(arguments) == 2 and arguments[1] is not ...:
        yield from zip((f"{name}_low", f"{name}_high"), value or (None, None), strict=True)


def to_markdown(content: ReportContent) -> str:
    """A table (GitHub's) and sentences; characters of names that mean something to Markdown are escaped."""
    single = len(content.headings) == 1
    blocks = [f"### {_text(x)}" if single else f"**{_text(x)}**" for x in content.headings]
    if content.results:
        blocks.append(_table(content))
    blocks += map(_text, content.verdicts)
    items = [f"- **failed:** {_text(x)}" for x in content.failures] + [
        f"- **doubt:** {_text(x)}" for x in content.doubts
    ]
    if items:
        blocks.append("\n".join(items))
    blocks += [_text(x) for x in (content.real_time_factors, *content.notes) if x]
    blocks += [f"*{_text(x)}*" for x in content.origins]
    return "\n\n".join(blocks) + "\n"


def _table(content: ReportContent) -> str:
    lines = ["| | " + " | ".join(map(_text, content.names)) + " |", "|---|" + "---:|" * len(content.names)]
    for group in groups(content.results):
        for row in group:
            title = f"&nbsp;&nbsp;{row.title}" if row.detail else row.title
            lines.append(f"| {title} | " + " | ".join(map(_text, row.cells)) + " |")
    return "\n".join(lines)


def _text(words: str) -> str:
    """`words` on one line, with the characters that Markdown or HTML would interpret escaped."""
    return re.sub(r"([\\`*_\[\]<>|#~&@])", r"\\\1", re.sub(r"\s+", " ", words))
