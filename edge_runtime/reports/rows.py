"""Choose the rows of a report's table, in order and groups, with a cell per result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from edge_runtime.bench.results import Latency, Result
from edge_runtime.data.scores import worst
from edge_runtime.data.subject_groups import noun_of
from edge_runtime.system.quantities import (
    NOT_MEASURED,
    kilobytes,
    megabytes,
    millijoules,
    percent,
    percent_range,
    time,
)


@dataclass(frozen=True)
class Row:
    """One number of every result. `detail` belongs to the row above; `brief` rows are enough for a first look."""

    title: str
    cells: tuple[str, ...]
    detail: bool = False
    brief: bool = True


def time_unit(results: Sequence[Result]) -> str:
    """Microseconds when every p50 is below a millisecond."""
    return "µs" if all(x.latency_ms is None or x.latency_ms.p50 < 1 for x in results) else "ms"


def groups(results: Sequence[Result], brief: bool = False) -> list[list[Row]]:
    """Scores, times and sizes of `results`, without rows in which no result has a number."""
    unit = time_unit(results)

    people = noun_of(person for x in results for person in x.per_subject)

    def row(title: str, cell: Callable[[Result], str], detail: bool = False, brief: bool = True) -> Row:
        return Row(title, tuple(map(cell, results)), detail, brief)

    def percentile(key: str, brief: bool = True) -> Row:
        return row(f"latency {key}", lambda x: _percentile(x.latency_ms, key, unit), brief=brief)

    def end_to_end(key: str) -> Row:
        """Of models that all take windows as they come, the latency is this."""
        return row(f"end to end {key}", lambda x: _percentile(x.end_to_end_ms, key, unit))

    scores = [
        row("accuracy", lambda x: percent(x.accuracy)),
        row(f"95 %, {people}s", lambda x: percent_range(x.accuracy_subjects_ci95), detail=True),
        row("95 %, windows", lambda x: percent_range(x.accuracy_ci95), detail=True, brief=False),
        row("macro F1", lambda x: percent(x.macro_f1)),
        row(f"95 %, {people}s", lambda x: percent_range(x.macro_f1_subjects_ci95), detail=True, brief=False),
        row(f"worst {people}, macro F1", _worst_subject, detail=True, brief=False),
        row("agrees with float32", lambda x: percent(x.agreement)),
        row("calibration error", lambda x: percent(x.calibration_error)),
    ]
    times = [
        row("latency p50 ±95 %", lambda x: _p50(x.latency_ms, unit))
        if any(x.latency_ms and x.latency_ms.p50_ci95 for x in results)
        else percentile("p50"),
        row("spread (MAD)", lambda x: time(x.latency_ms.mad if x.latency_ms else None, unit), detail=True, brief=False),
        *(percentile(key) for key in ("p90", "p95", "p99")),
        percentile("max", brief=False),
        *([] if all(x.is_end_to_end for x in results) else [end_to_end("p50"), end_to_end("p99")]),
        row("load", lambda x: time(x.load_ms, "ms")),
        row("first inference", lambda x: time(x.first_ms, unit)),
        row("instructions", lambda x: f"{x.instructions.per_inference:,}" if x.instructions else NOT_MEASURED),
        row("energy", lambda x: millijoules(x.energy.per_inference_mj if x.energy else None)),
    ]
    sizes = [
        row("peak memory", lambda x: megabytes(x.peak_memory_bytes)),
        row("before the model", lambda x: megabytes(x.baseline_memory_bytes), detail=True),
        row("file size", lambda x: kilobytes(x.size_bytes)),
        row("smallest arena", lambda x: NOT_MEASURED if x.arena_bytes is None else kilobytes(x.arena_bytes)),
        row("operators in XNNPACK", _operators),
    ]
    return [
        [x for x in group if set(x.cells) != {NOT_MEASURED} and (x.brief or not brief)]
        for group in (scores, times, sizes)
    ]


def _worst_subject(result: Result) -> str:
    people = result.per_subject_macro_f1
    return percent(people[worst(people)]) if people else NOT_MEASURED


def _operators(result: Result) -> str:
    return NOT_MEASURED if result.xnnpack_operators is None else f"{result.xnnpack_operators} of {result.operators}"


def _p50(latency: Latency | None, unit: str) -> str:
    """With half the width of its interval, if there is one."""
    if latency is None or latency.p50_ci95 is None:
        return _percentile(latency, "p50", unit)
    return time(latency.p50, unit, (latency.p50_ci95[1] - latency.p50_ci95[0]) / 2)


def _percentile(latency: Latency | None, key: str, unit: str) -> str:
    return time(getattr(latency, key) if latency else None, unit)
