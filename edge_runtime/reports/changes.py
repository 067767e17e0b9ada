"""Print the changes between two runs: a table and a sentence per result."""

from collections.abc import Iterator

import rich.console
from rich.table import Table
from rich.text import Text

from edge_runtime.bench.comparison import EXACT, METRICS, PERCENT, POINTS, Change, ResultChanges, RunComparison
from edge_runtime.system.quantities import NOT_MEASURED, kilobytes, megabytes, percent, time
from edge_runtime.system.terminal import plain_table

# The rows of the table; the other metrics serve gates and the JSON.
_SHOWN = ("accuracy", "macro_f1", "undisturbed", "p50", "p99", "end_to_end", "load", "memory", *EXACT)


def show_changes(outcome: RunComparison, console: rich.console.Console) -> None:
    """Print `outcome`: a sentence and a table per matched result, unmatched results, notes and doubts."""
    for sentence in change_sentences(outcome):
        console.print(sentence)
    console.print()
    for pair in outcome.pairs:
        noun = "weights" if "part" in pair.facts else "model file"
        about = f"the same {noun}" if pair.facts["same_file"] else f"the {noun} changed"
        console.print(f"{pair.title}: {about}", style="bold")
        console.print(_table(pair))
        console.print()
    for titles, name in ((outcome.only_old, "OLD"), (outcome.only_new, "NEW")):
        if titles:
            console.print(f"only in {name}: {', '.join(titles)}")
    for kind, sentences in (("note", outcome.notes), ("doubt", outcome.doubts)):
        for sentence in sentences:
            console.print(Text.assemble((f"{kind}:", "yellow"), f" {sentence}"))


def change_sentences(outcome: RunComparison) -> Iterator[str]:
    """Yield a sentence per result: changes beyond the noise, and changes of time and accuracy without an interval."""
    for pair in outcome.pairs:
        texts = {name: f"{METRICS[name].title} {change.text()}" for name, change in pair.changes.items()}
        beyond = [texts[name] for name, change in pair.changes.items() if change.beyond_noise]
        sentence = f"{pair.title}: {', '.join(beyond) or 'no change'} beyond the noise"
        if pair.changes["undisturbed"].change and pair.changes["undisturbed"].beyond_noise is None:
            sentence += f"; {texts['undisturbed']} of too few rounds, not judged"
        if pair.facts["same_file"] and pair.changes["undisturbed"].beyond_noise:
            sentence += "; the file is the same, so the machine, its load or the runtime changed"
        if pair.changes["accuracy"].change and pair.changes["accuracy"].beyond_noise is None:
            why = "without an interval" if outcome.same_data else "of other data"
            sentence += f"; {texts['accuracy']} {why}, not judged"
        yield f"{sentence}."


def _table(pair: ResultChanges) -> Table:
    table = plain_table([""], ["old", "new", "change", "95 % interval", ""])
    table.header_style = "bold"
    latency = pair.changes["undisturbed"]
    unit = "ms" if max(latency.old or 0, latency.new or 0) >= 1 else "µs"
    for name in _SHOWN:
        change = pair.changes[name]
        is_latency = name == "end_to_end" and (change.old, change.new) == (latency.old, latency.new)
        if is_latency or change.old is change.new is None:
            continue
        verdict, style = _verdict(change)
        values = (NOT_MEASURED if value is None else _cell(name, value, unit) for value in (change.old, change.new))
        judged = Text(verdict, style)
        table.add_row(METRICS[name].title, *values, change.text(), change.interval_text(), judged)
    return table


def _cell(name: str, value: float, unit: str) -> str:
    if METRICS[name].unit == POINTS:
        return percent(value)
    if name == "instructions":
        return f"{value:,.0f}"
    if name in ("memory", "size", "ram"):
        return (megabytes if name == "memory" else kilobytes)(int(value))
    return time(value, "ms" if name == "load" else unit)


def _verdict(change: Change) -> tuple[str, str]:
    """Tell whether the change is better, worse or noise, and its colour."""
    if change.beyond_noise is None or change.change is None:
        return "", "dim"
    if not change.beyond_noise:
        return "same" if change.interval in (None, (0.0, 0.0)) else "noise", "dim"
    worse = change.change > 0 if change.unit == PERCENT else change.change < 0
    return ("worse", "red") if worse else ("better", "green")
