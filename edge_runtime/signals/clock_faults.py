"""Detect faults in the times of samples: a clock that stands still, steps back or counts in another unit.

Samples of past times are left out, so that such a sender gets no answers; each fault is told once.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.resampling import WAIT_S

_RUN = 10  # samples in a row
_LOOKED_AT = 100  # samples
_LEAST_STEP_S = 0.001  # no sensor of motion is faster
_ANOTHER_S = 1.0  # a step beyond this is another clock, or another stretch of its time: start anew

Array = npt.NDArray[np.float64]


class ClockWatch:
    """Looks at the times of samples in the order of their arrival, and tells each kind of fault when it begins."""

    def __init__(self) -> None:
        self._first = self._newest = -np.inf
        self._count = 0  # samples since `_first`
        self._same = self._behind = 0  # in a row
        self._told: set[str] = set()

    def look(self, seconds: Array) -> Iterator[tuple[float, str, str]]:
        """Take the times `[n]` of the next samples; give time, kind and sentence of each fault that begins."""
        for second in seconds.tolist():
            if abs(second - self._newest) > _ANOTHER_S:
                self._begin(second)
            elif second > self._newest:
                self._same = self._behind = 0
                self._newest = second
                self._count += 1
                yield from self._check_rate()
            else:
                self._same = self._same + 1 if second == self._newest else 0
                self._behind = self._behind + 1 if second <= self._newest - WAIT_S else 0
                yield from self._check_run(second)

    def _begin(self, second: float) -> None:
        self._first = self._newest = second
        self._count = self._same = self._behind = 0

    def _check_run(self, second: float) -> Iterator[tuple[float, str, str]]:
        if self._same == _RUN:
            yield from self._tell(
                second,
                "clock",
                f"{_RUN + 1} samples in a row have the same time, and only one of a time is used: give each its own, "
                "or none",
            )
        elif self._behind == _RUN:
            yield from self._tell(
                second,
                "clock",
                f"the source's clock went back by {self._newest - second:.2f} s: samples are left out until it has "
                "caught up",
            )

    def _check_rate(self) -> Iterator[tuple[float, str, str]]:
        if self._count < _LOOKED_AT:
            return
        step = (self._newest - self._first) / self._count
        self._first, self._count = self._newest, 0
        if step < _LEAST_STEP_S:
            yield from self._tell(
                self._newest,
                "rate",
                f"by their times there are {1 / step:,.0f} samples a second, and no sensor is that fast: "
                "are they in another unit?",
            )

    def _tell(self, second: float, kind: str, text: str) -> Iterator[tuple[float, str, str]]:
        if kind not in self._told:
            self._told.add(kind)
            yield second, kind, text
