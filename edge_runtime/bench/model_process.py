"""Run the process of one model, which loads it, warms up, and times a slice of inferences in each turn."""

import gc
import os
import socket
import sys
import time
import traceback
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.bench import energy, machine
from edge_runtime.bench.measured import ModelFacts, RuntimeVersion
from edge_runtime.bench.measurement_job import JobModel, MeasurementJob, no_answer, write_answer, write_error
from edge_runtime.bench.timing import harness_overhead, time_calls, warm_up
from edge_runtime.errors import DeviceError, HarEdgeError
from edge_runtime.model import model_card as cards
from edge_runtime.model.c_model import CModel
from edge_runtime.model.classifier import Prepare, check_graph, check_windows, predict, preparation
from edge_runtime.model.interpreters import Model, load_runtime, open_model
from edge_runtime.model.onnx_model import ONNX_RUNTIME, load_onnx_runtime, open_onnx
from edge_runtime.signals.mounting import turned
from edge_runtime.system.child_processes import end_with_the_reader, tell
from edge_runtime.system.process_endings import ending

# Few enough to stay in a second-level cache, like a window that was just prepared.
TIMED_WINDOWS = 32
WARM_UP_SECONDS = 0.1
MOST_WARM_UP_SECONDS = 2.0
# A slice is long enough for a median, and shorter than most disturbances.
SLICE_S = 1e-3
MOST_CALLS = 16

TURN, FINISH, _DONE = b"t", b"f", b"d"

Arrays = dict[str, npt.NDArray[Any]]


@dataclass
class ModelProcess:
    """The process of a model, seen from the process that gives it turns; `slice_s` is the time of one slice."""

    title: str
    answer: str
    pid: int
    channel: socket.socket
    slice_s: float = 0.0
    stage: str = "loading the model"

    @classmethod
    def start(cls, job: MeasurementJob, i: int, folder: Path, others: "Iterable[ModelProcess]") -> "ModelProcess":
        """Fork the process of the model `i` of `job`, and wait until it has warmed up or failed."""
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                os.dup2(os.open(folder / f"{job.answers[1 + i]}.log", os.O_WRONLY | os.O_CREAT), sys.stderr.fileno())
                for channel in (ours, *(other.channel for other in others)):
                    channel.close()
                if sys.platform == "darwin":  # whose libraries may fail in a fork: begin anew
                    theirs.set_inheritable(True)
                    os.execv(sys.executable, [*sys.orig_argv, str(i), str(theirs.fileno())])
                answer(job, i, folder, theirs)
                code = 0
            except BaseException:  # noqa: BLE001 - the process ends here, whatever happened
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        theirs.close()
        child = cls(job.models[i].title, job.answers[1 + i], pid, ours)
        if duration := child._receive(32):
            child.slice_s = float(duration)
        return child

    def do(self, command: bytes) -> None:
        """Let the process do its part, and wait until it has; nothing happens if it has ended."""
        with suppress(OSError):
            self.channel.sendall(command)
            self.stage = "timing" if command == TURN else "classifying"
            self._receive(1)

    def end(self, folder: Path) -> None:
        """Wait for the end of the process, and write an answer if it crashed."""
        self.channel.close()
        _, status = os.waitpid(self.pid, 0)
        if status:
            log = (folder / f"{self.answer}.log").read_text(encoding="utf-8", errors="replace")
            how = ending(os.waitstatus_to_exitcode(status), log, self.stage)
            write_error(folder, self.answer, no_answer(self.title, how))

    def _receive(self, size: int) -> bytes:
        try:
            return self.channel.recv(size)
        except OSError:
            return b""


def answer(job: MeasurementJob, i: int, folder: Path, channel: socket.socket) -> None:
    """Do the turns of the model `i` of `job` in this process, and write its answer."""
    end_with_the_reader(sys.stdout)
    model, name = job.models[i], job.answers[1 + i]
    try:
        measurement = ModelMeasurement(job, model, folder)
        channel.sendall(str(measurement.slice_s).encode())
        gc.collect()
        gc.disable()
        while (command := channel.recv(1)) == TURN:
            measurement.time_slice()
            channel.sendall(_DONE)
        gc.enable()
        if command == FINISH:
            write_answer(folder, name, *measurement.finish())
            channel.sendall(_DONE)
    except HarEdgeError as error:
        write_error(folder, name, error)
    except MemoryError:
        write_error(folder, name, DeviceError(f"too little memory for {model.title}: close other programs"))


class ModelMeasurement:
    """A model that is open and warm, and the times of its slices.

    Windows are already in the card's frame, so the end-to-end times turn each window once more.
    """

    def __init__(self, job: MeasurementJob, model: JobModel, folder: Path) -> None:
        self._job, self._path = job, folder / model.windows
        is_onnx = model.runtime == ONNX_RUNTIME
        if model.library is None:
            runtime = load_onnx_runtime() if is_onnx else load_runtime(model.runtime)
        baseline = machine.peak_memory()
        content, self._card = cards.parse((folder / model.model).read_bytes(), model.title)
        self._model: Model
        if model.library is not None:
            self._model = CModel(folder / model.library, content, model.compiler, model.title)
        elif is_onnx:
            self._model = open_onnx(content, job.threads, model.title)
        else:
            self._model = open_model(content, runtime.name, job.threads, name=model.title)
        check_graph(self._model.input, self._model.output, self._card, model.title)
        self._prepare = preparation(self._card, self._model.input)
        self._all_preparation = _turning(self._card, self._prepare)
        self._is_scored = model.is_scored
        windows = np.load(self._path, mmap_mode="r", allow_pickle=False)  # the whole file would count as its memory
        rows = np.linspace(0, len(windows) - 1, min(TIMED_WINDOWS, len(windows))).astype(int)
        self._windows = [np.array(windows[row], np.float32) for row in rows]
        self._inputs = [self._prepare(window).copy() for window in self._windows]

        began = time.perf_counter_ns()
        self._model.run(self._inputs[0])
        first_ns = time.perf_counter_ns() - began
        warm, median_ns = warm_up(self._model.run, self._inputs, WARM_UP_SECONDS, MOST_WARM_UP_SECONDS)
        self._n_calls = 1 if job.period_s else max(1, min(MOST_CALLS, int(SLICE_S * 1e9 / median_ns)))
        # Two kinds of times, each after an untimed call.
        self.slice_s = 2 * (self._n_calls + 1) * median_ns / 1e9
        self._latency: list[npt.NDArray[np.int64]] = []
        self._end_to_end: list[npt.NDArray[np.int64]] = []
        self._facts = ModelFacts(
            runtime=RuntimeVersion(self._model.runtime.name, self._model.runtime.version),
            load_ms=self._model.load_ns / 1e6,
            first_ms=first_ns / 1e6,
            warm_up=warm,
            harness_overhead_us=harness_overhead() / 1e3,
            baseline_memory_bytes=baseline,
            peak_memory_bytes=machine.peak_memory(),
            threads=self._model.threads,
            xnnpack=self._model.operators.xnnpack,
        )

    def time_slice(self) -> None:
        """Time some inferences, and as many with the preparation of their windows."""
        run, n, first = self._model.run, self._n_calls, len(self._latency) * self._n_calls
        if self._job.period_s:
            self._time_cold(first)
            return
        self._latency.append(time_calls(run, self._inputs, n, first))
        if self._card.raw_input and self._card.frame == "device":  # nothing comes before the inference
            self._end_to_end.append(self._latency[-1])
        else:
            prepare = self._all_preparation
            self._end_to_end.append(time_calls(lambda window: run(prepare(window)), self._windows, n, first))

    def _time_cold(self, i: int) -> None:
        """Time one window after a pause, as when windows come from a sensor: no untimed call fills the caches."""
        window = self._windows[i % len(self._windows)]
        began = time.perf_counter_ns()
        values = self._all_preparation(window)
        ready = time.perf_counter_ns()
        self._model.run(values)
        ended = time.perf_counter_ns()
        self._latency.append(np.array([ended - ready], np.int64))
        self._end_to_end.append(np.array([ended - began], np.int64))

    def finish(self) -> tuple[dict[str, Any], Arrays]:
        """Score the model and measure its energy, if requested; return its facts and arrays."""
        facts = self._facts
        arrays: Arrays = {"latency_ns": np.stack(self._latency), "end_to_end_ns": np.stack(self._end_to_end)}
        if self._job.score and self._is_scored:
            windows = check_windows(np.load(self._path, allow_pickle=False), self._card)
            arrays["logits"] = _score(self._model, self._prepare, windows)
        if self._job.energy and self._is_scored:
            report("measuring energy", 1.0)
            facts = replace(facts, energy=energy.per_inference(lambda: self._model.run(self._inputs[0])))
        return asdict(facts), arrays


def _turning(card: cards.Card, prepare: Prepare) -> Prepare:
    """Return all that the caller does to a window; a rotation by nothing takes as long as any other."""
    if card.frame == "device":
        return prepare
    names, rotation = card.signal_names, np.eye(3)
    return lambda window: prepare(turned(window, names, rotation))


def _score(model: Model, prepare: Prepare, windows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    parts = []
    for part in np.array_split(windows, min(len(windows), 10)):
        parts.append(predict(model, prepare, part))
        report("classifying", 0.7 + 0.3 * sum(map(len, parts)) / len(windows))
    return np.concatenate(parts)


def report(stage: str, share: float) -> None:
    """Tell the host how far the job is."""
    tell(sys.stdout, stage=stage, share=round(share, 3))
