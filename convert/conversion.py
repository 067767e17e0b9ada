"""One run's conversion: looked over before anything is loaded, made in a process, gated, and left in the run folder."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from convert.conversion_job import LOWERINGS, MAX_SIZE, NETWORKS, ConversionJob, FileOptions
from convert.conversion_process import run_job
from convert.keras_files import check_file
from convert.model_files import ModelFiles
from convert.parity import FLOAT_TOLERANCE, Parity
from convert.training_record import TrainingRecord
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.model.model_card import Card, attach, load, read_model, write_model
from edge_runtime.runs import Run
from edge_runtime.system.files import scratch_folder
from edge_runtime.system.quantities import percent


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
    lstm: str = LOWERINGS[0]
    max_size: float = MAX_SIZE  # kB

    def job(self, source: Path, scratch: Path, file: FileOptions | None = None) -> ConversionJob:
        """The conversion of `source`, a run folder or a `.keras` file, whose results go to the folder `scratch`."""
        return ConversionJob(
            source=str(source.resolve()),
            data=str(self.data.resolve()) if self.data else None,
            schemes=self.schemes,
            io_type=self.io_type,
            calibration=self.calibration,
            output=str(scratch),
            diagnose=self.diagnose,
            lstm=self.lstm,
            max_size=round(1000 * self.max_size),
            file=file,
        )


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
    run = trained.run
    click.echo(f"Converting {run.folder}", err=True)
    with scratch_folder() as scratch:
        job = options.job(run.folder, scratch)
        report = work(job, options)
        if options.diagnose:  # before the gate: a model that fails is the one to diagnose
            n_held_out = len(trained.training.held_out_subjects)
            leave_diagnosis(run, report, NETWORKS["model"], f"{n_held_out} held-out subjects")
        try:
            check(report, options)
            write_models(run, job, report, options)
        except CheckFailedError as failure:
            return Conversion(trained, report, failure)
    return Conversion(trained, report, None)


def work(job: ConversionJob, options: Options) -> dict[str, Any]:
    """The report of the conversion process, which a bar of progress is shown for. Raises what `run_job` raises."""
    from edge_runtime.system.terminal import progress

    with progress() as on_progress:
        return run_job(job, options.time_limit, on_progress)


def leave_diagnosis(files: ModelFiles, report: dict[str, Any], network: str, whose: str) -> None:
    """Write and print the diagnosis of the final network, if there is one: of a fused LSTM there is none."""
    from convert.diagnosis.diagnosis_report import leave
    from convert.diagnosis.precision import Diagnosis

    content = report["model"].get("diagnosis")
    if content is None:
        click.echo("No diagnosis: the inside of a fused LSTM operator cannot be seen", err=True)
        return
    diagnosis = Diagnosis.from_dict(content)
    leave(files, diagnosis, f"{network}, {diagnosis.windows} windows of {whose}")


def check(report: dict[str, Any], options: Options) -> None:
    """Raise `CheckFailedError` when a form is another network than Keras's, or loses too much accuracy.

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
            if parity.drop > options.max_drop:
                raise CheckFailedError(_loss(NETWORKS[name], scheme, parity, options, network["is_labelled"]))


def write_models(files: ModelFiles, job: ConversionJob, report: dict[str, Any], options: Options) -> None:
    """Write the model of each form, with its card; or none, and raise `CheckFailedError`, when one is too large."""
    models: dict[str, tuple[bytes, Card]] = {}
    for scheme in ("float32", *options.schemes):
        flatbuffer, card = read_model(job.flatbuffer("model", scheme))
        models[scheme] = flatbuffer, describe(card, scheme, job.io_type, report)
        n_bytes = len(attach(*models[scheme]))
        if n_bytes > 1000 * options.max_size:
            raise CheckFailedError(
                f"the {scheme} model takes {n_bytes / 1e3:.1f} kB, more than --max-size {options.max_size:g}; no model "
                "was written: allow more, try --lstm fused, or put a strided convolution in front, which leaves fewer "
                "steps"
            )
    for scheme, model in models.items():
        write_model(files.tflite(scheme), *model)


def _loss(network: str, scheme: str, parity: Parity, options: Options, is_labelled: bool) -> str:
    advice = "give more --calibration windows" if scheme == "int8" else "leave this form out"
    end = f"more than --max-drop {options.max_drop:g}; no model was written: train longer, or {advice}"
    if not is_labelled:
        return f"the {scheme} form answers {percent(1 - parity.agreement)} of the windows otherwise than float32, {end}"
    return (
        f"the {network}'s {scheme} form loses {parity.drop:.2f} percentage points on the held-out "
        f"subjects ({percent(parity.float32_accuracy)} -> {percent(parity.accuracy)}), {end}"
    )


def describe(card: Card, scheme: str, io_type: str, report: dict[str, Any]) -> Card:
    """The card with what the conversion to `scheme` did and how well the result agrees."""
    final, selection = report["model"], report.get("selection")
    parity: dict[str, Any] = {"float32_relative_difference": final["float32_relative_difference"]}
    border = io_type if scheme == "int8" else "float32"
    quantisation: dict[str, Any] = {
        "scheme": scheme,
        "lowering": final["lowering"],
        "lowering_reason": final["lowering_reason"],
        "input_type": border,
        "output_type": border,
    }
    if scheme != "float32":
        form = final["forms"][scheme]
        quantisation |= form["facts"]
        if selection is not None:
            parity["held_out"] = selection["forms"][scheme]["parity"]  # by the network that never saw them
            parity["held_out_seen"] = form["parity"]
        else:
            unknown = () if final["is_labelled"] else ("accuracy", "float32_accuracy")
            parity["checked"] = {key: x for key, x in form["parity"].items() if key not in unknown}
    # Confusion matrices and per-class scores stay in the run folder's card: a device reads little of them.
    kept = ("windows", "accuracy", "macro_f1")
    scores = {part: {key: x[key] for key in kept if key in x} for part, x in card.scores.items()}
    return replace(card, quantisation=quantisation, parity=parity, scores=scores)
