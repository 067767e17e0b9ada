"""Every form of a report states gain or loss with its interval, and fits its place."""

import csv
import io
import re
from dataclasses import replace

import pytest
import sample_reports as samples
from markdown_it import MarkdownIt
from sample_reports import AS_C, BETTER, DEVICES, EMULATED, EVIL, FLOAT, FULL, INT8, NOTHING, of, result

from edge_runtime.bench import results
from edge_runtime.bench.results import AbsentRival, Report, Result
from edge_runtime.errors import InputError
from edge_runtime.reports import outputs, sentences
from edge_runtime.reports.report_content import gather, named
from edge_runtime.reports.report_forms import show_report, to_csv, to_html, to_markdown
from edge_runtime.system import quantities
from edge_runtime.system.terminal import Console


def markdown(made: Report) -> str:
    return to_markdown(gather({"local": made}))


def html(made: Report) -> str:
    return to_html({"local": made})


@pytest.fixture
def shown(capsys, monkeypatch):
    """What a terminal of some width shows of a report, or of several devices."""

    def show(made: Report | dict[str, Report], width: int = 80) -> str:
        monkeypatch.setenv("COLUMNS", str(width))
        show_report(gather({"local": made} if isinstance(made, Report) else made), Console())
        return capsys.readouterr().out

    return show


def in_order(text: str, *parts: str) -> bool:
    """Tell whether the text has these parts, one after the other."""
    return re.search(".*".join(map(re.escape, parts)), text) is not None


def raw(one: Result) -> Result:
    """The same of a model that takes raw windows."""
    one_time = replace(one.samples_ms, end_to_end=one.samples_ms.latency)
    return replace(one, raw_input=True, end_to_end_ms=one.latency_ms, samples_ms=one_time)


def rival(tool: str, p50: float, scheme: str = "float32") -> Result:
    return result(scheme, p50, rival=tool)


WORSE = replace(
    BETTER,
    p50_ratio=1.5,
    p50_ratio_ci95=(1.45, 1.55),
    end_to_end_ratio=1.4,
    end_to_end_ratio_ci95=(1.3, 1.45),
    accuracy_difference_ci95=(0.5, 1.5),
)
UNCLEAR = replace(
    BETTER, p50_ratio=0.97, p50_ratio_ci95=(0.93, 1.02), end_to_end_ratio=1.1, end_to_end_ratio_ci95=(0.99, 1.2)
)
GUESSED = {label: results.ClassScore(0.3, float(label == "SITTING"), 0.3, 100) for label in samples.LABELS}
AS_C_BETTER = replace(BETTER, result=2, p50_ratio=0.25, p50_ratio_ci95=(0.2, 0.3))
RIVALS = (
    *(FLOAT, INT8, rival("TensorFlow stock", 0.1), rival("fused LSTM", 0.05), rival("ONNX Runtime", 0.01)),
    rival("ONNX Runtime", 0.005, "dynamic"),
)
VERDICTS = {
    "a gain with its interval, a size, and an accuracy whose interval contains 0": (
        of(FLOAT, INT8, comparisons=(BETTER,)),
        "int8 is 2.0 times as fast as float32 (1.9 to 2.0), 1.3 times smaller, …within 0.6 points",
    ),
    "slower, larger and better": (
        of(FLOAT, result("int8", 0.060, size_bytes=250_000, accuracy=0.98), comparisons=(WORSE,)),
        "int8 is 0.67 times as fast as float32 (0.65 to 0.69), 1.2 times larger, …1.0 points more accurate",
    ),
    "an interval that contains 1 shows no difference": (
        of(FLOAT, INT8, comparisons=(UNCLEAR,)),
        "int8 is as fast as float32…(0.98 to 1.08)",
    ),
    "the fastest form first, and no size of a library that holds no other model": (
        of(FLOAT, INT8, AS_C, comparisons=(BETTER, AS_C_BETTER)),
        "int8 as C is 4.0 times as fast as float32 (3.3 to 5.0), and as accurate",
        "int8 is 2.0 times",
    ),
    "raw windows are compared with prepared ones end to end": (
        of(FLOAT, raw(INT8), comparisons=(BETTER,)),
        "int8 is 1.7 times as fast as float32 end to end (1.6 to 1.7)",
    ),
    "the fastest float form of any tool, and the rivals that are faster": (
        of(*RIVALS, comparisons=(replace(WORSE, against=4),)),
        "har-edge int8 is 0.67 times as fast as ONNX Runtime float32",
        "har-edge int8…not the fastest…ONNX Runtime dynamic…4.00 times faster",
        "ONNX Runtime float32…fastest of 4…har-edge float32…4.00 times slower…fused LSTM float32…5.00 times"
        "…TensorFlow stock float32…10.00 times",
    ),
    "a model that guesses has no other sentence": (
        of(FLOAT, *(replace(x, per_class=GUESSED) for x in (INT8, AS_C)), comparisons=(BETTER,)),
        "chance…int8 and int8 as C",
    ),
    "C on an emulated device has neither times nor a size": (
        of(*(replace(result, **samples.NO_TIMES) for result in (FLOAT, AS_C)), comparisons=(samples.UNTIMED,)),
        "int8 as C is as accurate within 0.6 points.",
    ),
    "instructions of an emulated device": (
        EMULATED,
        "int8 is 1.3 times smaller",
        "int8…2.22 times fewer instructions…float32…45,000…100,000",
    ),
}


@pytest.mark.parametrize("name", VERDICTS)
def test_verdicts_name_direction_size_interval_and_yardstick(name):
    report, *expected = VERDICTS[name]
    verdicts = sentences.verdicts(report)
    for verdict, parts in zip(verdicts, expected, strict=True):
        assert in_order(verdict, *parts.split("…")), verdict
    assert max(map(len, verdicts[:1])) < 160, "two lines of a terminal"


def test_a_note_tells_the_change_of_accuracy():
    (detail,) = sentences.accuracy_details(of(FLOAT, INT8, comparisons=(BETTER,)))
    assert in_order(detail, "int8", "−0.20 points (−0.60 to +0.10)")


def test_end_to_end_has_a_row_only_if_windows_are_turned_outside_the_graph():
    both = of(raw(FLOAT), raw(INT8), comparisons=(BETTER,))
    assert "end to end" not in markdown(both) + html(both)
    turned = of(*(replace(result, raw_input=True, frame="walking") for result in (FLOAT, INT8)), comparisons=(BETTER,))
    for text in (markdown(turned), html(turned)):
        assert "end to end, 50 % within" in text
        assert "edge turned into the walking frame" in re.sub(r"\s+", " ", text)
    assert "end to end, 50 % within" in markdown(of(FLOAT, raw(INT8)))


def test_times_that_were_not_measured_are_not_claimed(shown):
    for text in (shown(EMULATED), markdown(EMULATED), to_csv([EMULATED]), *sentences.verdicts(EMULATED)):
        assert not re.search("µs|fast|slow", text)
    small = of(*(replace(result, latency_ms=None, end_to_end_ms=None) for result in (FLOAT, INT8)))
    assert not re.search("fast|slow|rival", " ".join(sentences.verdicts(small)))
    other = replace(INT8, model="another")
    assert sentences.verdicts(of(INT8)) == sentences.verdicts(of(FLOAT, other)) == []
    assert "2.0 times as fast" in sentences.verdicts(of(FLOAT, other, comparisons=(BETTER,)))[0]


def test_absent_failed_and_doubtful_results_are_named_and_a_terminal_leaves_reasons_to_other_forms(shown):
    absent = (AbsentRival("fused LSTM float32", "layer 'mine' (GRU) has no operator"),)
    report = replace(FULL, absent_rivals=absent, without_c="the machine has no C compiler")
    pages = [html(report).replace("&#39;", "'"), markdown(report).replace("\\_", "_")]
    for text in (shown(report), *pages):
        words = " ".join(text.split())
        assert "Rivals that were not measured, and may be faster: fused LSTM float32" in words
        assert words.count("busy") == 1  # a doubt about all results appears once
        assert "int8: too few inferences" in words
        assert "the worker for runs/x/model_dynamic.tflite was killed" in words
    for text in pages:
        assert "no fused LSTM float32: layer 'mine' (GRU) has no operator" in text
        assert "No int8 as C: the machine has no C compiler" in text
    assert "--rivals" not in sentences.without_rivals(report)
    assert "--rivals" in sentences.without_rivals(FULL)
    assert sentences.without_rivals(of(*RIVALS)) is None
    assert "failed: b.tflite: the worker hung" in shown(NOTHING)


@pytest.mark.parametrize(
    ("control", "words"),
    [
        (results.Control(1.002, (0.99, 1.01), True), "1.002 times as long (0.990 to 1.010)."),
        (results.Control(1.05, (1.02, 1.08), False), "biased"),
        (results.Control(1.0, (0.93, 1.04), True), "7 %"),
    ],
)
def test_the_control_tells_how_far_off_ratios_are(control, words):
    assert words in sentences.control_sentence(replace(FULL, control=control))


def test_c_has_a_size_only_in_flash(shown):
    assert re.search(r"file size .* 150\.0 kB +–\n", shown(of(FLOAT, INT8, AS_C)))
    assert re.search(r"flash +150\.0 kB\n", shown(of(replace(AS_C, ram_bytes=7_800))))


def test_names_are_as_short_as_uniqueness_allows():
    assert sentences.titles((FLOAT, INT8)) == ["float32", "int8"]
    assert sentences.titles((FLOAT, replace(FLOAT, model="b"))) == ["edge float32", "b float32"]
    assert sentences.titles((FLOAT, replace(FLOAT, file="y"))) == ["runs/x/model_float32.tflite", "y"]
    assert sentences.titles((replace(FLOAT, file="y"),) * 2) == ["1: y", "2: y"]


def test_reports_are_named_by_their_devices_or_else_by_their_files():
    other = replace(FULL, device=replace(FULL.device, name="ssh://pi"))
    assert [*named({"a.json": FULL, "b.json": other})] == ["local", "ssh://pi"]
    runs = named({"a.json": FULL, "b.json": FULL})
    assert [*runs] == ["a.json", "b.json"]
    assert gather(runs).doubts == gather({"a.json": FULL}).doubts, "the same doubt of all stands once, without names"


def test_csv_has_a_row_per_result_and_always_the_same_columns():
    (columns,) = csv.reader(io.StringIO(to_csv([])))
    for report in (FULL, EMULATED, NOTHING, samples.evil()):
        rows = list(csv.DictReader(io.StringIO(to_csv([report]))))
        assert [(row["file"], float(row["accuracy"])) for row in rows] == [
            (result.file, result.accuracy) for result in report.results
        ]
        assert all(list(row) == columns for row in rows)
    float_row, int8_row = csv.DictReader(io.StringIO(to_csv([FULL])))
    assert float(int8_row["latency_ms_undisturbed"]) == 0.02
    assert float(int8_row["latency_ms_undisturbed_ci95_low"]) == pytest.approx(0.0198)
    assert float(int8_row["accuracy_subjects_ci95_high"]) == 0.99
    assert float_row["agreement"] == ""
    assert float(int8_row["energy_per_inference_mj"]) == 0.034
    assert int8_row["doubts"] == "the machine was busy | too few inferences"


def test_markdown_and_terminal_show_any_text_unchanged(shown):
    assert "| | float32 | int8 |\n|---|---:|---:|\n| accuracy | 97.00 % | 96.80 % |" in markdown(FULL)
    assert sentences.verdicts(FULL)[0] in markdown(FULL)
    assert f"doubt: {EVIL.strip()}" in shown(samples.evil(), 120)
    rendered = MarkdownIt("commonmark").enable("table").render(markdown(samples.evil()))
    assert not re.search("<(script|a |code)", rendered)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;'{{ 7*7 }}|`*_[x](y)" in rendered
    head, *rows = rendered.split("<tr>")[1:]
    assert {row.count("<td") for row in rows if "<td" in row} == {head.count("<th")} == {4}


def test_every_form_is_written_and_no_input_or_output_is_overwritten(tmp_path):
    paths = {form: tmp_path / "deep" / f"x.{form}" for form in ("json", "csv", "markdown", "html")}
    reports = {"local": FULL}
    assert outputs.write_report(reports, paths) == list(paths.values())
    assert paths["html"].read_text().startswith("<!DOCTYPE html>")
    outputs.write_report({"local": replace(FULL, created="\x1b]0;x\x07\u202ey")}, paths)
    assert not any(re.search("[\x1b\x07\u202e]", x.read_text()) for x in paths.values())
    assert [x.name for x in outputs.write_report(reports, {"csv": tmp_path / "y.csv", "html": None})] == ["y.csv"]
    for bad, inputs in (({"csv": tmp_path}, ()), (paths, [paths["json"]]), (dict.fromkeys(paths, tmp_path / "x"), ())):
        with pytest.raises(InputError, match=re.escape(str(next(iter(bad.values()))))):
            outputs.check_written(bad, inputs)
    outputs.check_written(paths, [tmp_path / "y.csv"])


def test_every_form_shows_every_device(shown):
    words = " ".join(shown(DEVICES).split())
    assert words.count("edge by litert 2.3.0 on") == 1
    assert "pi5.local:2222: int8 is 2.0 times as fast as float32" in words
    content = gather(DEVICES)
    lines = [line for line in to_markdown(content).splitlines() if line.startswith("|")]
    assert {line.count("|") for line in lines} == {2 + len(content.names)}
    rows = list(csv.DictReader(io.StringIO(to_csv([*DEVICES.values()]))))
    assert [row["quantization"] for row in rows] == [result.quantization for result in content.results]


def test_numbers_have_as_many_digits_as_they_deserve():
    assert [quantities.millijoules(x) for x in (0.0344, 1.234, None)] == ["34.4 µJ", "1.23 mJ", "–"]
    assert [quantities.time(x, "ms") for x in (1.234, 12.34, None)] == ["1.23 ms", "12.3 ms", "–"]
    assert quantities.time(0.0176, "µs", 0.00001) == "17.6 ±0.1 µs"
