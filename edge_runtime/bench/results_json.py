"""Reading a benchmark result back from its JSON form, of any version of format 1."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from edge_runtime.bench.results import FORMAT, Latency, Report, Result
from edge_runtime.errors import InputError


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
    report = _convert(Report, content, "")
    assert isinstance(report, Report)
    _check(report)
    return report


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not a number")


def _convert(kind: Any, value: Any, where: str) -> Any:
    """`value`, which JSON has at `where`, as the type `kind` that a dataclass declares."""
    if dataclasses.is_dataclass(kind):
        return _object(kind, value, where)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        (kind,) = (x for x in arguments if x is not type(None))
        return None if value is None else _convert(kind, value, where)
    if origin is tuple:
        if not isinstance(value, list) or (arguments[-1] is not ... and len(value) != len(arguments)):
            raise ValueError(f"{where} is not a list" + ("" if arguments[-1] is ... else f" of {len(arguments)}"))
        return tuple(_convert(arguments[0], x, f"{where}[{i}]") for i, x in enumerate(value))
    if origin is not None:  # Mapping[str, …]
        if not isinstance(value, dict):
            raise ValueError(f"{where} is not an object")
        return {key: _convert(arguments[1], x, f"{where}.{key}") for key, x in value.items()}
    return _plain(kind, value, where)


def _object(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is not an object")
    values = {}
    for field in dataclasses.fields(kind):
        name = f"{where}.{field.name}".lstrip(".")
        if field.name in value:
            values[field.name] = _convert(_types(kind)[field.name], value[field.name], name)
        elif field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{name} is missing")
    return kind(**values)


def _plain(kind: Any, value: Any, where: str) -> Any:
    if kind is Any:
        return value
    if kind is float and type(value) in (int, float):
        return float(value)
    if type(value) is not kind:
        words = {float: "a number", int: "a whole number", str: "text", bool: "true or false"}[kind]
        raise ValueError(f"{where} is not {words}")
    return value


@lru_cache
def _types(kind: type) -> dict[str, Any]:
    return typing.get_type_hints(kind)


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
