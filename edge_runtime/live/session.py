"""Between a source and the recogniser: samples go in, decisions and notices come out, and everything is counted."""

from collections.abc import Iterable, Iterator
from typing import Protocol

import numpy.typing as npt

from edge_runtime.live.recognizer import Decision, Notice
from edge_runtime.live.repeated_notices import Repeats
from edge_runtime.live.sources import Chunk, Event, Item
from edge_runtime.live.sources.axes import Axes
from edge_runtime.live.stream_summary import Summary
from edge_runtime.live.timestamps import Timestamps
from edge_runtime.model.model_card import Card


class Recognizer(Protocol):
    """What a session needs of `edge_runtime.live.recognizer.LiveRecognizer`."""

    @property
    def card(self) -> Card:
        """The model's card."""

    @property
    def duplicates(self) -> int:
        """Samples left out because another had the same time."""

    @property
    def late(self) -> int:
        """Samples left out because they came after much newer ones."""

    @property
    def invalid(self) -> int:
        """Samples left out because a value was not finite."""

    def push(self, samples: npt.ArrayLike, seconds: npt.ArrayLike | None = None) -> list[Decision | Notice]:
        """Take samples, give what comes of them."""

    def flush(self) -> list[Decision | Notice]:
        """End the stream, give what still comes."""


class Session:
    """One run of a stream. Memory does not grow with its length; `summary` is right at any time."""

    def __init__(self, recognizer: Recognizer, hop: int, axes: Axes, stamps: Timestamps) -> None:
        self._recognizer, self._axes, self._stamps = recognizer, axes, stamps
        self._newest = 0.0
        self._repeats = Repeats()
        window = recognizer.card.window
        self._rate_hz = window.rate_hz
        self.summary = Summary(recognizer.card.labels, hop / window.rate_hz, window.samples / window.rate_hz)

    def run(self, source: Iterable[Item]) -> Iterator[list[Decision | Notice]]:
        """What comes of each thing that `source` gives, often nothing; at its end, what was still to come."""
        for item in source:
            yield self._counted(self._notice(item) if isinstance(item, Event) else self._take(item))
        yield self._counted(self._recognizer.flush())

    def _notice(self, event: Event) -> list[Decision | Notice]:
        return [Notice(self._newest, event.kind, event.text)]

    def _take(self, chunk: Chunk) -> list[Decision | Notice]:
        self.summary.malformed += chunk.left_out
        if not len(chunk):
            return []
        seconds, said = self._stamps.seconds(chunk)
        self._newest = float(seconds[-1])
        self.summary.samples_came(seconds)
        notices = [notice for event in said for notice in self._notice(event)]
        return notices + self._recognizer.push(self._axes(chunk.samples), seconds)

    def _counted(self, found: list[Decision | Notice]) -> list[Decision | Notice]:
        """`found`, without what has been said often enough."""
        recognizer = self._recognizer
        self.summary.left_out(recognizer.duplicates, recognizer.late, recognizer.invalid)
        shown = []
        for x in found:
            self.summary.add(x)
            heard = self._repeats.hear(x, self.summary.samples / self._rate_hz) if isinstance(x, Notice) else x
            if heard:
                shown.append(heard)
        return shown
