"""Reports of several devices in one table, a column for each model on each device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import rich.console

from edge_runtime.bench.results import Report, Result
from edge_runtime.reports import facts, markdown, sentences, terminal_table
from edge_runtime.reports.rows import Row, groups
from edge_runtime.system.quantities import NOT_MEASURED


@dataclass(frozen=True)
class Side:
    """One device: its report, or the sentence that says why there is none."""

    device: str
    report: Report | None
    failure: str | None = None


def names(sides: Sequence[Side]) -> list[str]:
    """A name for each column: device and model."""
    return [f"{side.device} {name}" for side in sides if side.report for name in sentences.titles(side.report.results)]


def results(sides: Sequence[Side]) -> list[Result]:
    """The columns, in the order of `names`."""
    return [result for side in sides if side.report for result in side.report.results]


def failures(sides: Sequence[Side]) -> list[str]:
    """What could not be measured, device or model, and why."""
    return _named(sides, sentences.failures) + [side.failure for side in sides if side.failure]


def doubts(sides: Sequence[Side]) -> list[str]:
    """The doubts of each device."""
    return _named(sides, sentences.doubts)


def verdicts(sides: Sequence[Side]) -> list[str]:
    """What quantisation gains and costs on each device."""
    return _named(sides, sentences.verdicts)


def device_facts(sides: Sequence[Side]) -> list[tuple[str, list[str]]]:
    """What each machine is, and how it was measured: a name and a value per device, without what none tells."""
    columns = [dict(facts.device(side.report) + facts.settings(side.report)) for side in sides if side.report]
    keys = dict.fromkeys(key for column in columns for key in column)
    return [(key, [column.get(key, NOT_MEASURED) for column in columns]) for key in keys]


def show(sides: Sequence[Side], console: rich.console.Console) -> None:
    """Print the table, failures, doubts and closing sentences of all devices."""
    for side in sides:
        if side.report:
            console.print(f"{side.device}: {sentences.title(side.report)}", style="bold", markup=False)
    terminal_table.show_table(results(sides), names(sides), console)
    terminal_table.show_items(failures(sides), doubts(sides), console)
    for sentence in verdicts(sides):
        console.print(sentence, markup=False)


def to_markdown(sides: Sequence[Side]) -> str:
    """The table, failures, doubts and sentences as Markdown."""
    blocks = [f"**{markdown.text(x.device)}**: {markdown.text(sentences.title(x.report))}" for x in sides if x.report]
    blocks.append(markdown.table(results(sides), names(sides)))
    blocks += map(markdown.text, verdicts(sides))
    blocks += markdown.items(failures(sides), doubts(sides))
    blocks += [f"*{markdown.text(x.device)}: {markdown.text(facts.one_line(x.report))}*" for x in sides if x.report]
    return "\n\n".join(blocks) + "\n"


def rows(sides: Sequence[Side]) -> list[list[Row]]:
    """The rows of the table, in groups."""
    return groups(results(sides))


def _named(sides: Sequence[Side], say: Callable[[Report], list[str]]) -> list[str]:
    return [f"{side.device}: {sentence}" for side in sides if side.report for sentence in say(side.report)]
