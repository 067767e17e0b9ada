"""One run's conversion: looked over before anything is loaded, made in a process, gated, and left in the run folder."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from convert.job import NETWORKS, Job
from convert.keras_files import check_file
from convert.parity import FLOAT_TOLERANCE, Parity
from convert.process import run_job
from convert.training_record import TrainingRecord
from edge_runtime.card import Card, load, read_model, write_model
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.files import scratch_folder
from edge_runtime.runs import Run


@dataclass(frozen=True)
class Options:
    """What is wanted: the quantised forms `schemes` beside float32, and how; `io_type` and `calibration` are int8's."""

    schemes: tuple[str, ...]
    io_type: str
    calibration: int
    max_drop: float
    diagnose: bool
    data: Path | None
    time_limit: float


@dataclass(frozen=True)
class Trained:
    """A run that can be converted, as far as its files say."""

    run: Run
    card: Card
    training: TrainingRecord

    @classmethod
    def of(cls, run: Run, options: Options) -> "Trained":
        """Look `run` over. Raises `InputError` for what the process would refuse half a minute later."""
        card = load(run.card)
        training = TrainingRecord.of(card, run.card)
        if "int8" in options.schemes and options.calibration < len(card.labels):
            raise InputError(
                f"--calibration {options.calibration} is too few: give at least {len(card.labels)}, "
                "one of each activity"
            )
        for path in (run.selection, run.model):
            check_file(path)
        return cls(run, card, training)


@dataclass(frozen=True)
class Conversion:
    """What came of a run: the process's report and, when it did not pass the gate and left no model, why."""

    trained: Trained
    report: dict[str, Any]
    failure: CheckFailedError | None

    @property
    def selection(self) -> dict[str, Any]:
        """The report about the selection network, which never saw the held-out subjects."""
        content: dict[str, Any] = self.report["selection"]
        return content


def convert(trained: Trained, options: Options) -> Conversion:
    """Convert both networks of a run and, if they pass the gate, write its models. Raises what `run_job` raises."""
    from edge_runtime.terminal import progress

    run = trained.run
    click.echo(f"Converting {run.folder}", err=True)
    with scratch_folder() as scratch:
        job = Job(
            run=str(run.folder.resolve()),
            data=str(options.data.resolve()) if options.data else None,
            schemes=options.schemes,
            io_type=options.io_type,
            calibration=options.calibration,
            output=str(scratch),
            diagnose=options.diagnose,
        )
        with progress() as on_progress:
            report = run_job(job, options.time_limit, on_progress)
        if options.diagnose:  # before the gate: a model that fails is the one to diagnose
            _leave_diagnosis(trained, report["model"]["diagnosis"])
        try:
            check(report, options.max_drop)
        except CheckFailedError as failure:
            return Conversion(trained, report, failure)
        for scheme in ("float32", *options.schemes):
            flatbuffer, _ = read_model(job.flatbuffer("model", scheme))
            write_model(run.tflite(scheme), flatbuffer, describe(trained.card, scheme, job.io_type, report))
    return Conversion(trained, report, None)


def _leave_diagnosis(trained: Trained, content: dict[str, Any]) -> None:
    from convert.diagnosis_report import leave
    from convert.precision import Diagnosis

    diagnosis, n_held_out = Diagnosis.from_dict(content), len(trained.training.held_out_subjects)
    title = f"{NETWORKS['model']}, {diagnosis.windows} windows of {n_held_out} held-out subjects"
    leave(trained.run, diagnosis, title)


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
