"""Measure models in processes that take turns: read a job from a file, and write the answers.

One process per model loads it, warms up, and then times a slice of inferences in each turn, so that a disturbance
slows the slices of all models alike. The processes need only NumPy and a TFLite runtime, and run on Python 3.10 or
newer. They are forked from this process, which has NumPy loaded: a new set of processes takes half a second. Progress
goes to stdout.
"""

import os
import platform
import socket
import sys
import sysconfig
import time
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.bench import machine
from edge_runtime.bench.machine_state import busy_share, state
from edge_runtime.bench.measurement_job import (
    MOST_ROUND_S,
    JobModel,
    MeasurementJob,
    read_job,
    write_answer,
    write_error,
)
from edge_runtime.bench.model_process import FINISH, TURN, Arrays, ModelProcess, answer, report
from edge_runtime.errors import HarEdgeError
from edge_runtime.model.interpreters import load_runtime
from edge_runtime.model.onnx_model import ONNX_RUNTIME
from edge_runtime.system.c_compiler import DOT_PRODUCTS, compile_library, find_compiler, has_dot_products
from edge_runtime.system.child_processes import end_with_the_reader

# A round has this many turns, fewer if they take longer than `MOST_ROUND_S`.
MOST_TURNS = 16
LEAST_TURNS = 3


def main(job_path: Path, model: int | None = None, channel: int = -1) -> int:
    """Do the job in the file `job_path`, and return the exit code. Understood failures become answers.

    With `model`, do only the turns of this model of the job, as commanded on the open socket `channel`.
    """
    job = read_job(job_path)
    folder = job_path.parent
    try:
        if model is not None:
            answer(job, model, folder, socket.socket(fileno=channel))
            return 0
        if job.task == "compile":
            end_with_the_reader(sys.stdout)
            write_answer(folder, job.answers[1], *compile_here(job.models[0], folder, job.answers[1]))
            facts: dict[str, Any] = {}
        else:
            facts = measure(job, folder)
        write_answer(folder, job.name, facts, {})
    except HarEdgeError as error:
        write_error(folder, job.name, error)
    return 0


def measure(job: MeasurementJob, folder: Path) -> dict[str, Any]:
    """Load, time and score the models of `job`, and return the facts of machine and round.

    Each model's process writes its own answer: its facts, the arrays `latency_ns` and `end_to_end_ns`, `[turns, calls]`
    each, and `logits` `[n_windows, n_labels]` if requested.
    """
    cpu = machine.pin_to_one_cpu() if job.threads == 1 else None
    about, before, began = machine.read_facts(cpu), state(cpu), _cpu_seconds()
    children = _start(job, folder)
    end_with_the_reader(sys.stdout)
    slices_s = sum(child.slice_s for child in children) or 1e-9
    turns = job.turns or max(LEAST_TURNS, min(MOST_TURNS, int(MOST_ROUND_S / slices_s)))
    start = time.monotonic()
    for turn in range(turns):
        report("timing", 0.3 + 0.4 * turn / turns)
        # In a new order each time, since the model before leaves its data in the caches.
        for place, i in enumerate(np.random.default_rng(turn).permutation(len(children))):
            if job.period_s:
                due = start + (turn + place / len(children)) * job.period_s
                time.sleep(max(0.0, due - time.monotonic()))
            children[i].do(TURN)
    for child in children:
        child.do(FINISH)
        child.end(folder)
    after = state(cpu)
    busy = busy_share(before, after, own_seconds=_cpu_seconds() - began)
    states = {"before": asdict(before), "after": asdict(after)}
    return {"machine": asdict(about), **states, "others_busy": busy, "pinned_cpu": cpu}


def _start(job: MeasurementJob, folder: Path) -> list[ModelProcess]:
    """Start a process per model, one after the other, in the order of the models.

    The TFLite runtime is loaded before its first model is, and after other models, which use less memory without it.
    """
    places = range(len(job.models))
    needs_tflite = [job.models[i].library is None and job.models[i].runtime != ONNX_RUNTIME for i in places]
    children: dict[int, ModelProcess] = {}
    for i in sorted(places, key=needs_tflite.__getitem__):
        if needs_tflite[i]:
            with suppress(HarEdgeError):  # the model's process raises it too, and answers
                load_runtime(job.models[i].runtime)
        report(f"opening {Path(job.models[i].title).name}", 0.3 * len(children) / len(places))
        children[i] = ModelProcess.start(job, i, folder, children.values())
    return [children[i] for i in places]


def _cpu_seconds() -> float:
    """Return the CPU time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def compile_here(model: JobModel, folder: Path, name: str) -> tuple[dict[str, Any], Arrays]:
    """Compile the C file of `model` if there is a compiler; otherwise only describe this platform."""
    target = sysconfig.get_config_var("MULTIARCH") or f"{platform.machine()}-linux-gnu"
    facts = {"platform": target, "dot_products": has_dot_products()}
    if find_compiler() is None:
        return facts, {}
    report("compiling", 0.0)
    library = folder / f"{name}.so"
    compiler = compile_library(folder / model.model, library, processor=DOT_PRODUCTS if has_dot_products() else ())
    return {**facts, "compiler": compiler}, {"library": np.fromfile(library, np.uint8)}
