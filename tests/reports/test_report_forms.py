"""Every form of a report states gain or loss with its interval, and fits the place where it is shown."""

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import rich.console
import sample_reports as samples
from markdown_it import MarkdownIt
from sample_reports import BETTER, DEVICES, EMULATED, EVIL, FLOAT, FULL, INT8, NOTHING, of, result

from edge_runtime.bench import results
from edge_runtime.bench.comparison import compare
from edge_runtime.bench.results import AbsentRival, Control, Energy, Instructions, Report, Result, RuntimeVersion
from edge_runtime.reports import html, machine_and_method, outputs, sentences, terminal_table
from edge_runtime.reports.report_content import MOST, DeviceReport, gather, side_by_side
from edge_runtime.reports.text_forms import columns, to_csv, to_markdown
from edge_runtime.system.terminal import Console

ALONE = (
    "float32 is har-edge's own float form: no rival was measured ('har-edge convert --rivals', then bench --rivals)."
)


def markdown(made: Report) -> str:
    return to_markdown(gather([DeviceReport("local", made)]))


def shown(made: Report, width: int = 80) -> str:
    stream = io.StringIO()
    terminal_table.show(
        gather([DeviceReport("local", made)]), rich.console.Console(file=stream, width=width, highlight=False)
    )
    return stream.getvalue()


def test_a_gain_and_a_small_loss_are_two_plain_sentences_with_their_intervals():
    assert sentences.verdicts(of(FLOAT, INT8, comparisons=(BETTER,))) == [
        "int8 is 2.00 times as fast as float32 (95 % interval 1.92–2.04; p50 20.0 µs against 40.0 µs), 1.67 times as "
        "fast end to end (1.64–1.72; 30.0 µs against 50.0 µs) and 1.33 times smaller (150.0 kB against 200.0 kB).",
        "int8 loses 0.20 percentage points of accuracy (96.80 % against 97.00 %; −0.60 to +0.10 over subjects), "
        "no more than chance could give (sign-flip test over subjects: p = 1).",
        ALONE,
    ]


def test_a_report_without_comparisons_says_the_same_without_intervals():
    assert sentences.verdicts(of(FLOAT, INT8)) == [
        "int8 is 2.00 times as fast as float32 (p50 20.0 µs against 40.0 µs), 1.67 times as fast end to end (30.0 µs "
        "against 50.0 µs) and 1.33 times smaller (150.0 kB against 200.0 kB).",
        "int8 loses 0.20 percentage points of accuracy (96.80 % against 97.00 %).",
        ALONE,
    ]


def test_a_slower_larger_and_better_model_is_said_to_be_that():
    slow = result("int8", 0.060, size_bytes=250_000, accuracy=0.98)
    worse = replace(
        BETTER, p50_ratio=1.5, p50_ratio_ci95=(1.45, 1.55), end_to_end_ratio=1.4, end_to_end_ratio_ci95=(1.3, 1.45)
    )
    worse = replace(worse, accuracy_difference_ci95=(0.5, 1.5), sign_flip_p=0.0004)
    speed, accuracy, _ = sentences.verdicts(of(FLOAT, slow, comparisons=(worse,)))
    assert speed.startswith(
        "int8 is 1.50 times slower than float32 (95 % interval 1.45–1.55; p50 60.0 µs against 40.0 µs), 1.40 times "
        "slower end to end (1.30–1.45; "
    )
    assert "1.25 times larger" in speed
    assert "gains 1.00 percentage points" in accuracy
    assert accuracy.endswith("more than chance would give (sign-flip test over subjects: p < 0.001).")


@pytest.mark.parametrize(
    ("interval", "p", "end"),
    [
        (
            (-0.26, -0.01),
            0.12,
            "perhaps by chance: the interval misses 0, but the sign-flip test over subjects gives p = 0.12.",
        ),
        (
            (-0.26, 0.01),
            0.03,
            "perhaps by chance: the interval holds 0, though the sign-flip test over subjects gives p = 0.03.",
        ),
        ((-0.26, -0.01), 0.03, "more than chance would give (sign-flip test over subjects: p = 0.03)."),
    ],
)
def test_an_interval_and_a_test_that_disagree_are_said_to(interval, p, end):
    comparison = replace(BETTER, accuracy_difference_ci95=interval, sign_flip_p=p)
    accuracy = sentences.verdicts(of(FLOAT, INT8, comparisons=(comparison,)))[1]
    assert accuracy.endswith(f" over subjects), {end}")


def raw(one: Result) -> Result:
    """The same of a model that takes raw windows."""
    return replace(
        one,
        raw_input=True,
        end_to_end_ms=one.latency_ms,
        samples_ms=replace(one.samples_ms, end_to_end=one.samples_ms.latency),
    )


def test_inference_and_end_to_end_are_one_time_of_models_that_take_raw_windows():
    both = of(raw(FLOAT), raw(INT8), comparisons=(BETTER,))
    assert sentences.verdicts(both)[0] == (
        "int8 is 2.00 times as fast as float32 (95 % interval 1.92–2.04; p50 20.0 µs against 40.0 µs) and 1.33 times "
        "smaller (150.0 kB against 200.0 kB)."
    )
    assert "latency p50" in shown(both)
    assert "end to end" not in shown(both) + markdown(both) + html.render([DeviceReport("local", both)])
    assert "end to end p50" in shown(of(FLOAT, raw(INT8)))


def test_turning_windows_into_the_walking_frame_is_outside_the_graph():
    float32, int8 = (replace(x, raw_input=True, frame="walking") for x in (FLOAT, INT8))
    both = of(float32, int8, comparisons=(BETTER,))
    assert "1.67 times as fast end to end" in sentences.verdicts(both)[0]
    assert "end to end p50" in shown(both)
    assert "end to end" in html.render([DeviceReport("local", both)])


def test_the_frame_of_the_windows_is_said_where_it_is_not_the_devices():
    both = of(*(replace(x, raw_input=True, frame="walking") for x in (FLOAT, INT8)))
    end = "test windows of UCI HAR, turned into the walking frame"
    page = html.render([DeviceReport("local", both)])
    assert sentences.title(both).endswith(end)
    assert all(end in re.sub(r"\s+", " ", text) for text in (shown(both), markdown(both), page))
    assert ("frame of its windows", "walking") in machine_and_method.result(both.results[0])
    one = of(FLOAT, replace(INT8, model="edge-anywhere", frame="walking"))
    assert sentences.title(one).endswith(f"{end} for edge-anywhere")
    assert sentences.title(of(FLOAT, INT8)).endswith("test windows of UCI HAR")


def test_blocks_that_stand_for_people_are_called_blocks():
    people = {"test-block-1": 0.9, "test-block-2": 0.8}
    both = of(*(replace(x, per_subject=people, per_subject_macro_f1=people) for x in (FLOAT, INT8)))
    both = replace(both, comparisons=(replace(BETTER, sign_flip_p=0.5),))
    forms = (shown(both), markdown(both), html.render([DeviceReport("local", both)]), *sentences.verdicts(both))
    assert not [x for x in forms if "subject" in re.sub(r"<[^>]+>", "", x)]  # but for names within the page
    assert "over blocks" in sentences.verdicts(both)[1]
    assert "95 %, blocks" in shown(both)
    assert "A row per test block" in forms[2]


def test_a_model_of_raw_windows_is_compared_with_another_end_to_end_alone():
    assert sentences.verdicts(of(FLOAT, raw(INT8), comparisons=(BETTER,)))[0] == (
        "int8 is 1.67 times as fast as float32 end to end (1.64–1.72; 20.0 µs against 50.0 µs) and 1.33 times smaller "
        "(150.0 kB against 200.0 kB)."
    )


def test_an_interval_that_holds_1_is_no_difference():
    unclear = replace(
        BETTER, p50_ratio=0.97, p50_ratio_ci95=(0.93, 1.02), end_to_end_ratio=1.1, end_to_end_ratio_ci95=(0.99, 1.2)
    )
    speed, *_ = sentences.verdicts(of(FLOAT, INT8, comparisons=(unclear,)))
    assert speed.startswith(
        "int8 is as fast as float32, as far as this run can tell (95 % interval 0.98–1.08; p50 20.0 µs against "
        "40.0 µs), as fast end to end (0.83–1.01; "
    )


def test_no_difference_at_all_is_said_too():
    speed, accuracy, _ = sentences.verdicts(of(FLOAT, result("int8", 0.040)))
    assert speed.startswith("int8 is as fast as float32 (")
    assert "of the same size" in speed
    assert "loses 0.00 percentage points" in accuracy


def test_one_subject_gives_neither_interval_nor_test_over_subjects():
    alone = replace(BETTER, accuracy_difference_ci95=None, sign_flip_p=None)
    _, accuracy, _ = sentences.verdicts(of(FLOAT, INT8, comparisons=(alone,)))
    assert accuracy == "int8 loses 0.20 percentage points of accuracy (96.80 % against 97.00 %)."


def test_the_comparison_is_with_the_fastest_float_form_of_the_same_network():
    other = result("float32", 0.010, model="small", file="s.tflite")
    faster = result("float32", 0.030, file="f.tflite")
    speed, *_ = sentences.verdicts(of(FLOAT, faster, other, INT8))
    assert "against 30.0 µs" in speed
    assert "f.tflite" in speed


def test_a_verdict_is_against_the_fastest_float_form_of_any_tool_and_names_it():
    stock, fused = result("float32", 0.1, rival="TensorFlow stock"), result("float32", 0.05, rival="fused LSTM")
    onnx = [result(x, 0.010 if x == "float32" else 0.005, rival="ONNX Runtime") for x in ("float32", "dynamic")]
    speed, accuracy, faster, yardstick = sentences.verdicts(of(FLOAT, INT8, stock, fused, *onnx))
    assert speed.startswith(
        "har-edge int8 is 2.00 times slower than ONNX Runtime float32 (p50 20.0 µs against 10.0 µs)"
    )
    assert accuracy.startswith("har-edge int8 loses 0.20 percentage points")
    assert faster == "har-edge int8 is not the fastest form: ONNX Runtime dynamic takes 0.25 times as long."
    assert yardstick == (
        "ONNX Runtime float32 is the fastest of 4 float forms: har-edge float32 takes 4.0 times as long, fused LSTM "
        "float32 takes 5.0 times as long and TensorFlow stock float32 takes 10 times as long."
    )


def test_every_rival_that_takes_less_than_int8_is_named_fastest_first_and_none_that_takes_as_long():
    dynamic = [result("dynamic", p50, rival=x) for p50, x in ((0.018, "TensorFlow stock"), (0.0199999, "fused LSTM"))]
    fast = [result("float32", p50, rival=x) for p50, x in ((0.015, "ONNX Runtime"), (0.016, "TensorFlow stock"))]
    assert sentences.verdicts(of(FLOAT, INT8, *dynamic, *fast))[2] == (
        "har-edge int8 is not the fastest form: TensorFlow stock float32 takes 0.80 times as long and TensorFlow stock "
        "dynamic takes 0.90 times as long."
    )
    assert len(sentences.verdicts(of(FLOAT, INT8, result("dynamic", 0.03, rival="ONNX Runtime")))) == 3


def test_har_edge_s_own_float_form_is_named_as_such_where_it_is_the_fastest():
    half = result("float16", 0.035)
    speed, *_, yardstick = sentences.verdicts(of(FLOAT, half, INT8, result("float32", 0.07, rival="ONNX Runtime")))
    assert speed.startswith("har-edge int8 is 1.75 times as fast as har-edge float16 (")
    assert yardstick.startswith("har-edge float16 is the fastest of 3 float forms: har-edge float32 takes 1.1 times")


def test_of_an_emulated_device_the_fastest_form_is_that_of_fewest_instructions():
    float32, int8 = EMULATED.results
    fused = replace(float32, rival="fused LSTM", instructions=Instructions(60_000, "counted"))
    _, work, _, yardstick = sentences.verdicts(replace(EMULATED, results=(float32, int8, fused), comparisons=()))
    assert work == "har-edge int8 takes 0.75 times the instructions of fused LSTM float32 (45,000 against 60,000)."
    assert yardstick == (
        "fused LSTM float32 is the fastest of 2 float forms: har-edge float32 takes 1.7 times as many instructions."
    )


def test_a_result_without_times_or_instructions_says_nothing_of_rivals():
    float32, int8 = (replace(x, latency_ms=None, end_to_end_ms=None, arena_bytes=30_000) for x in (FLOAT, INT8))
    for comparisons in ((), (replace(BETTER, p50_ratio=None, end_to_end_ratio=None),)):
        found = sentences.verdicts(of(float32, int8, comparisons=comparisons))
        assert found[0] == "int8 is 1.33 times smaller (150.0 kB against 200.0 kB)."
        assert not [x for x in found if "rival" in x]


def test_a_rival_that_is_absent_is_said_in_every_form():
    report = of(FLOAT, INT8, absent_rivals=(AbsentRival("fused LSTM float32", "layer 'mine' (GRU) has no operator"),))
    for text in (shown(report), html.render([DeviceReport("local", report)]).replace("&#39;", "'")):
        assert "no fused LSTM float32: layer 'mine' (GRU) has no operator" in " ".join(text.split())
    assert "no fused LSTM float32: layer 'mine' (GRU) has no operator" in markdown(report)
    assert sentences.verdicts(report)[-1] == ("float32 is har-edge's own float form: no float rival could be measured.")


def test_without_a_float_form_there_is_only_what_the_report_compares():
    assert sentences.verdicts(of(INT8)) == []
    other = replace(INT8, model="another")
    assert sentences.verdicts(of(FLOAT, other)) == []
    assert sentences.verdicts(of(FLOAT, other, comparisons=(BETTER,)))[0].startswith("int8 is 2.00 times as fast")


def test_an_emulated_device_is_compared_without_times():
    speed, work, *_ = sentences.verdicts(EMULATED)
    assert work == "int8 takes 0.45 times the instructions of float32 (45,000 against 100,000)."
    assert speed == "int8 is 1.33 times smaller (150.0 kB against 200.0 kB)."
    assert sentences.real_time_factors(EMULATED) is None
    for text in (shown(EMULATED), markdown(EMULATED), to_csv([EMULATED])):
        assert "µs" not in text
        assert "emulated" in text
    assert "latency" not in shown(EMULATED)


def test_a_stream_takes_the_share_of_the_mean_time_and_streams_are_counted_with_p99():
    report = of(FLOAT, result("int8", 900.0))
    assert sentences.real_time_factors(report) == (
        "At one window per 1.28 s, float32 needs 0.0041 % of one core (13\u202f000 streams fit at p99) and int8 74 % "
        "(no)."
    )
    slower = of(result("float32", 64.0), data=replace(report.data, period_s=0.64))
    assert sentences.real_time_factors(slower) == (
        "At one window per 0.64 s, float32 needs 11 % of one core (4 streams fit at p99)."
    )
    assert sentences.real_time_factors(replace(report, data=replace(report.data, period_s=None))) is None


def test_the_control_is_quoted_with_what_it_means():
    assert sentences.control(FULL) == (
        "control: the first model took 1.002 (0.990–1.010) of its own time, which holds 1, as it should"
    )
    failed = sentences.control(of(FLOAT, control=Control(1.2, (1.1, 1.3), False)))
    assert failed is not None
    assert "misses 1" in failed
    assert sentences.control(of(FLOAT)) is None


def test_energy_is_a_row_or_a_reason():
    assert "34 µJ" in shown(FULL)
    assert sentences.energy(FULL) is None
    untold = replace(INT8, energy=Energy(None, reason="no counter here"))
    assert sentences.energy(of(untold, untold)) == "energy: not measured: no counter here"
    assert "energy: not measured: no counter here" in shown(of(untold))


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_the_report_fits_its_width(width, n):
    doubt = "the machine was busy before the run (load average 1.5): let it come to rest and run again"
    long = "runs/a-run-with-quite-a-long-name-20250101-101010/model_{}.tflite"
    results = [replace(INT8, file=long.format(i), doubts=(doubt,) if i % 2 else ()) for i in range(n)]
    lines = shown(replace(FULL, results=(FLOAT, *results)), width).splitlines()
    assert max(map(len, lines)) <= width
    assert sum("latency p99" in line for line in lines) == -(-(n + 1) // ((width - 20) // 14))


def test_the_four_forms_of_a_network_are_one_table_at_80_columns():
    forms = (FLOAT, *(result(scheme, agreement=0.99) for scheme in ("float16", "dynamic", "int8")))
    lines = shown(of(*forms)).splitlines()
    assert sum("latency p99" in line for line in lines) == 1
    assert max(map(len, lines)) <= 80


def test_no_number_is_broken_in_two_where_there_is_little_room():
    wide = replace(FLOAT, latency_ms=replace(FLOAT.latency_ms, p50=123.456, p50_ci95=(112.0, 134.0)))
    for width in (40, 60, 80):
        text = shown(of(wide, wide, wide, wide), width)
        assert text.count("123.5 ±11.0 ms") == 4


def test_the_table_has_what_was_measured():
    text = shown(FULL)
    for cell in ("97.00 %", "93.0–99.0 %", "99.00 %", "1.20 %", "20.0 ±0.2 µs", "30.0 µs", "61.0 MB", "150.0 kB"):
        assert cell in text
    assert "177 of 178" in text
    assert "litert 2.3.0 on AMD EPYC, 1 thread: 300 test windows of UCI HAR" in text
    assert "1 thread, paced:" in shown(of(FLOAT, settings=replace(samples.METHOD, mode="paced")))


def test_slow_models_are_shown_in_milliseconds():
    assert "12.5 ±0.1 ms" in shown(of(result("float32", 12.5), INT8))


def test_a_doubt_of_all_is_said_once_and_one_of_some_names_them():
    text = shown(FULL)
    assert text.count("busy") == 1
    assert "doubt: the machine was busy" in text
    assert "doubt: int8: too few inferences" in text


def test_a_failure_is_said_and_the_rest_is_shown():
    assert "failed: the worker for runs/x/model_dynamic.tflite was killed" in shown(FULL)
    text = shown(NOTHING)
    assert "nothing could be measured on AMD EPYC" in text
    assert "failed: b.tflite: the worker hung" in text


def test_names_are_as_short_as_tells_them_apart():
    assert sentences.titles((FLOAT, INT8)) == ["float32", "int8"]
    assert sentences.titles((FLOAT, replace(FLOAT, model="b"))) == ["edge float32", "b float32"]
    assert sentences.titles((FLOAT, replace(FLOAT, file="y"))) == ["runs/x/model_float32.tflite", "y"]
    assert sentences.titles((replace(FLOAT, file="y"),) * 2) == ["1: y", "2: y"]


def test_square_brackets_in_names_are_text():
    assert "[red]" in shown(of(replace(FLOAT, file="[red].tflite"), replace(FLOAT, file="b")), 120)


def test_the_states_of_the_machine_are_told_before_and_after():
    told = {name: values for name, *values in machine_and_method.states(FULL)}
    assert told["load average"] == ["0.250", "1.50"]
    assert told["clock"] == ["2400 MHz (1500 MHz to 2400 MHz)"] * 2
    assert told["temperature"] == ["cpu-thermal 51 °C", "cpu-thermal 63 °C"]
    assert told["throttled now"] == ["no", "no"]
    assert told["throttled since boot"] == ["under-voltage", "under-voltage"]
    assert machine_and_method.states(replace(FULL, device=replace(FULL.device, before=None, after=None))) == []


def test_csv_has_a_row_per_result_and_always_the_same_columns():
    for made in (FULL, EMULATED, NOTHING, samples.evil()):
        rows = list(csv.DictReader(io.StringIO(to_csv([made]))))
        assert len(rows) == len(made.results)
        for row, one in zip(rows, made.results, strict=True):
            assert list(row) == columns()
            assert row["file"] == one.file
            assert float(row["accuracy"]) == one.accuracy
    float_row, int8_row = csv.DictReader(io.StringIO(to_csv([FULL])))
    assert float(int8_row["latency_ms_p50"]) == 0.02
    assert float(int8_row["latency_ms_p50_ci95_low"]) == pytest.approx(0.0198)
    assert float(int8_row["accuracy_subjects_ci95_high"]) == 0.99
    assert float_row["agreement"] == ""
    assert float(int8_row["energy_per_inference_mj"]) == 0.034
    assert int8_row["doubts"] == "the machine was busy | too few inferences"


def test_markdown_is_a_table_with_sentences():
    text = markdown(FULL)
    assert "| | float32 | int8 |\n|---|---:|---:|\n| accuracy | 97.00 % | 96.80 % |" in text
    assert sentences.verdicts(FULL)[0] in text
    assert "- **doubt:** int8: too few inferences" in text
    assert "- **failed:** the worker for" in text


def test_markdown_shows_any_text_as_it_is():
    parser = MarkdownIt("commonmark").enable("table")
    rendered = parser.render(markdown(samples.evil()))
    assert "<script" not in rendered
    assert "<a " not in rendered
    assert "<code" not in rendered
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&amp;&quot;'{{ 7*7 }}|`*_[x](y)" in rendered
    (head, *rows) = [line for line in rendered.splitlines() if line.startswith("<tr")] and rendered.split("<tr>")[1:]
    assert {row.count("<td") for row in rows if "<td" in row} == {head.count("<th")} == {4}


def test_every_form_can_be_written_and_the_page_comes_last(tmp_path):
    paths = {form: tmp_path / "deep" / f"x.{form}" for form in ("json", "csv", "markdown", "html")}
    devices = [DeviceReport("local", FULL)]
    assert outputs.write(devices, paths) == list(paths.values())
    assert paths["html"].read_text().startswith("<!DOCTYPE html>")
    assert [x.name for x in outputs.write(devices, {"csv": tmp_path / "y.csv", "html": None})] == ["y.csv"]


def test_hostile_names_do_not_stop_the_terminal():
    assert EVIL.strip()[:8] in shown(samples.evil(), 120)


@pytest.mark.parametrize("width", [80, 120])
def test_the_terminal_shows_every_device_within_its_width(capsys, monkeypatch, width):
    monkeypatch.setenv("COLUMNS", str(width))
    terminal_table.show(gather(DEVICES), Console())
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= width
    text = " ".join(" ".join(lines).split())
    assert "pi4: edge by litert 2.3.0 on" in text
    assert "failed: <b>gone</b> cannot be reached" in text
    assert "pi5.local:2222: int8 is 2.00 times as fast as float32" in text


def test_markdown_has_a_column_for_each_model_on_each_device():
    header, _, *rows = [x for x in to_markdown(gather(DEVICES)).splitlines() if x.startswith("|")]
    assert header.count("|") == 2 + len(gather(DEVICES).names)
    assert {row.count("|") for row in rows} == {header.count("|")}
    assert "<b>" not in to_markdown(gather(DEVICES))


def test_csv_has_a_row_for_each_model_on_each_device():
    rows = list(csv.DictReader(io.StringIO(to_csv([x.report for x in DEVICES if x.report]))))
    assert [x["quantization"] for x in rows] == [x.quantization for x in gather(DEVICES).results]


@pytest.mark.parametrize("odd", [1e15, 1e-6, 0, -1e15])
def test_every_form_can_be_made_of_the_largest_and_the_smallest_numbers(odd):
    """Of those that `results.parse` reads, in all places at once and beside a usual report."""
    made = json.loads(FULL.to_json())
    for owner, key in holders(made):
        before, owner[key] = owner[key], odd if isinstance(owner[key], float) else int(odd)
        try:
            results.parse(json.dumps(made))
        except ValueError:
            owner[key] = before
    report = results.parse(json.dumps(made))
    assert report != FULL
    for other in ([], [DeviceReport("other", FULL)]):
        devices = [DeviceReport("odd", report), *other]
        content = gather(devices)
        terminal_table.show(content, rich.console.Console(file=io.StringIO(), width=80))
        for text in (html.render(devices), to_markdown(content), to_csv([report])):
            assert not re.search(r"\b(nan|inf)\b", text)
    for pair in (*compare(FULL, report).pairs, *compare(report, FULL).pairs):
        json.dumps(asdict(pair), allow_nan=False)


def holders(x: Any) -> Iterator[tuple[Any, Any]]:
    """The list or object and the place in it of each number, of lists those in the first two places."""
    for key, part in x.items() if isinstance(x, dict) else list(enumerate(x))[:2]:
        if isinstance(part, (dict, list)):
            yield from holders(part)
        elif isinstance(part, (int, float)) and not isinstance(part, bool):
            yield x, key


def test_thousands_of_results_are_all_in_the_files_and_the_first_ones_on_the_terminal_and_in_the_pictures():
    many = of(*(result(scheme, model=f"m{i}") for i in range(150) for scheme in ("float32", "int8")))
    console = rich.console.Console(file=io.StringIO(), width=120)
    devices = [DeviceReport("local", many)]
    terminal_table.show(gather(devices), console)
    text = console.file.getvalue()
    assert "m29 int8" in text
    assert "m30 int8" not in text
    assert text.endswith(
        "Not shown: 240 results, 241 sentences, the real-time factors; --html, --csv and --markdown have all of them.\n"
    )
    page = html.render(devices)
    assert "Drawn are the first 60 of 300 results" in page
    assert f"the first {MOST} results" in (Path(__file__).parents[2] / "docs/bench.md").read_text()
    assert page.count("m149 int8") > page.count("m149 int8: p50") == 0
    assert len(to_csv([many]).splitlines()) == 301
    assert "m149 int8" in to_markdown(gather(devices))


def test_pairs_are_found_by_one_look_at_each_result():
    """Thousands of results took minutes when each was held against all others."""
    looks = Counter()

    @dataclass(frozen=True)
    class Watched(Result):
        def __getattribute__(self, name):
            looks[name] += name == "model"
            return super().__getattribute__(name)

    n = 300
    many = [Watched(**vars(result("int8", model=f"m{i}", samples_ms=None))) for i in range(n)]
    results.compared(many)
    compare(of(*many), of(*many))
    assert looks["model"] <= 20 * n


def test_reports_side_by_side_are_named_by_what_tells_them_apart():
    def names(*made: Report) -> list[str]:
        return [x.device for x in side_by_side({f"{i}.json": report for i, report in enumerate(made)})]

    other_runtime = replace(FULL, device=replace(FULL.device, runtime=RuntimeVersion("tflite-runtime", "2.14.0")))
    assert names(FULL, replace(FULL, device=replace(FULL.device, name="ssh://pi"))) == ["local", "ssh://pi"]
    assert names(FULL, other_runtime) == ["litert 2.3.0", "tflite-runtime 2.14.0"]
    assert names(FULL, FULL) == ["0.json", "1.json"]
    assert names(FULL) == ["local"]


def test_the_title_names_the_networks():
    assert sentences.title(of(FLOAT, INT8)).startswith("edge by litert 2.3.0 on AMD EPYC, 1 thread: ")
    assert sentences.title(of(FLOAT, replace(INT8, model="small"))).startswith("edge and small by litert")
    assert sentences.title(of(*(replace(INT8, model=f"m{i}") for i in range(4)))).startswith("4 networks by litert")
