"""Measure the claims about `har-edge bench`: ratios, other machines, emulated boards, and the method itself."""

import copy
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from edge_runtime.bench import measurement
from edge_runtime.bench.rounds import MeasurementSettings
from edge_runtime.data import loading
from edge_runtime.devices.targets import open_device
from edge_runtime.model import model_card as cards
from edge_runtime.model.model_card import Card
from edge_runtime.model.model_file import open_model_file
from edge_runtime.runs import Run
from tools import ROOT
from tools.claim import Claim, at_least, at_most, har_edge_json

CONTROLS = 10


def int8_claims(run: Run, folder: Path) -> Iterator[Claim]:
    """Measure the gain and cost of int8, in a run that was trained and converted now."""
    report = har_edge_json(folder / "bench.json", "bench", str(run.folder), "--runtime", "litert")
    results = {result["quantization"]: result for result in report["results"]}
    float32, int8 = results["float32"], results["int8"]
    doubt = "; ".join(dict.fromkeys(int8["doubts"] + float32["doubts"]))
    times = [result["latency_ms"]["undisturbed"] for result in (int8, float32)]
    ratio = times[0] / times[1]
    microseconds = f"{1000 * times[0]:.1f} us int8 and {1000 * times[1]:.1f} us float32"
    evidence = f"one run on {int8['runtime']}: {microseconds}"
    yield replace(at_most("int8's latency ÷ float32's is", ratio, 0.7, "", evidence), doubt=doubt)
    loss = 100 * (float32["accuracy"] - int8["accuracy"])
    evidence = f"{100 * float32['accuracy']:.2f} and {100 * int8['accuracy']:.2f} % of {int8['windows']} test windows"
    yield at_most("int8 loses on the test subjects", loss, 0.5, "percentage points", evidence)


def emulated_claims(folder: Path) -> Iterator[Claim]:
    """Count the instructions of an inference on emulated boards."""
    for cpu, limit in (("cortex-a72", 1.0), ("cortex-a76", 0.45)):
        report = har_edge_json(
            folder / f"{cpu}.json", "bench", "edge", "--on", f"emulated:{cpu}", "--runtime", "litert"
        )
        results = {result["quantization"]: result["instructions"] for result in report["results"]}
        int8, float32 = (results[x]["per_inference"] for x in ("int8", "float32"))
        evidence = f"{int8:,} and {float32:,}: {results['int8']['method']}"
        text = f"int8's instructions ÷ float32's on an emulated {cpu.title()} are"
        yield at_most(text, int8 / float32, limit, "", evidence)


def method_claims() -> Iterator[Claim]:
    """Check the benchmark where the truth is known: the same model twice, a slower copy, a busy core."""
    data = loading.load_data()
    path = ROOT / "edge_runtime/models/edge_float32.tflite"
    once = open_model_file(path, "edge float32")
    slower = replace(
        once, title="the same with its convolution done twice", content=slower_copy(*cards.read_model(path))
    )
    device = open_device("local")
    reports = [measurement.measure([once, slower], data, device, MeasurementSettings()) for _ in range(CONTROLS)]
    # The report's comparison is always against the faster of the two models, so it is not used here.
    ratios = [
        second.latency_ms.undisturbed / first.latency_ms.undisturbed
        for first, second in (report.results for report in reports)
    ]
    comparisons = [report.comparisons[0] for report in reports]
    sure = sum(comparison.result == 1 and comparison.p50_ratio_ci95[0] > 1 for comparison in comparisons)
    passed = sum(report.control.passed for report in reports)
    settings, of_all = f"{CONTROLS} runs as `har-edge bench` does them", f"of {CONTROLS} runs"
    text = "a model against itself: the ratio's interval contains 1 in"
    yield at_least(text, passed, round(0.9 * CONTROLS), of_all, settings, 0)
    evidence = (
        f"{settings}; the ratio was {min(ratios):.3f} to {max(ratios):.3f}, its whole interval above 1 in {sure} runs"
    )
    text = "a slower copy is ranked behind its original in"
    yield at_least(text, sum(ratio > 1 for ratio in ratios), CONTROLS, of_all, evidence, 0)
    overhead = max(report.settings.harness_overhead_us for report in reports)
    yield at_most("timing adds to a call", overhead, 1, "us", f"an empty call, worst of {CONTROLS} runs")
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        report = measurement.measure([once], data, device, MeasurementSettings())
    finally:
        busy.kill()
        busy.wait()
    about_cpus = [doubt for doubt in report.results[0].doubts if "CPUs busy" in doubt]
    words = about_cpus[0] if about_cpus else "no doubt"
    yield Claim("another busy core is noticed", "a doubt is printed", words, bool(about_cpus), "one run beside a loop")


def slower_copy(flatbuffer: bytes, card: Card) -> bytes:
    """Return a model file in which the first convolution is done twice, with the same answers.

    The larger of the two equal results goes on, so that no runtime can skip the second convolution.
    """
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(flatbuffer))
    graph = model.subgraphs[0]
    codes = [max(code.builtinCode, code.deprecatedBuiltinCode) for code in model.operatorCodes]
    place = next(i for i, x in enumerate(graph.operators) if codes[x.opcodeIndex] == schema.BuiltinOperator.CONV_2D)
    first = graph.operators[place]
    (result,) = first.outputs
    twins = [len(graph.tensors), len(graph.tensors) + 1]
    graph.tensors += [copy.copy(graph.tensors[result]) for _ in twins]
    second = copy.copy(first)
    first.outputs, second.outputs = ([twin] for twin in twins)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.MAXIMUM
    code.version = 1
    model.operatorCodes.append(code)
    larger = schema.OperatorT()
    larger.opcodeIndex = len(model.operatorCodes) - 1
    larger.inputs, larger.outputs = twins, [result]
    larger.builtinOptionsType = schema.BuiltinOptions.MaximumMinimumOptions
    larger.builtinOptions = schema.MaximumMinimumOptionsT()
    graph.operators[place + 1 : place + 1] = [second, larger]
    builder = flatbuffers.Builder(len(flatbuffer))
    builder.Finish(model.Pack(builder), b"TFL3")
    return cards.attach(bytes(builder.Output()), card)
