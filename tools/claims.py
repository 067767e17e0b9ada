"""Measure what this project claims of itself, each claim with its evidence: `make claims`, on an idle machine.

Timings depend on the machine's mood, so they are not tests. This runs the real commands, writes
`docs/results/claims.json` and `docs/results/claims.md`, and ends with exit code 1 when a claim does not hold.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

from claim import COMMAND, ROOT, Claim, at_least, at_most
from live_claims import live_claims
from rich.console import Console
from slowed import slowed

from edge_runtime.bench import measurement
from edge_runtime.devices import open_device
from edge_runtime.model import model_card as cards
from edge_runtime.runs import Run
from edge_runtime.system.files import write_text

sys.path.insert(0, str(ROOT / "tests"))
import sshd

from edge_runtime.data import loading

RESULTS = ROOT / "results"
CONTROLS = 10
LOAD_DATA = "from edge_runtime import uci_har; uci_har.load()"


def main() -> None:
    """Measure every claim, write both files, exit with 1 when one fails."""
    load = os.getloadavg()[0]
    console = Console(stderr=True)
    if load > 0.5:
        console.print(f"The load average is {load:.1f}: this machine is busy, and timings will show it.")
    claims = []
    with tempfile.TemporaryDirectory(prefix="har-edge-claims-") as folder:
        for claim in _claims(Path(folder), console.print):
            claims.append(claim)
            console.print(
                f"{'holds' if claim.holds else 'FAILS'}: {claim.text}: {claim.measured} (claimed: {claim.limit})"
            )
        device = json.loads((Path(folder) / "bench.json").read_text())["device"]
    content = {"date": f"{date.today()}", "load_average_before": load, "device": device}
    write_text(RESULTS / "claims.json", json.dumps(content | {"claims": [asdict(x) for x in claims]}, indent=1) + "\n")
    write_text(RESULTS / "claims.md", _markdown(claims, device, load))
    print(RESULTS / "claims.md")
    sys.exit(0 if all(x.holds for x in claims) else 1)


def _claims(folder: Path, say: Callable[[str], None]) -> Iterator[Claim]:
    say("start-up …")
    yield from _start_up()
    say("data …")
    yield from _data()
    yield from _seeds()
    yield from _peers()
    say("live recognition …")
    yield from live_claims(folder)
    say("training and conversion …")
    run = Run(folder / "run")
    yield from _training(run)
    say("bench …")
    yield from _bench(run, folder / "bench.json")
    say("a device over ssh …")
    yield from _remote(folder)
    say("emulated boards …")
    yield from _emulated(folder)
    yield from _method(say)


def _start_up() -> Iterator[Claim]:
    for arguments in (["--help"], ["bench", "--help"], ["info", str(ROOT / "edge_runtime/models/edge_int8.tflite")]):
        seconds = statistics.median(_seconds([*COMMAND, *arguments]) for _ in range(11))
        words = " ".join(["har-edge", *(Path(x).name for x in arguments)])
        if arguments[-1] == "--help":
            yield at_most(f"`{words}` answers", seconds, 0.3, "s", "median of 11 runs, wall clock")
        else:
            # No promise in seconds: info starts an interpreter.
            yield Claim(f"`{words}` answers", "reported", f"{seconds:.2f} s", True, "median of 11 runs, wall clock")


def _data() -> Iterator[Claim]:
    size = (ROOT / "edge_runtime/data/recordings.xz").stat().st_size
    yield at_most("the embedded recordings take", size / 1e6, 7, "MB", "size of edge_runtime/data/recordings.xz")
    command = [sys.executable, "-c", LOAD_DATA]
    seconds = statistics.median(_seconds(command) for _ in range(5))
    yield at_most("all windows are rebuilt in", seconds, 3, "s", "median of 5 fresh processes, imports included")


def _training(run: Run) -> Iterator[Claim]:
    seconds = _seconds([*COMMAND, "train", "--out", str(run.folder)])
    yield at_most("`har-edge train` takes", seconds, 180, "s", "one run, both fits, pictures included")
    scores = json.loads(run.card.read_text())["scores"]["test"]
    accuracy = 100 * scores["accuracy"]
    yield at_least(
        "the default network's test accuracy is", accuracy, 97.3, "%", f"seed 0, {scores['windows']} windows"
    )
    seconds = _seconds([*COMMAND, "convert", str(run.folder), "--quantize"])
    yield Claim("`har-edge convert --quantize` takes", "reported", f"{seconds:.0f} s", True, "one run")
    sizes = {scheme: run.tflite(scheme).stat().st_size for scheme in ("float32", "int8")}
    yield at_most("the int8 file takes", sizes["int8"] / 1000, 100, "kB", "with its card")
    evidence = f"{sizes['int8'] / 1000:.1f} and {sizes['float32'] / 1000:.1f} kB"
    yield at_most("the int8 file over the float32 file is", sizes["int8"] / sizes["float32"], 0.5, "", evidence)


def _bench(run: Run, path: Path) -> Iterator[Claim]:
    subprocess.run([*COMMAND, "bench", str(run.folder), "--json", str(path)], check=True, stdout=subprocess.DEVNULL)
    results = {x["quantization"]: x for x in json.loads(path.read_text())["results"]}
    float32, int8 = results["float32"], results["int8"]
    ratio = int8["latency_ms"]["p50"] / float32["latency_ms"]["p50"]
    microseconds = " and ".join(f"{1000 * x['latency_ms']['p50']:.1f} us {x['quantization']}" for x in (int8, float32))
    yield at_most(
        "int8 p50 latency over float32's is", ratio, 0.5, "", f"one run on {int8['runtime']}: {microseconds}", 2
    )
    loss = 100 * (float32["accuracy"] - int8["accuracy"])
    accuracies = (
        f"{100 * float32['accuracy']:.2f} % and {100 * int8['accuracy']:.2f} % of {int8['windows']} test windows"
    )
    yield at_most("int8 loses on the test subjects", loss, 0.5, "percentage points", accuracies, 2)


def _seeds() -> Iterator[Claim]:
    """What `make reference` found."""
    content = json.loads((RESULTS / "seeds.json").read_text())["networks"]
    for network, accuracy, kilobytes in (("edge", 98.0, 100), ("edge-small", 96.5, 50)):
        scores = content[network]
        int8 = [100 * x["accuracy"]["int8"] for x in scores]
        losses = [100 * (x["accuracy"]["float32"] - x["accuracy"]["int8"]) for x in scores]
        evidence = f"{len(scores)} seeds, docs/results/seeds.md"
        spread = f"{evidence}; {min(int8):.2f} to {max(int8):.2f} %"
        yield at_least(
            f"the mean test accuracy of `{network}` in int8 is", statistics.mean(int8), accuracy, "%", spread
        )
        yield at_most(f"`{network}` loses by int8, on the mean", statistics.mean(losses), 0.2, "points", evidence)
        yield at_most(f"`{network}` loses by int8, at worst", max(losses), 0.5, "points", evidence)
        same = 100 * min(x["agreement"] for x in scores)
        yield at_least(f"`{network}` in int8 answers as in float32, at worst", same, 99.0, "%", evidence)
        _, shipped = cards.read_model(ROOT / f"edge_runtime/models/{network}_int8.tflite")
        same_weights = shipped.training["weights_sha256"]["model"] == scores[0]["weights_sha256"]
        words = "the same weights" if same_weights else "other weights"
        yield Claim(f"the shipped `{network}` is seed 0 of these", "the same weights", words, same_weights, evidence)
        largest = max(x["bytes"]["int8"] for x in scores) / 1000
        yield at_most(f"the int8 file of `{network}` takes", largest, kilobytes, "kB", f"{evidence}, with its card")


def _peers() -> Iterator[Claim]:
    """What `tools/peers.py` found."""
    content = json.loads((RESULTS / "peers.json").read_text())
    rows = content["rows"]
    int8 = next(x for x in rows if x["group"] == "har-edge" and x["name"].startswith("int8, "))
    stock = next(x for x in rows if x["group"].startswith("TensorFlow's converter") and x["name"] == "int8")
    low, high = int8["of_fastest_float_ci95"]
    yield at_most(
        "int8 p50 latency over that of the fastest float form, ONNX Runtime's included, is",
        int8["of_fastest_float"],
        0.5,
        "",
        f"docs/results/peers.md: {low:.2f} to {high:.2f}; the fastest was {content['fastest_float']}",
    )
    yield at_least(
        "the stock converter's fused int8 takes, times ours",
        stock["p50_us"] / int8["p50_us"],
        15,
        "",
        f"docs/results/peers.md: {stock['p50_us']:.1f} and {int8['p50_us']:.1f} us",
        1,
    )


def _remote(folder: Path) -> Iterator[Claim]:
    """What carrying a measurement over to another machine costs: this one, over a real sshd on loopback."""
    server = sshd.start(folder / "sshd", {"XDG_CACHE_HOME": str(folder / "device-cache")})
    try:
        environment = os.environ | {"HAR_EDGE_SSH": server.configure(folder / "ssh_config")}
        command = [*COMMAND, "bench", "edge", "--json", str(folder / "remote.json")]
        there = [*command, "--on", "ssh://board"]
        subprocess.run(there, check=True, env=environment, stdout=subprocess.DEVNULL)  # makes the environment
        added = [_seconds(there, environment) - _seconds(command) for _ in range(3)]
    finally:
        server.stop()
    evidence = "median of 3 runs of each in turns, over ssh on loopback, its environment being there"
    yield at_most("a remote run of `har-edge bench` adds", statistics.median(added), 3, "s", evidence, 2)


def _emulated(folder: Path) -> Iterator[Claim]:
    for cpu, limit in (("cortex-a72", 1.0), ("cortex-a76", 0.45)):
        path = folder / f"{cpu}.json"
        command = [*COMMAND, "bench", "edge", "--on", f"emulated:{cpu}", "--runs", "20", "--json", str(path)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        results = {x["quantization"]: x["instructions"] for x in json.loads(path.read_text())["results"]}
        int8, float32 = (results[x]["per_inference"] for x in ("int8", "float32"))
        evidence = f"{int8:,} and {float32:,}: {results['int8']['method']}"
        yield at_most(
            f"int8 takes, of float32's instructions on an emulated {cpu.title()},", int8 / float32, limit, "", evidence
        )


def _method(say: Callable[[str], None]) -> Iterator[Claim]:
    """What the benchmark is worth: run again and again where the truth is known."""
    data = loading.load_data()
    path = ROOT / "edge_runtime/models/edge_float32.tflite"
    flatbuffer, card = cards.read_model(path)
    once = measurement.open_file(path, "edge float32")
    twice = replace(once, title="the same with its convolution done twice", content=slowed(flatbuffer, card))
    device = open_device("local", "auto")
    with_one, sure, ratios, overheads = 0, 0, [], []
    for i in range(CONTROLS):
        say(f"bench against itself and a slowed copy, run {i + 1} of {CONTROLS} …")
        report = measurement.measure([once, twice], data, device)
        # Not from the report's comparison, which is always against the faster of the two.
        first, second = (result.latency_ms.p50 for result in report.results)
        ratios.append(second / first)
        (comparison,) = report.comparisons
        overheads.append(report.settings.harness_overhead_us)
        with_one += report.control.passed
        sure += comparison.result == 1 and comparison.p50_ratio_ci95[0] > 1
    settings = f"{CONTROLS} runs as `har-edge bench` does them"
    yield at_least(
        "a model against itself: the interval of the ratio holds 1 in",
        with_one,
        round(0.9 * CONTROLS),
        "runs",
        settings,
        0,
    )
    yield at_least(
        "a slowed copy is ranked behind its original in",
        sum(ratio > 1 for ratio in ratios),
        CONTROLS,
        "runs",
        f"{settings}; the ratio was {min(ratios):.3f} to {max(ratios):.3f}, its whole interval above 1 in {sure} runs",
        0,
    )
    yield at_most("timing adds to a call", max(overheads), 1, "us", f"an empty call, worst of {CONTROLS} runs")
    busy = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        report = measurement.measure([once], data, device)
    finally:
        busy.kill()
        busy.wait()
    found = [doubt for doubt in report.results[0].doubts if "CPUs busy during the run" in doubt]
    yield Claim(
        "another busy core is noticed",
        "a doubt",
        found[0] if found else "no doubt",
        bool(found),
        "one run beside a loop",
    )


def _seconds(command: list[str], environment: Mapping[str, str] = os.environ) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def _markdown(claims: list[Claim], device: dict[str, Any], load: float) -> str:
    lines = [
        "# Measured claims",
        "",
        f"Written by `make claims` on {date.today()}: {device['cpu']}, {device['cores']} cores, {device['os']}, "
        f"Python {device['python']}, load average before {load:.2f}.",
        "",
        "| | claim | claimed | measured | evidence |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {'holds' if x.holds else '**fails**'} | {x.text} | {x.limit} | {x.measured} | {x.evidence} |"
        for x in claims
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
