"""The JSON form of results: it follows the packaged schema, what is wrong is refused, older files are read."""

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sample_reports as samples
from jsonschema import Draft202012Validator

import edge_runtime
from edge_runtime.bench import results
from edge_runtime.bench.results import Report, compared
from edge_runtime.errors import InputError
from tools import result_format

SCHEMA = json.loads(Path(edge_runtime.__file__).with_name("bench.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)
WRITTEN_BEFORE = Path(__file__).with_name("bench.json")
REPORTS = {"full": samples.FULL, "emulated": samples.EMULATED, "nothing": samples.NOTHING, "evil": samples.evil()}


def content(report: Report) -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(report.to_json())
    return parsed


def test_schema_and_documentation_are_those_of_the_dataclasses():
    Draft202012Validator.check_schema(SCHEMA)
    for path, expected in (
        (result_format.SCHEMA, result_format.schema()),
        (result_format.DOCUMENT, result_format.document()),
    ):
        assert path.read_text(encoding="utf-8") == expected, "run python -m tools.result_format"


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_follows_the_schema_and_is_read_back_the_same(name, tmp_path):
    report = REPORTS[name]
    VALIDATOR.validate(content(report))
    report.write(tmp_path / "x.json")
    assert results.read_report(tmp_path / "x.json") == report


def test_a_report_of_the_version_before_is_read():
    """It has no `data.period_s`."""
    VALIDATOR.validate(json.loads(WRITTEN_BEFORE.read_text()))
    report = results.read_report(WRITTEN_BEFORE)
    assert [x.quantization for x in report.results] == ["float32", "int8"]
    assert report.data.period_s is None


def test_unknown_keys_of_later_versions_are_ignored():
    more = content(samples.FULL)
    more["results"][0]["latency_ms"]["p99_9"] = 1.0
    more["new"] = {}
    VALIDATOR.validate(more)
    assert results.parse_report(json.dumps(more)) == samples.FULL


ABSENT = object()


def put(value: Any, *path: Any) -> Callable[[Any], None]:
    """A change of the content: `value` at `path`, or nothing there."""

    def change(x: Any) -> None:
        for key in path[:-1]:
            x = x[key]
        if value is ABSENT:
            del x[path[-1]]
        else:
            x[path[-1]] = value

    return change


WRONG = {
    "format": put(2, "format"),
    "results": put({}, "results"),
    r"results\[0\].confusion": put(ABSENT, "results", 0, "confusion"),
    r"results\[0\].accuracy": put(1.5, "results", 0, "accuracy"),
    r"results\[0\].macro_f1": put("0.97", "results", 0, "macro_f1"),
    r"results\[1\].latency_ms.p50": put(0, "results", 1, "latency_ms", "p50"),
    r"results\[0\].accuracy_ci95": put([0.1], "results", 0, "accuracy_ci95"),
    r"results\[0\].latency_ms.runs": put(2.5, "results", 0, "latency_ms", "runs"),
    r"results\[0\].confusion\[0\]\[0\]": put(-1, "results", 0, "confusion", 0, 0),
    "control.passed": put(ABSENT, "control", "passed"),
    "settings.mode": put("slow", "settings", "mode"),
}


@pytest.mark.parametrize("noun", WRONG)
def test_a_wrong_value_is_refused_by_the_schema_and_named_by_the_reader(noun, tmp_path):
    broken = content(samples.FULL)
    WRONG[noun](broken)
    assert not VALIDATOR.is_valid(broken)
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(broken))
    with pytest.raises(InputError, match=rf"broken\.json .*{noun}"):
        results.read_report(path)


@pytest.mark.parametrize(
    ("change", "noun"),
    [
        (put(((1,),), "results", 0, "confusion"), "confusion"),
        (put(7, "comparisons", 0, "against"), "comparisons"),
    ],
)
def test_a_contradiction_is_refused(change, noun):
    broken = content(samples.FULL)
    change(broken)
    with pytest.raises(ValueError, match=noun):
        results.parse_report(json.dumps(broken))


def leaves(x: Any, *path: Any) -> Iterator[tuple[Any, ...]]:
    """The paths of the numbers and texts in `x`, of lists those in the first two places."""
    if isinstance(x, dict):
        for key, part in x.items():
            yield from leaves(part, *path, key)
    elif isinstance(x, list):
        for i, part in enumerate(x[:2]):
            yield from leaves(part, *path, i)
    elif x is not None and not isinstance(x, bool):
        yield path


def test_no_number_beyond_measure_is_read():
    whole = content(samples.FULL)
    for i, path in enumerate(leaves(whole)):
        broken = copy.deepcopy(whole)
        put((1e300, -1e300)[i % 2], *path)(broken)
        with pytest.raises(ValueError, match=rf"{path[-1]}|format"):
            results.parse_report(json.dumps(broken))


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "3", '{"format": 1}', "[" * 100_000, "\x00\xff"),
        *(samples.FULL.to_json().replace('"AMD EPYC"', x) for x in ("1" + 5000 * "0", "1e999", r'"\ud800"')),
    ],
)
def test_what_is_no_report_at_all_is_one_sentence(text, tmp_path):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"x\.json") as refused:
        results.read_report(path)
    assert "\n" not in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path):
    (tmp_path / "loop.json").symlink_to("loop.json")
    for path in (tmp_path / "no.json", tmp_path / "loop.json", tmp_path):
        with pytest.raises(InputError, match=path.name):
            results.read_report(path)


def test_each_result_is_compared_with_the_fastest_float_form_of_its_network():
    slow, fast = samples.FLOAT, samples.result("float32", 0.03)
    other = samples.result("float32", 0.01, model="small")
    assert compared((slow, fast, other, samples.INT8)) == [(0, 1), (3, 1)]
    assert compared((samples.INT8, other, slow)) == [(0, 2)]
    assert compared((samples.INT8, samples.INT8)) == [(1, 0)]
    rivals = (
        samples.result("float32", 0.02, rival="ONNX Runtime"),
        samples.result("dynamic", 0.01, rival="ONNX Runtime"),
    )
    assert compared((slow, samples.INT8, *rivals)) == [(0, 2), (1, 2), (3, 2)]
    assert compared((slow, samples.result("float16", 0.02), samples.INT8)) == [(0, 1), (2, 1)]
    # Only the second prepares windows in its graph: inference alone says nothing.
    raw = replace(samples.result("float32", 0.045, rival="x"), end_to_end_ms=samples.latency(0.045), raw_input=True)
    assert compared((slow, raw)) == [(0, 1)]
