"""Write a report as one HTML page that needs nothing else: no script, no font, no picture, no network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from edge_runtime.bench.results import Report
from edge_runtime.data.subject_groups import noun_of
from edge_runtime.reports import charts, machine_and_method, sentences
from edge_runtime.reports.report_content import DeviceReport, gather
from edge_runtime.reports.report_table import row_groups
from edge_runtime.system.quantities import NOT_MEASURED, percent

if TYPE_CHECKING:
    import jinja2


def to_html(devices: Sequence[DeviceReport]) -> str:
    """The page of one report, or of several devices side by side.

    Every text in it is escaped by the template; drawings are built with escaped texts.
    """
    content = gather(devices)
    names, results = content.names, content.results
    reports = {x.device: x.report for x in devices if x.report}
    single = next(iter(reports.values())) if len(devices) == len(reports) == 1 else None
    is_one_time = all(x.is_end_to_end for x in results) or not single
    kinds = (("latency", "inference"), ("end_to_end", "end to end"))[: 1 if is_one_time else 2]
    distributions = (charts.distribution(results, names, key, title) for key, title in kinds)
    return _template("bench.html.j2" if single else "devices.html.j2").render(
        title=content.headings[0] if single else f"{', '.join(x.device for x in devices)}, side by side",
        content=content,
        colour=charts.colour,
        groups=row_groups(results),
        distributions=[x for x in distributions if x],
        scatter=charts.accuracy_against_latency(results, names),
        **(_details(single) if single else {"devices": list(reports), "facts": _device_facts(list(reports.values()))}),
    )


def _details(report: Report) -> dict[str, Any]:
    """The part of the page of one report that the page of several has no room for."""
    results = report.results
    names = sentences.titles(results)
    people = dict.fromkeys(person for x in results for person in x.per_subject)
    return {
        "report": report,
        "subjects": charts.subjects(results, names),
        "people": people,
        "noun": noun_of(people),
        "classes": dict.fromkeys(label for x in results for label in x.per_class or ()),
        "percent": percent,
        "states": machine_and_method.states(report),
        "device": machine_and_method.device_facts(report),
        "settings": machine_and_method.method_facts(report),
        "raw": [machine_and_method.result_facts(result) for result in results],
    }


def _device_facts(reports: Sequence[Report]) -> list[tuple[str, list[str]]]:
    """Machine and method: a name and a value per device, without the facts that no device tells."""
    columns = [
        dict(machine_and_method.device_facts(report) + machine_and_method.method_facts(report)) for report in reports
    ]
    keys = dict.fromkeys(key for column in columns for key in column)
    return [(key, [column.get(key, NOT_MEASURED) for column in columns]) for key in keys]


def _template(name: str) -> jinja2.Template:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("edge_runtime", "reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)
