"""Draw the pictures of the HTML report as inline SVG.

The class `s<n>` is the colour of the n-th result everywhere on the page; `again` marks those after the last colour.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape

from edge_runtime.bench.results import Result
from edge_runtime.reports.sentences import unit_of_times
from edge_runtime.system.quantities import in_unit

_WIDTH, _HEIGHT = 360, 226
"""Every drawing is as wide as a phone and scales with the page, so that its text stays in proportion."""

COLOURS = 6
_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, _WIDTH - 12.0, 12.0, 190.0


@dataclass(frozen=True)
class _Scale:
    """Map times between `low` and `high` to positions from left to right."""

    low: float
    high: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """Return the position of `value`, or the nearer end if it lies outside."""
        low, high, value = (
            math.log(number) if self.log else number for number in (self.low, self.high, max(value, self.low))
        )
        return _LEFT + min((value - low) / (high - low), 1.0) * (_RIGHT - _LEFT)

    def ticks(self, most: int = 6) -> list[float]:
        """Return at most `most` round values inside the scale."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            round_values = [digit * 10.0**power for power in powers for digit in (1, 2, 3, 5)]
            inside = [value for value in round_values if self.low <= value <= self.high]
            return inside[:: math.ceil(len(inside) / most)]
        power = 10.0 ** math.floor(math.log10((self.high - self.low) / most))
        step = next(digit * power for digit in (1, 2, 5, 10, 20) if (self.high - self.low) / (digit * power) <= most)
        first = math.ceil(self.low / step - 1e-9)
        return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def colour(index: int) -> str:
    """Return the classes of CSS for the result at `index`."""
    return f"s{index % COLOURS}" + (" again" if index >= COLOURS else "")


def distribution(results: Sequence[Result]) -> Markup | None:
    """Draw the share of inferences done within each time. None without raw times."""
    unit = unit_of_times(results)
    times = [_times(result, unit) for result in results]
    measured = [(i, values) for i, values in enumerate(times) if len(values)]
    if not measured:
        return None
    # The slowest 0.5 % can be a hundred times slower: it lies beyond the edge.
    ends = [value for _, values in measured for value in (values[0], *np.percentile(values, (50, 99.5)))]
    x = _spread(ends)
    shapes = []
    for i, values in measured:
        p50, p99 = (float(v) for v in np.percentile(values, (50, 99)))
        line = _element("path", class_="line", d=_steps_path(values, x))
        middle = _element("circle", class_="mark", cx=x(p50), cy=_height(50), r=4)
        slow = _element("path", class_="mark", d=f"M{x(p99):.1f} {_height(99) - 5:.1f}l5 5l-5 5l-5 -5z")
        shapes.append(_element("g", line, middle, slow, class_=colour(i)))
    about = "Share of inferences done within a time"  # for screen readers: tables have the numbers
    grid = _grid(x, f"latency, {unit}")
    return _element("svg", *grid, *shapes, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", role="img", aria_label=about)


def _height(percent: float) -> float:
    return _BOTTOM + percent / 100 * (_TOP - _BOTTOM)


def _times(result: Result, unit: str) -> npt.NDArray[np.float64]:
    """Return raw times in `unit`, ascending; 0, from a coarse clock, becomes tiny, so that it has a logarithm."""
    parts = result.samples_ms.latency if result.samples_ms else ()
    milliseconds = np.array([time for part in parts for time in part], np.float64)
    return np.sort(np.maximum(milliseconds * in_unit(1.0, unit), 1e-6))


def _steps_path(values: npt.NDArray[np.float64], x: _Scale) -> str:
    """Return the distribution's line through its quantiles, which are denser in the tail."""
    shares = np.concatenate([np.linspace(0, 99, 199), np.linspace(99.05, 100, 20)])
    points = [(x(float(v)), _height(float(s))) for v, s in zip(np.percentile(values, shares), shares, strict=True)]
    return "M" + "L".join(f"{px:.1f} {py:.1f}" for px, py in dict.fromkeys(points))


def _grid(x: _Scale, x_title: str) -> Iterator[Markup]:
    """Yield lines, values and titles of both axes."""
    for value in x.ticks():
        yield _element("line", class_="grid", x1=x(value), x2=x(value), y1=_TOP, y2=_BOTTOM)
        yield _element("text", f"{value:.10g}", x=x(value), y=_BOTTOM + 15, text_anchor="middle")
    title = x_title + " (logarithmic)" * x.log
    yield _element("text", title, class_="axis", x=_RIGHT, y=_BOTTOM + 31, text_anchor="end")
    for value in range(0, 101, 20):
        y = _height(value)
        yield _element("line", class_="grid", x1=_LEFT, x2=_RIGHT, y1=y, y2=y)
        yield _element("text", f"{value}", x=_LEFT - 5, y=y + 4, text_anchor="end")
    yield _element("text", "%", class_="axis", x=_LEFT + 4, y=_TOP + 2)


def _element(name: str, *children: str, **attributes: object) -> Markup:
    """Make an element with escaped text; `class_` is the attribute class, and `_` in other names becomes `-`."""
    words = [name]
    for key, value in attributes.items():
        text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
        words.append(f'{key.rstrip("_").replace("_", "-")}="{escape(text)}"')
    return Markup("<{}>{}</{}>").format(Markup(" ".join(words)), Markup("").join(map(escape, children)), Markup(name))


def _spread(values: Sequence[float]) -> _Scale:
    """Return a scale with room for `values`, all above 0; it is logarithmic when they differ much."""
    low, high = min(values), max(values)
    room = max(0.05 * (high - low), 0.02 * high)
    return _Scale(low / 1.1, high * 1.1, log=True) if high > 3 * low else _Scale(max(0.0, low - room), high + room)
