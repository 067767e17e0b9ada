"""Show the activities of whole recordings: a few in full, or many in a line each, and their total."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import click

from edge_runtime.data.dataset import Mounting, Recording
from edge_runtime.live.decider import UNKNOWN, Decision, Notice
from edge_runtime.live.display import sinks
from edge_runtime.live.display.sinks import activity_name, minutes_and_seconds
from edge_runtime.live.stream_scores import LiveScores
from edge_runtime.live.stream_summary import StreamSummary
from edge_runtime.system.quantities import counted, percent
from edge_runtime.system.terminal import Console, plain_table

_MOST_IN_FULL = 3


@dataclass(frozen=True)
class Segment:
    """A time of one activity, in the clock of the recording; `probability` is the mean over its decisions."""

    start: float
    end: float
    activity: str
    probability: float | None


def segments(decisions: Sequence[Decision], hop_s: float) -> Iterator[Segment]:
    """Join decisions of one activity that follow each other; each stands for the hop before it."""
    first = 0
    for i, each in enumerate(decisions):
        following = decisions[i + 1] if i + 1 < len(decisions) else None
        # A step of more than half a hop too much is a gap.
        if following and following.activity == each.activity and 0 < following.seconds - each.seconds < 1.5 * hop_s:
            continue
        joined = decisions[first : i + 1]
        is_known = each.activity != UNKNOWN
        share = mean(x.probability(x.activity) for x in joined) if is_known else None
        start, end = (round(x, 6) for x in (joined[0].seconds - hop_s, each.seconds))
        yield Segment(start, end, each.activity, share)
        first = i + 1


@dataclass(frozen=True)
class Recorded:
    """A recording in `file`, whose device is worn as `mounting` says.

    A layout describes `recording` `number` of a data set; None for another file of samples.
    """

    file: Path
    mounting: Mounting
    recording: Recording | None = None
    number: int = 0

    def __str__(self) -> str:
        if (x := self.recording) is None:
            return str(self.file)
        worn = [y for y in (self.mounting.placement, x.mounting.device) if y]
        labels = ["labelled " + " and ".join(x.found_labels)] if x.found_labels else []
        return ", ".join([x.file, f"recording {self.number}", f"subject {x.subject}", *worn, *labels])

    def facts(self) -> dict[str, object]:
        """The facts for programs; none but of a layout."""
        if (x := self.recording) is None:
            return {}
        worn = {"placement": self.mounting.placement, "device": x.mounting.device}
        return {"recording": self.number, "subject": str(x.subject), **worn, "labels": list(x.found_labels)}


@dataclass(frozen=True)
class Prediction:
    """All that was recognised in what was `recorded`, whose samples begin at `start` in its clock."""

    recorded: Recorded
    start: float
    decisions: Sequence[Decision]
    segments: Sequence[Segment]
    notices: Sequence[Notice]
    summary: StreamSummary


def rows(predictions: Sequence[Prediction], labels: Sequence[str]) -> Iterator[Sequence[object]]:
    """The header and the decisions of all files, as cells of a CSV file."""
    about = ("recording", "subject", "placement", "device")
    yield ["file", *about, "seconds", "label", "activity", "warming_up", "reason", *(f"p_{x}" for x in labels)]
    for prediction in predictions:
        recording, facts = prediction.recorded.recording, prediction.recorded.facts()
        first = [prediction.recorded.file, *(facts.get(key, "") for key in about)]
        for x in prediction.decisions:
            probabilities = [f"{float(p):.5f}" for p in x.probabilities]
            label = recording.label_at(x.seconds) if recording else ""
            answer = [label, x.activity, int(x.warming_up), x.reason]
            yield [*first, f"{x.seconds:.6f}", *answer, *probabilities]


def show_predictions(predictions: Sequence[Prediction], scores: LiveScores | None, has_names: bool) -> None:
    """Print up to three in full, with their names if `has_names`, or more in a line each; then the total.

    `scores` are those of recordings with labels. Notices go to stderr, each text once.
    """
    console = Console()
    for x in predictions:
        if len(predictions) > _MOST_IN_FULL:
            counts = Counter(y.activity for y in x.decisions)
            shares = [f"{activity_name(name)} {percent(n / counts.total(), 0)}" for name, n in counts.most_common()]
            length = minutes_and_seconds(x.decisions[-1].seconds - x.start)
            console.print(f"{x.recorded}: {length}, {', '.join(shares)}", soft_wrap=True)
            continue
        table = plain_table(["from", "to", "activity"], ["probability"])
        for y in x.segments:
            times = (minutes_and_seconds(second - x.start) for second in (y.start, y.end))
            table.add_row(*times, activity_name(y.activity), percent(y.probability, 0))
        if has_names:
            console.print(str(x.recorded), style="bold", soft_wrap=True)
        console.print(table)
        if {y.activity for y in x.decisions} == {UNKNOWN}:
            ((reason, _),) = Counter(y.reason for y in x.decisions).most_common(1)
            said = {y.reason: sinks.reason_text(y) for y in x.decisions}[reason]
            console.print(f"All of it is unknown; the commonest reason: {said}.", soft_wrap=True)
        console.print()
        sinks.show_summary(x.summary, console)
    if len(predictions) > 1:
        console.print()
        console.print(f"All {len(predictions)} recordings", style="bold")
        console.print(sinks.activity_table([x.summary for x in predictions]))
        if scores and scores.windows:
            known = f"; without postures before the first walk, {percent(scores.mounting_not_known, 1)} of the time"
            windows = f"{counted(scores.windows, 'window')} wholly in one labelled activity"
            right = f"{percent(scores.live_accuracy)} of {windows} were answered right, unknown being wrong"
            console.print(f"{right}{known * (scores.mounting_not_known > 0)}.", soft_wrap=True)
    n_times = Counter(notice.text for x in predictions for notice in x.notices)
    for x in predictions:
        for notice in x.notices:
            if n := n_times.pop(notice.text, 0):
                when = minutes_and_seconds(notice.seconds - x.start)
                click.echo(f"{x.recorded}: {when}  {notice.text}{f' ({n} times)' * (n > 1)}", err=True)
