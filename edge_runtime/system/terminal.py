"""Show text and progress on a terminal: one kind of console, one kind of progress bar."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import rich.console
from rich.console import ConsoleOptions, RenderableType
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from edge_runtime.system.printable import shown
from edge_runtime.system.progress import OnProgress


class Console(rich.console.Console):
    """A console that shows plain text: no highlighting, no emoji, no markup, and no escape codes."""

    def __init__(self, stderr: bool = False) -> None:
        # The stream itself, without a live display around it; this console escapes all text.
        file = sys.stderr if stderr else sys.stdout
        while (inner := getattr(file, "rich_proxied_file", None)) is not None:
            file = inner
        file = getattr(file, "unescaped", file)
        super().__init__(file=file, stderr=stderr, markup=False, highlight=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """Escape what a terminal would obey, before anything is measured."""
        return super().render_str(shown(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Escape `Text` too, which only rich measures; rich's own codes are `control` or styles."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(shown(segment.text), segment.style)

    def _render_buffer(self, buffer: Iterable[Segment]) -> str:
        """Leave out the blanks that fill the last column of a table if the output is not a terminal."""
        text = super()._render_buffer(buffer)
        return text if self.is_terminal else re.sub(r" +\n", "\n", text)


def plain_table(text: Sequence[str], numbers: Sequence[str], title: str | None = None) -> Table:
    """Begin a table without borders: columns headed `text`, then those headed `numbers`, aligned to the right."""
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for name in text:  # the ends of long names often differ, so nothing is cut
        table.add_column(name, overflow="fold")
    for name in numbers:
        table.add_column(name, justify="right", overflow="fold")
    return table


def facts_table() -> Table:
    """Begin a table of facts: names in bold, and a value beside each."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    return table


@contextmanager
def progress() -> Iterator[OnProgress]:
    """Show the progress of the work on stderr: a bar on a terminal, otherwise a line for each stage and tenth."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _lines(console)
        return
    columns = (
        BarColumn(bar_width=None),
        TaskProgressColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(
        *columns, TextColumn("{task.description}", markup=False), console=console, transient=True, expand=True
    ) as bars:
        task = bars.add_task("", total=1.0)
        yield lambda share, text: bars.update(task, completed=share, description=text)


def _lines(console: Console) -> OnProgress:
    """Print a line for each new stage, and for each tenth of the work."""
    last = ("", 0)

    def show(share: float, text: str) -> None:
        nonlocal last
        now = (text.partition(": ")[0], int(10 * share))
        if now != last:
            last = now
            console.print(f"{100 * share:3.0f} % {text}", soft_wrap=True)

    return show
