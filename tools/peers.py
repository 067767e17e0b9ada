"""Measure one network in every form: `python tools/peers.py RUN`; see README.md."""

import json
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime import runs
from edge_runtime.bench import doubts, intervals, machine
from edge_runtime.bench.timing import time_calls, warm_up
from edge_runtime.data import loading
from edge_runtime.data.dataset import Split
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Preparation, dequantise
from edge_runtime.model.interpreters import open_model
from edge_runtime.system.files import write_text

OUT = Path(__file__).resolve().parents[1] / "docs" / "results"
ROUNDS, RUNS = 10, 300
TIMED_WINDOWS = 32


@dataclass(frozen=True)
class Form:
    """A form of the network: what it is, the file that holds it and the runtime that runs it."""

    group: str
    name: str
    file: str
    runtime: str = "litert"


@dataclass(frozen=True)
class Row:
    """What was measured of one form; `agreement` is with the first one's answers."""

    group: str
    name: str
    operators: int | None
    bytes: int
    p50_us: float
    of_fastest_float: float
    of_fastest_float_ci95: tuple[float, float]
    accuracy: float
    agreement: float


def main(run: Path) -> None:
    """Measure all forms of the selection network in the run folder `run`, in turns; write `docs/results/peers.*`."""
    before = machine.state()
    with tempfile.TemporaryDirectory(prefix="har-edge-peers-") as name:
        folder = Path(name)
        _child("build", run, folder)
        forms = [Form(**x) for x in json.loads((folder / "forms.json").read_text())]
        times: list[list[list[float]]] = [[] for _ in forms]
        facts: list[dict[str, Any]] = [{} for _ in forms]
        for turn in range(ROUNDS):
            for i, form in enumerate(forms):
                print(f"round {turn + 1} of {ROUNDS}: {form.group}, {form.name}", file=sys.stderr)
                _child("measure", folder, form.file, form.runtime, *(["answers"] if turn == 0 else []))
                times[i].append((np.load(folder / "times.npy") / 1e6).tolist())
                if turn == 0:
                    facts[i] = json.loads((folder / "facts.json").read_text())
    busy = machine.busy_share(before, machine.state(), own_seconds=0.0)
    fastest = min(
        (i for i, form in enumerate(forms) if form.name in ("float32", "float16")),
        key=lambda i: intervals.latency(times[i]).p50,
    )
    rows = []
    for form, own, fact in zip(forms, times, facts, strict=True):
        ratio, interval = intervals.p50_ratio(own, times[fastest])
        rows.append(
            Row(
                group=form.group,
                name=form.name,
                operators=fact["operators"],
                bytes=fact["bytes"],
                p50_us=1000 * intervals.latency(own).p50,
                of_fastest_float=ratio,
                of_fastest_float_ci95=interval,
                accuracy=fact["accuracy"],
                agreement=float(np.mean(np.array(fact["answers"]) == np.array(facts[0]["answers"]))),
            )
        )
    record = json.loads((run / "card.json").read_text(encoding="utf-8"))["training"]
    content = {
        "device": machine.describe(),
        "load_average_before": before.load_average,
        "busy_cpus_beside": None if busy is None else max(0.0, busy - 1),  # we keep one busy ourselves
        "packages": {x: version(x) for x in ("ai-edge-litert", "tensorflow", "tf_keras", "onnxruntime")},
        "weights_sha256": record["weights_sha256"]["selection"],
        "held_out_subjects": record["held_out_subjects"],
        "fastest_float": f"{forms[fastest].group}, {forms[fastest].name}",
        "rows": [asdict(x) for x in rows],
    }
    write_text(OUT / "peers.json", json.dumps(content, indent=1) + "\n")
    write_text(OUT / "peers.md", _markdown(content, rows))
    print(OUT / "peers.md")


def build(run: Path, folder: Path) -> None:
    """Write all forms of the selection network, its card and the held-out subjects' windows into `folder`."""
    import gate_layouts
    import peer_models

    from edge_runtime.host.tensorflow_setup import import_tensorflow

    import_tensorflow("the network")
    from convert.cli import CALIBRATION
    from convert.conversion_inputs import TrainingRecord
    from convert.keras_files import load_network
    from convert.lowering.network import lower
    from convert.quantise import tflite_converter
    from convert.quantise.calibration import calibrate, draw_windows

    card = cards.load(run / "card.json")
    record = TrainingRecord.of(card, run / "card.json")
    card = replace(card, normalisation=record.selection_normalisation)
    cards.save(card, folder / "card.json")
    train = loading.load_data().train
    held_out = np.isin(train.subject, record.held_out_subjects)
    fitting, unseen = train.select(~held_out), train.select(held_out)
    np.savez(folder / "windows.npz", X=unseen.X, y=unseen.y)
    network = load_network(run / "selection.keras")
    windows = _calibration(card, fitting.select(draw_windows(fitting, CALIBRATION, card.training["seed"])))
    lowered = lower(network)
    (folder / "float32.tflite").write_bytes(tflite_converter.to_float32(lowered))
    (folder / "float16.tflite").write_bytes(tflite_converter.to_float16(lowered))
    (folder / "dynamic.tflite").write_bytes(tflite_converter.to_dynamic(lowered))
    ranges = calibrate(lowered, windows, lambda done, of: None)
    (folder / "int8_float32.tflite").write_bytes(tflite_converter.to_int8(lowered, ranges, "float32"))
    forms = [
        Form("har-edge", "float32", "float32.tflite"),
        Form("har-edge", "float16", "float16.tflite"),
        Form("har-edge", "dynamic", "dynamic.tflite"),
        Form("har-edge", "int8 with float32 input and output", "int8_float32.tflite"),
    ]
    for i, (name, layout) in enumerate(gate_layouts.GATE_LAYOUTS.items()):
        ranges = calibrate(lowered, windows, lambda done, of: None, layout)
        (folder / f"int8_{i}.tflite").write_bytes(tflite_converter.to_int8(lowered, ranges, layout=layout))
        forms.append(Form("har-edge", f"int8, {name}", f"int8_{i}.tflite"))
    peer_models.stock(network, windows, folder)
    peer_models.onnx(network, folder)
    forms += [
        Form("the same files in TensorFlow's interpreter", "float32", "float32.tflite", "tensorflow"),
        Form("the same files in TensorFlow's interpreter", "int8", "int8_0.tflite", "tensorflow"),
        Form("TensorFlow's converter as it comes", "float32", "stock_float32.tflite"),
        Form("TensorFlow's converter as it comes", "int8", "stock_int8.tflite"),
        Form("ONNX Runtime", "float32", "float32.onnx", "onnxruntime"),
        Form("ONNX Runtime", "dynamic int8", "dynamic_int8.onnx", "onnxruntime"),
    ]
    (folder / "forms.json").write_text(json.dumps([asdict(x) for x in forms]))


def _calibration(card: cards.Card, split: Split) -> np.ndarray:
    return np.asarray(card.normalisation.apply(split.X), np.float32)


def measure(folder: Path, file: str, runtime: str, answer: bool) -> None:
    """Time one form on a few windows: `times.npy`; with `answer`, let it answer all windows: `facts.json`."""
    machine.pin_to_one_cpu()
    held_out = np.load(folder / "windows.npz")
    windows, y = held_out["X"], held_out["y"]
    form = (_onnx if runtime == "onnxruntime" else _tflite)(folder, folder / file, runtime)
    inputs = [form.prepare(window).copy() for window in windows[:: len(windows) // TIMED_WINDOWS][:TIMED_WINDOWS]]
    warm_up(form.infer, inputs, 0.1, 2.0)
    np.save(folder / "times.npy", time_calls(form.infer, inputs, RUNS))
    if answer:
        answers = [int(np.argmax(form.logits(form.infer(form.prepare(window))))) for window in windows]
        size = (folder / file).stat().st_size
        accuracy = float(np.mean(answers == y))
        facts = {"operators": form.operators, "bytes": size, "accuracy": accuracy, "answers": answers}
        (folder / "facts.json").write_text(json.dumps(facts))


@dataclass(frozen=True)
class Parts:
    """Window -> input; input -> output; output -> logits; and the number of operators, where it is known."""

    prepare: Callable[[Any], Any]
    infer: Callable[[Any], Any]
    logits: Callable[[Any], Any]
    operators: int | None


def _tflite(folder: Path, file: Path, runtime: str) -> Parts:
    model = open_model(file.read_bytes(), runtime)
    prepare = Preparation(cards.load(folder / "card.json").normalisation, model.input)
    return Parts(prepare, model.run, lambda output: dequantise(output, model.output), model.operators.total)


def _onnx(folder: Path, file: Path, _: str) -> Parts:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    normalisation = cards.load(folder / "card.json").normalisation
    return Parts(
        lambda window: np.asarray(normalisation.apply(window[np.newaxis]), np.float32),
        lambda values: session.run(None, {"windows": values})[0],
        lambda output: output,
        None,
    )


def _child(task: str, *arguments: object) -> None:
    done = subprocess.run(
        [sys.executable, __file__, task, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stderr}\n{task} {' '.join(map(str, arguments))} ended with exit code {done.returncode}")


def _markdown(content: dict[str, Any], rows: list[Row]) -> str:
    device, beside = content["device"], content["busy_cpus_beside"]
    packages = ", ".join(f"{name} {number}" for name, number in content["packages"].items())
    lines = [
        "# One network in every form",
        "",
        f"Written by `tools/peers.py`: {device['cpu']}, {device['cores']} cores, {device['os']}, Python "
        f"{platform.python_version()}, {packages}. {ROUNDS} rounds in turns, {RUNS} inferences each, one thread; load "
        f"average before {content['load_average_before']}. Answers are those of the selection network on the "
        f"{len(content['held_out_subjects'])} held-out training subjects. The fastest float form here: "
        f"{content['fastest_float']}.",
        "",
    ]
    if beside is not None and beside > doubts.BUSY_SHARE:
        lines += [f"Doubt: other programs kept {beside:.1f} CPUs busy meanwhile.", ""]
    for group in dict.fromkeys(x.group for x in rows):
        lines += [
            f"## {group[0].upper()}{group[1:]}" if group != "har-edge" else "## har-edge",
            "",
            "| form | operators | kB, no card | p50, µs | of fastest float (95 %) | accuracy, % | same answers, % |",
            "|---|---|---|---|---|---|---|",
            *(_cells(x) for x in rows if x.group == group),
            "",
        ]
    return "\n".join(lines)


def _cells(row: Row) -> str:
    low, high = row.of_fastest_float_ci95
    return (
        f"| {row.name} | {row.operators or ''} | {row.bytes / 1000:.0f} | {row.p50_us:.1f} | "
        f"{row.of_fastest_float:.2f} ({low:.2f} to {high:.2f}) | {100 * row.accuracy:.2f} | "
        f"{100 * row.agreement:.2f} |"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["build"]:
        build(Path(sys.argv[2]), Path(sys.argv[3]))
    elif sys.argv[1:2] == ["measure"]:
        measure(Path(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:] == ["answers"])
    elif len(sys.argv) == 2:
        main(runs.find(Path(sys.argv[1])).folder.resolve())
    else:
        sys.exit("usage: python tools/peers.py RUN (a run folder that 'har-edge train' has made)")
