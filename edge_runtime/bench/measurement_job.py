"""Write measurement jobs and read their answers: files in one folder, which may travel to a device and back.

`<name>.job.json` asks. The worker writes `<name>.npz`, if its answer has arrays, and then `<name>.json`, which holds
the digest of the arrays: the answer is complete exactly when the JSON reads and the digest fits. Progress, errors and
the death of a worker are those of `edge_runtime.system.child_processes`; the error travels in the answer, since not
every device passes on all lines.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DeviceError, HarEdgeError
from edge_runtime.system.child_processes import error_fields, error_with, exit_description
from edge_runtime.system.dataclass_json import from_json, to_text
from edge_runtime.system.files import atomic_path, sha256, write_text

FORMAT = 1
SILENCE_SECONDS = 300.0
"""A worker that reports nothing for so long is stopped."""


@dataclass(frozen=True)
class MeasurementJob:
    """One task for one fresh process. Files are named relative to the job's folder.

    `task` is `measure` or `inspect`; `title` stands for the model in sentences. The rest is for `measure`: `windows`
    are all test windows; `runs` inferences are timed, or as many as fit into `seconds`, `period_s` apart if that is not
    0; `score` and `energy` say whether to classify all windows and to measure the energy afterwards.
    """

    name: str
    task: str
    model: str
    title: str
    runtime: str = "auto"
    threads: int = 1
    xnnpack: bool = True
    windows: str | None = None
    runs: int = 0
    seconds: float | None = None
    period_s: float = 0.0
    score: bool = True
    energy: bool = False

    def path(self, folder: Path) -> Path:
        """The file that asks for this job."""
        return folder / f"{self.name}.job.json"

    def write(self, folder: Path) -> None:
        """Put the job into `folder`."""
        write_text(self.path(folder), self.to_text())

    def to_text(self) -> str:
        """The content of that file."""
        return to_text(self, format=FORMAT)


@dataclass(frozen=True)
class Answer:
    """Hold the answer to a job: plain facts, and arrays by name."""

    facts: Mapping[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]]


def read_job(path: Path) -> MeasurementJob:
    """The job in the file at `path`."""
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["format"] != FORMAT:
        raise DeviceError(f"{path} was written by another version of har-edge: install the same one on both sides")
    return from_json(MeasurementJob, content)


def write_answer(folder: Path, name: str, facts: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Write a complete answer to the job `name` into `folder`."""
    digest = None
    if arrays:
        path = folder / f"{name}.npz"
        with atomic_path(path) as temporary:
            np.savez(temporary, **arrays)
        digest = sha256(path)
    write_text(folder / f"{name}.json", json.dumps({"format": FORMAT, "facts": facts, "arrays_sha256": digest}))


def write_error(folder: Path, name: str, error: HarEdgeError) -> None:
    """Write that the job `name` ended with `error`, for `read_answer` to raise it on the other side."""
    write_text(folder / f"{name}.json", json.dumps({"format": FORMAT, **error_fields(error)}))


def read_answer(folder: Path, name: str) -> Answer | None:
    """The answer to the job `name` in `folder`; None when there is no complete one.

    Raises the error that the worker wrote instead of an answer.
    """
    try:
        content = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        if "error" in content:
            raise error_with(content["exit_code"], content["error"])
        arrays = {}
        if content["arrays_sha256"]:
            path = folder / f"{name}.npz"
            if sha256(path) != content["arrays_sha256"]:
                return None
            with np.load(path, allow_pickle=False) as stored:
                arrays = {key: stored[key] for key in stored.files}
    except (FileNotFoundError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    return Answer(content["facts"], arrays)


def no_answer(title: str, stage: str, code: int, log: str) -> str:
    """One sentence on the worker measuring `title`, which ended with exit code `code` and left no answer."""
    how = exit_description(f"the process that runs {title}", code, log, stage)
    return f"{how}; try another --runtime or convert the model again"


def silence(title: str, stage: str, seconds: float) -> str:
    """One sentence on the worker measuring `title`, which was stopped after it had reported nothing for `seconds`."""
    return (
        f"the process that runs {title} gave no sign of life for {seconds:g} s (last: {stage}) and was stopped; "
        "try fewer --runs or another --runtime"
    )
