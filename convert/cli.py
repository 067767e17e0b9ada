"""`har-edge convert`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from convert.job import NETWORKS, Job
from convert.keras_files import check_file
from convert.parity import FLOAT_TOLERANCE, QuantisationLoss
from convert.process import run_job
from convert.training_record import TrainingRecord
from edge_runtime import runs
from edge_runtime.card import Card, load, read_model, write_model
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.files import scratch_folder
from edge_runtime.host import require_train_extra
from edge_runtime.runs import Run


@click.command(name="convert")
@click.argument("run_folder", metavar="[RUN]", required=False, type=click.Path(path_type=Path))
@click.option("--quantize", is_flag=True, help="Write the int8 model too.")
@click.option(
    "--io",
    "io_type",
    type=click.Choice(["int8", "float32"]),
    default="int8",
    show_default=True,
    help="Input and output type of the int8 model.",
)
@click.option(
    "--calibration",
    type=click.IntRange(1),
    default=504,
    show_default=True,
    metavar="N",
    help="Windows from which the activation ranges are measured.",
)
@click.option(
    "--max-drop",
    type=click.FloatRange(0, 100),
    default=1.0,
    show_default=True,
    metavar="PP",
    help="Fail when int8 loses more percentage points on held-out subjects.",
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
    io_type: str,
    calibration: int,
    max_drop: float,
    diagnose: bool,
    data: Path | None,
    time_limit: float,
) -> None:
    """Convert the networks of RUN (default: the latest) to TFLite.

    Writes model_float32.tflite and, with --quantize, the full-integer model_int8.tflite into the run folder, each with
    its card inside. The network that was trained without the held-out subjects is converted as well: on those subjects
    int8 is compared with float32, and a loss beyond --max-drop fails with exit code 1.

    --diagnose writes diagnosis.csv and diagnosis.png, also of a model that fails.
    """
    quantize = quantize or diagnose
    require_train_extra("har-edge convert", ("tensorflow", "matplotlib") if diagnose else ("tensorflow",))
    run = runs.find(run_folder)
    card = load(run.card)
    n_held_out = len(TrainingRecord.of(card, run.card).held_out_subjects)
    if quantize:
        _check_calibration(calibration, card)
    for path in (run.selection, run.model):
        check_file(path)
    from edge_runtime.terminal import progress

    click.echo(f"Converting {run.folder}", err=True)
    with scratch_folder() as scratch:
        folder = str(scratch)
        source = str(data.resolve()) if data else None
        job = Job(str(run.folder.resolve()), source, quantize, io_type, calibration, folder, diagnose)
        with progress() as on_progress:
            report = run_job(job, time_limit, on_progress)
        if diagnose:  # before the gate: a model that fails is the one to diagnose
            _leave_diagnosis(run, report["model"]["diagnosis"], n_held_out)
        check(report, max_drop)
        for scheme in ("float32", "int8") if quantize else ("float32",):
            flatbuffer, _ = read_model(job.flatbuffer("model", scheme))
            write_model(run.tflite(scheme), flatbuffer, describe(card, scheme, io_type, report))
    _report(run, card.name, report, n_held_out)


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
    """Raise `CheckFailedError` when a float form is not its Keras network, or an int8 one loses more than `max_drop`.

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
        loss = QuantisationLoss(**network["loss"]) if "loss" in network else None
        if loss and loss.drop > max_drop:
            raise CheckFailedError(
                f"the {NETWORKS[name]}'s int8 form loses {loss.drop:.2f} percentage points on the held-out subjects "
                f"({loss.float32_accuracy:.2%} -> {loss.int8_accuracy:.2%}), more than --max-drop {max_drop:g}; "
                "no model was written: train longer, or give more --calibration windows"
            )


def describe(card: Card, scheme: str, io_type: str, report: dict[str, Any]) -> Card:
    """The run's card with what the conversion to `scheme` did and how well the result agrees."""
    final = report["model"]
    parity: dict[str, Any] = {"float32_relative_difference": final["float32_relative_difference"]}
    quantisation: dict[str, Any] = {
        "scheme": scheme,
        "lowering": "unrolled",
        "input_type": "float32",
        "output_type": "float32",
    }
    if scheme == "int8":
        quantisation |= {"input_type": io_type, "output_type": io_type}
        quantisation |= {key: final[key] for key in ("calibration_windows", "ranges")}
        parity["held_out"] = report["selection"]["loss"]  # by the network that never saw these windows
        parity["held_out_seen"] = final["loss"]
    # Confusion matrices and per-class scores stay in the run folder's card: a device reads little of them.
    kept = ("windows", "accuracy", "macro_f1")
    scores = {part: {key: x[key] for key in kept if key in x} for part, x in card.scores.items()}
    return replace(card, quantisation=quantisation, parity=parity, scores=scores)


def _report(run: Run, name: str, report: dict[str, Any], n_held_out: int) -> None:
    difference = max(x["float32_relative_difference"] for x in report.values())
    click.echo(f"float32  {_size(run, 'float32')}  logits equal Keras's within {difference:.1g} of the greatest")
    if "loss" in report["selection"]:
        loss = QuantisationLoss(**report["selection"]["loss"])
        click.echo(f"int8     {_size(run, 'int8')}  {name} on {n_held_out} held-out subjects ({loss.windows} windows):")
        click.echo(
            f"         {loss.float32_accuracy:.2%} float32, {loss.int8_accuracy:.2%} int8: {describe_drop(loss.drop)}; "
            f"{loss.agreement:.2%} of the answers agree"
        )
    click.echo(f"Models: {', '.join(str(path) for path in run.converted())}")


def describe_drop(drop: float) -> str:
    """`drop` percentage points in words."""
    if abs(drop) < 0.005:
        return "nothing lost"
    return f"{drop:.2f} points lost" if drop > 0 else f"{-drop:.2f} points gained"


def _size(run: Run, scheme: str) -> str:
    return f"{run.tflite(scheme).stat().st_size / 1000:6.1f} kB"
