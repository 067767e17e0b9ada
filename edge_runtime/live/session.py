"""Run a stream: pass samples from a source to the recogniser, count what comes, and hold back repeated notices."""

from collections import deque
from collections.abc import Iterable, Iterator

from edge_runtime.live.decider import LiveEvent, Notice
from edge_runtime.live.recognizer import REFUSED, LiveRecognizer
from edge_runtime.live.sources import Chunk, Event, Item
from edge_runtime.live.sources.axes import Axes
from edge_runtime.live.stream_summary import StreamSummary
from edge_runtime.live.timestamps import Timestamps
from edge_runtime.signals.frontend import RATE_HZ

_REPEATING = ("gap", "clock", "invalid", "others", REFUSED)  # kinds that may come with every sample
_SHOWN, _WITHIN_S = 3, 60.0


class Session:
    """One run of a stream. Memory does not grow with its length; `summary` is right at any time.

    `began` is the time of the first sample in the source's clock; None before it.
    """

    def __init__(self, recognizer: LiveRecognizer, axes: Axes, timestamps: Timestamps) -> None:
        self._recognizer, self._axes, self._timestamps = recognizer, axes, timestamps
        self._newest = 0.0
        self.began: float | None = None
        self._repeated = RepeatedNotices()
        hop_s, window_s = recognizer.hop / RATE_HZ, recognizer.card.window.samples / RATE_HZ
        self.summary = StreamSummary(recognizer.card.answers, hop_s, window_s)

    def run(self, source: Iterable[Item]) -> Iterator[list[tuple[LiveEvent, float]]]:
        """Give the events of each item of `source`, often none; at its end, the last ones.

        Beside each are the seconds from the first sample until it.
        """
        for item in source:
            yield self._counted([self._notice(item)] if isinstance(item, Event) else self._take(item))
        yield self._counted(self._recognizer.flush())

    def _notice(self, event: Event) -> Notice:
        return Notice(self._newest, event.kind, event.text)

    def _take(self, chunk: Chunk) -> list[LiveEvent]:
        self.summary.malformed += chunk.left_out
        if not len(chunk):
            return []
        seconds, events = self._timestamps.seconds(chunk)
        self._newest = float(seconds[-1])
        self.began = float(seconds[0]) if self.began is None else self.began
        self.summary.samples_came(seconds)
        notices = [Notice(float(seconds[0]), x.kind, x.text) for x in events]
        return [*notices, *self._recognizer.push(self._axes(chunk.samples), seconds)]

    def _counted(self, found: list[LiveEvent]) -> list[tuple[LiveEvent, float]]:
        """Count all that was `found`; leave out notices that are repeated too often."""
        recognizer, summary = self._recognizer, self.summary
        summary.duplicates, summary.late, summary.invalid = recognizer.duplicates, recognizer.late, recognizer.invalid
        shown: list[tuple[LiveEvent, float]] = []
        for event in found:
            elapsed_s = summary.add(event)
            if isinstance(event, Notice):
                shown += [(x, elapsed_s) for x in self._repeated.shown(event, summary.samples / RATE_HZ)]
            else:
                shown.append((event, elapsed_s))
        return shown


class RepeatedNotices:
    """Lets through three notices of a repeating kind within a minute of signal, then one that announces more.

    After a minute without any of that kind it begins anew.
    """

    def __init__(self) -> None:
        self._lately: dict[str, deque[float]] = {}
        self._suppressed: set[str] = set()

    def shown(self, notice: Notice, now: float) -> list[Notice]:
        """Give the notice to show for `notice`, which comes after `now` seconds of signal, if any."""
        if notice.kind not in _REPEATING:
            return [notice]
        lately = self._lately.setdefault(notice.kind, deque(maxlen=_SHOWN))
        if not lately or now - lately[-1] > _WITHIN_S:
            self._suppressed.discard(notice.kind)
        is_too_often = len(lately) == _SHOWN and now - lately[0] <= _WITHIN_S
        lately.append(now)
        if notice.kind in self._suppressed:
            return []
        if not is_too_often:
            return [notice]
        self._suppressed.add(notice.kind)
        text = f"{notice.text}; this keeps happening, and is only counted until there was none for a minute"
        return [Notice(notice.seconds, notice.kind, text)]
