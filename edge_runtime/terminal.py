"""What every command shows on a terminal: one kind of console, one kind of progress bar."""

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import rich.console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

OnProgress = Callable[[float, str], None]
"""Hears the share of the work that is done, and what is being done: `stage`, or `stage: detail`."""


class Console(rich.console.Console):
    """A console that leaves text as it is: no highlighting, no emoji, and no markup unless wanted."""

    def __init__(self, stderr: bool = False, markup: bool = True) -> None:
        super().__init__(stderr=stderr, markup=markup, highlight=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Leave a reader that went away to the command's end; rich would end the program here."""
        raise BrokenPipeError(errno.EPIPE, "the reader of this output went away")


@contextmanager
def progress() -> Iterator[OnProgress]:
    """Show how far the work is, on stderr: a bar on a terminal, else a line for each new stage."""
    console = Console(stderr=True)
    if console.is_terminal:
        columns = (BarColumn(bar_width=None), TaskProgressColumn(), TimeRemainingColumn(compact=True))
        with Progress(
            *columns, TextColumn("{task.description}", markup=False), console=console, transient=True, expand=True
        ) as bar:
            task = bar.add_task("", total=1.0)
            yield lambda share, text: bar.update(task, completed=share, description=text)
        return
    said: list[str] = []

    def say(share: float, text: str) -> None:
        stage = text.partition(": ")[0]
        if said[-1:] != [stage]:
            said.append(stage)
            console.print(f"{share:4.0%} {stage}", markup=False, soft_wrap=True)

    yield say
