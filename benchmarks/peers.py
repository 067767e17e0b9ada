"""Measure one network in the forms that other tools give it: `python benchmarks/peers.py RUN`; see README.md."""

import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime import card as cards
from edge_runtime import dataset, doubts, intervals, machine, runs
from edge_runtime.classifier import Preparation, dequantise
from edge_runtime.files import write_text
from edge_runtime.interpreters import open_model
from edge_runtime.timing import time_calls, warm_up

OUT = Path(__file__).resolve().parent.parent / "results" / "peers.md"
ROUNDS, RUNS = 10, 300
CALIBRATION_WINDOWS = 500
TIMED_WINDOWS = 32


@dataclass(frozen=True)
class Peer:
    """A form of the network: the file that holds it and the runtime that runs it."""

    name: str
    file: Path
    runtime: str


def main(run: Path) -> None:
    """Build all forms of the network in the folder `run`, measure them in turns, write `results/peers.md`."""
    data = dataset.load()
    before = machine.state()
    with tempfile.TemporaryDirectory(prefix="har-edge-peers-") as name:
        folder = Path(name)
        np.save(folder / "windows.npy", data.test.X)
        _child("build", run, folder)
        peers = [
            Peer("har-edge float32", run / "model_float32.tflite", "litert"),
            Peer("har-edge int8", run / "model_int8.tflite", "litert"),
            Peer("har-edge float32 in TensorFlow", run / "model_float32.tflite", "tensorflow"),
            Peer("har-edge int8 in TensorFlow", run / "model_int8.tflite", "tensorflow"),
            Peer("stock float32", folder / "stock_float32.tflite", "litert"),
            Peer("stock int8", folder / "stock_int8.tflite", "litert"),
            Peer("ONNX Runtime float32", folder / "float32.onnx", "onnxruntime"),
            Peer("ONNX Runtime dynamic int8", folder / "dynamic_int8.onnx", "onnxruntime"),
        ]
        times: list[list[list[float]]] = [[] for _ in peers]
        answers = [np.empty(0)] * len(peers)
        for turn in range(ROUNDS):
            for i, peer in enumerate(peers):
                print(f"round {turn + 1} of {ROUNDS}: {peer.name}", file=sys.stderr)
                _child("measure", run, folder, peer.file, peer.runtime)
                times[i].append((np.load(folder / "times.npy") / 1e6).tolist())
                answers[i] = np.load(folder / "answers.npy")
        sizes = [peer.file.stat().st_size for peer in peers]
    busy = machine.busy_share(before, machine.state(), own_seconds=0.0)
    rows = []
    for peer, own, predicted, size in zip(peers, times, answers, sizes, strict=True):
        ratio, (low, high) = intervals.p50_ratio(own, times[0])
        accuracy = 100 * np.mean(predicted == data.test.y)
        same = 100 * np.mean(predicted == answers[0])
        rows.append(
            f"| {peer.name} | {1000 * intervals.latency(own).p50:.1f} | {ratio:.2f} ({low:.2f} to {high:.2f}) | "
            f"{size / 1000:.0f} | {accuracy:.2f} | {same:.2f} |"
        )
    write_text(OUT, _markdown(rows, before, busy))
    print(OUT)


def build(run: Path, folder: Path) -> None:
    """Write the peers' models into `folder`."""
    import peer_models

    from edge_runtime.host import import_tensorflow

    import_tensorflow("the network")
    import keras

    card = cards.load(run / "card.json")
    weights = keras.saving.load_model(run / "model.keras", compile=False).get_weights()
    weights = [x for x in weights if x.dtype == np.float32]  # dropout keeps the state of its generator
    windows = card.normalisation.apply(dataset.load().train.X)
    chosen = np.random.default_rng(0).choice(len(windows), CALIBRATION_WINDOWS, replace=False)
    peer_models.stock(weights, windows[chosen], folder)
    peer_models.onnx(weights, card.input_shape, folder)


def measure(run: Path, folder: Path, file: Path, runtime: str) -> None:
    """Time one form on a few windows and let it answer all; `times.npy` and `answers.npy` in `folder`."""
    machine.pin_to_one_cpu()
    windows = np.load(folder / "windows.npy")
    prepare, infer, logits = (_onnx if runtime == "onnxruntime" else _tflite)(run, file, runtime)
    inputs = [prepare(window).copy() for window in windows[:: len(windows) // TIMED_WINDOWS][:TIMED_WINDOWS]]
    warm_up(infer, inputs, 0.1, 2.0)
    times = time_calls(infer, inputs, RUNS)
    answers = [int(np.argmax(logits(infer(prepare(window))))) for window in windows]
    np.save(folder / "times.npy", times)
    np.save(folder / "answers.npy", answers)


Parts = tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[Any], Any]]
"""Window -> input; input -> output; output -> logits."""


def _tflite(run: Path, file: Path, runtime: str) -> Parts:
    model = open_model(cards.strip(file.read_bytes()), runtime)
    prepare = Preparation(cards.load(run / "card.json").normalisation, model.input)
    return prepare, model.run, lambda output: dequantise(output, model.output)


def _onnx(run: Path, file: Path, _: str) -> Parts:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    normalisation = cards.load(run / "card.json").normalisation
    return (
        lambda window: np.asarray(normalisation.apply(window[np.newaxis]), np.float32),
        lambda values: session.run(None, {"windows": values})[0],
        lambda output: output,
    )


def _child(task: str, *arguments: object) -> None:
    done = subprocess.run(
        [sys.executable, __file__, task, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{done.stderr}\n{task} {' '.join(map(str, arguments))} ended with exit code {done.returncode}")


def _markdown(rows: list[str], before: machine.State, busy: float | None) -> str:
    packages = ", ".join(f"{x} {version(x)}" for x in ("ai-edge-litert", "tensorflow", "tf_keras", "onnxruntime"))
    facts = machine.describe()
    lines = [
        "# The same network elsewhere",
        "",
        f"Written by `benchmarks/peers.py`: {facts['cpu']}, {facts['cores']} cores, {facts['os']}, Python "
        f"{platform.python_version()}, {packages}. {ROUNDS} rounds in turns, {RUNS} inferences each, one thread; load "
        f"average before {before.load_average}.",
        "",
    ]
    # We keep one core busy ourselves.
    if busy is not None and busy > 1 + doubts.BUSY_SHARE:
        lines += [f"Doubt: other programs kept {busy - 1:.1f} CPUs busy meanwhile.", ""]
    return "\n".join(
        [
            *lines,
            "| form | p50, µs | of har-edge float32 (95 %) | kB | accuracy, % | same answers, % |",
            "|---|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["build"]:
        build(Path(sys.argv[2]), Path(sys.argv[3]))
    elif sys.argv[1:2] == ["measure"]:
        measure(*map(Path, sys.argv[2:5]), sys.argv[5])
    elif len(sys.argv) == 2:
        main(runs.find(Path(sys.argv[1])).folder.resolve())
    else:
        sys.exit("usage: python benchmarks/peers.py RUN (a run folder that 'har-edge convert --quantize' has filled)")
