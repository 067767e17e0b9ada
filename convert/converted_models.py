"""Make the models of a run or a `.keras` file, check them and write them with their cards."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from convert.conversion_job import NETWORKS, ConversionJob, ConversionReport, run_job
from convert.keras_files import check_file
from convert.options import FileOptions, Options
from convert.parity import FLOAT_TOLERANCE
from convert.run_networks import TrainingRecord
from edge_runtime.data.data_sources import data_texts
from edge_runtime.errors import CheckFailedError
from edge_runtime.model.model_card import Card, load, read_model, write_model
from edge_runtime.model.rivals import RivalRecord
from edge_runtime.model.scheme_names import CALIBRATED, FLOAT32
from edge_runtime.runs import Run, remembered_data
from edge_runtime.system.files import check_folder, scratch_folder
from edge_runtime.system.terminal import progress


@dataclass(frozen=True)
class NamedFiles:
    """Paths of results that are named after a network's file, as those of a `Run` are after its model."""

    folder: Path
    stem: str

    def tflite(self, scheme: str) -> Path:
        """The converted model of one of the schemes."""
        return self.folder / f"{self.stem}_{scheme}.tflite"


@dataclass(frozen=True)
class Conversion:
    """The report of a conversion whose models are written; the `lossy` forms lose as much as their texts say."""

    files: Run | NamedFiles
    report: ConversionReport
    rivals: RivalRecord | None = None
    lossy: Mapping[str, str] = field(default_factory=dict)


def check_run(run: Run, options: Options) -> None:
    """Raise `InputError` for a run that the conversion process would refuse half a minute later."""
    if options.data is None:
        remembered_data(run.model)  # raises if it is gone
    check_folder(run.folder)
    TrainingRecord.of(load(run.card), run.card)
    for path in (run.selection, run.model):
        check_file(path)


def convert(
    source: Path, files: Run | NamedFiles, options: Options, file_options: FileOptions | None = None
) -> Conversion:
    """Convert `source`, a run or a Keras file with its `file_options`.

    An error leaves the models from before; a form that loses too much is left out.
    """
    click.echo(f"Converting {source}", err=True)
    if file_options is None and options.data is None:
        options = replace(options, data=data_texts(remembered_data(Run(source).model)))
    with scratch_folder() as scratch:
        job = ConversionJob(source.resolve(), scratch, options, file_options)
        with progress() as on_progress:
            report = run_job(job, on_progress)
        lossy = check(report, options)
        report = replace(report, left_out={**report.left_out, **lossy})
        for scheme in report.schemes:
            flatbuffer, card = read_model(job.flatbuffer("model", scheme))
            write_model(files.tflite(scheme), flatbuffer, _converted_card(card, scheme, options.io_type, report))
        for scheme in report.left_out:  # one from before would be taken for this network's
            files.tflite(scheme).unlink(missing_ok=True)
        rivals = None
        if options.rivals:
            from convert.rivals.rival_job import make_rivals

            with progress() as on_progress:
                network = files.model if isinstance(files, Run) else job.source
                rivals = make_rivals(job, network, files.folder, on_progress)
    return Conversion(files, report, rivals, lossy)


def check(report: ConversionReport, options: Options) -> dict[str, str]:
    """The forms that lose too much accuracy, and how much. Raises `CheckFailedError` when float32 is not as Keras."""
    lossy: dict[str, str] = {}
    for name, network in (("selection", report.selection), ("model", report.model)):
        if network is None:
            continue
        difference = network.float32_relative_difference
        if not difference <= FLOAT_TOLERANCE:  # NaN fails too
            raise CheckFailedError(
                f"the float32 model's logits differ from Keras's by {difference:.2g} of the greatest (allowed: "
                f"{FLOAT_TOLERANCE:g}); no model was written"
            )
        whose = f" of the {NETWORKS[name]}" if report.selection else ""
        of_what = "on the held-out subjects" if network.is_labelled else "of agreement with float32"
        for scheme, form in network.forms.items():
            if scheme not in report.left_out and form.parity.drop > options.max_drop:
                lossy[scheme] = f"{scheme}{whose} loses {form.parity.drop:.2f} percentage points {of_what}"
    return lossy


def _converted_card(card: Card, scheme: str, io_type: str, report: ConversionReport) -> Card:
    final = report.model
    parity: dict[str, Any] = {"float32_relative_difference": final.float32_relative_difference}
    border = "int8" if scheme in CALIBRATED and io_type == "int8" else "float32"
    quantisation: dict[str, Any] = {"scheme": scheme, "lowering": final.lowering}
    quantisation |= {"lowering_reason": final.lowering_reason, "input_type": border, "output_type": border}
    if scheme != FLOAT32:
        form = final.forms[scheme]
        quantisation |= form.facts
        if report.selection is not None:
            parity["held_out"] = asdict(report.selection.forms[scheme].parity)  # by the network that never saw them
            parity["held_out_seen"] = asdict(form.parity)
        else:
            unknown = () if final.is_labelled else ("accuracy", "float32_accuracy")
            parity["checked"] = {key: x for key, x in asdict(form.parity).items() if key not in unknown}
    # A device needs no confusion matrices and per-class scores: they stay in the run folder's card.
    included = ("windows", "accuracy", "macro_f1")
    scores = {part: {key: x[key] for key in included if key in x} for part, x in card.scores.items()}
    return replace(card, quantisation=quantisation, parity=parity, scores=scores)
