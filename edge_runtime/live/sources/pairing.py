"""Accelerometer and gyroscope that are sent one by one -> samples of both."""

from collections import deque

from edge_runtime.live.sources.units import Row

MOST_WAITING = 100

_Reading = tuple[float, list[float]]
"""A time in any unit, and three values."""


class Pairing:
    """Gives each acceleration the rotation at its time, on the line between the readings before and after it."""

    def __init__(self) -> None:
        self._waiting: deque[_Reading] = deque(maxlen=MOST_WAITING)  # accelerations, for a rotation as late as they are
        self._before: _Reading | None = None
        self._latest: _Reading | None = None

    @property
    def is_full(self) -> bool:
        """Whether so many accelerations wait that no rotation seems to come."""
        return len(self._waiting) == MOST_WAITING

    def accelerate(self, time: float, values: list[float]) -> list[Row]:
        """Take an acceleration; give the samples that are complete now."""
        self._waiting.append((time, values))
        return self._complete()

    def rotate(self, time: float, values: list[float]) -> list[Row]:
        """Take a rotation; give the samples that are complete now."""
        if self._latest and time == self._latest[0]:
            return []
        if self._latest and time < self._latest[0]:  # another clock, or a reading that came late
            self._waiting.clear()
            self._latest = None
        self._before, self._latest = self._latest, (time, values)
        return self._complete()

    def _complete(self) -> list[Row]:
        rows: list[Row] = []
        while self._latest and self._waiting and self._waiting[0][0] <= self._latest[0]:
            time, acceleration = self._waiting.popleft()
            if time == self._latest[0]:
                rows.append((time, acceleration + self._latest[1]))
            elif self._before:
                share = max(0.0, (time - self._before[0]) / (self._latest[0] - self._before[0]))
                turned = [a + share * (b - a) for a, b in zip(self._before[1], self._latest[1], strict=True)]
                rows.append((time, acceleration + turned))
        return rows
