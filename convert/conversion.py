"""Convert a run or a file in a process of its own, and write its models, their C and its rivals."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from convert.c_file import write_in_child
from convert.conversion_job import ConversionJob
from convert.conversion_worker import ConversionResult, flatbuffer_path
from convert.keras_files import check_file
from edge_runtime.errors import CheckFailedError, HarEdgeError, InputError
from edge_runtime.model.card_options import read_normalisation
from edge_runtime.model.model_card import Card, read_model
from edge_runtime.model.rivals import RivalRecord
from edge_runtime.model.scheme_names import CALIBRATED, FLOAT32, INT8, SCHEMES
from edge_runtime.runs import Run
from edge_runtime.system import child_processes
from edge_runtime.system.dataclass_json import from_json, to_text
from edge_runtime.system.files import check_folder, scratch_folder, write_bytes
from edge_runtime.system.progress import OnProgress, ignore_progress


@dataclass(frozen=True)
class Conversion:
    """A finished job. `c_files` has the files of each form in C, and a sentence on their check."""

    job: ConversionJob
    result: ConversionResult
    rivals: RivalRecord | None = None
    c_files: Sequence[tuple[Sequence[Path], str]] = ()
    c_error: HarEdgeError | None = None

    def check(self) -> None:
        """Raise `CheckFailedError` if options look wrong or a form lost too much, and the error of the C."""
        missing, lossy = self.result.missing, self.result.lossy
        if self.result.advice:
            raise CheckFailedError(f"{self.result.advice}: convert again with these options")
        if lossy:
            advice = "allow more, or take --quantize-as mixed" if INT8 in lossy else "allow more"
            losses = "; ".join(missing[scheme] for scheme in lossy)
            raise CheckFailedError(f"{losses}, more than --max-drop {self.job.max_drop:g}: {advice}")
        if self.c_error:
            raise self.c_error


def check(job: ConversionJob) -> None:
    """Raise `InputError` for a job that the conversion process would refuse half a minute later."""
    check_folder(job.folder)
    if job.normalisation not in ("none", "data"):
        read_normalisation(job.normalisation)
    for path in (Run(job.source).selection, job.network) if job.is_run else (job.source,):
        check_file(path)


def convert(job: ConversionJob, on_progress: OnProgress = ignore_progress) -> Conversion:
    """Do the job: models, rivals and C. A form that loses too much is left out, and an error leaves the old models.

    Raises the conversion process's own error, or `DeviceError` if it died.
    """
    rivals, c_error = None, None
    c_files: Sequence[tuple[Sequence[Path], str]] = ()
    with scratch_folder() as scratch:
        result = run_job(job, scratch, on_progress)
        before, float32 = job.tflite(FLOAT32), flatbuffer_path(scratch, "model", FLOAT32)
        if before.exists() and _is_other(before, read_model(float32)[1]):
            earlier = [scheme for scheme in SCHEMES if scheme not in result.parities and job.tflite(scheme).exists()]
            reasons = dict.fromkeys(earlier, "the earlier file belonged to another network or card")
            result = replace(result, missing={**reasons, **result.missing})
        for scheme in result.schemes:
            write_bytes(job.tflite(scheme), flatbuffer_path(scratch, "model", scheme).read_bytes())
        for scheme in result.missing:  # a model from before would be taken for this network's
            job.tflite(scheme).unlink(missing_ok=True)
        if job.rivals:
            from convert.rivals.rival_job import make_rivals

            rivals = make_rivals(job, scratch, on_progress)
    try:
        forms = [scheme for scheme in result.schemes if job.c_file and scheme in CALIBRATED]
        c_files = [write_in_child(job.tflite(scheme), job.folder, on_progress) for scheme in forms]
    except HarEdgeError as error:
        c_error = child_processes.error_with(error.exit_code, f"the .tflite files are in {job.folder}, but {error}")
    return Conversion(job, result, rivals, c_files, c_error)


def _is_other(path: Path, card: Card) -> bool:
    """Tell whether the model at `path` is not of the network and the normalisation of `card`."""
    try:
        cards = read_model(path)[1], card
    except InputError:
        return True
    one, other = ((x.network, x.training.get("weights_sha256"), x.labels, x.signals, x.normalisation) for x in cards)
    return one != other


def run_job(job: ConversionJob, scratch: Path, on_progress: OnProgress) -> ConversionResult:
    """Convert in a process of its own."""
    answer: dict[str, Any] = {}
    child_processes.run_in_child(
        "the conversion process",
        "close other programs, or run it again with --debug and report its output",
        "convert.conversion_worker",
        *(to_text(job), str(scratch)),
        on_progress=on_progress,
        on_message=answer.update,
    )
    return from_json(ConversionResult, answer["result"])
