"""Show text and progress on a terminal: one kind of console, one kind of progress bar."""

import errno
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import rich.console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from edge_runtime.system.progress import OnProgress


class Console(rich.console.Console):
    """A console that leaves text as it is: no highlighting, no emoji, and no markup unless wanted."""

    def __init__(self, stderr: bool = False, markup: bool = True) -> None:
        super().__init__(stderr=stderr, markup=markup, highlight=False, emoji=False)

    def on_broken_pipe(self) -> None:
        """Leave a reader that went away to the command's end; rich would end the program here."""
        raise BrokenPipeError(errno.EPIPE, "the reader of this output went away")


def plain_table(text: Sequence[str], numbers: Sequence[str], title: str | None = None) -> Table:
    """Begin a table without borders: columns headed `text`, then those headed `numbers`, aligned to the right."""
    table = Table(*text, title=title, title_justify="left", box=None, pad_edge=False)
    for name in numbers:
        table.add_column(name, justify="right")
    return table


@contextmanager
def progress() -> Iterator[OnProgress]:
    """Show how far the work is, on stderr: a bar on a terminal, else a line for each new stage."""
    with progresses([""]) as (on_progress,):
        yield on_progress


@contextmanager
def progresses(names: Sequence[str]) -> Iterator[list[OnProgress]]:
    """Show the progress of several works that go on at a time, each under its name."""
    console = Console(stderr=True)
    prefixes = [f"{name}: " if name else "" for name in names]
    if not console.is_terminal:
        yield [_Lines(console, prefix) for prefix in prefixes]
        return
    columns = (
        BarColumn(bar_width=None),
        TaskProgressColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(
        *columns, TextColumn("{task.description}", markup=False), console=console, transient=True, expand=True
    ) as bars:
        yield [_Bar(bars, prefix) for prefix in prefixes]


class _Bar:
    """One of the bars."""

    def __init__(self, bars: Progress, prefix: str) -> None:
        self._bars, self._prefix = bars, prefix
        self._task = bars.add_task(prefix, total=1.0)

    def __call__(self, share: float, text: str) -> None:
        self._bars.update(self._task, completed=share, description=f"{self._prefix}{text}")


class _Lines:
    """A line for each new stage."""

    def __init__(self, console: Console, prefix: str) -> None:
        self._console, self._prefix, self._said = console, prefix, ""

    def __call__(self, share: float, text: str) -> None:
        stage = text.partition(": ")[0]
        if stage != self._said:
            self._said = stage
            self._console.print(f"{100 * share:3.0f} % {self._prefix}{stage}", markup=False, soft_wrap=True)
