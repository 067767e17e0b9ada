"""A report as one HTML page that needs nothing else: no script, no font, no picture, no network."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING

from edge_runtime.bench.results import Report, Result
from edge_runtime.reports import charts, facts, sentences, side_by_side
from edge_runtime.reports.rows import groups
from edge_runtime.reports.side_by_side import Side
from edge_runtime.system.quantities import NOT_MEASURED, percent, percent_range

if TYPE_CHECKING:
    import jinja2


def render(report: Report) -> str:
    """The page. Every text in it is escaped by the template; drawings are built with escaped texts."""
    names, results = sentences.titles(report.results), report.results
    return _template("bench.html.j2").render(
        report=report,
        title=sentences.title(report),
        names=names,
        colour=charts.colour,
        verdicts=sentences.verdicts(report),
        failures=sentences.failures(report),
        doubts=sentences.doubts(report),
        notes=[x for x in (sentences.control(report), sentences.energy(report)) if x],
        headroom=sentences.headrooms(report),
        groups=groups(results),
        distributions=[
            drawing
            for key, title in (("latency", "inference"), ("end_to_end", "end to end"))
            if (drawing := charts.distribution(results, names, key, title))
        ],
        scatter=charts.accuracy_against_latency(results, names),
        subjects=charts.subjects(results, names),
        subject_scores=_subject_scores(results),
        confusions=[_confusion(result) for result in results],
        classes=_classes(results),
        states=facts.states(report),
        device=facts.device(report),
        settings=facts.settings(report),
        raw=[facts.result(result) for result in results],
        percent=percent,
        percent_range=percent_range,
    )


def render_devices(sides: Sequence[Side]) -> str:
    """The page of several devices side by side."""
    names, results = side_by_side.names(sides), side_by_side.results(sides)
    drawings = (
        charts.distribution(results, names, "latency", "inference"),
        charts.accuracy_against_latency(results, names),
    )
    return _template("devices.html.j2").render(
        title=f"{', '.join(x.device for x in sides)}, side by side",
        about=[(x.device, sentences.title(x.report)) for x in sides if x.report],
        names=names,
        colour=charts.colour,
        verdicts=side_by_side.verdicts(sides),
        failures=side_by_side.failures(sides),
        doubts=side_by_side.doubts(sides),
        groups=side_by_side.rows(sides),
        drawings=[x for x in drawings if x],
        facts=side_by_side.device_facts(sides),
    )


def _template(name: str) -> jinja2.Template:
    import jinja2
    import markupsafe

    def breakable(text: str) -> markupsafe.Markup:
        """`text` that may be broken after its underscores: names of classes are long, phones narrow."""
        return markupsafe.Markup("_<wbr>").join(text.split("_"))

    def source(name: str) -> str:
        return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    return environment.get_template(name)


def _confusion(result: Result) -> list[tuple[str, list[tuple[int, float, bool]]]]:
    """Per true class its name and its cells: the count, its share of the row between 0 and 1, whether it is right."""
    rows = []
    for i, (label, counts) in enumerate(zip(result.labels, result.confusion, strict=True)):
        total = sum(counts) or 1
        rows.append((label, [(n, n / total, i == j) for j, n in enumerate(counts)]))
    return rows


def _classes(results: tuple[Result, ...]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Per class its name and, for each result, its F1 and its precision and recall; empty where none was kept."""
    labels = dict.fromkeys(label for result in results for label in result.per_class or ())
    table = []
    for label in labels:
        cells = []
        for result in results:
            score = (result.per_class or {}).get(label)
            rest = f"{100 * score.precision:.1f} · {100 * score.recall:.1f}" if score else ""
            cells.append((percent(score.f1, 1) if score else NOT_MEASURED, rest))
        table.append((label, cells))
    return table


def _subject_scores(results: tuple[Result, ...]) -> list[tuple[str, list[str]]]:
    people = dict.fromkeys(person for result in results for person in result.per_subject)
    return [(person, [percent(result.per_subject.get(person)) for result in results]) for person in people]
