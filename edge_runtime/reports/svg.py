"""Build pieces of inline SVG: elements, scales, ticks. Colours and fonts are the page's, by class."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH = 360
"""Every drawing is as wide as a phone and grows with the page, so that its text stays in proportion."""


def element(name: str, *children: str, **attributes: object) -> Markup:
    """An element; text is escaped, `class_` is the attribute class, `_` in other names is `-`, numbers are short."""
    words = [name]
    for key, value in attributes.items():
        text = f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
        words.append(f'{key.rstrip("_").replace("_", "-")}="{escape(text)}"')
    return Markup("<{}>{}</{}>").format(Markup(" ".join(words)), Markup("").join(map(escape, children)), Markup(name))


def drawing(identity: str, height: float, title: str, description: str, parts: Iterable[str]) -> Markup:
    """A whole picture, with a title and a description for screen readers."""
    ids = f"{identity}-title", f"{identity}-description"
    named = element("title", title, id=ids[0]), element("desc", description, id=ids[1])
    return element("svg", *named, *parts, viewBox=f"0 0 {WIDTH} {height:g}", role="img", aria_labelledby=" ".join(ids))


@dataclass(frozen=True)
class Scale:
    """From values between `low` and `high` to places between `start` and `end`; `log` spaces ratios equally."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        """The place of `value`; the nearer end when it lies outside."""
        low, high, value = (math.log(x) if self.log else x for x in (self.low, self.high, max(value, self.low)))
        share = min(max((value - low) / (high - low), 0.0), 1.0)
        return self.start + share * (self.end - self.start)

    def ticks(self, most: int) -> list[float]:
        """At most `most` round values inside: 1, 2, 5 times powers of ten."""
        if self.log:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for digits in ((1, 1.5, 2, 3, 4, 5, 7), (1, 2, 5), (1,)):
                found = [
                    d * 10.0**power for power in powers for d in digits if self.low <= d * 10.0**power <= self.high
                ]
                if len(found) <= most:
                    return found
            return found[:: math.ceil(len(found) / most)]
        power = 10.0 ** math.floor(math.log10((self.high - self.low) / most))
        step = next(x * power for x in (1, 2, 5, 10, 20) if (self.high - self.low) / (x * power) <= most)
        first = math.ceil(self.low / step - 1e-9)
        return [i * step for i in range(first, math.floor(self.high / step + 1e-9) + 1)]


def spread(values: Sequence[float], start: float, end: float) -> Scale:
    """A scale that holds `values`, all above 0, with some room; logarithmic when they differ much."""
    low, high = min(values), max(values)
    room = max(0.05 * (high - low), 0.02 * high)
    if high > 3 * low:
        return Scale(low / 1.1, high * 1.1, start, end, log=True)
    return Scale(max(0.0, low - room), high + room, start, end)


def shorten(text: str, most: int) -> str:
    """The end of a long `text`, where file names differ."""
    return text if len(text) <= most else "…" + text[1 - most :]


def shorten_middle(text: str, most: int) -> str:
    """Both ends of a long `text`, as of people whose data set stands before their own name."""
    return text if len(text) <= most else f"{text[: most // 2]}…{text[most // 2 + 1 - most :]}"


def number(value: float) -> str:
    """A tick's value in as few characters as possible."""
    return f"{value:.10g}"
