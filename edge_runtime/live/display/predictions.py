"""Show the activities of whole recordings: a few in full, many in a line each, and their total."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

from edge_runtime.data.recording import Mounting, Recording
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
    """Join successive decisions of one activity; each decision stands for the hop before it."""
    first = 0
    for i, last in enumerate(decisions):
        following = decisions[i + 1] if i + 1 < len(decisions) else None
        # A step of 1.5 hops or more is a gap.
        if following and following.activity == last.activity and 0 < following.seconds - last.seconds < 1.5 * hop_s:
            continue
        shares = [
            decision.probability(last.activity) for decision in decisions[first : i + 1] if last.activity != UNKNOWN
        ]
        start, end = round(decisions[first].seconds - hop_s, 6), round(last.seconds, 6)
        yield Segment(start, end, last.activity, mean(shares) if shares else None)
        first = i + 1


@dataclass(frozen=True)
class Recorded:
    """A recording in `file` of a device in a `mounting`.

    `recording` `number` is part of a data set with a layout; it is None for another file of samples.
    """

    file: Path
    mounting: Mounting
    recording: Recording | None = None
    number: int = 0

    def __str__(self) -> str:
        if (recording := self.recording) is None:
            return str(self.file)
        names = [activity_name(label) for label in recording.found_labels]
        labels = f"{len(names)} labels" if len(names) > 1 else "".join(f"labelled {name}" for name in names)
        mounting = (self.mounting.placement, recording.mounting.device)
        subject = f"subject {recording.subject}"
        return ", ".join(filter(None, (recording.file, f"recording {self.number}", subject, *mounting, labels)))

    def facts(self) -> dict[str, object]:
        """Return the facts for programs; {} without a layout."""
        if (recording := self.recording) is None:
            return {}
        mounting = {"placement": self.mounting.placement, "device": recording.mounting.device}
        labels = list(recording.found_labels)
        return {"recording": self.number, "subject": str(recording.subject), **mounting, "labels": labels}


@dataclass(frozen=True)
class Prediction:
    """Everything that was recognised in a recording whose samples begin at `start` in its clock."""

    recorded: Recorded
    start: float
    decisions: Sequence[Decision]
    segments: Sequence[Segment]
    notices: Sequence[Notice]
    summary: StreamSummary


def rows(predictions: Sequence[Prediction], labels: Sequence[str]) -> Iterator[Sequence[object]]:
    """Yield the header and the decisions of all files, as rows of a CSV file."""
    about = ("recording", "subject", "placement", "device")
    yield ["file", *about, "seconds", "label", "activity", "warming_up", "reason", *(f"p_{label}" for label in labels)]
    for prediction in predictions:
        recording, facts = prediction.recorded.recording, prediction.recorded.facts()
        first = [prediction.recorded.file, *(facts.get(key, "") for key in about)]
        for decision in prediction.decisions:
            probabilities = [f"{float(p):.5f}" for p in decision.probabilities]
            label = recording.label_at(decision.seconds) if recording else ""
            answer = [label, decision.activity, int(decision.warming_up), decision.reason]
            yield [*first, f"{decision.seconds:.6f}", *answer, *probabilities]


def show_predictions(predictions: Sequence[Prediction], scores: LiveScores | None, has_names: bool) -> None:
    """Print up to three in full, with their names if `has_names`, or more in a line each; then the total.

    `scores` belong to recordings with labels. Notices go to stderr, each text once.
    """
    console = Console()
    for prediction in predictions:
        if len(predictions) > _MOST_IN_FULL:
            _show_in_a_line(prediction, console)
        else:
            _show_in_full(prediction, console, has_names)
    if len(predictions) > 1:
        console.print()
        console.print(f"All {len(predictions)} recordings", style="bold")
        console.print(sinks.activity_table([prediction.summary for prediction in predictions]))
    if scores and scores.windows:
        lacks = f"; without postures before the first walk, {percent(scores.mounting_not_known, 1)} of the time"
        windows = f"{counted(scores.windows, 'window')} wholly in one labelled activity"
        right = f"{percent(scores.live_accuracy)} of {windows} were answered right (unknown counts as wrong)"
        console.print(f"{right}{lacks if scores.mounting_not_known > 0 else ''}.", soft_wrap=True)
    errors = Console(stderr=True)
    n_times = Counter(notice.text for prediction in predictions for notice in prediction.notices)
    for prediction in predictions:
        for notice in prediction.notices:
            if n := n_times.pop(notice.text, 0):
                when = minutes_and_seconds(notice.seconds - prediction.start)
                times = f" ({n} times)" if n > 1 else ""
                errors.print(f"{prediction.recorded}: {when}  {notice.text}{times}", soft_wrap=not errors.is_terminal)


def _show_in_a_line(prediction: Prediction, console: Console) -> None:
    counts = Counter(decision.activity for decision in prediction.decisions)
    shares = [f"{activity_name(name)} {percent(n / counts.total(), 0)}" for name, n in counts.most_common()]
    length = minutes_and_seconds(prediction.decisions[-1].seconds - prediction.start)
    console.print(f"{prediction.recorded}: {length}, {', '.join(shares)}", soft_wrap=True)


def _show_in_full(prediction: Prediction, console: Console, has_name: bool) -> None:
    table = plain_table(["from", "to", "activity"], ["probability"])
    for segment in prediction.segments:
        times = (minutes_and_seconds(second - prediction.start) for second in (segment.start, segment.end))
        table.add_row(*times, activity_name(segment.activity), percent(segment.probability, 0))
    if has_name:
        console.print(str(prediction.recorded), style="bold", soft_wrap=True)
    console.print(table)
    if {decision.activity for decision in prediction.decisions} == {UNKNOWN}:
        reasons = Counter(decision.reason for decision in prediction.decisions)
        reason = reasons.most_common(1)[0][0]
        latest = next(x for x in reversed(prediction.decisions) if x.reason == reason)
        console.print(f"All of it is unknown; the commonest reason: {sinks.reason_text(latest)}.", soft_wrap=True)
    console.print()
    sinks.show_summary(prediction.summary, console)
