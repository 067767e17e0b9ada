"""When nothing has come for a while: said once, and once more when something comes again."""

from collections.abc import Iterator

from edge_runtime.live.sources import SILENCE_S, Event, SourceClock


class Silence:
    """Notes when something came from `name`, and tells when nothing has come for `SILENCE_S`."""

    def __init__(self, name: str, clock: SourceClock) -> None:
        self._name, self._clock = name, clock
        self._since, self._said = clock.monotonic(), False

    def something(self) -> Iterator[Event]:
        """Something has come."""
        if self._said:
            self._said = False
            yield Event("back", f"{self._name} is back after {self._clock.monotonic() - self._since:.0f} s")
        self._since = self._clock.monotonic()

    def nothing(self) -> Iterator[Event]:
        """Nothing has come just now."""
        if not self._said and self._clock.monotonic() - self._since >= SILENCE_S:
            self._said = True
            yield Event("waiting", f"nothing has come from {self._name} for {SILENCE_S:g} s")
