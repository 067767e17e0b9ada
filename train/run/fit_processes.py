"""Fits in processes of their own, with one TensorFlow thread each: as many at a time as there are CPUs.

A second thread gains a fit nothing, a second process everything; and with one thread the order of every sum, and so the
weights to the last bit, is the same on every number of cores.
"""

import json
import os
import selectors
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any

import joblib
import numpy as np

from edge_runtime.data.dataset import Dataset
from edge_runtime.errors import HarEdgeError
from edge_runtime.system import child_processes
from train.fit.history import Step
from train.run.fit_job import FitJob

OnStep = Callable[[FitJob, Step], None]
OnDone = Callable[[FitJob], None]


def cpus() -> int:
    """How many CPUs this process may use, the quota of a container included: so many fits run at a time."""
    n_cpus: int = joblib.cpu_count()
    return n_cpus


def run_jobs(jobs: Sequence[FitJob], dataset: Dataset, on_step: OnStep, on_done: OnDone = lambda job: None) -> None:
    """Do all `jobs` that are not done yet, in their order but each after its teachers; as many at a time as CPUs.

    `on_step` hears of the steps of all fits, some left out, `on_done` of each job that was done here. Jobs go on from
    their checkpoints.

    Raises the first error of any fit again, or `DeviceError` when the process of one died. However this ends, all
    processes have ended too; and they end by themselves soon after this one was killed.
    """
    waiting = [job for job in jobs if not job.is_done]
    running: list[_Child] = []
    with _shared(dataset) as data, selectors.DefaultSelector() as selector:
        try:
            while waiting or running:
                while len(running) < cpus() and (job := next((x for x in waiting if x.is_ready), None)):
                    waiting.remove(job)
                    running.append(_Child(job, data))
                    selector.register(running[-1].stdout, selectors.EVENT_READ, running[-1])
                assert running, "a job waits for teachers that are not among the jobs"
                for key, _ in selector.select():
                    child: _Child = key.data
                    if child.listen(on_step):
                        selector.unregister(child.stdout)
                        running.remove(child)
                        child.finish()
                        on_done(child.job)
        finally:
            for child in running:
                child.stop()


class _Child:
    """One process at work on one job."""

    def __init__(self, job: FitJob, data: int) -> None:
        self.job = job
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `stop`
        self._process = child_processes.start(
            "train.run.fit_worker", job.to_json(), str(data), log=self._log, pass_fds=[data]
        )
        self._reader = child_processes.LineReader(self.stdout)
        self._last: dict[str, Any] = {}

    @property
    def stdout(self) -> IO[bytes]:
        """Where its messages come from."""
        assert self._process.stdout is not None
        return self._process.stdout

    def listen(self, on_step: OnStep) -> bool:
        """Take in what it says now; whether that was the end."""
        lines = self._reader.read()
        for line in lines or ():
            self._last = json.loads(line)
            if "step" in self._last:
                on_step(self.job, Step(**self._last["step"]))
        return lines is None

    def finish(self) -> None:
        """Wait for its end; raise what it failed with."""
        try:
            self._process.wait()
            if not self._last.get("done"):
                raise self._error()
        finally:
            self.stop()

    def stop(self) -> None:
        """Whatever it does, it does no more."""
        child_processes.stop(self._process)
        self._log.close()

    def _error(self) -> HarEdgeError:
        name = f"the process of the {self.job.title}"
        return child_processes.error_of(
            self._process,
            name,
            self._last,
            self._log,
            lambda signal: (
                f"{name} was ended from outside ({signal}), as happens when memory runs out: close other programs, "
                "then go on with --resume"
            ),
        )


@contextmanager
def _shared(dataset: Dataset) -> Iterator[int]:
    """The number of an open file in memory that holds the windows: it has no name, and is gone with its last reader."""
    with os.fdopen(os.memfd_create("windows"), "wb") as file:
        np.savez(file, X=dataset.train.X, y=dataset.train.y, subject=dataset.train.subject, test_X=dataset.test.X)
        file.flush()
        yield file.fileno()
