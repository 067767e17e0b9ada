"""Summarise a stream so far: minutes per activity, changes, gaps, notices and samples left out."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_high
from typing import Any

from edge_runtime.live.decider import UNKNOWN, LiveEvent, Notice
from edge_runtime.live.sources import Array

_RATE_OVER_S = 5.0
_LATENCIES = 100
_LONGEST_STEP_S = 3600.0  # from one sample to the next; beyond it is another clock, or time that nobody waits for
_OVERTAKEN_S = 1.0  # a sample that is so much older than the newest came late


class ElapsedTime:
    """Adds up the time from one sample to the next; a clock of the source that goes back or jumps adds nothing.

    `seconds` are those from the first sample to the newest.
    """

    def __init__(self) -> None:
        self.seconds = 0.0
        self._begin = 0.0  # of the clock that counts now
        self._newest: float | None = None

    def go_to(self, second: float) -> None:
        """Add the time until the next sample, taken at `second` by the source's clock; the first call begins."""
        step = 0.0 if self._newest is None else second - self._newest
        if -_OVERTAKEN_S <= step < 0:
            return
        if self._newest is None or not 0 <= step <= _LONGEST_STEP_S:
            self._begin = second
        else:
            self.seconds += step
        self._newest = second

    def until(self, second: float) -> float:
        """The seconds from the first sample to `second`; to the last clock's end where it is none of this one."""
        newest = self._newest or 0.0
        return self.seconds - (newest - min(max(second, self._begin), newest))


@dataclass
class NoticeCount:
    """The text of the first notice of a kind, when it came in the stream, and how many there were."""

    text: str
    elapsed_s: float
    count: int = 1


class StreamSummary:
    """Counts decisions and notices.

    A decision stands for the time since the one before, but no more than `hop_s`; the first, for no more than a window.
    `duplicates`, `late` and `invalid` are the samples that the recogniser has left out, `malformed` the lines that were
    no sample; `windows` and `seconds` are by activity. Times in the stream count from the first sample.
    """

    def __init__(self, labels: Sequence[str], hop_s: float, window_s: float) -> None:
        self.hop_s, self._window_s = hop_s, window_s
        self.windows = dict.fromkeys([*labels, UNKNOWN], 0)
        self.samples = self.changes = self.gaps = self.malformed = self.not_logged = 0
        self.duplicates = self.late = self.invalid = 0
        self.seconds = dict.fromkeys(self.windows, 0.0)
        self.notices: dict[str, NoticeCount] = {}
        self._elapsed = ElapsedTime()
        self._decided_s = 0.0
        self._activity = ""
        self._latencies: deque[float] = deque(maxlen=_LATENCIES)
        self._rate: deque[tuple[float, int]] = deque(maxlen=1000)

    def add(self, found: LiveEvent) -> float:
        """Count one decision or notice, after its samples; the seconds in the stream at which it came."""
        if isinstance(found, Notice):
            return self._add_notice(found)
        elapsed_s = self._elapsed.until(found.seconds)
        passed = elapsed_s - self._decided_s if self._latencies else self._window_s
        self._decided_s = elapsed_s
        self.windows[found.activity] += 1
        self.seconds[found.activity] += min(self.hop_s, passed)
        self._latencies.append(found.inference_ms)
        if found.activity != UNKNOWN:
            self.changes += bool(self._activity) and found.activity != self._activity
            self._activity = found.activity
        return elapsed_s

    def _add_notice(self, notice: Notice) -> float:
        elapsed_s = self._elapsed.until(notice.seconds)
        self.gaps += notice.kind == "gap"
        if notice.kind in self.notices:
            self.notices[notice.kind].count += 1
        else:
            self.notices[notice.kind] = NoticeCount(notice.text, elapsed_s)
        return elapsed_s

    def samples_came(self, seconds: Array) -> None:
        """Count samples that were taken at `seconds`."""
        oldest, newest = float(seconds[0]), float(seconds[-1])
        for second in seconds.tolist():
            self._elapsed.go_to(second)
        if self._rate and not 0 <= oldest - self._rate[-1][0] < _RATE_OVER_S:
            self._rate.clear()  # a gap, or another clock
        self._rate.append((oldest, self.samples + 1))
        self.samples += len(seconds)
        self._rate.append((newest, self.samples))
        while len(self._rate) > 2 and newest - self._rate[0][0] > _RATE_OVER_S:
            self._rate.popleft()

    @property
    def elapsed_s(self) -> float:
        """The seconds from the first sample to the newest."""
        return self._elapsed.seconds

    @property
    def n_left_out(self) -> int:
        """Count the samples and lines that were not used."""
        return self.duplicates + self.late + self.invalid + self.malformed

    @property
    def rate_hz(self) -> float | None:
        """Samples a second in the last five, by their times; None while that is unknown."""
        if not self._rate:
            return None
        (first, before), (last, after) = self._rate[0], self._rate[-1]
        return (after - before) / (last - first) if last - first >= 1 else None

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
            "notices": {kind: notice.count for kind, notice in self.notices.items()},
            "samples": self.samples,
            "duplicates": self.duplicates,
            "late": self.late,
            "invalid": self.invalid,
            "malformed_lines": self.malformed,
            "not_logged": self.not_logged,
            "inference_ms_p50": self.inference_ms,
        }
