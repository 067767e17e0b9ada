"""Measure one network in every form, ours and other tools', in turns: `python -m tools.peers RUN [--rounds N]`.

The forms and the method are in docs/peers.md. Writes `docs/results/peers.json`, `peers.md` and this machine's row of
`processors.json` and `processors.md`.
"""

import json
import multiprocessing
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from operator import itemgetter
from pathlib import Path
from typing import Any

import click
import numpy as np

from edge_runtime import runs
from edge_runtime.bench import doubts, machine, machine_state, statistics
from edge_runtime.bench.timing import time_calls, warm_up
from edge_runtime.model.c_model import C, CModel
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.model_card import read_model
from edge_runtime.model.onnx_model import ONNX_RUNTIME, open_onnx
from tools import RESULTS, table, table_of, write_result
from tools.peer_models import AS_C, OURS, Form, build

RUNS, TIMED_WINDOWS = 300, 32
RAW = "raw window, prepared in the graph"
"""The input that is timed; older files do not name it."""


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--rounds", default=10, metavar="N", help="Processes per form.")
def main(run: Path, rounds: int) -> None:
    """Measure all forms of the selection network in the run folder RUN; write the tables."""
    run = runs.find_run(run).folder
    before = machine_state.state()
    with tempfile.TemporaryDirectory(prefix="har-edge-peers-") as name:
        folder = Path(name)
        forms = in_own_process(build, run, folder)
        times: list[list[list[float]]] = [[] for _ in forms]
        for turn in range(rounds):
            for rounds_of_form, form in zip(times, forms, strict=True):
                print(f"round {turn + 1} of {rounds}: {form.group}, {form.name}", file=sys.stderr)
                rounds_of_form.append(in_own_process(measure, folder, form))
        facts = []
        for form in forms:
            print(f"answers: {form.group}, {form.name}", file=sys.stderr)
            facts.append(in_own_process(answer, folder, form))
    busy = machine_state.busy_share(before, machine_state.state(), own_seconds=0.0)
    p50s = [statistics.latency(x).p50 for x in times]
    fastest = min((i for i, form in enumerate(forms) if form.is_float), key=p50s.__getitem__)
    rows = []
    for form, milliseconds, p50, fact in zip(forms, times, p50s, facts, strict=True):
        ratio, interval = statistics.p50_ratio(milliseconds, times[fastest])
        agreement = float(np.mean(np.array(fact["answers"]) == facts[0]["answers"]))
        rows.append(
            {"group": form.group, "name": form.name}
            | {key: fact[key] for key in ("operators", "bytes", "accuracy")}
            | {"p50_us": 1000 * p50, "of_fastest_float": ratio, "of_fastest_float_ci95": interval}
            | {"agreement": agreement}  # with the answers of the first form
        )
    record = json.loads((run / "card.json").read_text(encoding="utf-8"))["training"]
    content = {
        "date": f"{date.today()}",
        "device": asdict(machine.read_facts()),
        "load_average_before": before.load_average,
        "busy_cpus_beside": None if busy is None else max(0.0, busy - 1),  # we keep one busy ourselves
        "packages": {x: version(x) for x in ("ai-edge-litert", "tensorflow", "tf_keras", "onnxruntime")},
        "weights_sha256": record["weights_sha256"]["selection"],
        "held_out_subjects": record["held_out_subjects"],
        "rounds": rounds,
        "window": RAW,
        "fastest_float": f"{forms[fastest].group}, {forms[fastest].name}",
        "rows": rows,
    }
    write_result("peers", content, markdown(content))
    _record_processor(content)


def in_own_process(task: Callable[..., Any], *arguments: Any) -> Any:
    """Run `task` in a new process, so that the next task starts with nothing loaded or warmed up."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:
        return process.submit(task, *arguments).result()


def measure(folder: Path, form: Form) -> list[float]:
    """Time one form on some windows, in milliseconds."""
    machine.pin_to_one_cpu()
    windows = np.load(folder / "windows.npz")["X"]
    infer, _ = _open(folder, form)
    inputs = [window[np.newaxis] for window in windows[:: len(windows) // TIMED_WINDOWS][:TIMED_WINDOWS]]
    warm_up(infer, inputs, 0.1, 2.0)
    milliseconds: list[float] = (time_calls(infer, inputs, RUNS) / 1e6).tolist()
    return milliseconds


def answer(folder: Path, form: Form) -> dict[str, Any]:
    """Let one form answer all windows."""
    held_out = np.load(folder / "windows.npz")
    infer, operators = _open(folder, form)
    answers = [int(np.argmax(infer(window[np.newaxis]))) for window in held_out["X"]]
    accuracy, size = float(np.mean(answers == held_out["y"])), (folder / form.file).stat().st_size
    return {"operators": operators, "bytes": size, "accuracy": accuracy, "answers": answers}


def _record_processor(content: dict[str, Any]) -> None:
    """Add this machine's ratio of int8 to the fastest float form to `processors.json` and `processors.md`."""
    path = RESULTS / "processors.json"
    row = {
        "processor": content["device"]["cpu"],
        "ratio": ratio_text(our_int8(content["rows"])),
        "against": content["fastest_float"],
        "evidence": f"`python -m tools.peers` on {content['date']}, of a {content['window']}",
        "doubt": "; ".join(doubts_of(content)),
    }
    rows = [*(json.loads(path.read_text()) if path.exists() else []), row]
    write_result("processors", rows, processors(rows))


def processors(rows: list[dict[str, str]]) -> str:
    """Return the text of `processors.md`; `rows` are read from `processors.json`."""
    return f"""# Latency of int8 against float, by processor

*Ratio* is the median time of `edge` in int8, divided by the median time of its fastest float form (*against*) in the
same run, with a 95 % interval. All runs use LiteRT on one thread. Quote the processor with the ratio.
`python -m tools.peers RUN` adds a row.

{table_of({x: itemgetter(x) for x in ("processor", "ratio", "against", "evidence", "doubt")}, rows)}"""


def our_int8(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of the form that `har-edge convert --quantize` writes."""
    return next(row for row in rows if row["group"] == OURS and row["name"].startswith("int8, "))


def _open(folder: Path, form: Form) -> tuple[Callable[[Any], Any], int | None]:
    """Open a form: a function from a raw window `[1, samples, n_signals]` to logits, and the number of operators."""
    content = (folder / form.file).read_bytes()
    if form.runtime == C:
        return CModel(folder / form.file, read_model(folder / AS_C[1])[0], "", form.name).run, None
    is_onnx = form.runtime == ONNX_RUNTIME
    model = open_onnx(content) if is_onnx else open_model(content, form.runtime)
    return model.run, None if is_onnx else model.operators.total


def doubts_of(content: dict[str, Any]) -> list[str]:
    """List the reasons why a measurement in `peers.json` may mislead."""
    beside, load = content["busy_cpus_beside"], content["load_average_before"]
    reasons = []
    if beside is not None and beside > doubts.BUSY_SHARE:
        reasons.append(f"other programs kept {beside:.1f} CPUs busy meanwhile")
    if load is not None and load > doubts.BUSY_LOAD:
        reasons.append(f"the load average before was {load:.2f}")
    return reasons


def markdown(content: dict[str, Any]) -> str:
    """Return the text of `peers.md`; `content` is read from `peers.json`."""
    device, rows = content["device"], content["rows"]
    packages = ", ".join(f"{name} {number}" for name, number in content["packages"].items())
    first = {x["group"]: i for i, x in reversed([*enumerate(rows)])}
    rows = [row | {"name": f"**{row['name']}**"} if row is our_int8(content["rows"]) else row for row in rows]
    lines = [
        [x["group"] if first[x["group"]] == i else "", *(write(x) for write in _COLUMNS.values())]
        for i, x in enumerate(rows)
    ]
    doubts = "".join(f"\nDoubt: {doubt}.\n" for doubt in doubts_of(content))
    return f"""# One network in every form

Written by `python -m tools.peers` on {content["date"]}: {device["cpu"]}, {device["cores"]} cores, {device["os"]},
Python {device["python"]}, one thread. In each of {content["rounds"]} rounds, every form runs {RUNS} inferences in turn.
Packages: {packages}.

Every form is made from the [selection network](../training.md) of `edge`. *p50* is the median time of an inference,
from a {content["window"]}. *Products* are the matrix products that compute the LSTM's gates (i, f, o) and candidate
(c) in a step. `har-edge convert` writes the form in **bold**. *Accuracy* is on {len(content["held_out_subjects"])}
held-out training subjects. [Comparison with other tools](../peers.md) describes the method.
{doubts}
{table(" | ".join(["made by", *_COLUMNS]), lines)}"""


def ratio_text(row: dict[str, Any]) -> str:
    """Return the ratio of a row to the fastest float form, with its interval."""
    low, high = row["of_fastest_float_ci95"]
    return f"{row['of_fastest_float']:.2f} ({low:.2f} to {high:.2f})"


_COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "form": lambda row: row["name"],
    "kB, no card": lambda row: f"{row['bytes'] / 1000:.0f}",
    "p50, µs": lambda row: f"{row['p50_us']:.1f}",
    "time / fastest float's (95 %)": ratio_text,
    "accuracy, %": lambda row: f"{100 * row['accuracy']:.2f}",
    "same as float32, %": lambda row: f"{100 * row['agreement']:.2f}",
}


if __name__ == "__main__":
    main()
