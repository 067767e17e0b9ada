"""Show the progress of a training: one bar for all its fits, with the time left; lines without a terminal."""

import time
from collections.abc import Sequence
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from edge_runtime.system.quantities import percent
from edge_runtime.system.terminal import PULSE_S, Console
from train.fit.fit_job import FitJob, Step

_LINE_EVERY = 10  # epochs, without a terminal, or sooner where they take long
_WIDE = 100  # columns: from there on, scores have room
_NAMED = 2  # so many fits that run at a time are named; of more, only their number is shown


class TrainingProgress:
    """Shows the steps of all fits on stderr as one piece of work.

    `jobs` are the fits that are still to be done. Use as a context manager and hand `on_step` to the training.
    """

    def __init__(self, jobs: Sequence[FitJob]) -> None:
        self._numbers = {job.outcome: i + 1 for i, job in enumerate(jobs)}
        self._total = sum(job.steps for job in jobs)
        self._done = dict.fromkeys(self._numbers, 0)
        self._resumed = 0  # steps of an earlier, stopped training: they say nothing about the pace
        self._running: dict[FitJob, Step] = {}
        self._finished = 0
        self._began: float | None = None
        self._said = time.monotonic()
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[scores]}"),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            disable=not self._console.is_terminal,
            expand=True,
        )
        self._task = self._bar.add_task("preparing", total=self._total, scores="", left="")

    def __enter__(self) -> "TrainingProgress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def on_step(self, job: FitJob, step: Step) -> None:
        """Take in one finished step of a fit."""
        if self._began is None:
            self._began = time.monotonic()
        done = step.epoch * step.steps + step.step + 1
        if not self._done[job.outcome]:
            self._resumed += done
        self._done[job.outcome] = done
        self._running[job] = step
        if self._console.is_terminal:
            self._show()
        ends_epoch = step.step + 1 == step.steps
        ends_fit = ends_epoch and step.epoch + 1 == job.recipe.epochs
        is_due = ends_fit or (ends_epoch and (step.epoch + 1) % _LINE_EVERY == 0)
        if not self._console.is_terminal and (is_due or time.monotonic() - self._said > PULSE_S):
            self._said = time.monotonic()
            self._print(job, step)
        if ends_fit:
            del self._running[job]
            self._finished += 1

    def _show(self) -> None:
        running = sorted(self._running.items(), key=lambda x: self._number(x[0]))
        if len(running) <= _NAMED:
            numbers = " and ".join(str(self._number(job)) for job, _ in running)
            epochs = " and ".join(str(step.epoch + 1) for _, step in running)
            of, plural = running[0][0].recipe.epochs, "s" if len(running) > 1 else ""
            text = f"fit{plural} {numbers} of {len(self._numbers)}, epoch{plural} {epochs} of {of}"
        else:
            text = f"{len(running)} fits at a time, {self._finished} of {len(self._numbers)} done"
        scores = ""
        if self._console.width >= _WIDE:
            loss = sum(step.loss for _, step in running) / len(running)
            accuracy = sum(step.accuracy for _, step in running) / len(running)
            scores = f"loss {loss:.3f} accuracy {percent(accuracy, 1)}"
        self._bar.update(
            self._task,
            completed=sum(self._done.values()),
            description=text,
            scores=scores,
            left="" if (left := self._seconds_left()) is None else f"{left // 60}:{left % 60:02d} left",
        )

    def _print(self, job: FitJob, step: Step) -> None:
        left = self._seconds_left()
        self._console.print(
            f"fit {self._number(job)} of {len(self._numbers)} ({job.title}), epoch {step.epoch + 1} of "
            f"{job.recipe.epochs}: loss {step.loss:.3f}, accuracy {percent(step.accuracy, 1)}"
            + ("" if left is None else f", about {left} s left"),
            markup=False,
            soft_wrap=True,
        )

    def _number(self, job: FitJob) -> int:
        return self._numbers[job.outcome]

    def _seconds_left(self) -> int | None:
        """At the pace since the first step; None until a second one is done."""
        done = sum(self._done.values())
        if self._began is None or done <= self._resumed:
            return None
        return round((time.monotonic() - self._began) * (self._total - done) / (done - self._resumed))
