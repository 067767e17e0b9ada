"""Convert a run or a Keras file in a process of its own, and write its models."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from convert.conversion_job import ConversionJob, FileOptions, Options
from convert.conversion_worker import ConversionResult
from convert.keras_files import check_file
from convert.run_networks import TrainingRecord
from edge_runtime.data.data_sources import data_texts
from edge_runtime.errors import CheckFailedError, DeviceError
from edge_runtime.model.model_card import load
from edge_runtime.model.rivals import RivalRecord
from edge_runtime.model.scheme_names import INT8
from edge_runtime.runs import Run, remembered_data
from edge_runtime.system import child_processes
from edge_runtime.system.dataclass_json import from_text, to_text
from edge_runtime.system.files import check_folder, scratch_folder, write_bytes
from edge_runtime.system.progress import OnProgress, ignore_progress


@dataclass(frozen=True)
class Conversion:
    """A conversion whose models are in `folder`, in files that begin with `stem`."""

    folder: Path
    stem: str
    options: Options
    result: ConversionResult
    rivals: RivalRecord | None = None

    def tflite(self, scheme: str) -> Path:
        """Return the path of a form."""
        return self.folder / f"{self.stem}_{scheme}.tflite"

    def check(self) -> None:
        """Raise `CheckFailedError` if a form lost too much, `DeviceError` if the time limit left out a form."""
        schemes, missing, lossy = self.result.schemes, self.result.missing, self.result.lossy
        if lossy:
            advice = "allow more, or take --quantize-as mixed" if INT8 in lossy else "allow more"
            losses = "; ".join(missing[scheme] for scheme in lossy)
            raise CheckFailedError(f"{losses}, more than --max-drop {self.options.max_drop:g}: {advice}")
        if unfinished := {*self.options.schemes} - {*schemes, *missing}:
            raise DeviceError(
                f"the conversion was stopped after {self.options.time_limit:g} s: {', '.join(schemes)} written, "
                f"{', '.join(sorted(unfinished))} not; allow more with --time-limit"
            )


def check_run(run: Run, options: Options) -> None:
    """Raise `InputError` for a run that the conversion process would refuse half a minute later."""
    if options.data is None:
        remembered_data(run.model)  # raises if it is gone
    check_folder(run.folder)
    TrainingRecord.of(load(run.card), run.card)
    for path in (run.selection, run.model):
        check_file(path)


def convert(
    source: Path,
    options: Options,
    file_options: FileOptions | None = None,
    folder: Path | None = None,
    on_progress: OnProgress = ignore_progress,
) -> Conversion:
    """Convert the run folder `source` or, with `file_options`, a Keras file into `folder` (default: beside it).

    An error leaves the models from before; a form that loses too much is left out. Raises what `run_job` raises.
    """
    network = source
    if file_options is None:
        network = Run(source).model
        if options.data is None:
            options = replace(options, data=data_texts(remembered_data(network)))
    with scratch_folder() as scratch:
        job = ConversionJob(source.resolve(), scratch, options, file_options)
        conversion = Conversion(folder or network.parent, network.stem, options, run_job(job, on_progress))
        for scheme in conversion.result.schemes:
            write_bytes(conversion.tflite(scheme), job.flatbuffer("model", scheme).read_bytes())
        for scheme in conversion.result.missing:  # a model from before would be taken for this network's
            conversion.tflite(scheme).unlink(missing_ok=True)
        if options.rivals:
            from convert.rivals.rival_job import make_rivals

            conversion = replace(conversion, rivals=make_rivals(job, network, conversion.folder, on_progress))
    return conversion


def run_job(job: ConversionJob, on_progress: OnProgress) -> ConversionResult:
    """Convert in a process of its own; return the result of the forms that were finished within the time limit.

    Raises the process's own error, or `DeviceError` if it died or finished no form in time.
    """
    deadline = time.monotonic() + job.options.time_limit
    try:
        child_processes.run_in_child(
            "the conversion process",
            "run it again with --debug and report its output",
            "convert.conversion_worker",
            to_text(job),
            on_progress=on_progress,
            seconds=lambda: deadline - time.monotonic(),
        )
    except TimeoutError as error:
        if not job.result.exists():
            limit = f"{job.options.time_limit:g} s"
            raise DeviceError(f"the conversion took over {limit}: allow more with --time-limit") from error
    return from_text(ConversionResult, job.result.read_text())
