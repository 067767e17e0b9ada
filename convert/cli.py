"""`har-edge convert`."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from convert.job import NETWORKS, Job
from convert.keras_files import check_file
from convert.parity import FLOAT_TOLERANCE, Parity
from convert.process import run_job
from convert.training_record import TrainingRecord
from edge_runtime import runs
from edge_runtime.card import Card, load, read_model, write_model
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.files import scratch_folder
from edge_runtime.host import require_train_extra
from edge_runtime.runs import SCHEMES, Run

QUANTISED = SCHEMES[1:]
"""The forms that may be asked for; float32 is always written."""

CALIBRATION = 504
"""Windows: of UCI HAR, four for each of six activities of each of 21 training subjects."""


@click.command(name="convert")
@click.argument("run_folder", metavar="[RUN]", required=False, type=click.Path(path_type=Path))
@click.option("--quantize", is_flag=True, help="Write the int8 model too: the same as --quantize-as int8.")
@click.option(
    "--quantize-as",
    "named",
    type=click.Choice([*QUANTISED, "all"]),
    multiple=True,
    help="Write this form too: half-precision weights, int8 weights alone, or integer throughout. May be repeated.",
)
@click.option(
    "--io",
    "io_type",
    type=click.Choice(["int8", "float32"]),
    help="Input and output type of the int8 model.  [default: int8]",
)
@click.option(
    "--calibration",
    type=click.IntRange(1),
    metavar="N",
    help=f"Windows from which the activation ranges of the int8 model are measured.  [default: {CALIBRATION}]",
)
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 100),
    default=1.0,
    show_default=True,
    metavar="PP",
    help="Fail when a quantised form loses more percentage points on held-out subjects.",
)
@click.option(
    "--diagnose",
    is_flag=True,
    help="Show where the int8 model loses precision, layer by layer and step by step. Implies --quantize.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="The data the run was trained on.  [default: the embedded UCI HAR data]",
)
@click.option(
    "--time-limit",
    type=click.FloatRange(1),
    default=600.0,
    show_default=True,
    metavar="SECONDS",
    help="Give up after this.",
)
def command(
    run_folder: Path | None,
    quantize: bool,
    named: Sequence[str],
    io_type: str | None,
    calibration: int | None,
    max_drop: float,
    diagnose: bool,
    data: Path | None,
    time_limit: float,
) -> None:
    """Convert the networks of RUN (default: the latest) to TFLite.

    Writes model_float32.tflite into the run folder and, with --quantize, the full-integer model_int8.tflite; with
    --quantize-as, model_dynamic.tflite or model_float16.tflite. Each has its card inside. The network that was trained
    without the held-out subjects is converted as well: on those subjects each quantised form is compared with float32,
    and a loss beyond --max-drop fails with exit code 1.

    --diagnose writes diagnosis.csv and diagnosis.png, also of a model that fails.
    """
    schemes = _schemes(quantize or diagnose, named)
    for option, value in (("--io", io_type), ("--calibration", calibration)):
        if value is not None and "int8" not in schemes:
            raise InputError(
                f"{option} {value} is for the int8 model, which is not asked for: add --quantize, or omit {option}"
            )
    calibration = calibration or CALIBRATION
    require_train_extra("har-edge convert", ("tensorflow", "matplotlib") if diagnose else ("tensorflow",))
    run = runs.find(run_folder)
    card = load(run.card)
    training = TrainingRecord.of(card, run.card)
    if "int8" in schemes:
        _check_calibration(calibration, card)
    for path in (run.selection, run.model):
        check_file(path)
    from edge_runtime.terminal import progress

    click.echo(f"Converting {run.folder}", err=True)
    with scratch_folder() as scratch:
        source = str(data.resolve()) if data else None
        job = Job(str(run.folder.resolve()), source, schemes, io_type or "int8", calibration, str(scratch), diagnose)
        with progress() as on_progress:
            report = run_job(job, time_limit, on_progress)
        if diagnose:  # before the gate: a model that fails is the one to diagnose
            _leave_diagnosis(run, report["model"]["diagnosis"], len(training.held_out_subjects))
        check(report, max_drop)
        for scheme in ("float32", *schemes):
            flatbuffer, _ = read_model(job.flatbuffer("model", scheme))
            write_model(run.tflite(scheme), flatbuffer, describe(card, scheme, job.io_type, report))
    _show(run, report, training)


def _schemes(quantize: bool, named: Sequence[str]) -> tuple[str, ...]:
    """The quantised forms that are asked for, each once."""
    wanted = {*named, *(("int8",) if quantize else ())}
    return tuple(x for x in QUANTISED if x in wanted or "all" in wanted)


def _leave_diagnosis(run: Run, content: dict[str, Any], n_held_out: int) -> None:
    from convert.diagnosis_report import leave
    from convert.precision import Diagnosis

    diagnosis = Diagnosis.from_dict(content)
    leave(run, diagnosis, f"{NETWORKS['model']}, {diagnosis.windows} windows of {n_held_out} held-out subjects")


def _check_calibration(n_windows: int, card: Card) -> None:
    """Refuse early what the conversion process would refuse half a minute later."""
    if n_windows < len(card.labels):
        raise InputError(
            f"--calibration {n_windows} is too few: give at least {len(card.labels)}, one of each activity"
        )


def check(report: dict[str, Any], max_drop: float) -> None:
    """Raise `CheckFailedError` when a float32 form is not its Keras network, or another loses more than `max_drop`.

    The selection network's loss is what to expect on people it has not seen; the final network is checked too, on
    windows it has seen, since it is the one that will be used.
    """
    for name, network in report.items():
        difference = network["float32_relative_difference"]
        if not difference <= FLOAT_TOLERANCE:  # NaN fails too
            raise CheckFailedError(
                f"the float32 model's logits differ from Keras's by {difference:.2g} of the greatest (allowed: "
                f"{FLOAT_TOLERANCE:g}); no model was written: report this with the network and the TensorFlow version"
            )
        for scheme, form in network["forms"].items():
            parity = Parity(**form["parity"])
            if parity.drop > max_drop:
                advice = "give more --calibration windows" if scheme == "int8" else "leave this form out"
                raise CheckFailedError(
                    f"the {NETWORKS[name]}'s {scheme} form loses {parity.drop:.2f} percentage points on the held-out "
                    f"subjects ({parity.float32_accuracy:.2%} -> {parity.accuracy:.2%}), more than --max-drop "
                    f"{max_drop:g}; no model was written: train longer, or {advice}"
                )


def describe(card: Card, scheme: str, io_type: str, report: dict[str, Any]) -> Card:
    """The run's card with what the conversion to `scheme` did and how well the result agrees."""
    final = report["model"]
    parity: dict[str, Any] = {"float32_relative_difference": final["float32_relative_difference"]}
    border = io_type if scheme == "int8" else "float32"
    quantisation: dict[str, Any] = {
        "scheme": scheme,
        "lowering": "unrolled",
        "input_type": border,
        "output_type": border,
    }
    if scheme != "float32":
        quantisation |= final["forms"][scheme]["facts"]
        parity["held_out"] = report["selection"]["forms"][scheme]["parity"]  # by the network that never saw them
        parity["held_out_seen"] = final["forms"][scheme]["parity"]
    # Confusion matrices and per-class scores stay in the run folder's card: a device reads little of them.
    kept = ("windows", "accuracy", "macro_f1")
    scores = {part: {key: x[key] for key in kept if key in x} for part, x in card.scores.items()}
    return replace(card, quantisation=quantisation, parity=parity, scores=scores)


def _show(run: Run, report: dict[str, Any], training: TrainingRecord) -> None:
    from convert.parity_table import explanation, parity_table
    from edge_runtime.terminal import Console

    console = Console(markup=False)
    selection = report["selection"]
    difference = max(x["float32_relative_difference"] for x in report.values())
    console.print(f"float32: logits equal Keras's within {difference:.1g} of the greatest\n")
    console.print(f"Models in {run.folder}:", soft_wrap=True)
    console.print(parity_table(run, selection))
    console.print()
    console.print(explanation(len(training.held_out_subjects), selection["windows"], bool(selection["forms"])))
