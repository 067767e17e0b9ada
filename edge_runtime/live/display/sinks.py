"""Print decisions and notices as lines for people or programs, and a summary at the end."""

import json
import re
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict

import click
from rich.table import Table

from edge_runtime.live.decider import UNCERTAIN, UNKNOWN, Decision, Notice
from edge_runtime.live.stream_scores import WindowScores
from edge_runtime.live.stream_summary import StreamSummary
from edge_runtime.system.printable import printable
from edge_runtime.system.quantities import counted, percent
from edge_runtime.system.terminal import Console, plain_table

_LONGEST_NAME, _LONGEST_NOTICE = 24, 400
LIKELY = 0.5  # below it, no activity is named


def activity_name(label: str) -> str:
    """Make the name of an activity printable, because a label may hold anything."""
    return printable(_in_english(label), _LONGEST_NAME)


def _in_english(text: str) -> str:
    """Replace the data set's LAYING, which stays in labels, files and JSON, by LYING."""
    return re.sub(r"\bLAYING\b", "LYING", text)


def reason_text(decision: Decision) -> str:
    """Tell people why the activity is unknown; if no activity is certain, also name one that is likelier than not."""
    likeliest = int(decision.probabilities.argmax())
    share = float(decision.probabilities[likeliest])
    if decision.reason != UNCERTAIN or share <= LIKELY:
        return printable(_in_english(decision.reason))
    return f"{decision.reason}: {activity_name(decision.labels[likeliest])} {percent(share, 0)}"


def minutes_and_seconds(seconds: float) -> str:
    """Write `m:ss`, or `h:mm:ss` from an hour on."""
    minutes, whole = divmod(int(max(seconds, 0)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{whole:02}" if hours else f"{minutes}:{whole:02}"


class Sink(AbstractContextManager["Sink"]):
    """Takes events in order, a tick after each item of the source, and the summary at the end; a context manager.

    `elapsed_s` is the time since the first sample, `label` the label in a replayed recording, or "".
    """

    def __exit__(self, *_: object) -> None:
        pass

    def decision(self, decision: Decision, elapsed_s: float, label: str | None = None) -> None:
        """Take a decision; `label` is the truth in a replay, "" where the recording has no label."""

    def notice(self, notice: Notice, elapsed_s: float) -> None:
        """Take a notice."""

    def tick(self) -> None:
        """Note that time has passed."""

    def end(self, summary: StreamSummary, scores: WindowScores | None = None) -> None:
        """Print the summary, with the `scores` of a labelled replay."""
        show_summary(summary, Console(), scores)


class Changes(Sink):
    """Prints each change of activity on stdout and each notice on stderr, a line each; then the summary."""

    def __init__(self) -> None:
        self._shown = ""

    def decision(self, decision: Decision, elapsed_s: float, label: str | None = None) -> None:
        """Print the activity if it has changed."""
        if decision.activity != self._shown:
            self._shown = decision.activity
            remark = f"({reason_text(decision)})"
            if decision.activity != UNKNOWN:
                remark = percent(decision.probability(decision.activity), 0)
            warming_up = "(warming up)" if decision.warming_up else ""
            truth = f"labelled {activity_name(label)}" if label else "no label" if label == "" else ""
            parts = (activity_name(decision.activity), remark, warming_up, truth)
            click.echo(f"{minutes_and_seconds(elapsed_s):>8}  {'  '.join(filter(None, parts))}")

    def notice(self, notice: Notice, elapsed_s: float) -> None:
        """Print the notice on stderr."""
        click.echo(printable(notice.text, _LONGEST_NOTICE), err=True)


class JsonLines(Sink):
    """Prints a JSON object on each line of stdout; docs/stream.md gives the keys."""

    def decision(self, decision: Decision, elapsed_s: float, label: str | None = None) -> None:
        """Print `{"type": "decision", …}`."""
        smoothed, of_window = (
            {name: round(float(p), 5) for name, p in zip(decision.labels, values, strict=True)}
            for values in (decision.probabilities, decision.window_probabilities)
        )
        content = {
            "type": "decision",
            "seconds": round(decision.seconds, 6),
            "activity": decision.activity,
            "probabilities": smoothed,
            "window_probabilities": of_window,
            "warming_up": bool(decision.warming_up),
            "reason": decision.reason,
            "inference_ms": round(decision.inference_ms, 4),
        }
        if label:
            content["label"] = label
        click.echo(json.dumps(content))

    def notice(self, notice: Notice, elapsed_s: float) -> None:
        """Print `{"type": "notice", …}`."""
        click.echo(json.dumps({"type": "notice"} | asdict(notice)))

    def end(self, summary: StreamSummary, scores: WindowScores | None = None) -> None:
        """Print `{"type": "summary", …}`."""
        content = {"scores": asdict(scores)} if scores else {}
        click.echo(json.dumps({"type": "summary"} | summary.to_dict() | content))


def show_summary(summary: StreamSummary, console: Console, scores: WindowScores | None = None) -> None:
    """Print the summary as a table, and the `scores` of all its decisions in a sentence."""
    console.print(
        activity_table([summary])
        if any(summary.windows.values())
        else "Nothing was recognised: the first answer needs a window of samples (2.56 s for the included models)."
    )
    facts = [counted(summary.changes, "change"), counted(summary.gaps, "gap"), counted(summary.samples, "sample")]
    if summary.inference_ms is not None:
        facts.append(f"inference {summary.inference_ms:.2f} ms")
    left_out = {name: getattr(summary, name) for name in ("invalid", "duplicates", "late", "malformed", "not_logged")}
    facts += [f"{count:,} {name.replace('_', ' ')}" for name, count in left_out.items() if count]
    console.print(f"{', '.join(facts)}.", soft_wrap=True)
    if scores:
        n_others = sum(summary.windows.values()) - scores.windows
        n_unknown = summary.windows[UNKNOWN] - round(scores.unknown * scores.windows)
        shares = scores.live_accuracy, 1 - scores.live_accuracy - scores.unknown, scores.unknown
        right, wrong, unknown = (percent(abs(share), 1) for share in shares)
        within = f"{counted(scores.windows, 'window')} within one activity"
        console.print(f"Of {within}, {right} were right, {wrong} wrong, {unknown} unknown.")
        if n_others:
            share = percent(n_unknown / n_others, 1)
            console.print(f"{share} of the other windows (changes, no label, before the first walk) were unknown.")


def activity_table(summaries: Sequence[StreamSummary]) -> Table:
    """Make a table of each activity's minutes in all `summaries`, and of its share of the decisions."""
    table = plain_table(["activity"], ["minutes", "share"])
    total = sum(sum(summary.windows.values()) for summary in summaries)
    for label in summaries[0].windows:
        if count := sum(summary.windows[label] for summary in summaries):
            minutes = count * summaries[0].hop_s / 60
            table.add_row(activity_name(label), f"{minutes:.1f}", percent(count / total, 0))
    return table
