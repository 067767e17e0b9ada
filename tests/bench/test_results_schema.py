"""The JSON form: what `bench` writes follows the packaged schema, what does not is refused, old files load."""

import copy
import dataclasses
import json
from collections.abc import Callable
from dataclasses import replace
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import sample_reports as samples
from jsonschema import Draft202012Validator
from programs import MODELS, ROOT, assert_one_sentence, har_edge, python

import edge_runtime
from edge_runtime.bench import machine, results, results_json
from edge_runtime.bench.results import Report
from edge_runtime.errors import ExitCode, InputError
from edge_runtime.reports import csv_table, html, markdown, outputs, terminal_table
from edge_runtime.system.terminal import Console

SCHEMA = json.loads(resources.files(edge_runtime).joinpath("bench.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA, format_checker=Draft202012Validator.FORMAT_CHECKER)
OLD = Path(__file__).parents[1] / "bench" / "bench_format_1.json"


@pytest.fixture(scope="module")
def real(tmp_path_factory) -> Path:
    """What the command writes about a real, short measurement: of one model, so that a control is all it compares."""
    path = tmp_path_factory.mktemp("real") / "bench.json"
    done = har_edge("bench", MODELS["int8"], "--runs", 20, "--rounds", 2, "--json", path, cwd=path.parent)
    assert done.returncode == 0, done.stderr
    return path


def content(report: Report) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(report.to_json())
    return parsed


def test_the_schema_is_one():
    Draft202012Validator.check_schema(SCHEMA)


def test_what_bench_writes_follows_the_schema(real):
    written = json.loads(real.read_text())
    VALIDATOR.validate(written)
    assert written["control"]["p50_ratio"] > 0
    assert written["device"]["before"]["time"] < written["device"]["after"]["time"]


@pytest.mark.parametrize(
    "report", [samples.FULL, samples.EMULATED, samples.NOTHING, samples.of(samples.INT8, control=None)]
)
def test_every_kind_of_report_follows_the_schema(report):
    VALIDATOR.validate(content(report))


def test_a_report_from_before_follows_the_schema_too():
    VALIDATOR.validate(json.loads(OLD.read_text()))


def test_later_versions_may_add_keys():
    more = content(samples.FULL)
    more["results"][0]["latency_ms"]["p99_9"] = 1.0
    more["new"] = {}
    VALIDATOR.validate(more)
    assert results_json.parse(json.dumps(more)) == results_json.parse(samples.FULL.to_json())


KINDS = {
    "result": results.Result,
    "latency": results.Latency,
    "samples": results.Samples,
    "warm_up": results.WarmUp,
    "energy": results.Energy,
    "class_score": results.ClassScore,
    "operator_cost": results.OperatorCost,
    "comparison": results.Comparison,
    "control": results.Control,
    "failure": results.Failure,
    "state": machine.State,
}


@pytest.mark.parametrize("name", KINDS)
def test_the_schema_knows_every_field_and_no_other(name):
    fields = {field.name: field for field in dataclasses.fields(KINDS[name])}
    assert set(SCHEMA["$defs"][name]["properties"]) == set(fields)
    missing = dataclasses.MISSING
    required = {key for key, x in fields.items() if x.default is missing and x.default_factory is missing}
    assert set(SCHEMA["$defs"][name]["required"]) == required


def test_the_schema_knows_the_report_and_the_machine():
    assert set(SCHEMA["properties"]) == {"format"} | {field.name for field in dataclasses.fields(Report)}
    known = set(SCHEMA["properties"]["device"]["properties"])
    assert set(machine.describe()) <= known
    assert known - set(machine.describe()) == {"name", "runtime", "before", "after"}


def test_every_field_is_in_the_documentation():
    text = (ROOT / "docs" / "bench.md").read_text()
    names = {name for kind in SCHEMA["$defs"].values() for name in kind.get("properties", ())}
    names |= set(SCHEMA["properties"]) | set(SCHEMA["properties"]["device"]["properties"])
    names |= set(SCHEMA["properties"]["settings"]["properties"]) | set(csv_table.COLUMNS[-2:])
    assert [name for name in sorted(names) if f"`{name}`" not in text] == []


def without(*path: Any) -> Callable[[Any], None]:
    def change(x: Any) -> None:
        for key in path[:-1]:
            x = x[key]
        del x[path[-1]]

    return change


def put(value: Any, *path: Any) -> Callable[[Any], None]:
    def change(x: Any) -> None:
        for key in path[:-1]:
            x = x[key]
        x[path[-1]] = value

    return change


WRONG = {
    "no format": without("format"),
    "another format": put(2, "format"),
    "no results": without("results"),
    "no confusion": without("results", 0, "confusion"),
    "accuracy above 1": put(1.5, "results", 0, "accuracy"),
    "accuracy as text": put("0.97", "results", 0, "accuracy"),
    "accuracy as truth": put(True, "results", 0, "accuracy"),
    "no percentile": without("results", 1, "latency_ms", "p99"),
    "p50 of nothing": put(0, "results", 1, "latency_ms", "p50"),
    "half an interval": put([0.1], "results", 0, "accuracy_ci95"),
    "runs in parts": put(2.5, "results", 0, "latency_ms", "runs"),
    "labels as text": put("ABC", "results", 0, "labels"),
    "a negative count": put(-1, "results", 0, "confusion", 0, 0),
    "a size of nothing": put(0, "results", 0, "size_bytes"),
    "a ratio below 0": put(-1.0, "comparisons", 0, "p50_ratio"),
    "a control without verdict": without("control", "passed"),
    "a failure without reason": without("failures", 0, "error"),
    "a device without name": without("device", "name"),
    "results as object": put({}, "results"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_refused_by_the_schema_and_by_the_reader(name, tmp_path):
    broken = copy.deepcopy(content(samples.FULL))
    WRONG[name](broken)
    assert not VALIDATOR.is_valid(broken)
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken))
    with pytest.raises(InputError, match=r"broken\.json is not a result of 'har-edge bench'"):
        results_json.read(path)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put(((1,),), "results", 0, "confusion"), "confusion does not have a row and a column per label"),
        (put(7, "comparisons", 0, "against"), "about a result that is not there"),
        (put(float("nan"), "results", 0, "accuracy"), "NaN is not a number"),
        (put("x", "results", 1, "end_to_end_ms"), r"results\[1\].end_to_end_ms is not an object"),
    ],
)
def test_the_reader_says_what_is_wrong(change, words):
    broken = content(samples.FULL)
    change(broken)
    with pytest.raises(ValueError, match=words):
        results_json.parse(json.dumps(broken))


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '{"format": 1}', "[" * 100_000, "\x00\xff"])
def test_what_is_no_report_at_all_is_one_sentence(text, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"x\.json is not a result of 'har-edge bench'"):
        results_json.read(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="does not exist"):
        results_json.read(tmp_path / "no.json")
    with pytest.raises(InputError, match="cannot read"):
        results_json.read(tmp_path)


@pytest.mark.parametrize("report", [samples.FULL, samples.EMULATED, samples.NOTHING, samples.evil()])
def test_a_report_read_back_is_the_same(report, tmp_path):
    report.write(tmp_path / "x.json")
    again = results_json.read(tmp_path / "x.json")
    assert again.results == report.results
    assert again.comparisons == report.comparisons
    assert again.to_json() == report.to_json()


def test_an_old_report_loads_and_takes_every_form(capsys):
    report = results_json.read(OLD)
    float_result, int8_result = report.results
    assert (float_result.quantization, int8_result.quantization) == ("float32", "int8")
    assert float_result.latency_ms is not None
    assert float_result.latency_ms.mad is float_result.accuracy_subjects_ci95 is report.control is None
    terminal_table.show(report, Console())
    assert "int8 is " in capsys.readouterr().out
    for render in (csv_table.render, markdown.render, html.render):
        assert "edge" in render(report)


def test_report_shows_a_result_again(real, har_edge_here):
    done = har_edge_here("report", real)
    assert done.returncode == ExitCode.OK
    assert "latency p99" in done.stdout


def test_report_writes_the_forms_that_are_asked_for(real, tmp_path, har_edge_here):
    paths = {form: tmp_path / f"x.{form}" for form in ("csv", "markdown", "html")}
    done = har_edge_here("report", real, *(x for form, path in paths.items() for x in (f"--{form}", path)))
    assert (done.returncode, done.stdout.splitlines()) == (ExitCode.OK, [str(path) for path in paths.values()])
    assert "<!DOCTYPE html>" in paths["html"].read_text()
    assert paths["markdown"].read_text().startswith("### ")
    assert paths["csv"].read_text().startswith("created,")


def test_report_overwrites_nothing_it_reads_or_writes(real, tmp_path, har_edge_here):
    before = real.read_bytes()
    for arguments, words in (
        ((real, "--html", real), "would overwrite"),
        ((real, "--csv", tmp_path / "x", "--html", tmp_path / "x"), "would overwrite"),
        ((real, "--markdown", tmp_path), "is a folder"),
        ((tmp_path / "no.json",), "does not exist"),
    ):
        assert_one_sentence(har_edge_here("report", *arguments), 2, words)
    assert real.read_bytes() == before
    assert list(tmp_path.iterdir()) == []


def test_bench_does_not_overwrite_the_model_it_measures(har_edge_here):
    before = MODELS["int8"].read_bytes()
    for option in ("--json", "--csv", "--html"):
        assert_one_sentence(har_edge_here("bench", MODELS["int8"], option, MODELS["int8"]), 2, "would overwrite")
    assert MODELS["int8"].read_bytes() == before


def test_only_the_page_needs_the_template_engine():
    report = samples.FULL
    for form in ("json", "csv", "markdown"):
        assert outputs.render(replace(report), form)
    python("import edge_runtime.commands.report, edge_runtime.commands.bench, sys; sys.exit('jinja2' in sys.modules)")
