"""Draw the live display of a terminal: the activity, its probability, and the last minutes as a coloured band."""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Self

from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from edge_runtime.live.decider import UNKNOWN, Decision, Notice
from edge_runtime.live.display.sinks import LIKELY, Sink, activity_name, minutes_and_seconds, reason_text, show_summary
from edge_runtime.live.sources import SourceClock
from edge_runtime.live.stream_scores import WindowScores
from edge_runtime.live.stream_summary import StreamSummary
from edge_runtime.model.alike_labels import labels_of
from edge_runtime.system.printable import printable
from edge_runtime.system.quantities import counted, percent
from edge_runtime.system.terminal import Console

BAND_S = 300.0
_REFRESH_S = 0.1
_NOTICES = 3
_LEAST_BAR = 5  # columns
_UNKNOWN_COLOUR, _INK = "#bdbdbd", "#111111"
_LONGEST_NOTICE = 240
# Related activities have related colours: blue to green for walking, warm for rest, purple to grey for transitions.
_ACTIVITIES = (
    "#4c9be8", "#2aa198", "#8bc34a", "#f2b134", "#ef7d57", "#c0568f",
    "#7e57c2", "#b39ddb", "#5c6bc0", "#9fa8da", "#8d6e63", "#bdbdbd",
)  # fmt: skip


def activity_colour(label: int) -> str:
    """Return the colour of activity `label`, in a terminal and in pictures."""
    return _ACTIVITIES[label % len(_ACTIVITIES)]


class Timeline(Sink):
    """Draws on `console`; `title` names the model and the source, `summary` belongs to the session."""

    def __init__(
        self, labels: Sequence[str], title: str, summary: StreamSummary, console: Console, clock: SourceClock
    ) -> None:
        self._console = console
        self._names = [*labels, UNKNOWN]
        self._letters = letters(self._names)
        self._title, self._summary = printable(title, _LONGEST_NOTICE), summary
        self._clock, self._drawn = clock, 0.0
        self._latest: Decision | None = None
        self._label = ""
        # Times, answers and labels (None: another, or no label), at most one of each a second.
        self._past: deque[tuple[float, int, int | None]] = deque(maxlen=int(BAND_S) + 1)
        self._notices: deque[tuple[float, str]] = deque(maxlen=_NOTICES)
        self._live = Live(console=console, auto_refresh=False, get_renderable=self.picture)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.refresh()  # the last picture stays
        self._live.stop()

    def decision(self, decision: Decision, elapsed_s: float, label: str | None = None) -> None:
        """Take a decision."""
        self._latest, self._label = decision, label or ""
        if self._past and int(self._past[-1][0]) == int(elapsed_s):
            self._past.pop()
        truth = self._names.index(label) if label in self._names else None
        self._past.append((elapsed_s, self._names.index(decision.activity), truth))

    def notice(self, notice: Notice, elapsed_s: float) -> None:
        """Take a notice."""
        self._notices.append((elapsed_s, printable(notice.text, _LONGEST_NOTICE)))

    def tick(self) -> None:
        """Draw again, at most ten times a second."""
        now = self._clock.monotonic()
        if now - self._drawn >= _REFRESH_S:
            self._drawn = now
            self._live.refresh()

    def end(self, summary: StreamSummary, scores: WindowScores | None = None) -> None:
        """Print the summary below the picture."""
        self._console.print()
        show_summary(summary, self._console, scores)

    def picture(self) -> RenderableType:
        """Render the display, without bars on a small screen."""
        width, room = self._console.size
        title = Text(self._title, style="bold", no_wrap=True, overflow="ellipsis")
        band = self._band(width)
        room -= 1 + 3 + len(band) + 1  # title; activity; band and its scale; facts
        notices = [
            Text(f"! {minutes_and_seconds(elapsed_s)}  {text}", style="yellow", no_wrap=True, overflow="ellipsis")
            for elapsed_s, text in self._notices
        ]
        bars = self._bars(width)
        bars = [*bars, Text("")] if bars and len(bars) + 1 + len(notices) <= room else []
        return Group(title, *self._now(width), *bars, *band, self._facts(), *notices)

    def _now(self, width: int) -> list[Text]:
        """Draw the activity, three lines high and letter-spaced."""
        decision = self._latest
        name, reason = _headline(decision) if decision else ("waiting", "")
        large = "   ".join(" ".join(word) for word in name.upper().replace("_", " ").split())
        remark, colour = "", _UNKNOWN_COLOUR
        if decision:
            colour = self._colour(self._names.index(decision.activity))
            label = self._label and f"labelled {activity_name(self._label)}"
            remark = "   ".join(filter(None, (reason, label)))
        lines = ("", large if len(large) <= width - 4 else name.upper(), remark)
        return [Text(line.center(width)[:width], style=f"bold {_INK} on {colour}", no_wrap=True) for line in lines]

    def _bars(self, width: int) -> list[Text]:
        """Draw a line for each activity: its letter, its name and, unless it is a joined answer, its probability."""
        names = [activity_name(name) for name in self._names[:-1]]
        longest = max(map(len, names))
        room = width - longest - len("X  100 %") - 1
        lines: list[Text] = []
        for i, name in enumerate(names if room >= _LEAST_BAR else []):
            line = Text(f"{self._letters[i]} {name:<{longest}} ", no_wrap=True)
            lines.append(line)
            if self._latest and self._names[i] not in self._latest.labels:
                continue
            share = self._latest.probability(self._names[i]) if self._latest else 0.0
            bar = "█" * round(share * room) or "·"
            line.append(f"{bar:<{room}} ", self._colour(i) if share * room >= 0.5 else "dim")
            line.append(f"{percent(share, 0):>5}")
        return lines

    def _band(self, width: int) -> list[Text]:
        """Draw the last minutes, a coloured letter for each stretch of time, above any labels and a scale."""
        moments = [*self._moments(width)]
        bands = [Text(no_wrap=True), Text(no_wrap=True)]
        for band, activities in zip(bands, zip(*moments, strict=True), strict=True):
            for activity in activities:
                style = "" if activity is None else f"not dim {_INK} on {self._colour(activity)}"
                band.append("·" if activity is None else self._letters[activity], style)
        has_labels = any(truth is not None for *_, truth in self._past)
        middle = "recognised above, labelled below" if has_labels else ""
        ago = f"{BAND_S / 60:g} min ago"
        scale = f"{ago}{middle:^{width - 2 * len(ago)}}{'now':>{len(ago)}}"
        return [*bands[: 1 + has_labels], Text(scale, style="dim", no_wrap=True)]

    def _moments(self, width: int) -> Iterator[tuple[int | None, int | None]]:
        """Find the answer and the label at each moment of the band, the oldest first; None without one."""
        times, now = [elapsed_s for elapsed_s, *_ in self._past], self._summary.elapsed_s
        for column in range(width):
            moment = now - BAND_S * (width - 1 - column) / width
            n_before = bisect_right(times, moment + 1e-9)
            is_gap = not n_before or moment - times[n_before - 1] > max(2.5 * self._summary.hop_s, 2.0)
            yield (None, None) if is_gap else self._past[n_before - 1][1:]

    def _facts(self) -> Text:
        summary, decision = self._summary, self._latest
        facts = [minutes_and_seconds(summary.elapsed_s) if decision else "no decision yet"]
        facts.append(f"{summary.rate_hz:.1f} Hz" if summary.rate_hz else "rate not known yet")
        if summary.inference_ms is not None:
            facts.append(f"inference {summary.inference_ms:.2f} ms")
        facts += [counted(summary.changes, "change"), counted(summary.gaps, "gap")]
        if summary.n_left_out:
            facts.append(f"{summary.n_left_out:,} left out")
        return Text("   ".join(facts), no_wrap=True, overflow="ellipsis")

    def _colour(self, index: int) -> str:
        return _UNKNOWN_COLOUR if self._names[index] == UNKNOWN else activity_colour(index)


def _headline(decision: Decision) -> tuple[str, str]:
    """Return the activity and a remark; a likelier activity that is not certain yet has a question mark."""
    name, likeliest = activity_name(decision.activity), decision.labels[int(decision.probabilities.argmax())]
    is_likely = decision.probabilities.max() > LIKELY
    if decision.activity == UNKNOWN:
        return name, reason_text(decision)
    if is_likely and likeliest not in labels_of(decision.activity, decision.labels):
        return f"{activity_name(likeliest)}?", f"{name} until this is certain"
    return name, "warming up: the filters are settling" if decision.warming_up else ""


def letters(names: Sequence[str]) -> list[str]:
    """Choose a different letter for each name, from its last word if possible, and "?" for the last name, unknown."""
    chosen: list[str] = []
    for name in names[:-1]:
        candidates = [*name.upper().replace("_", " ").split()[-1:], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"]
        free = (x for x in "".join(candidates) if x.isalnum() and x.isascii() and x not in chosen)
        chosen.append(next(free, "?"))
    return [*chosen, "?"]
