"""Summarise a stream so far: minutes per activity, changes, gaps, notices and samples left out."""

from collections import Counter, deque
from collections.abc import Sequence
from statistics import median_high
from typing import Any

from edge_runtime.live.decider import UNKNOWN, LiveEvent, Notice
from edge_runtime.live.sources import Array

_RATE_OVER = 256  # samples
_LATENCIES = 100
_LONGEST_STEP_S = 3600.0  # from one sample to the next; a longer one is another clock
_OVERTAKEN_S = 1.0  # a sample that is at most this much older than the newest came late


class StreamSummary:
    """Counts decisions and notices; times in the stream count from the first sample.

    A decision stands for the time since the one before, at most `hop_s`. `windows` and `seconds` are by activity.
    `elapsed_s` are the seconds from the first sample to the newest; a clock that goes back or jumps adds none.
    """

    def __init__(self, labels: Sequence[str], hop_s: float) -> None:
        self.hop_s = hop_s
        self.windows = dict.fromkeys([*labels, UNKNOWN], 0)
        self.samples = self.changes = self.gaps = self.malformed = self.not_logged = 0
        self.duplicates = self.late = self.invalid = 0
        self.seconds = dict.fromkeys(self.windows, 0.0)
        self.notices: Counter[str] = Counter()
        self.elapsed_s = 0.0
        self._begin = 0.0  # of the clock that counts now
        self._newest: float | None = None
        self._decided_s = 0.0
        self._activity = ""
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)
        self._recent: deque[float] = deque(maxlen=_RATE_OVER)

    def add(self, found: LiveEvent) -> float:
        """Count one decision or notice, after its samples; return its time in the stream."""
        newest = self._newest or 0.0  # a time of an earlier clock counts as that clock's end
        elapsed_s = self.elapsed_s - (newest - min(max(found.seconds, self._begin), newest))
        if isinstance(found, Notice):
            self.gaps += found.kind == "gap"
            self.notices[found.kind] += 1
            return elapsed_s
        passed = elapsed_s - self._decided_s if self._latencies else self.hop_s
        self._decided_s = elapsed_s
        self.windows[found.activity] += 1
        self.seconds[found.activity] += min(self.hop_s, passed)
        self._latencies.append(found.inference_ms)
        if found.activity != UNKNOWN:
            self.changes += bool(self._activity) and found.activity != self._activity
            self._activity = found.activity
        return elapsed_s

    def samples_came(self, seconds: Array) -> None:
        """Count samples that were taken at `seconds`."""
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
        """Samples a second lately; None while that is unknown."""
        passed = self._recent[-1] - self._recent[0] if self._recent else 0.0
        return (len(self._recent) - 1) / passed if passed >= 1 else None

    @property
    def inference_ms(self) -> float | None:
        """Median of the latest inferences; None before the first."""
        return median_high(self._latencies) if self._latencies else None

    def to_dict(self) -> dict[str, Any]:
        """The summary for programs; docs/stream.md explains the keys."""
        return {
            "minutes": {name: round(seconds / 60, 4) for name, seconds in self.seconds.items()},
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
