"""Gather what every form of a report shows, for one device or several side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge_runtime.bench.results import Report, Result
from edge_runtime.reports import machine_and_method, sentences


@dataclass(frozen=True)
class DeviceReport:
    """One device: its report, or the sentence that says why there is none."""

    device: str
    report: Report | None
    failure: str | None = None


@dataclass(frozen=True)
class ReportContent:
    """The columns and sentences of one or several reports; of several, sentences begin with the device.

    `notes` are on windows that were left out, rivals that are absent and, of a single report, on energy and the
    control; `real_time_factors` are those of a single report.
    """

    headings: tuple[str, ...]
    names: tuple[str, ...]
    results: tuple[Result, ...]
    verdicts: tuple[str, ...]
    failures: tuple[str, ...]
    doubts: tuple[str, ...]
    notes: tuple[str, ...]
    real_time_factors: str | None
    origins: tuple[str, ...]


def side_by_side(reports: Mapping[str, Report]) -> list[DeviceReport]:
    """Reports by their files' names, each named by as much of device, runtime and file as tells them apart."""
    forms: tuple[Callable[[str, Report], str], ...] = (
        lambda _, report: report.device.name,
        lambda _, report: f"{report.device.runtime.name} {report.device.runtime.version or ''}".strip(),
        lambda file, _: file,
    )
    for form in forms:
        names = [form(file, report) for file, report in reports.items()]
        if len(set(names)) == len(names):
            break
    return [DeviceReport(name, report) for name, report in zip(names, reports.values(), strict=True)]


def gather(devices: Sequence[DeviceReport]) -> ReportContent:
    """The content of the reports of `devices`, in their order."""
    measured = [(x.device, x.report) for x in devices if x.report]
    single = measured[0][1] if len(devices) == len(measured) == 1 else None

    def each(say: Callable[[Report], Sequence[str]], separator: str = ": ") -> tuple[str, ...]:
        return tuple(
            sentence if single else f"{device}{separator}{sentence}"
            for device, report in measured
            for sentence in say(report)
        )

    return ReportContent(
        headings=each(lambda x: [sentences.title(x)]),
        names=each(lambda x: sentences.titles(x.results), " "),
        results=tuple(result for _, report in measured for result in report.results),
        verdicts=each(sentences.verdicts),
        failures=each(sentences.failures) + tuple(x.failure for x in devices if x.failure),
        doubts=each(sentences.doubts),
        notes=each(sentences.windows_left_out)
        + (tuple(x for x in (sentences.energy(single), sentences.control_sentence(single)) if x) if single else ())
        + each(sentences.absent_rivals),
        real_time_factors=sentences.real_time_factors(single) if single else None,
        origins=each(lambda x: [machine_and_method.origin(x)]),
    )
