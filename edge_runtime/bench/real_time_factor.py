"""What a latency means for a stream: windows come at a fixed pace, and the rest of the core is free."""

from __future__ import annotations

import math
from dataclasses import dataclass

from edge_runtime.bench.results import Latency

# 128 samples at 50 Hz that overlap by half: a new window every 64 samples.
PERIOD_S = 1.28


@dataclass(frozen=True)
class RealTimeFactor:
    """`share` is the part of one core that one stream takes, `streams` how many such streams one core serves."""

    share: float
    streams: int


def real_time_factor(end_to_end: Latency, period_s: float = PERIOD_S) -> RealTimeFactor:
    """The headroom at one window per `period_s`.

    The share is of the mean time. The streams are counted with p99, as if every window took as long as the slowest in
    a hundred: a core that is full on average falls behind.
    """
    return RealTimeFactor(end_to_end.mean / 1000 / period_s, math.floor(period_s / (end_to_end.p99 / 1000)))
