"""The runs of a training with several seeds, converted one after the other, and what they say together."""

from collections.abc import Callable, Mapping, Sequence
from statistics import mean, stdev

import click
from rich.table import Table

from convert.conversion import Conversion, Options, Trained, convert
from convert.parity import Parity
from convert.parity_table import explanation, points
from edge_runtime.errors import HarEdgeError
from edge_runtime.system.child_processes import error_with
from edge_runtime.system.quantities import NOT_MEASURED, kilobytes, percent


def convert_seeds(found: Sequence[Trained], options: Options) -> None:
    """Convert each run and print a table with a row for each.

    One that fails keeps the others from nothing: the first failure is raised again at the end, with the seed's name.
    """
    outcomes: dict[str, Conversion | None] = {}
    failures: dict[str, HarEdgeError] = {}
    for trained in found:
        name = trained.run.folder.name
        outcomes[name] = None
        try:
            conversion = outcomes[name] = convert(trained, options)
        except HarEdgeError as error:
            failures[name] = error
        else:
            if conversion.failure:
                failures[name] = conversion.failure
        if name in failures:
            click.echo(f"{name} failed: {failures[name]}", err=True)
    _show(outcomes, options.schemes)
    if failures:
        name, first = next(iter(failures.items()))
        others = f" ({', '.join(list(failures)[1:])} failed too)" if len(failures) > 1 else ""
        rest = "; the models of the other seeds are complete" if len(failures) < len(found) else ""
        raise error_with(first.exit_code, f"{name}: {first}{others}{rest}") from first


def _show(outcomes: Mapping[str, Conversion | None], schemes: Sequence[str]) -> None:
    from edge_runtime.system.terminal import Console

    first = next((x for x in outcomes.values() if x), None)
    if first is None:
        return
    console = Console(markup=False)
    for scheme in schemes or ("float32",):
        console.print(seeds_table(outcomes, scheme))
        console.print()
    n_held_out = len(first.trained.training.held_out_subjects)
    console.print(explanation(n_held_out, first.selection["windows"], bool(schemes)))


def seeds_table(outcomes: Mapping[str, Conversion | None], scheme: str) -> Table:
    """What the form `scheme` loses, by seed: accuracies are those of the selection networks on the held-out subjects.

    `outcomes` are by the name of the run, None where nothing came of it. Every run has a row; mean and standard
    deviation (that with n - 1) are of those that passed the gate, in every column.
    """
    columns = _columns(scheme)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(f"model_{scheme}.tflite", no_wrap=True)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for name, outcome in outcomes.items():
        table.add_row(
            name, *(_written(value(outcome) if outcome else None, write) for value, write in columns.values())
        )
    passed = [x for x in outcomes.values() if x and not x.failure]
    if passed:
        name = f"mean of {len(passed)}" if len(passed) == len(outcomes) else f"mean of {len(passed)} passed"
        values = [([value(x) or 0.0 for x in passed], write) for value, write in columns.values()]
        table.add_section()
        table.add_row(name, *(write(mean(x)) for x, write in values))
        table.add_row("standard deviation", *(_written(stdev(x) if len(x) > 1 else None, write) for x, write in values))
    return table


def _columns(scheme: str) -> dict[str, tuple[Callable[[Conversion], float | None], Callable[[float], str]]]:
    """By heading: what a conversion has there, and how it is written."""

    def parity(conversion: Conversion) -> Parity:
        return Parity(**conversion.selection["forms"][scheme]["parity"])

    columns: dict[str, tuple[Callable[[Conversion], float | None], Callable[[float], str]]] = {
        "float32": (lambda x: x.selection["float32_accuracy"], percent)
    }
    if scheme != "float32":
        columns |= {
            scheme: (lambda x: parity(x).accuracy, percent),
            "points lost": (lambda x: parity(x).drop, points),
            "agrees": (lambda x: parity(x).agreement, percent),
        }
    return columns | {"size": (lambda x: _size(x, scheme), lambda size: kilobytes(round(size)))}


def _written(value: float | None, write: Callable[[float], str]) -> str:
    return NOT_MEASURED if value is None else write(value)


def _size(conversion: Conversion, scheme: str) -> float | None:
    """In bytes, of the file that was written now: one from before is not this conversion's."""
    return None if conversion.failure else conversion.trained.run.tflite(scheme).stat().st_size
