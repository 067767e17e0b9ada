"""A benchmark's report for a terminal: a table, the doubts, and one sentence on what quantisation gained and cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.markup import escape
from rich.table import Table

from edge_runtime.results import Latency, Report, Result
from edge_runtime.terminal import Console

_LABEL_WIDTH, _COLUMN_WIDTH = 26, 13


def show(report: Report, console: Console) -> None:
    """Print `report`: what was measured where, the table, the doubts and the closing sentences."""
    console.print(_title(report), style="bold")
    per_table = max(1, (console.width - _LABEL_WIDTH) // _COLUMN_WIDTH)
    names = titles(report.results)
    for start in range(0, len(report.results), per_table):
        part = slice(start, start + per_table)
        console.print(_table(report.results[part], names[part], _time_unit(report.results)))
    for doubt in _doubts(report.results, names):
        console.print(f"[yellow]doubt:[/yellow] {escape(doubt)}")
    for sentence in verdicts(report):
        console.print(escape(sentence))


def titles(results: Sequence[Result]) -> list[str]:
    """A short name for each result: as much of scheme, model and file as tells them apart."""
    forms: tuple[Callable[[Result], str], ...] = (
        lambda result: result.quantization,
        lambda result: f"{result.model} {result.quantization}",
        lambda result: result.file,
    )
    for form in forms:
        names = [form(result) for result in results]
        if len(set(names)) == len(names):
            return names
    return names


def verdicts(report: Report) -> list[str]:
    """One sentence per quantised result: how it compares with the fastest float32 form of the same network."""
    names = titles(report.results)
    pairs = list(zip(names, report.results, strict=True))
    sentences = []
    for name, result in pairs:
        originals = [x for x in pairs if x[1].quantization == "float32" and x[1].model == result.model]
        if result.quantization != "float32" and originals:
            sentences.append(_verdict(name, result, *min(originals, key=lambda x: _p50(x[1]))))
    return sentences


def _p50(result: Result) -> float:
    return result.latency_ms.p50 if result.latency_ms else 0.0


def _verdict(name: str, result: Result, original_name: str, original: Result) -> str:
    claims = []
    if result.latency_ms and original.latency_ms and result.end_to_end_ms and original.end_to_end_ms:
        unit = _time_unit((result, original))
        speed = _ratio(original.latency_ms.p50 / result.latency_ms.p50, "as fast as", "slower than", "as fast as")
        claims.append(f"{speed} {original_name} ({_against(result.latency_ms, original.latency_ms, unit, 'p50 ')})")
        speed = _ratio(original.end_to_end_ms.p50 / result.end_to_end_ms.p50, "as fast", "slower", "as fast")
        claims.append(f"{speed} end to end ({_against(result.end_to_end_ms, original.end_to_end_ms, unit)})")
    size = _ratio(original.size_bytes / result.size_bytes, "smaller", "larger", "of the same size")
    claims.append(f"{size} ({_kilobytes(result.size_bytes)} against {_kilobytes(original.size_bytes)})")
    points = round(100 * (original.accuracy - result.accuracy), 2)
    change = f"loses {points:.2f}" if points > 0 else f"gains {-points:.2f}" if points < 0 else "loses 0.00"
    accuracies = f"{_percent(result.accuracy)} against {_percent(original.accuracy)}"
    return f"{name} is {', '.join(claims)}, and {change} percentage points of accuracy ({accuracies})."


def _ratio(ratio: float, more: str, less: str, same: str) -> str:
    """'1.83 times {more}', '1.20 times {less}' or, when two decimals show no difference, '{same}'."""
    if round(ratio, 2) > 1:
        return f"{ratio:.2f} times {more}"
    if round(1 / ratio, 2) > 1:
        return f"{1 / ratio:.2f} times {less}"
    return same


def _against(latency: Latency, other: Latency, unit: str, prefix: str = "") -> str:
    return f"{prefix}{_time(latency.p50, unit)} against {_time(other.p50, unit)}"


def _title(report: Report) -> str:
    device, first = report.device, report.results[0]
    runtime = f"{first.runtime} {first.runtime_version}" if first.runtime_version else first.runtime
    threads = "1 thread" if first.threads == 1 else f"{first.threads} threads"
    where = device["board"] or device["cpu"] or device["machine"]
    return f"{runtime} on {where}, {threads}: {report.data['windows']} test windows of {report.data['name']}"


def _table(results: Sequence[Result], names: Sequence[str], unit: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for name in names:
        table.add_column(escape(name), justify="right", overflow="fold")

    def row(title: str, cell: Callable[[Result], str]) -> None:
        table.add_row(title, *map(cell, results))

    row("accuracy", lambda x: _percent(x.accuracy))
    row("macro F1", lambda x: _percent(x.macro_f1))
    if any(x.agreement is not None for x in results):
        row("agrees with float32", lambda x: "" if x.agreement is None else _percent(x.agreement))
    table.add_section()
    for key in ("p50", "p90", "p95", "p99"):
        row(f"latency {key}", lambda x, key=key: _percentile(x.latency_ms, key, unit))  # type: ignore[misc]
    row("end to end p50", lambda x: _percentile(x.end_to_end_ms, "p50", unit))
    row("end to end p99", lambda x: _percentile(x.end_to_end_ms, "p99", unit))
    row("load", lambda x: _time(x.load_ms, "ms"))
    row("first inference", lambda x: _time(x.first_ms, unit))
    table.add_section()
    row("peak memory", lambda x: _megabytes(x.peak_memory_bytes))
    row("  before the model", lambda x: _megabytes(x.baseline_memory_bytes))
    row("file size", lambda x: _kilobytes(x.size_bytes))
    row("operators in XNNPACK", lambda x: f"{x.xnnpack_operators} of {x.operators}")
    return table


def _doubts(results: Sequence[Result], names: Sequence[str]) -> list[str]:
    """Every doubt once; one that does not concern all results says which."""
    holders: dict[str, list[str]] = {}
    for name, result in zip(names, results, strict=True):
        for doubt in result.doubts:
            holders.setdefault(doubt, []).append(name)
    return [
        doubt if len(concerned) == len(results) else f"{', '.join(concerned)}: {doubt}"
        for doubt, concerned in holders.items()
    ]


def _time_unit(results: Sequence[Result]) -> str:
    """Microseconds when every p50 is below a millisecond."""
    return "µs" if all(x.latency_ms is None or x.latency_ms.p50 < 1 for x in results) else "ms"


def _percentile(latency: Latency | None, key: str, unit: str) -> str:
    return _time(getattr(latency, key) if latency else None, unit)


def _time(milliseconds: float | None, unit: str) -> str:
    if milliseconds is None:
        return "–"
    value = milliseconds * 1000 if unit == "µs" else milliseconds
    return f"{value:.{1 if value >= 10 else 2}f} {unit}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _megabytes(size: int | None) -> str:
    return "–" if size is None else f"{size / 1e6:.1f} MB"


def _kilobytes(size: int) -> str:
    return f"{size / 1e3:.1f} kB"
