"""Gather the content of a report for all its forms: results, sentences, facts of machine and method."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from edge_runtime.bench.machine_state import State
from edge_runtime.bench.results import Report, Result
from edge_runtime.model.c_model import C
from edge_runtime.reports import sentences
from edge_runtime.system.quantities import NOT_MEASURED

Facts = list[tuple[str, str]]
"""Name and value, in the order to show."""

_NAMES = {
    "machine": "architecture",
    "cpu": "CPU",
    "max_clock_khz": "highest clock",
    "os": "operating system",
    "libc": "C library",
    "numpy": "NumPy",
    "python": "Python",
    "duration_s": "duration",
    "harness_overhead_us": "cost of timing per call",
    "runs": "timed inferences per model",
}


@dataclass(frozen=True)
class ReportContent:
    """The columns and sentences of one report, or of several, where sentences begin with their names.

    `left_out` concerns windows, and models that could not be C. `notes` concern absent rivals and, in a single report,
    energy and the control.
    """

    headings: tuple[str, ...]
    names: tuple[str, ...]
    results: tuple[Result, ...]
    verdicts: tuple[str, ...]
    failures: tuple[str, ...]
    doubts: tuple[str, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    origins: tuple[str, ...]


def named(reports: Mapping[str, Report]) -> dict[str, Report]:
    """Name the reports by their devices instead of their files, if this makes the names unique."""
    by_device = {report.device.name: report for report in reports.values()}
    return by_device if len(by_device) == len(reports) else dict(reports)


def gather(reports: Mapping[str, Report]) -> ReportContent:
    """Return the content of the `reports`, by name, in their order."""
    is_single = len(reports) == 1

    def each(say: Callable[[Report], Sequence[str]]) -> tuple[str, ...]:
        """Return every sentence once, after the reports that it concerns, unless it concerns all."""
        concerned: dict[str, list[str]] = {}
        for name, report in reports.items():
            for sentence in say(report):
                concerned.setdefault(sentence, []).append(name)
        return tuple(
            sentence if len(names) == len(reports) else f"{', '.join(names)}: {sentence}"
            for sentence, names in concerned.items()
        )

    def about_run(report: Report) -> list[str]:
        texts = (sentences.energy(report), sentences.control_sentence(report), sentences.without_rivals(report))
        return [*filter(None, texts)]

    titles = [(name, title) for name, report in reports.items() for title in sentences.titles(report.results)]
    return ReportContent(
        headings=each(lambda report: [sentences.title(report)]),
        names=tuple(title if is_single else f"{name} {title}" for name, title in titles),
        results=tuple(result for report in reports.values() for result in report.results),
        verdicts=each(sentences.verdicts),
        failures=each(sentences.failures),
        doubts=each(sentences.doubts),
        left_out=each(sentences.windows_left_out)
        + each(lambda report: [f"No int8 as C: {report.without_c}"] if report.without_c else []),
        notes=each(sentences.accuracy_details)
        + each(about_run if is_single else lambda report: [])
        + each(lambda report: [f"no {rival.name}: {rival.reason}" for rival in report.absent_rivals or ()])
        + each(lambda report: [f"{x.form} by {x.runtime_version}" for x in report.results if x.runtime == C]),
        origins=each(lambda report: [_origin(report)]),
    )


def machine_facts(report: Report) -> Facts:
    """Return the known facts of the machine, the method and the data."""
    runtime = report.device.runtime
    return [
        ("device", report.device.name),
        *known_facts(report.device, ("name", "before", "after", "governor", "load_average", "runtime")),
        ("runtime", f"{runtime.name} {runtime.version or ''}".strip()),
        *known_facts(report.settings, ("runtime",)),
        *((f"data: {name}", value) for name, value in known_facts(report.data, ())),
        ("measured", report.created),
        ("har-edge", report.har_edge),
    ]


def state_facts(state: State) -> Facts:
    """Return the facts of one state, with a dash for each unknown fact."""
    clock, throttled = state.clock_khz, state.throttled
    limits = f" ({_clock(clock.minimum)} to {_clock(clock.maximum)})" if clock and clock.maximum is not None else ""
    sensors = ", ".join(f"{name} {degrees:.0f} °C" for name, degrees in (state.temperatures_c or {}).items())
    now, since_boot = (
        (", ".join(names) or "no" for names in (throttled.now, throttled.since_boot))
        if throttled
        else (NOT_MEASURED,) * 2
    )
    return [
        ("load average", NOT_MEASURED if state.load_average is None else f"{state.load_average:.2f}"),
        ("governor", state.governor or NOT_MEASURED),
        ("clock", _clock(clock.current) + limits if clock else NOT_MEASURED),
        ("clock, as the firmware measures it", _clock(state.firmware_clock_khz)),
        ("temperature", sensors or NOT_MEASURED),
        ("throttled now", now),
        ("throttled since boot", since_boot),
        ("power", state.power_source or NOT_MEASURED),
    ]


def _origin(report: Report) -> str:
    """Return machine and method in one line."""
    machine, method = report.device, report.settings
    parts = [f"har-edge {report.har_edge}", report.created, machine.cpu, machine.os, machine.kernel]
    parts.append(f"governor {machine.governor}" if machine.governor else None)
    return ", ".join([*filter(None, parts), f"mode {method.mode}", f"rounds {method.rounds}"])


def known_facts(record: Any, left_out: Sequence[str]) -> Facts:
    """Return the known fields of a dataclass, without the fields in `left_out`."""
    values = {field.name: getattr(record, field.name) for field in fields(record) if field.name not in left_out}
    return [
        (_NAMES.get(key, key.replace("_", " ")), _value(key, value))
        for key, value in values.items()
        if value not in (None, (), {}, "")
    ]


def _value(key: str, value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if key.endswith("_khz"):
        return _clock(value)
    if key.endswith(("_us", "_s")) and value is not None:
        return f"{value:g} {'µs' if key.endswith('_us') else 's'}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {part}" for name, part in value.items())
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _clock(khz: float | None) -> str:
    return NOT_MEASURED if khz is None else f"{khz / 1000:.0f} MHz"
