"""Fail a comparison in CI: conditions on the changes of a metric, such as `undisturbed>5%`."""

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
    """A condition that fails when the change of `metric` is above (`>`) or below (`<`) the `limit`."""

    text: str
    metric: str
    sign: str
    limit: float

    def failures(self, pairs: Sequence[ResultChanges]) -> list[str]:
        """Return a clause for each result that fails; an unknown change fails."""
        return [failure for pair in pairs if (failure := self._failure(pair.title, pair.changes[self.metric]))]

    def _failure(self, title: str, change: Change) -> str | None:
        if change.change is None:
            return f"{self.text} for {title} (unknown: one of the files has no {METRICS[self.metric].title})"
        if not _SIGNS[self.sign](change.change, self.limit):
            return None
        interval = f", 95 % interval {change.interval_text()}" if change.interval else ""
        return f"{self.text} for {title} ({change.text()}{interval})"


def parse_gate(text: str) -> Gate:
    """Return the gate that `text` describes: a metric, `>` or `<`, a number, and `%` of the old value.

    Changes of accuracy and macro_f1 are in percentage points, `pp` or no unit. Raises `InputError` for other texts.
    """
    match = _CONDITION.fullmatch(text)
    metric = METRICS.get(match["metric"]) if match else None
    is_right = match and metric and math.isfinite(float(match["limit"]))
    if not match or not metric or not is_right or (metric.unit == POINTS) is (match["unit"] == "%"):
        raise InputError(
            f"--fail-if {text!r} is not like 'undisturbed>5%' or 'accuracy<-0.3', with one of {', '.join(METRICS)}"
        )
    return Gate(text.strip(), match["metric"], match["sign"], float(match["limit"]))
