"""A report as CSV: a row per result, always the same columns, times in milliseconds and shares between 0 and 1."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping

from edge_runtime.bench.results import Latency, Report, Result

Cell = str | int | float | None


def render(*reports: Report) -> str:
    """The CSV text: a header and a row per result of each report; what was not measured is empty."""
    rows = [_row(report, result) for report in reports for result in report.results]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


_RESULT_BEFORE_TIMES = (
    "model",
    "file",
    "sha256",
    "runtime",
    "runtime_version",
    "quantization",
    "threads",
    "pinned_cpu",
    "size_bytes",
    "operators",
    "xnnpack_operators",
    "windows",
    "accuracy",
    "macro_f1",
    "agreement",
    "calibration_error",
    "load_ms",
    "first_ms",
    "peak_memory_bytes",
    "baseline_memory_bytes",
)
_INTERVALS = ("accuracy_ci95", "accuracy_subjects_ci95", "macro_f1_subjects_ci95")
_LATENCIES = ("latency_ms", "end_to_end_ms")
_PERCENTILES = ("p50", "p90", "p95", "p99", "mean", "min", "max", "mad", "runs")
_DEVICE = ("name", "board", "cpu", "machine", "kernel", "os")

COLUMNS: tuple[str, ...] = (
    "created",
    "har_edge",
    *(f"device_{key}" for key in _DEVICE),
    "data",
    "mode",
    "rounds",
    *_RESULT_BEFORE_TIMES,
    *(f"{name}_{end}" for name in _INTERVALS for end in ("low", "high")),
    *(f"{name}_{key}" for name in _LATENCIES for key in (*_PERCENTILES, "p50_ci95_low", "p50_ci95_high")),
    "energy_per_inference_mj",
    "doubts",
)
"""The names of the columns; later versions may add some at the end."""


def _row(report: Report, result: Result) -> Mapping[str, Cell]:
    row: dict[str, Cell] = {"created": report.created, "har_edge": report.har_edge, "data": report.data["name"]}
    row |= {f"device_{key}": report.device.get(key) for key in _DEVICE}
    row |= {key: report.settings.get(key) for key in ("mode", "rounds")}
    row |= {key: getattr(result, key) for key in _RESULT_BEFORE_TIMES}
    for name in _INTERVALS:
        row[f"{name}_low"], row[f"{name}_high"] = getattr(result, name) or (None, None)
    for name in _LATENCIES:
        row |= {f"{name}_{key}": value for key, value in _times(getattr(result, name)).items()}
    row["energy_per_inference_mj"] = result.energy.per_inference_mj if result.energy else None
    row["doubts"] = " | ".join(result.doubts)
    return row


def _times(latency: Latency | None) -> dict[str, Cell]:
    if latency is None:
        return {}
    low, high = latency.p50_ci95 or (None, None)
    return {key: getattr(latency, key) for key in _PERCENTILES} | {"p50_ci95_low": low, "p50_ci95_high": high}
