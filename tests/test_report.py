"""The report on a terminal: fits its width, and the closing sentence says what is true, gain or loss."""

import io
from dataclasses import replace

import pytest
import rich.console

from edge_runtime import report
from edge_runtime.results import Latency, Report, Result


def result(scheme: str, p50: float, **changes: object) -> Result:
    latency = Latency(p50, p50, p50, p50, p50, p50, p50, 3000)
    made = Result(
        model="edge",
        file=f"runs/x/model_{scheme}.tflite",
        sha256="0" * 64,
        runtime="litert",
        runtime_version="2.3.0",
        quantization=scheme,
        threads=1,
        pinned_cpu=1,
        size_bytes=200_000,
        operators=178,
        xnnpack_operators=177,
        load_ms=5.0,
        first_ms=0.1,
        latency_ms=latency,
        end_to_end_ms=replace(latency, p50=p50 + 0.010),
        peak_memory_bytes=61_000_000,
        baseline_memory_bytes=42_000_000,
        labels=("A", "B"),
        windows=2947,
        accuracy=0.97,
        macro_f1=0.97,
        confusion=((1, 0), (0, 1)),
        per_subject={"1": 0.97},
        agreement=None,
        doubts=(),
        samples_ms=None,
    )
    return replace(made, **changes)


FLOAT = result("float32", 0.040)
INT8 = result("int8", 0.020, size_bytes=150_000, accuracy=0.968, agreement=0.99)


def of(*results: Result) -> Report:
    device = {"board": None, "cpu": "AMD EPYC", "machine": "x86_64"}
    return Report(device, {"name": "UCI HAR", "windows": 2947}, results)


def shown(made: Report, width: int = 80) -> str:
    stream = io.StringIO()
    report.show(made, rich.console.Console(file=stream, width=width, highlight=False))
    return stream.getvalue()


def test_a_gain_and_a_small_loss_are_one_plain_sentence():
    assert report.verdicts(of(FLOAT, INT8)) == [
        "int8 is 2.00 times as fast as float32 (p50 20.0 µs against 40.0 µs), 1.67 times as fast end to end (30.0 µs "
        "against 50.0 µs), 1.33 times smaller (150.0 kB against 200.0 kB), and loses 0.20 percentage points of "
        "accuracy (96.80 % against 97.00 %)."
    ]


def test_a_slower_larger_and_better_model_is_said_to_be_that():
    (sentence,) = report.verdicts(of(FLOAT, result("int8", 0.060, size_bytes=250_000, accuracy=0.98)))
    assert sentence.startswith(
        "int8 is 1.50 times slower than float32 (p50 60.0 µs against 40.0 µs), 1.40 times slower"
    )
    assert "1.25 times larger" in sentence
    assert "gains 1.00 percentage points" in sentence


def test_no_difference_is_said_too():
    (sentence,) = report.verdicts(of(FLOAT, result("int8", 0.040)))
    assert sentence.startswith("int8 is as fast as float32 (")
    assert "as fast end to end" in sentence
    assert "of the same size" in sentence
    assert "loses 0.00 percentage points" in sentence


def test_the_comparison_is_with_the_fastest_float_form_of_the_same_network():
    other = result("float32", 0.010, model="small", file="s.tflite")
    faster = result("float32", 0.030, file="f.tflite")
    (sentence,) = report.verdicts(of(FLOAT, faster, other, INT8))
    assert "against 30.0 µs" in sentence
    assert "f.tflite" in sentence


def test_without_a_float_form_there_is_no_comparison():
    assert report.verdicts(of(INT8)) == []
    assert report.verdicts(of(FLOAT, replace(INT8, model="another"))) == []


def test_an_emulated_device_is_compared_without_times():
    nothing = {"latency_ms": None, "end_to_end_ms": None, "load_ms": None, "first_ms": None, "peak_memory_bytes": None}
    made = of(*(replace(x, **nothing, baseline_memory_bytes=None) for x in (FLOAT, INT8)))
    (sentence,) = report.verdicts(made)
    assert sentence.startswith("int8 is 1.33 times smaller")
    assert "µs" not in shown(made)
    assert "–" in shown(made)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("n", [1, 2, 5, 12])
def test_the_report_fits_its_width(width, n):
    doubt = "the machine was busy before the run (load average 1.5): let it come to rest and run again"
    long = "runs/a-run-with-quite-a-long-name-20250101-101010/model_{}.tflite"
    results = [replace(INT8, file=long.format(i), doubts=(doubt,) if i % 2 else ()) for i in range(n)]
    lines = shown(of(FLOAT, *results), width).splitlines()
    assert max(map(len, lines)) <= width
    assert sum("latency p99" in line for line in lines) == -(-(n + 1) // ((width - 26) // 13))


def test_the_table_has_what_was_measured():
    text = shown(of(FLOAT, INT8))
    for words in ("97.00 %", "96.80 %", "99.00 %", "20.0 µs", "30.0 µs", "5.00 ms", "61.0 MB", "42.0 MB", "150.0 kB"):
        assert words in text
    assert "177 of 178" in text
    assert "litert 2.3.0 on AMD EPYC, 1 thread: 2947 test windows of UCI HAR" in text


def test_slow_models_are_shown_in_milliseconds():
    assert "12.5 ms" in shown(of(result("float32", 12.5), INT8))


def test_a_doubt_of_all_is_said_once_and_one_of_some_names_them():
    busy, few = "the machine was busy", "too few inferences"
    text = shown(of(replace(FLOAT, doubts=(busy,)), replace(INT8, doubts=(busy, few))))
    assert text.count(busy) == 1
    assert f"doubt: {busy}" in text
    assert f"doubt: int8: {few}" in text


def test_names_are_as_short_as_tells_them_apart():
    assert report.titles((FLOAT, INT8)) == ["float32", "int8"]
    assert report.titles((FLOAT, replace(FLOAT, model="b"))) == ["edge float32", "b float32"]
    assert report.titles((FLOAT, replace(FLOAT, file="y"))) == ["runs/x/model_float32.tflite", "y"]


def test_square_brackets_in_names_are_text():
    assert "[red]" in shown(of(replace(FLOAT, file="[red].tflite"), replace(FLOAT, file="b")), 120)
