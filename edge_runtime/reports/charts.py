"""Compute the drawing of the HTML report: the share of inferences done within each time.

The class `s<n>` is the colour of the n-th result everywhere on the page; `again` marks those after the last colour.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from edge_runtime.bench.results import Result
from edge_runtime.reports.sentences import unit_of_times
from edge_runtime.system.quantities import in_unit

COLOURS = 6
_WIDTH, _HEIGHT = 308, 178
# Denser in the tail.
_SHARES = np.concatenate([np.linspace(0, 99, 199), np.linspace(99.05, 100, 20)])


def colour(index: int) -> str:
    """Return the classes of CSS for the result at `index`."""
    return f"s{index % COLOURS}" + (" again" if index >= COLOURS else "")


def distribution(results: Sequence[Result]) -> dict[str, Any] | None:
    """Return size, unit, marks of the axis of times, and lines to draw. None without raw times."""
    unit = unit_of_times(results)
    measured = {
        i: np.concatenate(result.samples_ms.latency) * in_unit(1.0, unit)
        for i, result in enumerate(results)
        if result.samples_ms and any(result.samples_ms.latency)
    }
    if not measured:
        return None
    # The slowest 1 % can be a hundred times slower: they lie beyond the edge.
    end = max(1e-6, *(1.05 * float(np.percentile(values, 99)) for values in measured.values()))
    power = 10.0 ** math.floor(math.log10(end / 6))
    step = next(digit * power for digit in (1, 2, 5, 10) if end < 6 * digit * power)
    lines = []
    for i, values in measured.items():
        *line, p50, p99 = np.minimum(np.percentile(values, [*_SHARES, 50, 99]) / end, 1) * _WIDTH
        points = zip(line, _HEIGHT * (1 - _SHARES / 100), strict=True)
        lines.append({"colour": colour(i), "points": " ".join(f"{x:.1f},{y:.1f}" for x, y in points), "at": (p50, p99)})
    marks = [(f"{i * step:.10g}", i * step / end * _WIDTH) for i in range(math.ceil(end / step))]
    return {"width": _WIDTH, "height": _HEIGHT, "unit": unit, "marks": marks, "lines": lines}
