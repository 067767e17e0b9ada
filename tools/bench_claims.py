"""Measure the claims about `har-edge bench`: ratios, other machines, emulated boards, and the method itself."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from edge_runtime.bench import measurement
from edge_runtime.bench.rounds import MeasurementSettings
from edge_runtime.data import loading
from edge_runtime.devices.targets import open_device
from edge_runtime.model.model_file import open_model_file
from edge_runtime.model.model_paths import reference_model
from edge_runtime.runs import Run
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
    evidence = f"one run on {int8['runtime']}: {1000 * times[0]:.1f} us int8 and {1000 * times[1]:.1f} us float32"
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
    """Check the benchmark where the truth is known: the same model twice, a busy core."""
    data = loading.load_data()
    models = [open_model_file(reference_model("edge", "float32"))]
    device = open_device("local")
    reports = [measurement.measure(models, data, device, MeasurementSettings()) for _ in range(CONTROLS)]
    passed = sum(report.control.passed for report in reports)
    text, evidence = "a model against itself: the ratio's interval contains 1 in", "runs as `har-edge bench` does them"
    yield at_least(text, passed, round(0.9 * CONTROLS), f"of {CONTROLS} runs", evidence, 0)
    overhead = max(report.settings.harness_overhead_us for report in reports)
    yield at_most("timing adds to a call", overhead, 1, "us", f"an empty call, worst of {CONTROLS} runs")
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        report = measurement.measure(models, data, device, MeasurementSettings())
    finally:
        busy.kill()
        busy.wait()
    doubt = next((doubt for doubt in report.results[0].doubts if "CPUs busy" in doubt), "")
    yield Claim("another busy core is noticed", "a doubt is printed", doubt, bool(doubt), "one run beside a loop")
