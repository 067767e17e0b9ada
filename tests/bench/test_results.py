"""The JSON form of results follows the packaged schema, wrong values are refused, older files are read."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sample_reports as samples
from jsonschema import Draft202012Validator

import edge_runtime
from edge_runtime.bench import results
from edge_runtime.bench.baselines import pairs_with_baselines
from edge_runtime.bench.results import Report
from edge_runtime.errors import InputError
from tools import result_format

SCHEMA = json.loads(Path(edge_runtime.__file__).with_name("bench.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def content(report: Report) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(report.to_json())
    return parsed


def read(written: dict[str, Any], folder: Path) -> Report:
    (folder / "x.json").write_text(json.dumps(written))
    return results.read_report(folder / "x.json")


def test_the_schema_matches_the_dataclasses():
    Draft202012Validator.check_schema(SCHEMA)
    written = result_format.SCHEMA.read_text(encoding="utf-8")
    assert written == result_format.schema(), "run python -m tools.result_format"


@pytest.mark.parametrize("report", [samples.FULL, samples.EMULATED, samples.NOTHING, samples.evil()])
def test_a_report_follows_the_schema_and_is_read_back_the_same(report, tmp_path):
    VALIDATOR.validate(content(report))
    report.write(tmp_path / "x.json")
    assert results.read_report(tmp_path / "x.json") == report


def test_a_report_of_the_previous_version_is_read():
    """It has no `data.period_s`."""
    VALIDATOR.validate(json.loads(samples.WRITTEN_BEFORE.read_text()))
    report = results.read_report(samples.WRITTEN_BEFORE)
    assert ([result.quantization for result in report.results], report.data.period_s) == (["float32", "int8"], None)


def test_unknown_keys_of_earlier_and_later_versions_are_ignored(tmp_path):
    more = content(samples.FULL)
    more["results"][0]["latency_ms"]["p99_9"] = 1.0
    more["results"][0]["arena_bytes"] = 42096
    more["new"] = {}
    VALIDATOR.validate(more)
    assert read(more, tmp_path) == samples.FULL


def changed(value: Any, *path: Any) -> dict[str, Any]:
    """The full report with `value` at `path`."""
    whole = part = content(samples.FULL)
    for key in path[:-1]:
        part = part[key]
    part[path[-1]] = value
    return whole


@pytest.mark.parametrize(
    ("value", "path", "noun"),
    [
        (2, ("format",), "format"),
        ([0.1], ("results", 0, "accuracy_subjects_ci95"), r"results\[0\].accuracy_subjects_ci95"),
        (-1, ("results", 0, "confusion", 0, 0), r"results\[0\].confusion\[0\]\[0\]"),
        (1e30, ("results", 0, "accuracy"), r"results\[0\].accuracy"),
        ({}, ("control",), "control.p50_ratio"),
        ("slow", ("settings", "mode"), "settings.mode"),
    ],
)
def test_a_wrong_value_is_refused_by_the_schema_and_named_by_the_reader(value, path, noun, tmp_path):
    broken = changed(value, *path)
    assert not VALIDATOR.is_valid(broken)
    with pytest.raises(InputError, match=rf"x\.json .*{noun}"):
        read(broken, tmp_path)


def test_a_report_that_contradicts_itself_is_refused(tmp_path):
    for value, path in ((((1,),), ("results", 0, "confusion")), (7, ("comparisons", 0, "against"))):
        with pytest.raises(InputError, match=path[0]):
            read(changed(value, *path), tmp_path)


def test_each_result_is_compared_with_the_fastest_float_form_of_its_network():
    slow, fast = samples.FLOAT, samples.result("float32", 0.03)
    other = samples.result("float32", 0.01, model="small")
    assert pairs_with_baselines((slow, fast, other, samples.INT8)) == [(0, 1), (3, 1)]
    assert pairs_with_baselines((samples.INT8, samples.INT8)) == [(1, 0)]
    rivals = [samples.result(scheme, ms, rival="ONNX Runtime") for scheme, ms in (("float32", 0.02), ("dynamic", 0.01))]
    assert pairs_with_baselines((slow, samples.INT8, *rivals)) == [(0, 2), (1, 2), (3, 2)]
    # Only the second prepares windows in its graph: its inference says nothing.
    raw = replace(samples.result("float32", 0.045, rival="x"), end_to_end_ms=samples.latency(0.045), raw_input=True)
    assert pairs_with_baselines((slow, raw)) == [(0, 1)]
