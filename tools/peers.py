"""Measure one network in every form, ours and other tools', in turns: `python -m tools.peers RUN [--rounds N]`.

The forms and the method are in docs/peers.md. Writes `docs/results/peers.json`, `peers.md` and this machine's row of
`processors.json` and `processors.md`.
"""

import json
import multiprocessing
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
from datetime import date
from importlib.metadata import version
from operator import itemgetter
from pathlib import Path
from statistics import mean
from typing import Any

import click
import numpy as np
import numpy.typing as npt

from edge_runtime import runs
from edge_runtime.bench import doubts, statistics
from edge_runtime.bench.measured import Round, read_round
from edge_runtime.bench.measurement_job import JobModel, MeasurementJob
from edge_runtime.devices.python import PythonDevice
from edge_runtime.errors import HarEdgeError
from edge_runtime.system.progress import ignore_progress
from tools import RESULTS, table, table_of, us_of, write_result
from tools.peer_models import AS_C, OURS, build


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--rounds", default=40, metavar="N", help="Sets of processes, one process per form.")
def main(run: Path, rounds: int) -> None:
    """Measure all forms of the selection network in the run folder RUN; write the tables."""
    run = runs.find_run(run).folder
    with tempfile.TemporaryDirectory(prefix="har-edge-peers-") as name:
        folder = Path(name)
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as process:  # TensorFlow stays in it
            forms = process.submit(build, run, folder).result()
        measured = take_turns([form.model for form in forms], folder, rounds)
        y = np.load(folder / "labels.npy")
    times = statistics.turn_times([[part.latency_ns / 1e3 for part in of_form] for of_form in measured])
    us = [statistics.undisturbed_time(times, i)[0] for i in range(len(forms))]
    fastest = min((i for i, form in enumerate(forms) if form.is_float), key=us.__getitem__)
    answers = [np.argmax(logits_of(of_form), axis=1) for of_form in measured]
    rows = []
    for i, form in enumerate(forms):
        ratio, interval = statistics.undisturbed_ratio(times, i, fastest)
        rows.append(
            {"group": form.group, "name": form.name, "bytes": form.n_bytes}
            | {"accuracy": float(np.mean(answers[i] == y)), "us": us[i]}
            | {"of_fastest_float": ratio, "of_fastest_float_ci95": interval}
            | {"agreement": float(np.mean(answers[i] == answers[0]))}  # with the answers of the first form
        )
    facts = [part.measured for part in measured[0]]
    busy = [part.others_busy for part in facts if part.others_busy is not None]
    record = json.loads((run / "card.json").read_text(encoding="utf-8"))["training"]
    content = {
        "date": f"{date.today()}",
        "device": asdict(facts[0].machine),
        "load_average_before": facts[0].before.load_average,
        "busy_cpus_beside": mean(busy) if busy else None,
        "packages": {x: version(x) for x in ("ai-edge-litert", "tensorflow", "tf_keras", "onnxruntime")},
        "weights_sha256": record["weights_sha256"]["selection"],
        "held_out_subjects": record["held_out_subjects"],
        "rounds": rounds,
        "window": "raw window, prepared in the graph",
        "fastest_float": f"{forms[fastest].group}, {forms[fastest].name}",
        "rows": rows,
    }
    write_result("peers", content, markdown(content))
    _record_processor(content)


def take_turns(models: Sequence[JobModel], folder: Path, rounds: int) -> list[list[Round]]:
    """Let the `models` in `folder` take turns in `rounds` sets of processes, as `har-edge bench` does.

    Returns the rounds of each model; the first round has its answers to all windows.
    """
    measured: list[list[Round]] = [[] for _ in models]
    for i in range(rounds):
        print(f"round {i + 1} of {rounds}", file=sys.stderr)
        job = MeasurementJob(f"round-{i}", "measure", tuple(models), score=i == 0)
        for model, of_model, answer in zip(
            models, measured, PythonDevice().run(job, folder, ignore_progress), strict=True
        ):
            if isinstance(answer, HarEdgeError):
                raise answer
            of_model.append(read_round(answer, model.title, "local"))
    return measured


def logits_of(measured: Sequence[Round]) -> npt.NDArray[np.float32]:
    """Return the answers of the first round, `[n_windows, n_labels]`."""
    assert measured[0].logits is not None
    return measured[0].logits


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

*Ratio* is the time of `edge` in int8, divided by the time of its fastest float form (*against*)
in the same run, with a 95 % interval. All runs use LiteRT on one thread. Quote the processor with the ratio.
`python -m tools.peers RUN` adds a row.

{table_of({x: itemgetter(x) for x in ("processor", "ratio", "against", "evidence", "doubt")}, rows)}"""


def our_int8(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the row of the form that `har-edge convert --quantize` writes."""
    return next(row for row in rows if row["group"] == OURS and row["name"].startswith("int8, "))


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
Python {device["python"]}, one thread. Each of {content["rounds"]} rounds has a new process
per form.
Packages: {packages}.

Every form is made from the [selection network](../training.md) of `edge`. *Time* is the undisturbed time of an
inference, from a {content["window"]}. *Products* are the matrix products that compute the LSTM's
gates (i, f, o) and candidate (c) in a step. `har-edge convert` writes the form in **bold**.
*Accuracy* is on {len(content["held_out_subjects"])}
held-out training subjects. [Comparison with other tools](../peers.md) describes the method.
{doubts}
{table(" | ".join(["made by", *_COLUMNS]), lines)}"""


def ratio_text(row: dict[str, Any]) -> str:
    """Return the ratio of a row to the fastest float form, with its interval."""
    low, high = row["of_fastest_float_ci95"]
    return f"{row['of_fastest_float']:.2f} ({low:.2f} to {high:.2f})"


_COLUMNS: dict[str, Callable[[dict[str, Any]], str]] = {
    "form": lambda row: row["name"],
    "kB, no card": lambda row: "–" if row["name"] == AS_C else f"{row['bytes'] / 1000:.0f}",
    "time, µs": lambda row: f"{us_of(row):.1f}",
    "time / fastest float's (95 %)": ratio_text,
    "accuracy, %": lambda row: f"{100 * row['accuracy']:.2f}",
    "same as float32, %": lambda row: f"{100 * row['agreement']:.2f}",
}


if __name__ == "__main__":
    main()
