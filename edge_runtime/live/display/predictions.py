"""Show what was recognised in whole recordings: some in full, or many in a line each, and their total."""

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
        # Half a hop more is jitter; a longer step is a gap, or another clock.
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
    """A recording of a data set that a layout describes, by its `number` there.

    `stated` is where the device was worn by the user's word, which goes before the layout's; "" without one.
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
        """Where the device was worn; "" where that is not known."""
        return self.stated or self.recording.mounting.placement

    def __str__(self) -> str:
        x = self.recording
        worn = [y for y in (self.placement, x.mounting.device) if y]
        labels = ["labelled " + " and ".join(x.found_labels)] if x.found_labels else []
        return ", ".join([x.file, f"recording {self.number}", f"subject {x.subject}", *worn, *labels])

    def facts(self) -> dict[str, object]:
        """What is known of it, for programs."""
        x = self.recording
        worn = {"placement": self.placement, "device": x.mounting.device}
        return {"recording": self.number, "subject": str(x.subject), **worn, "labels": list(x.found_labels)}


@dataclass(frozen=True)
class Prediction:
    """All that was recognised in one `file`, or in what is `described`, whose samples begin at `start` in its clock."""

    file: Path
    described: Described | None
    start: float
    decisions: Sequence[Decision]
    segments: Sequence[Segment]
    notices: Sequence[Notice]
    summary: StreamSummary

    def __str__(self) -> str:
        return str(self.described or self.file)

    def label(self, decision: Decision) -> str:
        """The label of the last sample that the decision is about; "" where none is known."""
        return self.described.recording.label_at(decision.seconds) if self.described else ""


def rows(predictions: Sequence[Prediction], labels: Sequence[str]) -> Iterator[Sequence[object]]:
    """The decisions of all files, as `--log` of a stream has them, without what differs from run to run."""
    about = ("recording", "subject", "placement", "device")
    yield ["file", *about, "seconds", "label", "activity", "warming_up", "reason", *(f"p_{x}" for x in labels)]
    for prediction in predictions:
        facts = prediction.described.facts() if prediction.described else {}
        first = [prediction.file, *(facts.get(key, "") for key in about)]
        for x in prediction.decisions:
            probabilities = [f"{float(p):.5f}" for p in x.probabilities]
            answer = [prediction.label(x), x.activity, int(x.warming_up), x.reason]
            yield [*first, f"{x.seconds:.6f}", *answer, *probabilities]


def show_predictions(predictions: Sequence[Prediction], scores: LiveScores | None, has_names: bool) -> None:
    """Print all: three in full, by name where they have some, or a line for each of more; then all together.

    `scores` are those of recordings with labels. Notices are on stderr.
    """
    console = Console(markup=False)
    is_in_full = len(predictions) <= _MOST_IN_FULL
    for x in predictions:
        if is_in_full:
            _show_in_full(x, has_names, console)
        else:
            _show_in_a_line(x, console)
    if len(predictions) > 1:
        _show_total(predictions, scores, console)
    _tell_notices(predictions)


def _show_in_full(prediction: Prediction, has_name: bool, console: Console) -> None:
    table = plain_table(["from", "to", "activity"], ["probability"])
    for x in prediction.segments:
        table.add_row(
            *(minutes_and_seconds(y - prediction.start) for y in (x.start, x.end)),
            Text(activity_name(x.activity)),
            percent(x.probability, 0),
        )
    if has_name:
        console.print(str(prediction), style="bold", soft_wrap=not console.is_terminal)
    console.print(table)
    if {x.activity for x in prediction.decisions} == {UNKNOWN}:
        ((reason, _),) = Counter(x.reason for x in prediction.decisions).most_common(1)
        _say(f"All of it is unknown; the commonest reason: {reason}.", console)
    console.print()
    show_summary(prediction.summary, console)


def _show_in_a_line(prediction: Prediction, console: Console) -> None:
    """Print how long it is, and the share of each activity, the most first."""
    decisions = prediction.decisions
    counts = Counter(x.activity for x in decisions)
    shares = [f"{activity_name(x)} {percent(n / len(decisions), 0)}" for x, n in counts.most_common()]
    length = minutes_and_seconds(decisions[-1].seconds - prediction.start)
    _say(f"{prediction}: {length}, {', '.join(shares)}", console)


def _say(text: str, console: Console) -> None:
    """Print a line, which only a terminal wraps: in a file or a pipe other programs find it whole."""
    console.print(text, soft_wrap=not console.is_terminal)


def _show_total(predictions: Sequence[Prediction], scores: LiveScores | None, console: Console) -> None:
    console.print()
    console.print(f"All {len(predictions)} recordings", style="bold")
    console.print(activity_table([x.summary for x in predictions]))
    if scores and scores.windows:
        before = f"; postures before the first walk, {percent(scores.mounting_not_known, 1)} of the time, are left out"
        _say(
            f"{percent(scores.live_accuracy)} of {counted(scores.windows, 'window')} wholly in one labelled activity "
            f"were answered right, unknown being wrong{before * (scores.mounting_not_known > 0)}.",
            console,
        )


def _tell_notices(predictions: Sequence[Prediction]) -> None:
    """Say each notice once on stderr, with its first time and how often it came."""
    found: dict[str, list[tuple[Prediction, Notice]]] = {}
    for prediction in predictions:
        for notice in prediction.notices:
            found.setdefault(notice.text, []).append((prediction, notice))
    for text, places in found.items():
        first, notice = places[0]
        when = minutes_and_seconds(notice.seconds - first.start)
        often = f" ({len(places)} times, in {counted(len({id(x) for x, _ in places}), 'recording')})"
        click.echo(f"{first}: {when}  {text}{often * (len(places) > 1)}", err=True)
