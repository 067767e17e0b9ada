"""Summarise a stream so far: minutes per activity, changes, gaps, notices and samples left out."""

from collections import Counter, deque
from collections.abc import Sequence
from statistics import median_high
from typing import Any

from edge_runtime.live.decider import UNKNOWN, LiveEvent, Notice
from edge_runtime.signals.types import Array

_RATE_OVER = 256  # samples
_LATENCIES = 100
_LONGEST_STEP_S = 3600.0  # from one sample to the next; a longer step means another clock
_OVERTAKEN_S = 1.0  # a sample that is older than the newest by at most this came late


class StreamSummary:
    """Counts decisions and notices; times in the stream count from the first sample.

    A decision stands for `hop_s`; `windows` counts the decisions by activity.
    `elapsed_s` is the time from the first sample to the newest; a clock that goes back or jumps adds nothing.
    """

    def __init__(self, labels: Sequence[str], hop_s: float) -> None:
        self.hop_s = hop_s
        self.windows = dict.fromkeys([*labels, UNKNOWN], 0)
        self.samples = self.changes = self.gaps = self.malformed = self.not_logged = 0
        self.duplicates = self.late = self.invalid = 0
        self.notices: Counter[str] = Counter()
        self.elapsed_s = 0.0
        self._begin = 0.0  # of the current clock
        self._newest: float | None = None
        self._activity = ""
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)
        self._recent: deque[float] = deque(maxlen=_RATE_OVER)

    def add(self, event: LiveEvent) -> float:
        """Count a decision or notice after its samples; return its time in the stream."""
        newest = self._newest or 0.0  # a time of an earlier clock counts as the end of that clock
        elapsed_s = self.elapsed_s - (newest - min(max(event.seconds, self._begin), newest))
        if isinstance(event, Notice):
            self.gaps += event.kind == "gap"
            self.notices[event.kind] += 1
            return elapsed_s
        self.windows[event.activity] += 1
        self._latencies.append(event.inference_ms)
        if event.activity != UNKNOWN:
            self.changes += bool(self._activity) and event.activity != self._activity
            self._activity = event.activity
        return elapsed_s

    def samples_came(self, seconds: Array) -> None:
        """Count samples of the times `seconds`."""
        for second in seconds.tolist():
            step = 0.0 if self._newest is None else second - self._newest
            if -_OVERTAKEN_S <= step < 0:
                continue
            if self._newest is None or not 0 <= step <= _LONGEST_STEP_S:
                self._begin = second
            else:
                self.elapsed_s += step
            self._newest = second
        self.samples += len(seconds)
        self._recent.extend(seconds[-_RATE_OVER:].tolist())

    @property
    def n_left_out(self) -> int:
        """Count the samples and lines that were not used."""
        return self.duplicates + self.late + self.invalid + self.malformed

    @property
    def rate_hz(self) -> float | None:
        """Compute the latest rate of samples; None while it is unknown."""
        passed = self._recent[-1] - self._recent[0] if self._recent else 0.0
        return (len(self._recent) - 1) / passed if passed >= 1 else None

    @property
    def inference_ms(self) -> float | None:
        """Compute the median time of the latest inferences; None before the first inference."""
        return median_high(self._latencies) if self._latencies else None

    def to_dict(self) -> dict[str, Any]:
        """Write the summary for programs; docs/stream.md explains the keys."""
        return {
            "minutes": {name: round(n * self.hop_s / 60, 4) for name, n in self.windows.items()},
            "decisions": sum(self.windows.values()),
            "changes": self.changes,
            "gaps": self.gaps,
            "notices": dict(self.notices),
            "samples": self.samples,
            "duplicates": self.duplicates,
            "late": self.late,
            "invalid": self.invalid,
            "malformed_lines": self.malformed,
            "not_logged": self.not_logged,
            "inference_ms_p50": self.inference_ms,
        }
