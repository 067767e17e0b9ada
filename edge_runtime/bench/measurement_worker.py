"""Measure one model in its own process, which reads a job from a file and writes the answer.

The process needs only NumPy and a TFLite runtime, and runs on Python 3.10 or newer. Progress goes to stdout.
"""

import platform
import sys
import sysconfig
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.bench import energy, machine
from edge_runtime.bench.machine_state import busy_share, state
from edge_runtime.bench.measured import Measured, RuntimeVersion
from edge_runtime.bench.measurement_job import MeasurementJob, read_job, write_answer, write_error
from edge_runtime.bench.timing import harness_overhead, time_calls, time_paced, warm_up
from edge_runtime.errors import DeviceError, HarEdgeError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.c_model import CModel
from edge_runtime.model.classifier import Prepare, check_graph, check_windows, predict, preparation
from edge_runtime.model.interpreters import Model, load_runtime, open_model
from edge_runtime.model.onnx_model import ONNX_RUNTIME, load_onnx_runtime, open_onnx
from edge_runtime.signals.mounting import turned
from edge_runtime.system.c_compiler import DOT_PRODUCTS, compile_library, find_compiler, has_dot_products
from edge_runtime.system.child_processes import end_with_the_reader, tell

# Few enough to stay in a second-level cache, like a window that was just prepared.
TIMED_WINDOWS = 32
WARM_UP_SECONDS = 0.1
MOST_WARM_UP_SECONDS = 2.0
FEW_CALLS = 10  # to estimate the time of a call

Arrays = dict[str, npt.NDArray[Any]]
Windows = list[npt.NDArray[Any]]


def main(job_path: Path) -> int:
    """Do the job in the file `job_path`, and return the exit code. Understood failures become the answer."""
    end_with_the_reader(sys.stdout)
    job = read_job(job_path)
    folder = job_path.parent
    try:
        if job.task == "compile":
            write_answer(folder, job.name, *compile_here(job, folder))
        else:
            measured, arrays = measure(job, folder)
            write_answer(folder, job.name, asdict(measured), arrays)
    except HarEdgeError as error:
        write_error(folder, job.name, error)
    except MemoryError:
        write_error(folder, job.name, DeviceError(f"too little memory for {job.title}: close other programs"))
    return 0


def measure(job: MeasurementJob, folder: Path) -> tuple[Measured, Arrays]:
    """Load, time and score one model.

    The arrays are `latency_ns` and `end_to_end_ns`, `[runs]` each, and `logits` `[n_windows, n_labels]` if requested.
    Windows are already in the card's frame, so the end-to-end times turn each window once more.
    """
    cpu = machine.pin_to_one_cpu() if job.threads == 1 else None
    about = machine.read_facts(cpu)
    before, own_before = state(cpu), time.process_time()
    _report("opening", 0.0)
    is_onnx = job.runtime == ONNX_RUNTIME
    if job.library is None:
        runtime = load_onnx_runtime() if is_onnx else load_runtime(job.runtime)
    baseline = machine.peak_memory()

    content, card = cards.parse((folder / job.model).read_bytes(), job.title)
    model: Model
    if job.library is not None:
        model = CModel(folder / job.library, content, job.compiler, job.title)
    elif is_onnx:
        model = open_onnx(content, job.threads, job.title)
    else:
        model = open_model(content, runtime.name, job.threads, job.xnnpack, job.title)
    check_graph(model.input, model.output, card, job.title)
    prepare = preparation(card, model.input)

    timed = _some_windows(folder / str(job.windows))
    inputs = [prepare(window).copy() for window in timed]
    began = time.perf_counter_ns()
    model.run(inputs[0])
    first_ns = time.perf_counter_ns() - began
    warm, median_ns = warm_up(model.run, inputs, WARM_UP_SECONDS, MOST_WARM_UP_SECONDS)
    peak = machine.peak_memory()

    overhead_ns = harness_overhead()
    _report("timing", 0.1)
    if card.raw_input and card.frame == "device":  # nothing comes before the inference
        latency = end_to_end = _time_alone(job, model, inputs, median_ns)
    elif job.period_s:
        latency, end_to_end = _time_paced(job, model, _turning(card, prepare), timed)
    else:
        latency, end_to_end = _time(job, model, _turning(card, prepare), timed, inputs, median_ns)
    after, own_seconds = state(cpu), time.process_time() - own_before
    measured = Measured(
        machine=about,
        before=before,
        after=after,
        others_busy=busy_share(before, after, own_seconds=own_seconds),
        runtime=RuntimeVersion(model.runtime.name, model.runtime.version),
        pinned_cpu=cpu,
        load_ms=model.load_ns / 1e6,
        first_ms=first_ns / 1e6,
        warm_up=warm,
        harness_overhead_us=overhead_ns / 1e3,
        baseline_memory_bytes=baseline,
        peak_memory_bytes=peak,
        threads=model.threads,
        xnnpack=model.operators.xnnpack,
    )
    arrays: Arrays = {"latency_ns": latency, "end_to_end_ns": end_to_end}
    if job.score:
        windows = check_windows(np.load(folder / str(job.windows), allow_pickle=False), card)
        arrays["logits"] = _score(model, prepare, windows)
    if job.energy:
        _report("measuring energy", 1.0)
        measured = replace(measured, energy=energy.per_inference(lambda: model.run(inputs[0])))
    return measured, arrays


def compile_here(job: MeasurementJob, folder: Path) -> tuple[dict[str, Any], Arrays]:
    """Compile a C file if there is a compiler; otherwise only describe this platform."""
    target = sysconfig.get_config_var("MULTIARCH") or f"{platform.machine()}-linux-gnu"
    facts = {"platform": target, "dot_products": has_dot_products()}
    if find_compiler() is None:
        return facts, {}
    _report("compiling", 0.0)
    library = folder / f"{job.name}.so"
    compiler = compile_library(folder / job.model, library, processor=DOT_PRODUCTS if has_dot_products() else ())
    return {**facts, "compiler": compiler}, {"library": np.fromfile(library, np.uint8)}


def _turning(card: cards.Card, prepare: Prepare) -> Prepare:
    """Return all that the caller does to a window; a rotation by nothing takes as long as any other."""
    if card.frame == "device":
        return prepare
    names, rotation = card.signal_names, np.eye(3)
    return lambda window: prepare(turned(window, names, rotation))


def _time(
    job: MeasurementJob, model: Model, prepare: Prepare, timed: Windows, inputs: Windows, median_ns: float
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Time inferences back to back: first without, then with the preparation of their windows."""

    def end_to_end(window: npt.NDArray[np.float32]) -> object:
        return model.run(prepare(window))

    runs = both = job.runs
    if job.seconds is not None:
        runs = max(1, int(job.seconds / 2 * 1e9 / median_ns))
        few = time_calls(end_to_end, timed, FEW_CALLS, lambda _: _report("timing", 0.1))
        both = max(1, int(job.seconds / 2 * 1e9 / float(np.median(few))))
    return (
        time_calls(model.run, inputs, runs, lambda share: _report("timing", 0.1 + 0.3 * share)),
        time_calls(end_to_end, timed, both, lambda share: _report("timing end to end", 0.4 + 0.3 * share)),
    )


def _time_alone(job: MeasurementJob, model: Model, inputs: Windows, median_ns: float) -> npt.NDArray[np.int64]:
    """Time the inferences of a model that takes windows as they are, back to back or paced."""
    if job.period_s:
        return _time_paced(job, model, lambda values: values, inputs)[0]
    runs = job.runs if job.seconds is None else max(1, int(job.seconds * 1e9 / median_ns))
    return time_calls(model.run, inputs, runs, lambda share: _report("timing", 0.1 + 0.6 * share))


def _time_paced(
    job: MeasurementJob, model: Model, prepare: Prepare, timed: Windows
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    runs = job.runs if job.seconds is None else max(1, int(job.seconds / job.period_s))
    return time_paced(
        prepare, model.run, timed, runs, job.period_s, lambda share: _report("timing, paced", 0.1 + 0.6 * share)
    )


def _some_windows(path: Path) -> list[npt.NDArray[np.float32]]:
    """Read a few windows from all over the file; the whole file would count as memory of the model."""
    windows = np.load(path, mmap_mode="r", allow_pickle=False)
    if not len(windows):
        raise InputError("the data has no test windows: name other data with --data")
    rows = np.linspace(0, len(windows) - 1, min(TIMED_WINDOWS, len(windows))).astype(int)
    return [np.array(windows[row], np.float32) for row in rows]


def _score(model: Model, prepare: Prepare, windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    parts = []
    for part in np.array_split(windows, min(len(windows), 10)):
        parts.append(predict(model, prepare, part))
        _report("classifying", 0.7 + 0.3 * sum(map(len, parts)) / len(windows))
    return np.concatenate(parts)


def _report(stage: str, share: float) -> None:
    tell(sys.stdout, stage=stage, share=round(share, 3))
