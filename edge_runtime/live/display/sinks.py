"""Where decisions and notices go: lines for people, lines for programs, and the summary at the end."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

import click
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.live.display import formatting
from edge_runtime.live.elapsed_time import Elapsed
from edge_runtime.live.recognizer import UNKNOWN, Decision, Notice
from edge_runtime.live.stream_summary import Summary
from edge_runtime.system.printable import printable
from edge_runtime.system.quantities import counted, percent

if TYPE_CHECKING:
    from edge_runtime.system.terminal import Console

_LONGEST_NOTICE = 400


class Sink:
    """Hears everything in its order, a tick after whatever the source gave, and the summary when the stream has ended.

    This one keeps silent until the end. It is a context: what it shows is on the screen inside.
    """

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def decision(self, decision: Decision) -> None:
        """A window was classified."""

    def notice(self, notice: Notice) -> None:
        """Something happened."""

    def tick(self) -> None:
        """Time has passed."""

    def end(self, summary: Summary) -> None:
        """Print the summary."""
        show_summary(summary)


class Changes(Sink):
    """A line on stdout for each change of activity, one on stderr for each notice; then the summary."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = list(labels)
        self._elapsed = Elapsed()
        self._shown = ""

    def decision(self, decision: Decision) -> None:
        """Say what someone does now, if that is something else than before."""
        passed = self._elapsed.at(decision.seconds)
        if decision.activity != self._shown:
            self._shown = decision.activity
            _print(f"{formatting.since(passed):>8}  {self._described(decision)}")

    def notice(self, notice: Notice) -> None:
        """Say what happened, on stderr."""
        click.echo(printable(notice.text, _LONGEST_NOTICE), err=True)

    def _described(self, decision: Decision) -> str:
        name = formatting.activity(decision.activity)
        if decision.activity == UNKNOWN:
            return f"{name} ({printable(decision.reason)})" if decision.reason else name
        share = decision.probabilities[self._labels.index(decision.activity)]
        shown = f"{name}  {percent(float(share), 0)}"
        return f"{shown}  (warming up)" if decision.warming_up else shown


class JsonLines(Sink):
    """A JSON object on each line of stdout; docs/stream.md gives the keys."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._labels = labels

    def decision(self, decision: Decision) -> None:
        """Print `{"type": "decision", …}`."""
        _print_json(
            {
                "type": "decision",
                "seconds": decision.seconds,
                "activity": decision.activity,
                "probabilities": self._named(decision.probabilities),
                "window_probabilities": self._named(decision.window_probabilities),
                "warming_up": bool(decision.warming_up),
                "reason": decision.reason,
                "inference_ms": round(decision.inference_ms, 4),
            }
        )

    def notice(self, notice: Notice) -> None:
        """Print `{"type": "notice", …}`."""
        _print_json({"type": "notice", "seconds": notice.seconds, "kind": notice.kind, "text": notice.text})

    def end(self, summary: Summary) -> None:
        """Print `{"type": "summary", …}`."""
        _print_json({"type": "summary"} | summary.to_dict())

    def _named(self, probabilities: npt.NDArray[Any]) -> dict[str, float]:
        return {name: round(float(p), 5) for name, p in zip(self._labels, probabilities, strict=True)}


def show_summary(summary: Summary, console: "Console | None" = None) -> None:
    """Print the summary as a table, on stdout or on `console`."""
    from rich.markup import escape
    from rich.table import Table

    from edge_runtime.system.terminal import Console

    console = console or Console()
    table = Table(box=None, pad_edge=False)
    table.add_column("activity")
    table.add_column("minutes", justify="right")
    table.add_column("share", justify="right")
    total = sum(summary.windows.values())
    for label, count in summary.windows.items():
        if count:
            name = escape(formatting.activity(label))
            table.add_row(name, f"{summary.seconds(label) / 60:.1f}", percent(count / total, 0))
    console.print(table if total else "Nothing was recognised: a first answer needs a whole window of samples.")
    console.print(_closing(summary), soft_wrap=True)


def _closing(summary: Summary) -> str:
    """What else there is to say, in a sentence or three."""
    facts = [
        counted(summary.changes, "change"),
        counted(summary.gaps, "gap"),
        counted(summary.samples, "sample"),
    ]
    if summary.inference_ms is not None:
        facts.append(f"inference {summary.inference_ms:.2f} ms")
    counts = {
        "invalid": summary.dropped.invalid,
        "duplicate": summary.dropped.duplicates,
        "late": summary.dropped.late,
        "malformed": summary.malformed,
    }
    left_out = [f"{count:,} {name}" for name, count in counts.items() if count]
    sentences = [", ".join(facts)]
    if left_out:
        sentences.append(f"Left out: {', '.join(left_out)}")
    if summary.not_logged:
        sentences.append(f"The log misses {counted(summary.not_logged, 'decision')}")
    return f"{'. '.join(sentences)}."


def _print_json(content: Mapping[str, Any]) -> None:
    _print(json.dumps(content))


def _print(line: str) -> None:
    """Raises `InputError` where there is no room for the line; a reader that has gone is left to the command's end."""
    try:
        click.echo(line)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise InputError(
            f"cannot write to standard output: {error.strerror or error}; send it elsewhere, or give --quiet and --log"
        ) from error
