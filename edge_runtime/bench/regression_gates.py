"""Judge changes by conditions such as `p50>5%` and `accuracy<-0.3`, which make a comparison a gate for CI.

    CONDITION = METRIC ( ">" | "<" ) NUMBER UNIT
    UNIT      = "%"           change relative to the old value: of times, memory and sizes
              | "" | "pp"     change in percentage points: of accuracy and macro_f1

A condition is about the change in the table, not about the ends of its interval.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Sequence
from dataclasses import dataclass

from edge_runtime.bench.comparison import METRICS, POINTS, Change, ResultChanges
from edge_runtime.errors import InputError

_CONDITION = re.compile(
    r"\s*(?P<metric>\w+)\s*(?P<sign>[<>])\s*(?P<limit>[-+]?(?:\d+\.?\d*|\.\d+))\s*(?P<unit>%|pp|)\s*"
)
_SIGNS = {">": operator.gt, "<": operator.lt}


@dataclass(frozen=True)
class Gate:
    """Fails when the change of `metric` lies beyond `limit`, above (`>`) or below (`<`) it."""

    text: str
    metric: str
    sign: str
    limit: float

    def failures(self, pairs: Sequence[ResultChanges]) -> list[str]:
        """A clause for each result that fails; a change that is not known fails."""
        return [failure for pair in pairs if (failure := self._failure(pair.title, pair.changes[self.metric]))]

    def _failure(self, title: str, change: Change) -> str | None:
        if change.change is None:
            return f"{self.text} for {title} (unknown: one of the files has no {METRICS[self.metric].title})"
        if not _SIGNS[self.sign](change.change, self.limit):
            return None
        interval = f", 95 % interval {change.interval_text()}" if change.interval else ""
        return f"{self.text} for {title} ({change.text()}{interval})"


def parse_gate(text: str) -> Gate:
    """The gate that `text` describes. Raises `InputError` with an example of a condition."""
    found = _CONDITION.fullmatch(text)
    metric = METRICS.get(found["metric"]) if found else None
    if not found or not metric or not math.isfinite(float(found["limit"])):
        raise InputError(
            f"--fail-if {text!r} is no condition: write it like 'p50>5%' or 'accuracy<-0.3', of {', '.join(METRICS)}"
        )
    if (metric.unit == POINTS) is (found["unit"] == "%"):
        unit = "percentage points, without %" if metric.unit == POINTS else "percent, with % at the end"
        raise InputError(f"--fail-if {text!r}: {found['metric']} changes by {unit}")
    return Gate(text.strip(), found["metric"], found["sign"], float(found["limit"]))
