"""Compare two results of `har-edge bench`, or two trainings: `har-edge compare`."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.text import Text

from edge_runtime import runs
from edge_runtime.bench import results
from edge_runtime.bench.comparison import RunComparison, compare, compare_trained, parse_gate
from edge_runtime.commands import options
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.reports import outputs
from edge_runtime.reports.changes import show_changes
from edge_runtime.system.terminal import Console

FORMAT = 1


@click.command(
    name="compare",
    epilog=options.examples(
        "compare", "compare old.json new.json --fail-if 'undisturbed>5%' --json changes.json", "compare runs/a runs/b"
    ),
)
@click.argument("old", metavar="[OLD]", required=False, type=options.RUN_OR_FILE)
@click.argument("new", metavar="[NEW]", required=False, type=options.RUN_OR_FILE)
@click.option(
    "--fail-if",
    "conditions",
    metavar="CONDITION",
    multiple=True,
    help="Exit with 1 if a change is beyond a limit: 'undisturbed>5%' (percent of the old value), 'accuracy<-0.3' "
    "(percentage points). Takes undisturbed, p50, p90, p95, p99, mean, end_to_end, load, memory, size, ram, "
    "instructions, accuracy and macro_f1. May be repeated.",
)
@click.option("--anyway", is_flag=True, help="Also compare results of different machines, data, runtimes or settings.")
@outputs.option("json", "Also write the comparison; - is standard output.")
def command(
    old: Path | None, new: Path | None, conditions: Sequence[str], anyway: bool, json_path: Path | None
) -> None:
    """Show the changes from OLD to NEW, two JSON files that 'har-edge bench' wrote, or two runs.

    Without NEW, OLD is compared with the newest result of the latest run. A run folder stands for its newest result. If
    a run folder is the only argument, its last two results are compared; without arguments, the last two results of the
    latest run. If 'bench' has not measured both runs, the scores of their trainings are compared.

    Results are matched by model and quantisation. Intervals of times are bootstrapped from the raw times in the files.
    Intervals of accuracy are over people.
    """
    gates = [parse_gate(text) for text in conditions]
    trained = _only_trained(old, new)
    if trained:
        old, new = trained
    elif new is None and (old is None or old.is_dir()):
        old, new = runs.last_results(old, 2, outputs.say)
    else:
        (old,), (new,) = (runs.last_results(path, 1, outputs.say) for path in (old, new))
    outputs.check_written({"json": json_path}, inputs=[old, new])
    outcome = compare_trained(old, new) if trained else compare(*map(results.read_report, (old, new)))
    if outcome.obstacles and not anyway:
        raise InputError(
            f"{old} (OLD) and {new} (NEW) are not comparable: {'; '.join(outcome.obstacles)}; measure again under the "
            "same conditions, or add --anyway"
        )
    if not outcome.pairs:
        raise InputError(f"{old} and {new} have no model and quantisation in common: bench the same models")
    console = Console()
    console.print(f"{old} (OLD), {new} (NEW)")
    for obstacle in outcome.obstacles:
        console.print(Text.assemble(("not comparable:", "yellow"), f" {obstacle}"))
    show_changes(outcome, console)
    # No run is chosen by its test subjects.
    judged = [pair for pair in outcome.pairs if pair.facts.get("part") != "test"]
    failures = [failure for gate in gates for failure in gate.failures(judged)]
    if gates:  # a model that cannot be measured any more must not pass a gate
        failures += [f"{title} (measured in OLD, but not in NEW)" for title in outcome.only_old]
    outputs.write_json(json_path, _content(old, new, outcome, conditions, failures))
    if failures:
        raise CheckFailedError(f"the comparison fails on {'; '.join(failures)}")


def _only_trained(*places: Path | None) -> list[Path]:
    """Return the cards of two run folders, unless `bench` measured both."""
    folders = [path for path in places if path is not None and path.is_dir()]
    trainings = [runs.find_runs(folder)[0] for folder in folders]
    is_measured = all(any(run.folder.glob("bench-*.json")) for run in trainings)
    is_trained = len(trainings) == 2 and all(run.card.is_file() for run in trainings)
    return [runs.find_run(folder, outputs.say).card for folder in folders] if is_trained and not is_measured else []


def _content(
    old: Path, new: Path, outcome: RunComparison, conditions: Sequence[str], failures: Sequence[str]
) -> dict[str, Any]:
    results = [
        {**pair.facts, "changes": {name: asdict(change) for name, change in pair.changes.items()}}
        for pair in outcome.pairs
    ]
    return {
        "format": FORMAT,
        "old": str(old),
        "new": str(new),
        "not_comparable": outcome.obstacles,
        "notes": outcome.notes,
        "doubts": outcome.doubts,
        "results": results,
        "only_old": outcome.only_old,
        "only_new": outcome.only_new,
        "fail_if": list(conditions),
        "failures": list(failures),
    }
