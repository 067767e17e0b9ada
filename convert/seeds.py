"""The runs of a training with several seeds, converted one after the other, and what they say together."""

from collections.abc import Callable, Sequence
from statistics import mean, stdev

import click
from rich.table import Table

from convert.conversion import Conversion, Options, Trained, convert
from convert.parity import Parity
from convert.parity_table import explanation, points
from edge_runtime.errors import HarEdgeError
from edge_runtime.reports.quantities import NOTHING, kilobytes, percent


def convert_seeds(found: Sequence[Trained], options: Options) -> None:
    """Convert each run and print a table with a row for each.

    One that fails keeps the others from nothing: the first failure is raised again at the end, with the seed's name.
    """
    conversions: list[Conversion] = []
    failures: dict[str, HarEdgeError] = {}
    for trained in found:
        name = trained.run.folder.name
        try:
            conversions.append(convert(trained, options))
        except HarEdgeError as error:
            failures[name] = error
        else:
            if failure := conversions[-1].failure:
                failures[name] = failure
        if name in failures:
            click.echo(f"{name} failed: {failures[name]}", err=True)
    if conversions:
        _show(conversions, options.schemes)
    if failures:
        name, first = next(iter(failures.items()))
        others = f" ({', '.join(list(failures)[1:])} failed too)" if len(failures) > 1 else ""
        rest = "; the models of the other seeds are complete" if len(failures) < len(found) else ""
        raise type(first)(f"{name}: {first}{others}{rest}") from first


def _show(conversions: Sequence[Conversion], schemes: Sequence[str]) -> None:
    from edge_runtime.terminal import Console

    console = Console(markup=False)
    for scheme in schemes or ("float32",):
        console.print(seeds_table(conversions, scheme))
        console.print()
    first = conversions[0]
    n_held_out = len(first.trained.training.held_out_subjects)
    console.print(explanation(n_held_out, first.selection["windows"], bool(schemes)))


def seeds_table(conversions: Sequence[Conversion], scheme: str) -> Table:
    """What the form `scheme` loses, by seed: accuracies are those of the selection networks on the held-out subjects.

    A run that did not pass the gate has its row, and counts in the mean, but has no file and so no size. The standard
    deviation is that with n - 1.
    """
    columns: dict[str, tuple[list[float | None], Callable[[float], str]]] = {
        "float32": ([x.selection["float32_accuracy"] for x in conversions], percent)
    }
    if scheme != "float32":
        parities = [Parity(**x.selection["forms"][scheme]["parity"]) for x in conversions]
        columns |= {
            scheme: ([x.accuracy for x in parities], percent),
            "points lost": ([x.drop for x in parities], points),
            "agrees": ([x.agreement for x in parities], percent),
        }
    columns["size"] = ([_size(x, scheme) for x in conversions], lambda size: kilobytes(round(size)))
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(f"model_{scheme}.tflite", no_wrap=True)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for i, conversion in enumerate(conversions):
        name = conversion.trained.run.folder.name
        table.add_row(name, *(_written(values[i], write) for values, write in columns.values()))
    table.add_section()
    known = [([x for x in values if x is not None], write) for values, write in columns.values()]
    table.add_row("mean", *(_written(mean(values) if values else None, write) for values, write in known))
    table.add_row(
        "standard deviation", *(_written(stdev(values) if len(values) > 1 else None, write) for values, write in known)
    )
    return table


def _written(value: float | None, write: Callable[[float], str]) -> str:
    return NOTHING if value is None else write(value)


def _size(conversion: Conversion, scheme: str) -> float | None:
    """In bytes, of the file that was written now: one from before is not this conversion's."""
    return None if conversion.failure else conversion.trained.run.tflite(scheme).stat().st_size
