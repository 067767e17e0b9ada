"""What a person sees while a training runs: a bar with loss, accuracy and time left; plain lines without a terminal."""

import time
from types import TracebackType

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from edge_runtime.terminal import Console
from train.fit import Progress as Step

_LINE_EVERY = 10  # epochs, without a terminal


class TrainingProgress:
    """Shows the steps of both fits on stderr. Use as a context manager and hand `on_step` to the training."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
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
        self._tasks = {
            fit: self._bar.add_task(fit, total=None, start=False, scores="") for fit in ("selection", "final")
        }
        self._started = time.monotonic()

    def __enter__(self) -> "TrainingProgress":
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._bar.stop()

    def on_step(self, step: Step) -> None:
        """Take in one finished step."""
        total = self._epochs * step.steps
        done = step.epoch * step.steps + step.step + 1
        if self._console.is_terminal:
            task = self._bar.tasks[self._tasks[step.fit]]
            if not task.started:
                # After --resume the first step seen is not the first: time left counts from here.
                self._bar.start_task(task.id)
            scores = f"loss {step.loss:.3f}  accuracy {100 * step.accuracy:5.1f} %"
            self._bar.update(task.id, total=total, completed=done, scores=scores)
        elif step.step + 1 == step.steps and ((step.epoch + 1) % _LINE_EVERY == 0 or done == total):
            self._console.print(
                f"{step.fit} fit: epoch {step.epoch + 1} of {self._epochs}, loss {step.loss:.3f}, "
                f"accuracy {100 * step.accuracy:.1f} %, {time.monotonic() - self._started:.0f} s"
            )
