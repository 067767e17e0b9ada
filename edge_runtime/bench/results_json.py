"""Reading a benchmark result back from its JSON form, of any version of format 1."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from edge_runtime.bench.results import FORMAT, Latency, Report, Result
from edge_runtime.errors import InputError
from edge_runtime.system import dataclass_json


def read(path: Path) -> Report:
    """The report in the JSON file at `path`, as `Report.write` wrote it.

    Keys that a later version added are ignored; those that an earlier one did not have yet get their defaults. Raises
    `InputError` when the file is missing, is no such report, or contradicts itself.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path} does not exist: name a JSON file that 'har-edge bench' wrote") from None
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not a result of 'har-edge bench' ({error}): name a JSON file it wrote") from error


def parse(text: str) -> Report:
    """The report in `text`. Raises `ValueError` that says which value is wrong."""
    content = json.loads(text, parse_constant=_refuse)
    if not isinstance(content, dict) or "format" not in content:
        raise ValueError("it has no format number")
    if content["format"] != FORMAT:
        raise ValueError(f"it has format {content['format']}, this version of har-edge reads format {FORMAT}")
    report = dataclass_json.from_json(Report, content)
    _check(report)
    return report


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a number")


def _check(report: Report) -> None:
    """Raise `ValueError` where values contradict each other: whoever shows a report relies on these."""
    for i, result in enumerate(report.results):
        _check_result(result, f"results[{i}]")
    for i, comparison in enumerate(report.comparisons):
        if not all(0 <= x < len(report.results) for x in (comparison.result, comparison.against)):
            raise ValueError(f"comparisons[{i}] is about a result that is not there")
        ends = (*(comparison.p50_ratio_ci95 or ()), *(comparison.end_to_end_ratio_ci95 or ()))
        if any(x is not None and x <= 0 for x in (comparison.p50_ratio, comparison.end_to_end_ratio, *ends)):
            raise ValueError(f"a ratio in comparisons[{i}] is not above 0")
    for key in ("name", "machine"):
        if not isinstance(report.device.get(key), str):
            raise ValueError(f"device.{key} is not text")
    for key in ("before", "after"):
        if not isinstance(report.device.get(key) or {}, Mapping):
            raise ValueError(f"device.{key} is not an object")
    if not isinstance(report.data.get("name"), str):
        raise ValueError("data.name is not text")


def _check_result(result: Result, where: str) -> None:
    n = len(result.labels)
    if len(result.confusion) != n or any(len(row) != n for row in result.confusion):
        raise ValueError(f"{where}.confusion does not have a row and a column per label")
    if any(x < 0 for row in result.confusion for x in row):
        raise ValueError(f"{where}.confusion has a negative count")
    if result.size_bytes <= 0:
        raise ValueError(f"{where}.size_bytes is not above 0")
    shares: Sequence[float] = (result.accuracy, result.macro_f1, *result.per_subject.values())
    if not all(0 <= x <= 1 for x in shares):
        raise ValueError(f"a score in {where} is not between 0 and 1")
    for name in ("latency_ms", "end_to_end_ms"):
        latency: Latency | None = getattr(result, name)
        if latency and min(latency.min, latency.p50, latency.p90, latency.p95, latency.p99, latency.mean) <= 0:
            raise ValueError(f"a time in {where}.{name} is not above 0")
    samples = (*result.samples_ms.latency, *result.samples_ms.end_to_end) if result.samples_ms else ()
    if any(x <= 0 for part in samples for x in part):
        raise ValueError(f"a time in {where}.samples_ms is not above 0")
