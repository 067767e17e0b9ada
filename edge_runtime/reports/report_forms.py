"""Write a report in each form: on a terminal, as Markdown, as a page, and as CSV."""

import csv
import dataclasses
import io
import re
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import jinja2
import rich.console
from rich.cells import cell_len
from rich.text import Text

from edge_runtime.bench.measured import Latency
from edge_runtime.bench.results import Report, Result
from edge_runtime.data.names import noun_of
from edge_runtime.reports import charts
from edge_runtime.reports.report_content import Facts, ReportContent, gather, machine_facts
from edge_runtime.reports.sentences import unit_of_times
from edge_runtime.system.dataclass_json import bare_type, field_types
from edge_runtime.system.quantities import NOT_MEASURED, kilobytes, megabytes, millijoules, percent, percent_range, time
from edge_runtime.system.terminal import plain_table

_NARROWEST = 14  # column, including the space beside it; longer names wrap

_ABOUT = {
    **{"created": "created", "har_edge": "har_edge"},
    **{f"device_{field}": f"device.{field}" for field in ("name", "board", "cpu", "machine", "kernel", "os")},
    **{"data": "data.name", "mode": "settings.mode", "rounds": "settings.rounds"},
}
"""Columns of the CSV form about the report, with the fields that have their values."""


@dataclass(frozen=True)
class Row:
    """One number of every result; `detail` belongs to the row above, and a terminal shows only the `main` rows."""

    title: str
    cells: tuple[str, ...]
    main: bool = False
    detail: bool = False


def row_groups(results: Sequence[Result]) -> list[list[Row]]:
    """Scores, times and sizes of `results`, without rows in which no result has a number."""
    unit = unit_of_times(results)

    def row(title: str, cell: Callable[[Result], str], main: bool = False, detail: bool = False) -> Row:
        return Row(title, tuple(map(cell, results)), main, detail)

    def percentile(kind: str, key: str, main: bool = False) -> Row:
        title = f"{kind.removesuffix('_ms').replace('_', ' ')}, {key[1:]} % within"
        return row(title, lambda x: time(getattr(getattr(x, kind), key, None), unit), main)

    scores = [
        row("accuracy", lambda x: percent(x.accuracy), main=True),
        row(f"95 % over {_people(results)}", lambda x: percent_range(x.accuracy_subjects_ci95), main=True, detail=True),
        row("macro F1", lambda x: percent(x.macro_f1)),
        row("agrees with float32", lambda x: percent(x.agreement)),
        row("calibration error", lambda x: percent(x.calibration_error)),
    ]
    times = [
        row("latency, quieter half", lambda x: _undisturbed(x.latency_ms, unit), main=True),
        *(percentile("latency_ms", key, main=key in ("p50", "p99")) for key in ("p50", "p90", "p95", "p99")),
        # If all models prepare windows themselves, latency is already end to end.
        *(
            []
            if all(result.raw_input and result.frame == "device" for result in results)
            else [percentile("end_to_end_ms", key) for key in ("p50", "p99")]
        ),
        row("load", lambda x: time(x.load_ms, "ms")),
        row("first inference", lambda x: time(x.first_ms, unit)),
        row(
            "instructions", lambda x: f"{x.instructions.per_inference:,}" if x.instructions else NOT_MEASURED, main=True
        ),
        row("of a live hop", _hop, main=True, detail=True),
        row("energy", lambda x: millijoules(x.energy.per_inference_mj if x.energy else None)),
    ]
    sizes = [
        row("peak memory", lambda x: megabytes(x.peak_memory_bytes), main=True),
        row("before the model", lambda x: megabytes(x.baseline_memory_bytes), detail=True),
        row(
            "flash" if all(result.ram_bytes for result in results) else "file size",
            lambda x: kilobytes(x.file_bytes),
            main=True,
        ),
        row("RAM", lambda x: kilobytes(x.ram_bytes), main=True),
        row(
            "operators in XNNPACK",
            lambda x: NOT_MEASURED if x.xnnpack_operators is None else f"{x.xnnpack_operators} of {x.operators}",
        ),
    ]
    return [[row for row in group if set(row.cells) != {NOT_MEASURED}] for group in (scores, times, sizes)]


def _hop(result: Result) -> str:
    """Write the instructions of a hop, and of the longest hop."""
    counts = result.instructions
    if counts is None or counts.per_hop is None:
        return NOT_MEASURED
    return f"{counts.per_hop:,} (at most {counts.longest_hop:,})"


def show_report(content: ReportContent, console: rich.console.Console) -> None:
    """Print verdicts and headings, tables with a column for each result, failures and doubts; other forms say more."""
    for sentence in content.verdicts:
        console.print(sentence, style="bold")
    console.print()
    for heading in content.headings:
        console.print(heading)
    n = _fitting(content, console.width)
    for start in range(0, len(content.results), n):
        table = plain_table([""], content.names[start : start + n])
        table.header_style = "bold"
        table.columns[0].no_wrap = True  # long names wrap instead
        for group in row_groups(content.results[start : start + n]):
            for row in group:
                if row.main:
                    table.add_row(_label(row), *row.cells, style="dim" if row.detail else "")
        console.print(table)
    for sentence in content.left_out:
        console.print(sentence)
    for kind, colour, sentences in (("failed", "red", content.failures), ("doubt", "yellow", content.doubts)):
        for sentence in sentences:
            console.print(Text.assemble((f"{kind}: ", colour), sentence))


def to_markdown(content: ReportContent) -> str:
    """Return a table and sentences as GitHub's Markdown, with escaped names."""
    single = len(content.headings) == 1
    blocks = [f"### {_plain(heading)}" if single else f"**{_plain(heading)}**" for heading in content.headings]
    if content.results:
        lines = ["| | " + " | ".join(map(_plain, content.names)) + " |", "|---|" + "---:|" * len(content.names)]
        for row in (row for group in row_groups(content.results) for row in group):
            title = f"&nbsp;&nbsp;{row.title}" if row.detail else row.title
            lines.append(f"| {title} | " + " | ".join(map(_plain, row.cells)) + " |")
        blocks.append("\n".join(lines))
    blocks += map(_plain, content.verdicts)
    items = [f"- **failed:** {_plain(failure)}" for failure in content.failures]
    items += [f"- **doubt:** {_plain(doubt)}" for doubt in content.doubts]
    blocks += ["\n".join(items)] if items else []
    blocks += map(_plain, content.left_out + content.notes)
    blocks += [f"*{_plain(origin)}*" for origin in content.origins]
    return "\n\n".join(blocks) + "\n"


def to_html(reports: Mapping[str, Report]) -> str:
    """Return a page of one report, or of several side by side, with every text escaped.

    The page needs no script, font, picture or network.
    """
    content = gather(reports)
    results = content.results
    report = next(iter(reports.values())) if len(reports) == 1 else None
    people = dict.fromkeys(person for result in results for person in result.per_subject)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("edge_runtime", "reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html.j2").render(
        title=content.headings[0] if report else f"{', '.join(reports)}, side by side",
        content=content,
        report=report,
        colour=charts.colour,
        percent=percent,
        groups=row_groups(results),
        distribution=charts.distribution(results),
        people=people,
        over=_people(results),
        noun=noun_of(people),
        classes=dict.fromkeys(label for result in results for label in result.per_class),
        devices=list(reports),
        facts=_side_by_side([machine_facts(report) for report in reports.values()]),
    )


def to_csv(reports: Sequence[Report]) -> str:
    """Return a header and a row per result of each report, with empty cells where nothing was measured.

    Every number and text of a result is a column, named by its keys in the JSON: `latency_ms_p50`.
    Lists of texts are joined by ` | `; raw times and tables are left out.
    """
    stream = io.StringIO()
    writer = csv.DictWriter(stream, [*_ABOUT, *(name for name, _ in _csv_cells(Result, None))], lineterminator="\n")
    writer.writeheader()
    for report in reports:
        about = {name: attrgetter(place)(report) for name, place in _ABOUT.items()}
        writer.writerows(about | dict(_csv_cells(Result, result)) for result in report.results)
    return stream.getvalue()


def _csv_cells(declared: Any, value: Any, name: str = "") -> Iterator[tuple[str, str | float | None]]:
    """Yield the columns of a value of type `declared`, each with its cell."""
    kind, _, _ = bare_type(declared)
    arguments = typing.get_args(kind)
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        for field, part in field_types(kind).items():
            yield from _csv_cells(part, getattr(value, field, None), f"{name}_{field}".lstrip("_"))
    elif kind in (str, int, float, bool):
        yield name, value
    elif arguments == (str, ...):
        yield name, " | ".join(value or ())
    elif typing.get_origin(kind) is tuple and len(arguments) == 2 and arguments[1] is not ...:
        yield from zip((f"{name}_low", f"{name}_high"), value or (None, None), strict=True)


def _side_by_side(columns: Sequence[Facts]) -> list[tuple[str, list[str]]]:
    """Return the name of each fact and its values, one per column."""
    facts_of_columns = [dict(column) for column in columns]
    keys = dict.fromkeys(key for column in facts_of_columns for key in column)
    return [(key, [column.get(key, NOT_MEASURED) for column in facts_of_columns]) for key in keys]


def _fitting(content: ReportContent, width: int) -> int:
    """Count the results that fit side by side without breaking a number."""
    rows = [row for group in row_groups(content.results) for row in group]
    labels = max((cell_len(_label(row)) for row in rows), default=0)
    column = max((cell_len(cell) + 2 for row in rows for cell in row.cells), default=0)
    return max(1, (width - labels) // max(_NARROWEST, column))


def _label(row: Row) -> str:
    return f"  {row.title}" if row.detail else row.title


def _plain(words: str) -> str:
    """Return `words` on one line, with the characters of Markdown and HTML escaped."""
    return re.sub(r"([\\`*_\[\]<>|#~&@])", r"\\\1", re.sub(r"\s+", " ", words))


def _people(results: Sequence[Result]) -> str:
    """Return the noun for the test subjects: people, or blocks of windows."""
    noun = noun_of(person for result in results for person in result.per_subject)
    return "people" if noun == "subject" else f"{noun}s"


def _undisturbed(latency: Latency | None, unit: str) -> str:
    """Return the undisturbed time with half the width of its interval."""
    if latency is None:
        return NOT_MEASURED
    return time(latency.undisturbed, unit, (latency.undisturbed_ci95[1] - latency.undisturbed_ci95[0]) / 2)
