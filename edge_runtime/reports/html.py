"""Write a report as one HTML page that needs nothing else: no script, no font, no picture, no network."""

from collections.abc import Sequence

import jinja2

from edge_runtime.data.subject_groups import noun_of
from edge_runtime.reports import charts
from edge_runtime.reports.report_content import DeviceReport, Facts, gather, machine_facts, result_facts, states
from edge_runtime.reports.report_table import row_groups
from edge_runtime.system.quantities import NOT_MEASURED, percent


def to_html(devices: Sequence[DeviceReport]) -> str:
    """The page of one report, or of several devices side by side, with every text escaped."""
    content = gather(devices)
    names, results = content.names, content.results
    reports = {x.device: x.report for x in devices if x.report}
    report = next(iter(reports.values())) if len(devices) == len(reports) == 1 else None
    kinds = (("latency", "inference"), ("end_to_end", "end to end"))
    is_one_time = not report or all(x.is_end_to_end for x in results)
    distributions = [charts.distribution(results, names, key, title) for key, title in kinds[: 1 if is_one_time else 2]]
    people = dict.fromkeys(person for x in results for person in x.per_subject)
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("edge_runtime", "reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html.j2").render(
        title=content.headings[0] if report else f"{', '.join(x.device for x in devices)}, side by side",
        content=content,
        report=report,
        colour=charts.colour,
        percent=percent,
        groups=row_groups(results),
        distributions=[x for x in distributions if x],
        scatter=charts.accuracy_against_latency(results, names),
        subjects=charts.subjects(results, names) if report else None,
        people=people,
        noun=noun_of(people),
        classes=dict.fromkeys(label for x in results for label in x.per_class or ()),
        states=states(report) if report else [],
        devices=list(reports),
        facts=_side_by_side([machine_facts(x) for x in reports.values()]),
        raw=_side_by_side(list(map(result_facts, results))),
    )


def _side_by_side(columns: Sequence[Facts]) -> list[tuple[str, list[str]]]:
    """A name and a value per column, for each fact that a column has."""
    found = [dict(column) for column in columns]
    keys = dict.fromkeys(key for column in found for key in column)
    return [(key, [column.get(key, NOT_MEASURED) for column in found]) for key in keys]
