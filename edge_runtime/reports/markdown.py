"""A report as Markdown: a table and sentences to paste into an issue or a README."""

from __future__ import annotations

import re

from edge_runtime.reports import facts, words
from edge_runtime.reports.rows import groups
from edge_runtime.results import Report


def render(report: Report) -> str:
    """The Markdown text (the tables are GitHub's); names and sentences appear as they are, whatever is in them."""
    blocks = [f"### {_text(words.title(report))}"]
    if report.results:
        blocks.append(_table(report))
    blocks += map(_text, words.verdicts(report))
    items = [f"- **failed:** {_text(x)}" for x in words.failures(report)]
    items += [f"- **doubt:** {_text(x)}" for x in words.doubts(report)]
    if items:
        blocks.append("\n".join(items))
    blocks += [_text(x) for x in (words.headrooms(report), words.control(report), words.energy(report)) if x]
    blocks.append(f"*{_text(facts.one_line(report))}*")
    return "\n\n".join(blocks) + "\n"


def _table(report: Report) -> str:
    names = words.titles(report.results)
    lines = ["| | " + " | ".join(map(_text, names)) + " |", "|---|" + "---:|" * len(names)]
    for group in groups(report.results):
        for row in group:
            title = f"&nbsp;&nbsp;{row.title}" if row.detail else row.title
            lines.append(f"| {title} | " + " | ".join(map(_text, row.cells)) + " |")
    return "\n".join(lines)


def _text(words: str) -> str:
    """`words` with whatever Markdown or HTML would take for its own escaped, on one line."""
    return re.sub(r"([\\`*_\[\]<>|#~&@])", r"\\\1", re.sub(r"\s+", " ", words))
