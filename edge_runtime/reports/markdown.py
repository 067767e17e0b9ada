"""A report as Markdown: a table and sentences to paste into an issue or a README."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge_runtime.bench.results import Report, Result
from edge_runtime.reports import facts, sentences
from edge_runtime.reports.rows import groups


def render(report: Report) -> str:
    """The Markdown text (the tables are GitHub's); names and sentences appear as they are, whatever is in them."""
    blocks = [f"### {text(sentences.title(report))}"]
    if report.results:
        blocks.append(table(report.results, sentences.titles(report.results)))
    blocks += map(text, sentences.verdicts(report))
    blocks += items(sentences.failures(report), sentences.doubts(report))
    blocks += [text(x) for x in (sentences.headrooms(report), sentences.control(report), sentences.energy(report)) if x]
    blocks.append(f"*{text(facts.one_line(report))}*")
    return "\n\n".join(blocks) + "\n"


def items(failures: Sequence[str], doubts: Sequence[str]) -> list[str]:
    """A list of failures and doubts, as a block; no block when there are none."""
    lines = [f"- **failed:** {text(x)}" for x in failures] + [f"- **doubt:** {text(x)}" for x in doubts]
    return ["\n".join(lines)] if lines else []


def table(results: Sequence[Result], names: Sequence[str]) -> str:
    """A table with a column for each of `results`."""
    lines = ["| | " + " | ".join(map(text, names)) + " |", "|---|" + "---:|" * len(names)]
    for group in groups(results):
        for row in group:
            title = f"&nbsp;&nbsp;{row.title}" if row.detail else row.title
            lines.append(f"| {title} | " + " | ".join(map(text, row.cells)) + " |")
    return "\n".join(lines)


def text(words: str) -> str:
    """`words` with whatever Markdown or HTML would take for its own escaped, on one line."""
    return re.sub(r"([\\`*_\[\]<>|#~&@])", r"\\\1", re.sub(r"\s+", " ", words))
