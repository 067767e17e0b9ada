"""Run a stream: time samples of a source, pass them to the recogniser, count events, hold back repeated notices."""

import time
from collections import deque
from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from edge_runtime.live.decider import Decision, LiveEvent, Notice
from edge_runtime.live.recognizer import REFUSED, LiveRecognizer
from edge_runtime.live.sources import Chunk, Event, Item, SourceClock
from edge_runtime.live.stream_summary import StreamSummary
from edge_runtime.signals.axes import Axes
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.types import Array

_REPEATING = ("gap", "clock", "invalid", "others", REFUSED)  # kinds of notice that may come with every sample
_SHOWN, _WITHIN_S = 3, 60.0
_PAUSE_S = 0.5  # samples that are later than this come after a gap
_LOOK_S = 10.0
_TOLERANCE = 0.1


class Session:
    """One run of a stream; it `began` with the first sample, in the source's clock.

    Samples without times come at `rate_hz`, by default at the rate of the recogniser.
    """

    def __init__(
        self, recognizer: LiveRecognizer, axes: Axes, rate_hz: float | None = None, clock: SourceClock = time
    ) -> None:
        self._recognizer, self._axes = recognizer, axes
        self._timestamps = Timestamps(rate_hz or recognizer.rate_hz, clock)
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


class Timestamps:
    """Assigns times at a steady `rate_hz` to samples, with the pauses of a live source; reports another rate."""

    def __init__(self, rate_hz: float, clock: SourceClock) -> None:
        self._rate_hz, self._clock = rate_hz, clock
        self._next = 0.0  # time of the next sample
        self._came: float | None = None  # the latest samples, on our clock
        self._has_waited = False
        self._began, self._n_since = 0.0, 0  # the end of the last pause, and the samples since
        self._said_assumed = self._said_rate = False

    def seconds(self, chunk: Chunk) -> tuple[Array, list[Event]]:
        """Return the times `[n]` of the samples in `chunk`, and events about the rate."""
        if chunk.seconds is not None:
            return chunk.seconds, []
        events = []
        if not self._said_assumed:
            self._said_assumed = True
            events.append(Event("rate", f"samples have no times: {self._rate_hz:g} Hz is assumed (see --rate)"))
        if not chunk.recorded:
            events += self._follow(len(chunk))
        seconds = self._next + np.arange(len(chunk)) / self._rate_hz
        self._next += len(chunk) / self._rate_hz
        return seconds, events

    def nothing_came(self) -> None:
        """Note that the source waits; without this, late samples have waited for their reader."""
        self._has_waited = True

    def _follow(self, n: int) -> list[Event]:
        """Measure pauses and the rate on our own clock, on which `n` samples come now."""
        now = self._clock.monotonic()
        late = 0.0 if self._came is None else now - self._came - n / self._rate_hz
        is_after_pause = self._came is None or (late > _PAUSE_S and self._has_waited)
        self._came, self._has_waited = now, False
        if is_after_pause:
            self._next += max(late, 0.0)
            self._began, self._n_since = now, 0  # samples that piled up before do not show the rate
            return []
        self._n_since += n
        passed = now - self._began
        measured = self._n_since / passed if passed >= _LOOK_S else self._rate_hz
        if self._said_rate or abs(measured / self._rate_hz - 1) <= _TOLERANCE:
            return []
        self._said_rate = True
        text = f"samples come at {measured:.0f} Hz, not at {self._rate_hz:g}: try --rate {measured:.0f}"
        return [Event("rate", text)]
