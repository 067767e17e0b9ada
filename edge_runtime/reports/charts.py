"""Draw the pictures of the HTML report as inline SVG, from results alone.

The class `s<n>` is the colour of the n-th result everywhere on the page; `again` is for those after the last colour.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from edge_runtime.bench.results import Latency, Result
from edge_runtime.data.subject_groups import noun_of, with_noun
from edge_runtime.reports.rows import time_unit
from edge_runtime.reports.svg import WIDTH, Scale, drawing, element, number, shorten, shorten_middle, spread
from edge_runtime.system.quantities import in_unit, percent, percent_range, time

COLOURS = 6
MOST_LABELS = 4
"""Of more results the names beside their circles would hide other circles; the key has them all."""

_LONGEST_PERSON, _LETTER = 16, 8.0  # characters of a name, and the width of a capital letter
_LEFT, _RIGHT, _TOP, _BOTTOM = 40.0, WIDTH - 12.0, 12.0, 190.0


def colour(index: int) -> str:
    """The classes that give the result at `index` its look."""
    return f"s{index % COLOURS}" + (" again" if index >= COLOURS else "")


def distribution(results: Sequence[Result], names: Sequence[str], key: str, title: str) -> Markup | None:
    """Draw the share of inferences done within each time, per result; `key` is `latency` or `end_to_end`.

    None without raw times.
    """
    unit = time_unit(results)
    times = [_times(result, key, unit) for result in results]
    measured = [(i, x) for i, x in enumerate(times) if len(x)]
    if not measured:
        return None
    # The slowest one in 200 can be a hundred times slower: beyond the edge, it is in the table as the maximum.
    ends = [x for _, values in measured for x in (values[0], *np.percentile(values, (50, 99.5)))]
    x, y = spread(ends, _LEFT, _RIGHT), Scale(0, 100, _BOTTOM, _TOP)
    parts = [*_grid(x, y, f"{title}, {unit}" + (" (logarithmic)" if x.log else ""), "%")]
    descriptions = []
    for i, values in measured:
        p50, p99 = (float(v) for v in np.percentile(values, (50, 99)))
        descriptions.append(f"{names[i]}: p50 {p50:.4g} {unit}, p99 {p99:.4g} {unit}")
        parts.append(
            element(
                "g",
                element("path", class_="line", d=_steps_path(values, x, y)),
                element("circle", class_="mark", cx=x(p50), cy=y(50), r=4),
                element("path", class_="mark", d=_diamond(x(p99), y(99))),
                class_=colour(i),
            )
        )
    return drawing(
        f"distribution-{key}", 226, f"{title}: share of inferences done within a time", "; ".join(descriptions), parts
    )


def accuracy_against_latency(results: Sequence[Result], names: Sequence[str]) -> Markup | None:
    """Each result at its p50 and its accuracy with their intervals, as large as its file; None without times."""
    unit = time_unit(results)
    measured = [(i, result, result.latency_ms) for i, result in enumerate(results) if result.latency_ms]
    if not measured:
        return None
    largest = max(result.size_bytes for _, result, _ in measured)
    radii = {i: 15 * math.sqrt(result.size_bytes / largest) for i, result, _ in measured}
    x = spread([in_unit(v, unit) for _, _, latency in measured for v in _interval(latency)], _LEFT + 16, _RIGHT - 16)
    bounds = [100 * v for _, result, _ in measured for v in (result.accuracy, *(result.accuracy_subjects_ci95 or ()))]
    y = _accuracies(bounds, _BOTTOM - 6, _TOP + 16)
    parts = [*_grid(x, y, f"p50 of one window, {unit}" + (" (logarithmic)" if x.log else ""), "% right")]
    descriptions, labels = [], []
    for i, result, latency in measured:
        place = x(in_unit(latency.p50, unit)), y(100 * result.accuracy)
        low, high = (x(in_unit(v, unit)) for v in _interval(latency))
        bars = [element("line", x1=low, x2=high, y1=place[1], y2=place[1])]
        if result.accuracy_subjects_ci95:
            ends = [y(100 * v) for v in result.accuracy_subjects_ci95]
            bars.append(element("line", x1=place[0], x2=place[0], y1=ends[0], y2=ends[1]))
        parts.append(element("g", element("circle", cx=place[0], cy=place[1], r=radii[i]), *bars, class_=colour(i)))
        labels.append((place[0], place[1], radii[i], names[i]))
        descriptions.append(
            f"{names[i]}: p50 {time(latency.p50, unit)}, accuracy {percent(result.accuracy)} "
            f"({percent_range(result.accuracy_subjects_ci95)}), {result.size_bytes} bytes"
        )
    if len(labels) <= MOST_LABELS:
        parts += _labels(labels)
    return drawing("scatter", 226, "Accuracy against latency, area is file size", "; ".join(descriptions), parts)


def subjects(results: Sequence[Result], names: Sequence[str]) -> Markup | None:
    """A row per test subject with a dot per result, the hardest subject first; None without subjects."""
    people = sorted(
        {person for result in results for person in result.per_subject},
        key=lambda person: (np.mean([x.per_subject[person] for x in results if person in x.per_subject]), person),
    )
    if not people:
        return None
    noun = noun_of(people)
    step = 13.0 + 7 * min(len(results), 4)
    bottom = _TOP + step * len(people)
    labels = [shorten_middle(person, _LONGEST_PERSON) for person in people]
    left = max(_LEFT, _LETTER * max(map(len, labels)))
    x = _accuracies([100 * v for result in results for v in result.per_subject.values()], left + 14, _RIGHT - 6)
    y = Scale(0, len(people), _TOP, bottom)
    parts = [*_columns(x, bottom, f"% of the {noun}'s windows right")]
    for row, person in enumerate(people):
        middle = y(row + 0.5)
        parts.append(element("line", class_="grid", x1=left + 8, x2=_RIGHT, y1=middle, y2=middle))
        parts.append(element("text", labels[row], x=left, y=middle + 4, text_anchor="end"))
        for i, result in enumerate(results):
            if person in result.per_subject:
                # Side by side, or equal scores would hide each other.
                place = middle + (step - 10) * ((i + 0.5) / len(results) - 0.5)
                score = result.per_subject[person]
                tooltip = element("title", f"{with_noun(person)}, {names[i]}: {percent(score)}")
                dot = element("circle", tooltip, class_="mark", cx=x(100 * score), cy=place, r=4)
                parts.append(element("g", dot, class_=colour(i)))
    description = "; ".join(
        f"{with_noun(person)}: "
        + ", ".join(f"{name} {percent(x.per_subject.get(person))}" for name, x in zip(names, results, strict=True))
        for person in people
    )
    return drawing("subjects", bottom + 36, f"Accuracy per test {noun}", description, parts)


def _times(result: Result, key: str, unit: str) -> npt.NDArray[np.float64]:
    """Raw times in `unit`, ascending; a clock too coarse for one leaves a trifle above 0, which has a logarithm."""
    parts = getattr(result.samples_ms, key) if result.samples_ms else ()
    milliseconds = np.array([x for part in parts for x in part], np.float64)
    return np.sort(np.maximum(milliseconds * in_unit(1.0, unit), 1e-6))


def _interval(latency: Latency) -> tuple[float, float]:
    return latency.p50_ci95 or (latency.p50, latency.p50)


def _accuracies(percents: Sequence[float], start: float, end: float) -> Scale:
    """A scale of percents that are at most 100 and never spread over less than two points."""
    low, high = min(percents), max(percents)
    room = max(0.08 * (high - low), 0.5)
    return Scale(max(0.0, low - room), min(100.0, high + room), start, end)


def _steps_path(values: npt.NDArray[np.float64], x: Scale, y: Scale) -> str:
    """The distribution's line through 200 of its quantiles and more in the tail, up to the edge of the picture."""
    shares = np.concatenate([np.linspace(0, 99, 199), np.linspace(99.05, 100, 20)])
    points = [(x(float(v)), y(float(s))) for v, s in zip(np.percentile(values, shares), shares, strict=True)]
    return "M" + "L".join(f"{px:.1f} {py:.1f}" for px, py in dict.fromkeys(points))


def _diamond(x: float, y: float) -> str:
    return f"M{x:.1f} {y - 5:.1f}l5 5l-5 5l-5 -5z"


def _grid(x: Scale, y: Scale, x_title: str, y_title: str) -> Iterator[Markup]:
    """Lines and values of both axes; the titles are at the ends."""
    yield from _columns(x, _BOTTOM, x_title)
    for value in y.ticks(5):
        yield element("line", class_="grid", x1=_LEFT, x2=_RIGHT, y1=y(value), y2=y(value))
        yield element("text", number(value), x=_LEFT - 5, y=y(value) + 4, text_anchor="end")
    yield element("text", y_title, class_="axis", x=_LEFT + 4, y=_TOP + 2)


def _columns(x: Scale, bottom: float, title: str) -> Iterator[Markup]:
    for value in x.ticks(6):
        yield element("line", class_="grid", x1=x(value), x2=x(value), y1=_TOP, y2=bottom)
        yield element("text", number(value), x=x(value), y=bottom + 15, text_anchor="middle")
    yield element("text", title, class_="axis", x=_RIGHT, y=bottom + 31, text_anchor="end")


def _labels(labels: Sequence[tuple[float, float, float, str]]) -> Iterator[Markup]:
    """Names beside their circles and above the bars, on each side pushed down where they would lie on each other."""
    last = {True: -math.inf, False: -math.inf}
    for x, y, radius, name in sorted(labels, key=lambda label: label[1]):
        on_the_left = x > WIDTH * 0.6
        last[on_the_left] = max(y - 6, last[on_the_left] + 19)
        yield element(
            "text",
            shorten(name, 24),
            class_="name",
            x=x - radius - 5 if on_the_left else x + radius + 5,
            y=last[on_the_left],
            text_anchor="end" if on_the_left else "start",
        )
