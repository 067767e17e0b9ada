"""Convert a run or a `.keras` file, check the result and write the models with their cards."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

import click

from convert.c_array import remove_c_array, write_c_array
from convert.conversion_inputs import TrainingRecord
from convert.conversion_job import CALIBRATED, NETWORKS, ConversionJob, ConversionReport, FileOptions, Options, run_job
from convert.diagnosis.precision import Diagnosis
from convert.keras_files import check_file
from convert.parity import FLOAT_TOLERANCE, Parity
from edge_runtime.data.data_sources import data_texts
from edge_runtime.errors import CheckFailedError, DeviceError, HarEdgeError, InputError
from edge_runtime.model.model_card import Card, attach, load, read_model, write_model
from edge_runtime.model.rivals import RivalRecord
from edge_runtime.runs import Run, remembered_data
from edge_runtime.system.files import check_folder, scratch_folder
from edge_runtime.system.quantities import counted, kilobytes, percent


@dataclass(frozen=True)
class NamedFiles:
    """Paths of results that are named after a network's file."""

    folder: Path
    stem: str

    def tflite(self, scheme: str) -> Path:
        """The converted model of one of the schemes."""
        return self.folder / f"{self.stem}_{scheme}.tflite"

    def diagnosis(self, suffix: str) -> Path:
        """Return the path of the diagnosis of the int8 model: `.csv`, or the ending of a picture."""
        return self.folder / f"{self.stem}_diagnosis{suffix}"


ModelFiles: TypeAlias = Run | NamedFiles
"""Paths of the results of one network."""


@dataclass(frozen=True)
class Conversion:
    """The report of a conversion and, when it failed the check and left no model, the reason.

    `unfinished` is what the time limit left out, a form or the diagnosis; the other forms are there. `rivals` are there
    if they were asked for, and so are `sources`, the header and the array of the int8 model, or `without_sources`, the
    reason why they could not be written.
    """

    files: ModelFiles
    report: ConversionReport
    failure: CheckFailedError | None = None
    unfinished: tuple[str, ...] = ()
    rivals: RivalRecord | None = None
    sources: tuple[Path, ...] = ()
    without_sources: HarEdgeError | None = None

    def raise_if_incomplete(self, time_limit: float) -> None:
        """Raise the `failure`, the error `without_sources`, or `DeviceError` when something is unfinished."""
        if error := self.failure or self.without_sources:
            raise error
        if self.unfinished:
            raise DeviceError(
                f"the conversion took more than {time_limit:g} s and was stopped: {', '.join(self.report.schemes)} "
                f"{'is' if len(self.report.schemes) == 1 else 'are'} written, {', '.join(self.unfinished)} "
                f"{'is' if len(self.unfinished) == 1 else 'are'} not; allow more with --time-limit"
            )


def check_run(run: Run, options: Options) -> None:
    """Raise `InputError` for a run that the conversion process would refuse half a minute later."""
    if options.data is None:
        remembered_data(run.model)  # raises if it is gone
    check_folder(run.folder)
    card = load(run.card)
    TrainingRecord.of(card, run.card)
    if options.is_calibrated and options.calibration < len(card.labels):
        raise InputError(
            f"--calibration {options.calibration} is too few: give at least {len(card.labels)}, one of each activity"
        )
    for path in (run.selection, run.model):
        check_file(path)


def convert(source: Path, files: ModelFiles, options: Options, file_options: FileOptions | None = None) -> Conversion:
    """Convert `source`, a run folder or an external model with its `file_options`, and write its models.

    Raises what `run_job` raises. A failed check is the `failure` of the result, and why the int8 model cannot be
    written as C++ source its `without_sources`.
    """
    from edge_runtime.system.terminal import progress

    click.echo(f"Converting {source}", err=True)
    if file_options is None and options.data is None:
        options = replace(options, data=data_texts(remembered_data(Run(source).model)))
    with scratch_folder() as scratch:
        job = ConversionJob(source.resolve(), scratch, options, file_options)
        with progress() as on_progress:
            report = run_job(job, on_progress)
        unfinished = [x for x in options.schemes if x not in (*report.schemes, *report.left_out)]
        if report.model.diagnosis:  # before the check: a model that fails is the one to diagnose
            name = source.name if file_options else NETWORKS["model"]
            _write_diagnosis(files, report.model.diagnosis, report.model.subjects, name, options.pictures)
        elif options.diagnose:
            unfinished.append("the diagnosis")
        try:
            check(report, options)
            write_models(files, job, report)
        except CheckFailedError as failure:
            return Conversion(files, report, failure)
        rivals = _make_rivals(job, files) if options.rivals else None
    conversion = Conversion(files, report, unfinished=tuple(unfinished), rivals=rivals)
    if not options.c_array or "int8" not in report.schemes:
        return conversion
    try:
        with progress() as on_progress:
            sources = write_c_array(files.tflite("int8"), files.folder, options.c_array == "int8", on_progress)
    except HarEdgeError as error:  # the models are written, and shown first
        return replace(conversion, without_sources=error)
    return replace(conversion, sources=sources)


def _make_rivals(job: ConversionJob, files: ModelFiles) -> RivalRecord:
    from convert.rivals.rival_job import make_rivals
    from edge_runtime.system.terminal import progress

    with progress() as on_progress:
        return make_rivals(job, files.model if isinstance(files, Run) else job.source, files.folder, on_progress)


def _write_diagnosis(files: ModelFiles, diagnosis: Diagnosis, subjects: int, network: str, pictures: str) -> None:
    from convert.diagnosis.diagnosis_report import write_diagnosis

    title = f"{network}, {counted(diagnosis.windows, 'window')} of {counted(subjects, 'held-out subject')}"
    write_diagnosis(diagnosis, title, files.diagnosis(".csv"), files.diagnosis(f".{pictures}"))


def check(report: ConversionReport, options: Options) -> None:
    """Raise `CheckFailedError` when a form is another network than Keras's, or loses too much accuracy.

    The selection network's loss is to be expected on people it has not seen. The final network, which will be used, is
    checked too, on windows it has seen.
    """
    for name, network in (("selection", report.selection), ("model", report.model)):
        if network is None:
            continue
        difference = network.float32_relative_difference
        if not difference <= FLOAT_TOLERANCE:  # NaN fails too
            raise CheckFailedError(
                f"the float32 model's logits differ from Keras's by {difference:.2g} of the greatest (allowed: "
                f"{FLOAT_TOLERANCE:g}); no model was written: report this with the network and the TensorFlow version"
            )
        for scheme, form in network.forms.items():
            if form.parity.drop > options.max_drop:
                raise CheckFailedError(_loss(NETWORKS[name], scheme, form.parity, options, network.is_labelled))


def _loss(network: str, scheme: str, parity: Parity, options: Options, is_labelled: bool) -> str:
    advice = "leave this form out"
    if scheme in CALIBRATED:
        advice = f"{'try --quantize-as mixed, or ' * (scheme == 'int8')}give more --calibration windows"
    end = f"more than --max-drop {options.max_drop:g}; no model was written: train longer, or {advice}"
    if not is_labelled:
        return f"the {scheme} form loses {parity.drop:.2f} percentage points of agreement with float32, {end}"
    return (
        f"the {network}'s {scheme} form loses {parity.drop:.2f} percentage points on the held-out "
        f"subjects ({percent(parity.float32_accuracy)} -> {percent(parity.accuracy)}), {end}"
    )


def write_models(files: ModelFiles, job: ConversionJob, report: ConversionReport) -> None:
    """Write the model of each form, with its card; or none, and raise `CheckFailedError`, when one is too large."""
    options = job.options
    models: dict[str, tuple[bytes, Card]] = {}
    for scheme in report.schemes:
        flatbuffer, card = read_model(job.flatbuffer("model", scheme))
        models[scheme] = flatbuffer, _converted_card(card, scheme, options.io_type, report)
        size = len(attach(*models[scheme]))
        if size > 1000 * options.max_size:
            raise CheckFailedError(
                f"the {scheme} model takes {kilobytes(size)}, more than --max-size {options.max_size:g}; no model was "
                "written: allow more, or train a smaller network"
            )
    for scheme in (*models, *report.left_out):  # one from before would be taken for this network's
        remove_c_array(files.tflite(scheme))
    for scheme, model in models.items():
        write_model(files.tflite(scheme), *model)
    for scheme in report.left_out:
        files.tflite(scheme).unlink(missing_ok=True)


def _converted_card(card: Card, scheme: str, io_type: str, report: ConversionReport) -> Card:
    """The card with the conversion to `scheme` and its parity."""
    final = report.model
    parity: dict[str, Any] = {"float32_relative_difference": final.float32_relative_difference}
    border = "int8" if scheme in CALIBRATED and io_type == "int8" else "float32"
    quantisation: dict[str, Any] = {
        "scheme": scheme,
        "lowering": final.lowering,
        "lowering_reason": final.lowering_reason,
        "input_type": border,
        "output_type": border,
    }
    if scheme != "float32":
        form = final.forms[scheme]
        quantisation |= form.facts
        if report.selection is not None:
            parity["held_out"] = asdict(report.selection.forms[scheme].parity)  # by the network that never saw them
            parity["held_out_seen"] = asdict(form.parity)
        else:
            unknown = () if final.is_labelled else ("accuracy", "float32_accuracy")
            parity["checked"] = {key: x for key, x in asdict(form.parity).items() if key not in unknown}
    # Confusion matrices and per-class scores stay in the run folder's card: a device reads little of them.
    included = ("windows", "accuracy", "macro_f1")
    scores = {part: {key: x[key] for key in included if key in x} for part, x in card.scores.items()}
    return replace(without_place(card), quantisation=quantisation, parity=parity, scores=scores)


def without_place(card: Card) -> Card:
    """The card without the place of its data on this machine, which stays in the run folder's card."""
    training = dict(card.training)
    if "data" in training:
        training["data"] = {key: x for key, x in training["data"].items() if key != "path"}
    return replace(card, training=training)
