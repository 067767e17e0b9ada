"""Join live decisions to segments: from when to when somebody did what."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

from edge_runtime.live.decider import UNKNOWN, Decision


@dataclass(frozen=True)
class Segment:
    """A time of one activity, in the clock of the recording; `probability` is the mean over its decisions."""

    start: float
    end: float
    activity: str
    probability: float | None


def segments(decisions: Sequence[Decision], hop_s: float) -> Iterator[Segment]:
    """Join decisions of one activity that follow each other; each stands for the hop before it."""
    first = 0
    for i, each in enumerate(decisions):
        following = decisions[i + 1] if i + 1 < len(decisions) else None
        # Half a hop more is jitter; a longer step is a gap, or another clock.
        if following and following.activity == each.activity and 0 < following.seconds - each.seconds < 1.5 * hop_s:
            continue
        joined = decisions[first : i + 1]
        is_known = each.activity != UNKNOWN
        share = mean(x.probability(x.activity) for x in joined) if is_known else None
        start, end = (round(x, 6) for x in (joined[0].seconds - hop_s, each.seconds))
        yield Segment(start, end, each.activity, share)
        first = i + 1
