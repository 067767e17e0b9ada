"""Show the activities of whole recordings: a few in full, or many in a line each, and their total."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import click
from rich.text import Text

from edge_runtime.data.data_sources import DataSource
from edge_runtime.data.dataset import Recording
from edge_runtime.live.decider import UNKNOWN, Decision, Notice
from edge_runtime.live.display.sinks import activity_name, activity_table, minutes_and_seconds, show_summary
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
class Described:
    """Recording `number` of a data set that a layout describes.

    `stated` is the user's placement of the device, which goes before the layout's; "" without one.
    """

    data: DataSource
    number: int
    recording: Recording
    stated: str = ""

    @property
    def file(self) -> Path:
        """The path of its file."""
        assert self.data.path
        is_alone = self.data.path.name == self.recording.file and self.data.path.is_file()
        return self.data.path if is_alone else self.data.path / self.recording.file

    @property
    def placement(self) -> str:
        """Where the device was worn; "" if unknown."""
        return self.stated or self.recording.mounting.placement

    def __str__(self) -> str:
        x = self.recording
        worn = [y for y in (self.placement, x.mounting.device) if y]
        labels = ["labelled " + " and ".join(x.found_labels)] if x.found_labels else []
        return ", ".join([x.file, f"recording {self.number}", f"subject {x.subject}", *worn, *labels])

    def facts(self) -> dict[str, object]:
        """The facts for programs."""
        x = self.recording
        worn = {"placement": self.placement, "device": x.mounting.device}
        return {"recording": self.number, "subject": str(x.subject), **worn, "labels": list(x.found_labels)}


@dataclass(frozen=True)
class Prediction:
    """All that was recognised in one `file`, whose samples begin at `start` in its clock."""

    file: Path
    described: Described | None
    start: float
    decisions: Sequence[Decision]
    segments: Sequence[Segment]
    notices: Sequence[Notice]
    summary: StreamSummary

    def __str__(self) -> str:
        return str(self.described or self.file)


def rows(predictions: Sequence[Prediction], labels: Sequence[str]) -> Iterator[Sequence[object]]:
    """The header and the decisions of all files, as cells of a CSV file."""
    about = ("recording", "subject", "placement", "device")
    yield ["file", *about, "seconds", "label", "activity", "warming_up", "reason", *(f"p_{x}" for x in labels)]
    for prediction in predictions:
        facts = prediction.described.facts() if prediction.described else {}
        first = [prediction.file, *(facts.get(key, "") for key in about)]
        for x in prediction.decisions:
            probabilities = [f"{float(p):.5f}" for p in x.probabilities]
            label = prediction.described.recording.label_at(x.seconds) if prediction.described else ""
            answer = [label, x.activity, int(x.warming_up), x.reason]
            yield [*first, f"{x.seconds:.6f}", *answer, *probabilities]


def show_predictions(predictions: Sequence[Prediction], scores: LiveScores | None, has_names: bool) -> None:
    """Print up to three in full, with their names if `has_names`, or more in a line each; then the total.

    `scores` are those of recordings with labels. Notices go to stderr, each text once.
    """
    console = Console(markup=False)
    for x in predictions:
        if len(predictions) <= _MOST_IN_FULL:
            _show_in_full(x, has_names, console)
            continue
        counts = Counter(y.activity for y in x.decisions)
        shares = [f"{activity_name(name)} {percent(n / counts.total(), 0)}" for name, n in counts.most_common()]
        length = minutes_and_seconds(x.decisions[-1].seconds - x.start)
        console.print(f"{x}: {length}, {', '.join(shares)}", soft_wrap=True)
    if len(predictions) > 1:
        console.print()
        console.print(f"All {len(predictions)} recordings", style="bold")
        console.print(activity_table([x.summary for x in predictions]))
        if scores and scores.windows:
            known = (
                f"; postures before the first walk, {percent(scores.mounting_not_known, 1)} of the time, are left out"
            )
            windows = f"{counted(scores.windows, 'window')} wholly in one labelled activity"
            right = f"{percent(scores.live_accuracy)} of {windows} were answered right, unknown being wrong"
            console.print(f"{right}{known * (scores.mounting_not_known > 0)}.", soft_wrap=True)
    times = Counter(notice.text for x in predictions for notice in x.notices)
    for x in predictions:
        for notice in x.notices:
            if n := times.pop(notice.text, 0):
                when = minutes_and_seconds(notice.seconds - x.start)
                click.echo(f"{x}: {when}  {notice.text}{f' ({n} times)' * (n > 1)}", err=True)


def _show_in_full(prediction: Prediction, has_name: bool, console: Console) -> None:
    table = plain_table(["from", "to", "activity"], ["probability"])
    for x in prediction.segments:
        table.add_row(
            *(minutes_and_seconds(y - prediction.start) for y in (x.start, x.end)),
            Text(activity_name(x.activity)),
            percent(x.probability, 0),
        )
    if has_name:
        console.print(str(prediction), style="bold", soft_wrap=True)
    console.print(table)
    if {x.activity for x in prediction.decisions} == {UNKNOWN}:
        ((reason, _),) = Counter(x.reason for x in prediction.decisions).most_common(1)
        console.print(f"All of it is unknown; the commonest reason: {reason}.", soft_wrap=True)
    console.print()
    show_summary(prediction.summary, console)
