"""Count what went wrong in each group of cases, and say what the cases were held to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from edge_runtime.bench import machine
from tools.attack.harness import KINDS, Finding

Row = Sequence[object]
Found = Mapping[str, Sequence[Finding]]
"""The findings of each group."""


def text(found: Found) -> str:
    """The figure for a terminal."""
    lines = [f"{row[0]!s:<18}" + "".join(f"{x!s:>11}" for x in row[1:]) for row in _rows(found)]
    return "\n".join([*lines, *_notes(found)])


def document(found: Found, seconds: float) -> str:
    """The figure as Markdown, with the machine and the day."""
    head, *rows = _rows(found)
    title = "What bad input, hostile peers and kills made go wrong"
    written = (
        f"{written_by('make attack')} It took {seconds / 60:.0f} minutes. A case counts once for each kind of fault."
    )
    return markdown(title, written, head, rows, _notes(found))


def written_by(command: str) -> str:
    """A sentence on where and when `command` has run."""
    facts = machine.read_facts()
    cores = f"{facts.cores} {'virtual ' if facts.virtual else ''}cores"
    return f"Written by `{command}` on {facts.cpu}, {cores}, on {datetime.now(UTC):%Y-%m-%d}."


def markdown(title: str, text: str, head: Row, rows: Sequence[Row], notes: Sequence[str] = ()) -> str:
    """A document of one table: words to the left, numbers to the right."""
    table = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    lines = [f"# {title}", "", text, "", *("| " + " | ".join(map(str, row)) + " |" for row in table)]
    return "\n".join([*lines, *([""] if notes else []), *(f"- {x}" for x in notes), ""])


def _rows(found: Found) -> list[Row]:
    """A row for each group and for all: how many cases, and how many of them with each kind of fault."""
    rows: list[Row] = []
    for group, cases in found.items():
        counts = Counter(kind for x in cases for kind in {fault.kind for fault in x.faults})
        rows.append([group, len(cases), *(counts[kind] for kind in KINDS)])
    sums: list[object] = [sum(column) for column in list(zip(*rows, strict=True))[1:]]  # type: ignore[arg-type]
    return [["group", "cases", *KINDS], *rows, ["all", *sums]]


def _notes(found: Found) -> list[str]:
    """What no column says: which limits held for how many cases, what came nearest, and how many kills hit."""
    everything = [x for cases in found.values() for x in cases]
    notes = [f"limits of {n} cases: {limits}" for limits, n in Counter(x.limits for x in everything).most_common()]
    if everything:
        slowest, largest = (max(everything, key=lambda x: getattr(x, name)) for name in ("seconds", "peak_bytes"))
        notes.append(f"slowest: {slowest.seconds:.1f} s ({slowest.case})")
        notes.append(f"largest: {largest.peak_bytes / (1 << 30):.2f} GB ({largest.case})")
    if kills := found.get("kills"):
        notes.append(f"kills that hit a command at work: {sum(x.code not in (0, None) for x in kills)} of {len(kills)}")
    return notes
