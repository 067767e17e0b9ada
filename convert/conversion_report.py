"""Print the result of a conversion as a table: a row for each form."""

from collections.abc import Sequence

import click

from convert.c_file import write_in_child
from convert.conversion_job import NetworkReport
from convert.converted_models import Conversion, convert
from convert.options import Options
from edge_runtime.errors import CheckFailedError, DeviceError, HarEdgeError
from edge_runtime.model.rivals import record_path
from edge_runtime.model.scheme_names import CALIBRATED, FLOAT32, INT8
from edge_runtime.runs import Run
from edge_runtime.system.child_processes import error_with
from edge_runtime.system.quantities import NOT_MEASURED, counted, kilobytes, percent
from edge_runtime.system.terminal import Console, plain_table, progress


def complete(conversion: Conversion, options: Options, normalisation: str | None = None) -> None:
    """Show the conversion, and write the C that is asked for; `normalisation` is the option of a Keras file.

    Raises `CheckFailedError` when a form lost too much, `DeviceError` when the time limit left something out, and what
    `write_in_child` raises.
    """
    _show(conversion, normalisation)
    files, schemes = conversion.files, conversion.report.schemes
    for scheme in [x for x in CALIBRATED if options.c_file and x in schemes]:
        with progress() as on_progress:
            written, checked = write_in_child(files.tflite(scheme), files.folder, on_progress)
        click.echo(f"As C: {', '.join(x.name for x in written)}. {checked}")
    if lossy := conversion.lossy:
        advice = "allow more, or take --quantize-as mixed" if INT8 in lossy else "allow more"
        lost = "; ".join(lossy.values())
        raise CheckFailedError(f"{lost}, more than --max-drop {options.max_drop:g}: {advice}")
    if unfinished := {*options.schemes} - {*schemes, *conversion.report.left_out}:
        raise DeviceError(
            f"the conversion was stopped after {options.time_limit:g} s: {', '.join(schemes)} written, "
            f"{', '.join(sorted(unfinished))} not; allow more with --time-limit"
        )


def _show(conversion: Conversion, normalisation: str | None) -> None:
    report, compared = conversion.report, conversion.report.compared
    difference = max(x.float32_relative_difference for x in (report.model, compared))
    console = Console()
    console.print(f"float32: logits equal Keras's within {difference:.1g} of the greatest")
    if report.model.arrangement:
        console.print(f"Input of the network: {report.model.arrangement}")
    console.print(f"Recurrent layers {report.model.lowering}: {report.model.lowering_reason}\n")
    console.print(f"Models in {conversion.files.folder}:", soft_wrap=True)
    table = plain_table(["model"], ("size", "accuracy", "points lost", "agrees", "logits' SNR"))
    files = {scheme: conversion.files.tflite(scheme) for scheme in report.schemes}
    named = {scheme: (path.name, kilobytes(path.stat().st_size)) for scheme, path in files.items()}
    table.add_row(*named[FLOAT32], percent(compared.float32_accuracy), *(NOT_MEASURED,) * 3)
    for scheme in report.schemes[1:]:
        x = compared.forms[scheme].parity
        lost = f"{-x.drop:.2f} gained" if round(x.drop, 2) < 0 else f"{abs(x.drop):.2f}"
        own = (percent(x.accuracy), lost) if compared.is_labelled else (NOT_MEASURED,) * 2
        noise = NOT_MEASURED if x.snr_db is None else f"{x.snr_db:.1f} dB"
        table.add_row(*named[scheme], *own, percent(x.agreement), noise)
    console.print(table)
    for scheme, reason in report.left_out.items():
        console.print(f"\nNo {conversion.files.tflite(scheme).name}: {reason}.")
    console.print(f"\n{_explanation(compared, normalisation)}")
    if conversion.rivals:
        folder = record_path(conversion.files.folder, "").parent
        console.print(f"\nRivals in {folder}:", soft_wrap=True)
        table = plain_table(["rival"], ["size"])
        for rival in conversion.rivals.rivals:
            table.add_row(rival.name, kilobytes((folder / rival.file).stat().st_size))
        console.print(table)
        for name, reason in conversion.rivals.absent.items():
            console.print(f"No {name}: {reason}", soft_wrap=True)


def _explanation(compared: NetworkReport, normalisation: str | None) -> str:
    windows = counted(compared.windows, "window")
    if normalisation is None:
        people = counted(compared.subjects, "held-out subject")
        return f"The accuracy is that of the selection network, on {windows} of {people} that it was trained without."
    people = counted(compared.subjects, "training subject")
    labels = "" if compared.is_labelled else "The labels are not those of the data, so that there is no accuracy. "
    return (
        f"{labels}Forms are compared on {windows} of {people} that did not calibrate. The network may have been "
        f"trained on them. Normalisation of its input: {normalisation}."
    )


def convert_seeds(runs: Sequence[Run], options: Options) -> None:
    """Convert the runs of a training; a first failure is raised again at the end."""
    failure: HarEdgeError | None = None
    for run in runs:
        try:
            complete(convert(run.folder, run, options), options)
        except HarEdgeError as error:
            click.echo(f"{run.folder.name} failed: {error}", err=True)
            failure = failure or error_with(error.exit_code, f"{run.folder.name}: {error}")
    if failure:
        raise failure
