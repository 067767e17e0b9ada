"""The conversion of a network made elsewhere: a `.keras` file, with options that make its card."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from convert.conversion import Options, check, leave_diagnosis, work, write_models
from convert.conversion_job import FileOptions
from convert.keras_files import check_file
from convert.model_files import NamedFiles
from edge_runtime.system.files import scratch_folder


@dataclass(frozen=True)
class FileConversion:
    """What came of a file: its models and the process's report about it."""

    files: NamedFiles
    report: dict[str, Any]


def convert_file(path: Path, file_options: FileOptions, out: Path | None, options: Options) -> FileConversion:
    """Convert the network in `path` and, if it passes the gate, write its models beside it or into `out`.

    Raises `InputError` for a file that cannot be used, and what `run_job`, `check` and `write_models` raise.
    """
    check_file(path)
    files = NamedFiles(out or path.parent, path.stem)
    click.echo(f"Converting {path}", err=True)
    with scratch_folder() as scratch:
        job = options.job(path, scratch, file_options)
        report = work(job, options)
        if options.diagnose:
            leave_diagnosis(files, report, path.name, f"{report['model']['subjects']} held-out subjects")
        check(report, options)
        write_models(files, job, report, options)
    return FileConversion(files, report["model"])


def explanation(report: dict[str, Any], normalisation: str, quantised: bool) -> str:
    """What the columns of the table are measured on, and what they mean."""
    where = f"{report['windows']} windows of {report['subjects']} training subjects, kept from calibration"
    if not report["is_labelled"]:
        sentence = f"The labels are not those of the data: forms are compared with each other alone, on {where}."
    else:
        sentence = f"Accuracy is that on {where}; the network may have been trained on them."
    sentence += f" Its input is normalised as --normalisation says: {normalisation}."
    if not quantised:
        return sentence
    return f"{sentence} Quantised forms are compared with float32: how often both answer alike, and the logits' SNR."
