"""Measure one network in every form, ours and other tools', in turns: `python -m tools.peers RUN [--rounds N]`.

The forms and the method are in docs/peers.md. Writes `docs/results/peers.json`, `peers.md` and this machine's row of
`processors.json` and `processors.md`.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime import runs
from edge_runtime.bench import doubts, intervals, machine
from edge_runtime.bench.timing import time_calls, warm_up
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Preparation, dequantise
from edge_runtime.model.interpreters import open_model
from edge_runtime.system.files import write_text
from tools import RESULTS, ROOT, table
from tools.peer_models import OURS, Form, build

ROUNDS, RUNS = 10, 300
TIMED_WINDOWS = 32


@dataclass(frozen=True)
class Parts:
    """Window -> input; input -> output; output -> logits; and the number of operators, where it is known."""

    prepare: Callable[[Any], Any]
    infer: Callable[[Any], Any]
    logits: Callable[[Any], Any]
    operators: int | None


def main(run: Path, rounds: int, out: Path) -> None:
    """Measure all forms of the selection network in the run folder `run`; write the tables into `out`."""
    before = machine.state()
    with tempfile.TemporaryDirectory(prefix="har-edge-peers-") as name:
        folder = Path(name)
        _child("build", run, folder)
        forms = [Form(**x) for x in json.loads((folder / "forms.json").read_text())]
        times: list[list[list[float]]] = [[] for _ in forms]
        for turn in range(rounds):
            for own, form in zip(times, forms, strict=True):
                print(f"round {turn + 1} of {rounds}: {form.group}, {form.name}", file=sys.stderr)
                _child("measure", folder, form.file, form.runtime)
                own.append((np.load(folder / "times.npy") / 1e6).tolist())
        facts = []
        for form in forms:
            print(f"answers: {form.group}, {form.name}", file=sys.stderr)
            _child("answer", folder, form.file, form.runtime)
            facts.append(json.loads((folder / "facts.json").read_text()))
    busy = machine.busy_share(before, machine.state(), own_seconds=0.0)
    p50s = [intervals.latency(own).p50 for own in times]
    fastest = min((i for i, form in enumerate(forms) if form.is_float), key=p50s.__getitem__)
    rows = []
    for form, own, p50, fact in zip(forms, times, p50s, facts, strict=True):
        ratio, interval = intervals.p50_ratio(own, times[fastest])
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
        "device": asdict(machine.describe()),
        "load_average_before": before.load_average,
        "busy_cpus_beside": None if busy is None else max(0.0, busy - 1),  # we keep one busy ourselves
        "packages": {x: version(x) for x in ("ai-edge-litert", "tensorflow", "tf_keras", "onnxruntime")},
        "weights_sha256": record["weights_sha256"]["selection"],
        "held_out_subjects": record["held_out_subjects"],
        "rounds": rounds,
        "fastest_float": f"{forms[fastest].group}, {forms[fastest].name}",
        "rows": rows,
    }
    write_text(out / "peers.json", json.dumps(content, indent=1) + "\n")
    write_text(out / "peers.md", _markdown(content))
    _record_processor(out, content)
    print(out / "peers.md")


def measure(folder: Path, file: str, runtime: str) -> None:
    """Time one form on some windows: `times.npy`, nanoseconds."""
    machine.pin_to_one_cpu()
    windows = np.load(folder / "windows.npz")["X"]
    form = _open(folder, file, runtime)
    inputs = [form.prepare(window).copy() for window in windows[:: len(windows) // TIMED_WINDOWS][:TIMED_WINDOWS]]
    warm_up(form.infer, inputs, 0.1, 2.0)
    np.save(folder / "times.npy", time_calls(form.infer, inputs, RUNS))


def answer(folder: Path, file: str, runtime: str) -> None:
    """Let one form answer all windows: `facts.json`."""
    held_out = np.load(folder / "windows.npz")
    form = _open(folder, file, runtime)
    answers = [int(np.argmax(form.logits(form.infer(form.prepare(window))))) for window in held_out["X"]]
    accuracy, size = float(np.mean(answers == held_out["y"])), (folder / file).stat().st_size
    facts = {"operators": form.operators, "bytes": size, "accuracy": accuracy, "answers": answers}
    (folder / "facts.json").write_text(json.dumps(facts))


def _record_processor(out: Path, content: dict[str, Any]) -> None:
    """Put this machine's ratio of int8 to the fastest float form into `processors.json`; write `processors.md` anew."""
    path = out / "processors.json"
    row = {
        "processor": content["device"]["cpu"],
        "ratio": ratio_text(our_int8(content["rows"])),
        "against": content["fastest_float"],
        "evidence": f"`python -m tools.peers` on {content['date']}",
        "doubt": "; ".join(doubts_of(content)),
    }
    rows = [*(json.loads(path.read_text()) if path.exists() else []), row]
    write_text(path, json.dumps(rows, indent=1) + "\n")
    write_text(out / "processors.md", processors_text(rows))


def processors_text(rows: list[dict[str, str]]) -> str:
    """The text of `processors.md`."""
    return f"""# Latency of int8 against float, by processor

p50 of `edge` in int8 over that of the fastest float form of the same network in the same run, one thread, LiteRT. The
ratio depends on the processor: quote both. `python -m tools.peers RUN` adds a row.

{table(" | ".join(rows[0]), [list(row.values()) for row in rows])}"""


def our_int8(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The row of what `har-edge convert --quantize` writes."""
    return next(x for x in rows if x["group"] == OURS and x["name"].startswith("int8, "))


def _open(folder: Path, file: str, runtime: str) -> Parts:
    normalisation = cards.load(folder / "card.json").normalisation
    if runtime != "onnxruntime":
        model = open_model((folder / file).read_bytes(), runtime)
        prepare = Preparation(normalisation, model.input)
        return Parts(prepare, model.run, lambda output: dequantise(output, model.output), model.operators.total)
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(folder / file, options, providers=["CPUExecutionProvider"])
    return Parts(
        lambda window: np.asarray(normalisation.apply(window[np.newaxis]), np.float32),
        lambda values: session.run(None, {"windows": values})[0],
        lambda output: output,
        None,
    )


def _child(task: str, *arguments: object) -> None:
    command = [sys.executable, "-m", "tools.peers", task, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    if done.returncode:
        sys.exit(f"{done.stderr}\n{task} {' '.join(map(str, arguments))} ended with exit code {done.returncode}")


def doubts_of(content: dict[str, Any]) -> list[str]:
    """The reasons why a measurement in `peers.json` may mislead."""
    beside, load = content["busy_cpus_beside"], content["load_average_before"]
    found = []
    if beside is not None and beside > doubts.BUSY_SHARE:
        found.append(f"other programs kept {beside:.1f} CPUs busy meanwhile")
    if load is not None and load > doubts.BUSY_LOAD:
        found.append(f"the load average before was {load:.2f}")
    return found


def _markdown(content: dict[str, Any]) -> str:
    device, rows = content["device"], content["rows"]
    packages = ", ".join(f"{name} {number}" for name, number in content["packages"].items())
    text = f"""# One network in every form

Written by `python -m tools.peers` on {content["date"]}: {device["cpu"]}, {device["cores"]} cores, {device["os"]},
Python {device["python"]}, {packages}. {content["rounds"]} rounds in turns, {RUNS} inferences each, one thread; load
average before {content["load_average_before"]}. Answers are those of one seed's selection network on the
{len(content["held_out_subjects"])} held-out training subjects. The fastest float form here: {content["fastest_float"]}.
The forms are described in [peers.md](../peers.md).
"""
    text += "".join(f"\nDoubt: {doubt}.\n" for doubt in doubts_of(content))
    header = "form | operators | kB, no card | p50, µs | of fastest float (95 %) | accuracy, % | same answers, %"
    for group in dict.fromkeys(x["group"] for x in rows):
        cells = [
            (
                x["name"],
                str(x["operators"] or ""),
                f"{x['bytes'] / 1000:.0f}",
                f"{x['p50_us']:.1f}",
                ratio_text(x),
                f"{100 * x['accuracy']:.2f}",
                f"{100 * x['agreement']:.2f}",
            )
            for x in rows
            if x["group"] == group
        ]
        text += f"\n## {group}\n\n{table(header, cells)}"
    return text


def ratio_text(row: dict[str, Any]) -> str:
    """The ratio of a row to the fastest float form, with its interval."""
    low, high = row["of_fastest_float_ci95"]
    return f"{row['of_fastest_float']:.2f} ({low:.2f} to {high:.2f})"


if __name__ == "__main__":
    tasks = {x.__name__: x for x in (build, measure, answer)}
    if sys.argv[1:] and sys.argv[1] in tasks:
        first, second, *rest = sys.argv[2:]
        tasks[sys.argv[1]](Path(first), *([Path(second)] if not rest else [second, *rest]))
    else:
        parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
        parser.add_argument("run", type=Path, help="a run folder that 'har-edge train' has made")
        parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help="processes per form")
        parser.add_argument("--out", type=Path, default=RESULTS, metavar="FOLDER")
        given = parser.parse_args()
        main(runs.find(given.run).folder.resolve(), given.rounds, given.out.resolve())
