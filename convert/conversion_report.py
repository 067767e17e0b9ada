"""Print the result of a conversion as a table: a row for each form, or for each seed."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from statistics import mean, stdev
from typing import TypeAlias

import click
from rich.table import Table

from convert.converted_models import Conversion, convert
from convert.options import Options
from edge_runtime.errors import HarEdgeError
from edge_runtime.model.rivals import record_path
from edge_runtime.runs import SCHEMES, Run
from edge_runtime.system.child_processes import error_with
from edge_runtime.system.quantities import NOT_MEASURED, counted, kilobytes, percent
from edge_runtime.system.terminal import Console

_Column: TypeAlias = tuple[Callable[[Conversion], float | None], Callable[[float], str]]


def show(conversion: Conversion, folder: Path, normalisation: str | None = None) -> None:
    """Print the models in `folder` beside the parity of their forms.

    `normalisation` is the option of an external model; None for a run.
    """
    report, compared = conversion.report, conversion.report.compared
    difference = max(x.float32_relative_difference for x in (report.model, compared))
    console = Console(markup=False)
    console.print(f"float32: logits equal Keras's within {difference:.1g} of the greatest")
    if report.model.arrangement:
        console.print(f"Input of the network: {report.model.arrangement}")
    console.print(f"Recurrent layers {report.model.lowering}: {report.model.lowering_reason}\n")
    console.print(f"Models in {folder}:", soft_wrap=True)
    table = _table("model", ("size", "accuracy", "points lost", "agrees", "logits' SNR"))
    table.add_row(*_file(conversion, "float32"), percent(compared.float32_accuracy), *(NOT_MEASURED,) * 3)
    for scheme, form in compared.forms.items():
        x = form.parity
        own = (percent(x.accuracy), points(x.drop)) if compared.is_labelled else (NOT_MEASURED,) * 2
        noise = NOT_MEASURED if x.snr_db is None else f"{x.snr_db:.1f} dB"
        table.add_row(*_file(conversion, scheme), *own, percent(x.agreement), noise)
    console.print(table)
    if conversion.sources:
        console.print(f"As C++ source: {', '.join(x.name for x in conversion.sources)}", soft_wrap=True)
    for scheme, reason in report.left_out.items():
        console.print(f"\nNo {conversion.files.tflite(scheme).name}: {reason}.")
    console.print(f"\n{_explanation(conversion, normalisation)}")
    show_rivals(conversion, console)


def show_rivals(conversion: Conversion, console: Console) -> None:
    """Print the rivals that were made, with their sizes, and a sentence for each that could not be."""
    if conversion.rivals is None:
        return
    folder = record_path(conversion.files.folder, "").parent
    console.print(f"\nRivals in {folder}:", soft_wrap=True)
    table = _table("rival", ("size",))
    for rival in conversion.rivals.rivals:
        table.add_row(rival.name, kilobytes((folder / rival.file).stat().st_size))
    console.print(table)
    for name, reason in conversion.rivals.absent.items():
        console.print(f"No {name}: {reason}", soft_wrap=True)


def _file(conversion: Conversion, scheme: str) -> tuple[str, str]:
    path = conversion.files.tflite(scheme)
    return path.name, kilobytes(path.stat().st_size)


def _explanation(conversion: Conversion, normalisation: str | None) -> str:
    """The data behind the columns of the table."""
    compared = conversion.report.compared
    windows = counted(compared.windows, "window")
    if normalisation is None:
        people = counted(compared.subjects, "held-out subject")
        return (
            f"Accuracy is that of the selection network, trained without {people}, on {windows} of theirs; its "
            "quantised forms are compared with its float32 form."
        )
    people = counted(compared.subjects, "training subject")
    labels = "" if compared.is_labelled else "The labels are not those of the data, so that there is no accuracy. "
    return (
        f"{labels}Forms are compared on {windows} of {people} that did not calibrate; the network may have been "
        f"trained on them. Its input is normalised as --normalisation says: {normalisation}."
    )


def points(drop: float) -> str:
    """Percentage points lost, or gained."""
    lost = round(drop, 2)
    return f"{-lost:.2f} gained" if lost < 0 else f"{abs(lost):.2f}"


def convert_seeds(runs: Sequence[Run], options: Options) -> None:
    """Convert the runs of a training with several seeds, each whether or not another failed, and print a table.

    The first failure is raised again at the end, with the seed's name.
    """
    console = Console(markup=False)
    conversions: dict[str, Conversion | None] = {}
    failures: dict[str, HarEdgeError] = {}
    for run in runs:
        name = run.folder.name
        conversions[name] = None
        try:
            conversion = conversions[name] = convert(run.folder, run, options)
            show_rivals(conversion, console)
            conversion.raise_if_incomplete(options.time_limit)
        except HarEdgeError as error:
            failures[name] = error
            click.echo(f"{name} failed: {error}", err=True)
    made = [x for x in conversions.values() if x]
    written = {*options.schemes, *(scheme for x in made for scheme in x.report.schemes)}
    for scheme in [x for x in SCHEMES[1:] if x in written] or SCHEMES[:1]:
        console.print(seeds_table(conversions, scheme))
        console.print()
    for seed in made:
        for scheme, reason in seed.report.left_out.items():
            path = seed.files.tflite(scheme)
            console.print(f"No {path.name} in {path.parent.name}: {reason}.\n")
    if made:
        console.print(_explanation(made[0], None))
    if failures:
        name, failure = next(iter(failures.items()))
        others = f" ({', '.join(list(failures)[1:])} failed too)" if len(failures) > 1 else ""
        rest = "; the models of the other seeds are complete" if len(failures) < len(runs) else ""
        raise error_with(failure.exit_code, f"{name}: {failure}{others}{rest}") from failure


def seeds_table(conversions: Mapping[str, Conversion | None], scheme: str) -> Table:
    """The accuracy, loss and size of the form `scheme` by seed, of the selection networks on the held-out subjects.

    `conversions` are by the name of the run, None where one raised an error. Every run has a row; mean and standard
    deviation (that with n - 1) are of those that passed the check, in every column.
    """
    columns = _columns(scheme)
    table = _table(f"model_{scheme}.tflite", columns)
    there = {name: x if x and scheme in x.report.schemes else None for name, x in conversions.items()}
    for name, x in there.items():
        table.add_row(name, *(_cell(value(x) if x else None, write) for value, write in columns.values()))
    passed = [x for x in there.values() if x and not x.failure]
    if passed:
        values = [([value(x) or 0.0 for x in passed], write) for value, write in columns.values()]
        table.add_section()
        table.add_row(f"mean of {len(passed)}", *(write(mean(x)) for x, write in values))
        table.add_row("standard deviation", *(_cell(stdev(x) if len(x) > 1 else None, write) for x, write in values))
    return table


def _columns(scheme: str) -> dict[str, _Column]:
    """By heading: the value of a conversion there, and its text."""

    def size(conversion: Conversion) -> float | None:
        # Of the file that was written now: one from before is not this conversion's.
        return None if conversion.failure else conversion.files.tflite(scheme).stat().st_size

    columns: dict[str, _Column] = {"float32": (lambda x: x.report.compared.float32_accuracy, percent)}
    if scheme != "float32":
        columns |= {
            scheme: (lambda x: x.report.compared.forms[scheme].parity.accuracy, percent),
            "points lost": (lambda x: x.report.compared.forms[scheme].parity.drop, points),
            "agrees": (lambda x: x.report.compared.forms[scheme].parity.agreement, percent),
        }
    return columns | {"size": (size, lambda x: kilobytes(round(x)))}


def _cell(value: float | None, write: Callable[[float], str]) -> str:
    return NOT_MEASURED if value is None else write(value)


def _table(first: str, others: Sequence[str] | Mapping[str, object]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
