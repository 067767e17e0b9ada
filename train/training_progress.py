"""Do all fits of a training, here or on a cluster, and show how far they are."""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from edge_runtime.data.dataset import Dataset
from edge_runtime.system.quantities import percent
from edge_runtime.system.terminal import PULSE_S, Console
from train.fit.fit_job import FitJob, FitOutcome, Step
from train.run.fit_processes import OnDone, run_jobs

_LINE_EVERY = 10  # epochs, without a terminal, or sooner where they take long


def do_fits(
    jobs: Sequence[FitJob], dataset: Dataset, on_done: OnDone = lambda job: None, cluster: str | None = None
) -> None:
    """Do all `jobs` that are not done yet, on the `cluster` of that address if given; errors as of `run_jobs`."""
    with TrainingProgress(jobs) as progress:
        if cluster is None:
            run_jobs(jobs, dataset, progress.on_step, on_done)
            return
        from train.run.dask_cluster import run_on_cluster

        def finish(job: FitJob) -> None:
            last, steps = FitOutcome.load(job).history[-1], job.recipe.steps_per_epoch(job.n_windows)
            progress.on_step(job, Step(last.epoch - 1, steps - 1, steps, last.loss, last.accuracy))
            on_done(job)

        run_on_cluster(jobs, dataset, cluster, finish)


class TrainingProgress:
    """Shows the steps of all fits on stderr as one piece of work.

    `jobs` are the fits that are still to be done. Use as a context manager.
    """

    def __init__(self, jobs: Sequence[FitJob]) -> None:
        self._numbers = {job.outcome: i + 1 for i, job in enumerate(jobs)}
        self._total = sum(job.steps for job in jobs)
        self._done: dict[Path, int] = {}
        self._said = time.monotonic()
        self._console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=None), TaskProgressColumn())
        self._bar = Progress(
            *columns,
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
            expand=True,
            speed_estimate_period=600,
        )
        self._task = self._bar.add_task("preparing", total=self._total)

    def __enter__(self) -> "TrainingProgress":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def on_step(self, job: FitJob, step: Step) -> None:
        """Take in one finished step of a fit."""
        done = step.epoch * step.steps + step.step + 1
        if job.outcome not in self._done:  # what was done before it was stopped says nothing about the pace
            self._done[job.outcome] = done - 1
            self._total -= done - 1
        epochs = job.recipe.epochs
        text = f"fit {self._numbers[job.outcome]} of {len(self._numbers)}, epoch {step.epoch + 1} of {epochs}"
        self._bar.update(self._task, total=self._total, advance=done - self._done[job.outcome], description=text)
        self._done[job.outcome] = done
        is_due = step.step + 1 == step.steps and (step.epoch + 1 == epochs or (step.epoch + 1) % _LINE_EVERY == 0)
        if not self._console.is_terminal and (is_due or time.monotonic() - self._said > PULSE_S):
            self._said = time.monotonic()
            scores = f"loss {step.loss:.3f}, accuracy {percent(step.accuracy, 1)}"
            left = self._bar.tasks[0].time_remaining
            shown = "" if left is None else f", about {left:.0f} s left"
            self._console.print(f"{text} ({job.title}): {scores}{shown}", markup=False, soft_wrap=True)
