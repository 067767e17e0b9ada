"""Print decisions and notices: lines for people, lines for programs, and the summary at the end."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Self

import click
import numpy.typing as npt

from edge_runtime.live.decider import UNKNOWN, Decision, Notice
from edge_runtime.live.stream_summary import StreamSummary
from edge_runtime.system.printable import printable
from edge_runtime.system.quantities import counted, percent

if TYPE_CHECKING:
    from rich.table import Table

    from edge_runtime.system.terminal import Console

_LONGEST_NAME, _LONGEST_NOTICE = 24, 400


def activity_name(label: str) -> str:
    """The name of an activity for people; labels come from a file and may hold anything."""
    return "unknown" if label == UNKNOWN else printable(label, _LONGEST_NAME).replace("_", " ")


def reason_text(decision: Decision) -> str:
    """Say for people why the activity is unknown, with the names of activities as `activity_name` has them."""
    return printable(decision.reason).replace("_", " ")


def labelled(label: str) -> str:
    """`labelled SITTING`; "" without a label."""
    return f"labelled {activity_name(label)}" if label else ""


def minutes_and_seconds(seconds: float) -> str:
    """`m:ss`, or `h:mm:ss` from an hour on."""
    minutes, whole = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole:02}" if hours else f"{minutes}:{whole:02}"


Truth = Callable[[float], str]
"""The label of a moment (seconds, in the clock of the source); "" where there is none, or nobody knows."""


def no_truth(seconds: float) -> str:
    """Know no label, as in a stream of a sensor."""
    del seconds
    return ""


class Sink:
    """Takes events in their order, a tick after each item of the source, and the summary when the stream has ended.

    `elapsed_s` of an event are the seconds from the first sample until it. This one prints nothing until the end. It is
    a context: a display is on the screen inside. `truth` is shown beside the answers, where it knows a label.
    """

    def __init__(self, truth: Truth = no_truth) -> None:
        self._truth = truth

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def decision(self, decision: Decision, elapsed_s: float) -> None:
        """Take a decision."""

    def notice(self, notice: Notice, elapsed_s: float) -> None:
        """Take a notice."""

    def tick(self) -> None:
        """Note that time has passed."""

    def end(self, summary: StreamSummary) -> None:
        """Print the summary."""
        show_summary(summary)


class Changes(Sink):
    """Prints a line on stdout for each change of activity, one on stderr for each notice; then the summary."""

    def __init__(self, truth: Truth = no_truth) -> None:
        super().__init__(truth)
        self._shown = ""

    def decision(self, decision: Decision, elapsed_s: float) -> None:
        """Print the activity, if it is another than before."""
        if decision.activity != self._shown:
            self._shown = decision.activity
            label = labelled(self._truth(decision.seconds))
            said = f"({reason_text(decision)})" if decision.reason else ""
            if decision.activity != UNKNOWN:
                said = percent(decision.probability(decision.activity), 0)
            parts = (activity_name(decision.activity), said, "(warming up)" if decision.warming_up else "", label)
            click.echo(f"{minutes_and_seconds(elapsed_s):>8}  {'  '.join(x for x in parts if x)}")

    def notice(self, notice: Notice, elapsed_s: float) -> None:
        """Print the notice on stderr."""
        del elapsed_s
        click.echo(printable(notice.text, _LONGEST_NOTICE), err=True)


class JsonLines(Sink):
    """Prints a JSON object on each line of stdout; docs/stream.md gives the keys."""

    def decision(self, decision: Decision, elapsed_s: float) -> None:
        """Print `{"type": "decision", …}`."""
        del elapsed_s
        content = {
            "type": "decision",
            "seconds": decision.seconds,
            "activity": decision.activity,
            "probabilities": _by_label(decision, decision.probabilities),
            "window_probabilities": _by_label(decision, decision.window_probabilities),
            "warming_up": bool(decision.warming_up),
            "reason": decision.reason,
            "inference_ms": round(decision.inference_ms, 4),
        }
        if label := self._truth(decision.seconds):
            content["label"] = label
        click.echo(json.dumps(content))

    def notice(self, notice: Notice, elapsed_s: float) -> None:
        """Print `{"type": "notice", …}`."""
        del elapsed_s
        click.echo(json.dumps({"type": "notice"} | asdict(notice)))

    def end(self, summary: StreamSummary) -> None:
        """Print `{"type": "summary", …}`."""
        click.echo(json.dumps({"type": "summary"} | summary.to_dict()))


def show_summary(summary: StreamSummary, console: "Console | None" = None) -> None:
    """Print the summary as a table, on stdout or on `console`."""
    from edge_runtime.system.terminal import Console

    console = console or Console()
    console.print(
        activity_table([summary])
        if any(summary.windows.values())
        else "Nothing was recognised: a first answer needs a whole window of samples."
    )
    console.print(_closing(summary), soft_wrap=True)


def activity_table(summaries: Sequence[StreamSummary]) -> "Table":
    """Make a table of the minutes of each activity over all `summaries`, and its share of the decisions."""
    from rich.markup import escape

    from edge_runtime.system.terminal import plain_table

    table = plain_table(["activity"], ["minutes", "share"])
    total = sum(sum(x.windows.values()) for x in summaries)
    for label in summaries[0].windows:
        if count := sum(x.windows[label] for x in summaries):
            minutes = sum(x.seconds[label] for x in summaries) / 60
            table.add_row(escape(activity_name(label)), f"{minutes:.1f}", percent(count / total, 0))
    return table


def _closing(summary: StreamSummary) -> str:
    """The other facts of the summary, with samples left out and decisions not logged if there are any."""
    facts = [counted(summary.changes, "change"), counted(summary.gaps, "gap"), counted(summary.samples, "sample")]
    if summary.inference_ms is not None:
        facts.append(f"inference {summary.inference_ms:.2f} ms")
    left_out = {x: getattr(summary, x) for x in ("invalid", "duplicates", "late", "malformed", "not_logged")}
    facts += [f"{count:,} {name.replace('_', ' ')}" for name, count in left_out.items() if count]
    return f"{', '.join(facts)}."


def _by_label(decision: Decision, probabilities: npt.NDArray[Any]) -> dict[str, float]:
    return {name: round(float(p), 5) for name, p in zip(decision.labels, probabilities, strict=True)}
