"""Print a conversion: a row for each form, the forms that are missing, the C and the rivals."""

import shlex

from convert.conversion import Conversion
from convert.conversion_worker import ConversionResult
from edge_runtime.model.rivals import record_path
from edge_runtime.model.scheme_names import CALIBRATED, FLOAT32
from edge_runtime.system.quantities import NOT_MEASURED, counted, kilobytes, percent
from edge_runtime.system.terminal import Console, plain_table

LOOPS_INT8, LOOPS_C = "1.1 to 1.4", "0.1 to 0.3"
"""Times of networks with loops over the fastest float32 form's: docs/results.md and docs/results/c_file.md."""


def show(conversion: Conversion) -> None:
    """Print the conversion."""
    job, result, console = conversion.job, conversion.result, Console()
    console.print(f"float32: logits equal the network's own within {result.float32_difference:.1g} of the greatest")
    if result.arrangement:
        console.print(f"Input of the network: {result.arrangement}")
    console.print(f"Recurrent layers {result.lowering}")
    if not job.is_run:
        rate = "" if job.data else ". If the network was trained at another rate, give its windows: --data"
        console.print(f"Windows: {result.window}{rate}")
    console.print(f"Inputs, in order: {', '.join(result.signals)}")
    console.print(f"Outputs, in order: {', '.join(result.labels)}\n")
    console.print(f"Models in {job.folder}:", soft_wrap=True)
    table = plain_table(["model"], ("size", "accuracy", "points lost", "agrees", "logits' SNR"))
    for scheme in result.schemes:
        path = job.tflite(scheme)
        table.add_row(path.name, kilobytes(path.stat().st_size), *_comparison(result, scheme))
    console.print(table)
    for scheme, reason in result.missing.items():
        console.print(f"\nNo {job.tflite(scheme).name}: {reason}.")
    console.print(f"\n{_explanation(conversion)}")
    if result.is_chance and not result.advice:
        mend = "check training, labels, signals and normalisation"
        console.print(f"\nHardly better than always giving the same label: {mend}.", style="bold")
    if conversion.rivals:
        folder = record_path(job.folder, "").parent
        console.print(f"\nRivals in {folder}:", soft_wrap=True)
        table = plain_table(["rival"], ["size"])
        for rival in conversion.rivals.rivals:
            table.add_row(rival.name, kilobytes((folder / rival.file).stat().st_size))
        console.print(table)
        for name, reason in conversion.rivals.absent.items():
            console.print(f"No {name}: {reason}", soft_wrap=True)
    for files, remark in conversion.c_files:
        console.print(f"As C: {', '.join(path.name for path in files)}. {remark}", soft_wrap=True)
    quantised = [scheme for scheme in result.schemes if scheme in CALIBRATED]
    is_looped = result.lowering.startswith("looped")
    if quantised and is_looped:
        console.print(
            f"\nWith loops, such networks took {LOOPS_INT8} times as long in LiteRT's int8 as in the fastest float32 "
            f"form of any tool, and {LOOPS_C} times as C, which --c writes."
        )
    if quantised and (is_looped or not job.is_run):
        models = [str(job.tflite(scheme)) for scheme in (FLOAT32, *quantised)]
        data = [word for text in job.data or () for word in ("--data", text)]
        console.print(f"Measure with: {shlex.join(['har-edge', 'bench', *models, *data])}", soft_wrap=True)


def _comparison(result: ConversionResult, scheme: str) -> tuple[str, str, str, str]:
    """Return the accuracy of a form, its loss, its agreement with float32 and its signal-to-noise ratio."""
    parity = result.parities[scheme]
    accuracy = percent(parity.accuracy) if result.is_labelled else NOT_MEASURED
    if scheme == FLOAT32:
        return accuracy, NOT_MEASURED, NOT_MEASURED, NOT_MEASURED
    loss = f"{-parity.drop:.2f} gained" if round(parity.drop, 2) < 0 else f"{abs(parity.drop):.2f}"
    snr = NOT_MEASURED if parity.snr_db is None else f"{parity.snr_db:.1f} dB"
    return accuracy, loss if result.is_labelled else NOT_MEASURED, percent(parity.agreement), snr


def _explanation(conversion: Conversion) -> str:
    result = conversion.result
    windows = counted(result.parities[FLOAT32].windows, "window")
    if conversion.job.is_run:
        people = counted(result.subjects, "held-out subject")
        return f"Accuracy is measured with the selection network, on {windows} of {people} that it was not trained on."
    people = counted(result.subjects, "training subject")
    labels = "" if result.is_labelled else "The data has other labels, so there is no accuracy. "
    return (
        f"{labels}Forms are compared on {windows} of {people} that did not calibrate. The network may have been "
        f"trained on them. Normalisation of its input: {conversion.job.normalisation}."
    )
