"""Run a stream: pass samples from a source to the recogniser, count events, and hold back repeated notices."""

from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from edge_runtime.live.decider import Decision, LiveEvent, Notice
from edge_runtime.live.recognizer import REFUSED, LiveRecognizer
from edge_runtime.live.sources import Event, Item
from edge_runtime.live.stream_summary import StreamSummary
from edge_runtime.live.timestamps import Timestamps
from edge_runtime.signals.axes import Axes
from edge_runtime.signals.frontend import RATE_HZ

_REPEATING = ("gap", "clock", "invalid", "others", REFUSED)  # kinds of notice that may come with every sample
_SHOWN, _WITHIN_S = 3, 60.0


class Session:
    """One run of a stream; it `began` with the first sample, in the source's clock."""

    def __init__(self, recognizer: LiveRecognizer, axes: Axes, timestamps: Timestamps) -> None:
        self._recognizer, self._axes, self._timestamps = recognizer, axes, timestamps
        self._left_out = np.zeros(3, np.int64)  # duplicates, late and invalid samples before a restart
        self._newest = 0.0
        self.began: float | None = None
        self._shown: dict[str, deque[tuple[float, str]]] = {}  # the latest notices of a repeating kind
        self.summary = StreamSummary(recognizer.answers, recognizer.hop_s)

    def run(self, source: Iterable[Item]) -> Iterator[list[tuple[LiveEvent, float]]]:
        """Yield the events of each item of `source` with the seconds since the first sample, then the last events."""
        for item in source:
            yield self._counted(self._take(item))
        yield self._counted(self._recognizer.flush())

    def _take(self, chunk: Item) -> list[LiveEvent]:
        if isinstance(chunk, Event):
            return [Notice(self._newest, chunk.kind, chunk.text)]
        self.summary.malformed += chunk.left_out
        if not len(chunk):
            self._timestamps.nothing_came()
            return []
        seconds, events = self._timestamps.seconds(chunk)
        self._newest = float(seconds[-1])
        self.began = float(seconds[0]) if self.began is None else self.began
        self.summary.samples_came(seconds)
        if chunk.anew:
            self._left_out += self._recognizer_left_out()
            self._recognizer.restart(gentle=True)
        notices = [Notice(float(seconds[0]), event.kind, event.text) for event in events]
        return [*notices, *self._recognizer.push(self._axes(chunk.samples), seconds)]

    def _recognizer_left_out(self) -> npt.NDArray[np.int64]:
        recognizer = self._recognizer
        return np.array([recognizer.duplicates, recognizer.late, recognizer.invalid])

    def _counted(self, events: list[LiveEvent]) -> list[tuple[LiveEvent, float]]:
        """Count all `events`; leave out notices that are repeated too often."""
        summary = self.summary
        summary.duplicates, summary.late, summary.invalid = (self._left_out + self._recognizer_left_out()).tolist()
        timed = [(event, summary.add(event)) for event in events]
        return [
            (event, elapsed_s) for event, elapsed_s in timed if isinstance(event, Decision) or self._is_shown(event)
        ]

    def _is_shown(self, notice: Notice) -> bool:
        """Tell whether to show a notice: if its kind repeats, three different sentences in a minute of samples."""
        if notice.kind not in _REPEATING:
            return True
        now = self.summary.samples / RATE_HZ
        lately = self._shown.setdefault(notice.kind, deque(maxlen=_SHOWN))
        texts = [text for shown, text in lately if now - shown <= _WITHIN_S]
        if len(texts) == _SHOWN or notice.text in texts:
            return False
        lately.append((now, notice.text))
        return True
