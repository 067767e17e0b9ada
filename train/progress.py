"""What a person sees while a training runs: a bar with loss, accuracy and time left; plain lines without a terminal."""

import time
from collections.abc import Mapping
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from edge_runtime.terminal import Console
from train.fit import Progress as Step

_LINE_EVERY = 10  # epochs, without a terminal


class TrainingProgress:
    """Shows the steps of both fits on stderr as one piece of work.

    `steps` are the batches of each fit, in the order of the fits. Use as a context manager and hand `on_step` to the
    training.
    """

    def __init__(self, epochs: int, steps: Mapping[str, int]) -> None:
        self._epochs, self._steps = epochs, steps
        self._console = Console(stderr=True)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TaskProgressColumn(),
            TextColumn("{task.fields[scores]}"),
            TimeRemainingColumn(compact=True),
            console=self._console,
            disable=not self._console.is_terminal,
            expand=True,
        )
        self._task = self._bar.add_task("preparing", total=sum(steps.values()), start=False, scores="")
        self._first: int | None = None
        self._began = time.monotonic()

    def __enter__(self) -> "TrainingProgress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def on_step(self, step: Step) -> None:
        """Take in one finished step."""
        names = list(self._steps)
        before = sum(self._steps[x] for x in names[: names.index(step.fit)])
        done = before + step.epoch * step.steps + step.step + 1
        if self._first is None:
            # After --resume the first step seen is not the first of all: time left counts from here.
            self._first, self._began = done, time.monotonic()
            self._bar.update(self._task, completed=done)
            self._bar.start_task(self._task)
        fit = f"fit {names.index(step.fit) + 1} of {len(names)}, epoch {step.epoch + 1} of {self._epochs}"
        if self._console.is_terminal:
            scores = f"loss {step.loss:.3f} accuracy {100 * step.accuracy:.1f} %"
            self._bar.update(self._task, completed=done, description=fit, scores=scores)
        elif step.step + 1 == step.steps and ((step.epoch + 1) % _LINE_EVERY == 0 or step.epoch + 1 == self._epochs):
            left = (time.monotonic() - self._began) * (sum(self._steps.values()) - done) / max(1, done - self._first)
            scores = f"loss {step.loss:.3f}, accuracy {100 * step.accuracy:.1f} %"
            self._console.print(f"{fit}: {scores}, about {left:.0f} s left", markup=False)
