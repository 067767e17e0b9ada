"""Write jobs for devices and read their answers: files in one folder, which may be sent to a device and back.

`<name>.job.json` is the job. The worker writes arrays to `<name>.npz` and then `<name>.json` with the digest of the
arrays: an answer is complete when the JSON can be read and the digest fits. The answer also contains errors, since not
every device passes on all lines.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Protocol

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DeviceError, ExitCode, HarEdgeError, InputError
from edge_runtime.system.child_processes import error_fields
from edge_runtime.system.dataclass_json import Quantity, from_json, to_text
from edge_runtime.system.files import atomic_path, sha256, write_text
from edge_runtime.system.outside_files import parse_json, read_bytes, read_text
from edge_runtime.system.printable import printable
from edge_runtime.system.progress import OnProgress

FORMAT = 1
SILENCE_SECONDS = 300.0  # a worker that reports nothing for so long is stopped
LARGEST_ANSWER = 1 << 28  # bytes: the times of 16 million inferences
_LONGEST_ERROR = 2000


@dataclass(frozen=True)
class MeasurementJob:
    """One task, `measure` or `compile`, for one fresh process; files are named relative to the job's folder.

    `title` stands for the model in sentences. `library` is the model as C, compiled by `compiler`; a task `compile` has
    a C file as its model. `runs` inferences are timed, or as many as fit into `seconds`, with `period_s` between them
    unless it is 0. `score` and `energy` ask to classify all `windows` and to measure the energy.
    """

    name: str
    task: str
    model: str
    title: str
    runtime: str = "auto"
    threads: int = 1
    xnnpack: bool = True
    windows: str | None = None
    library: str | None = None
    compiler: str = ""
    runs: int = 0
    seconds: float | None = None
    period_s: float = 0.0
    score: bool = True
    energy: bool = False

    def path(self, folder: Path) -> Path:
        """Return the path of the file that asks for this job."""
        return folder / f"{self.name}.job.json"

    def write(self, folder: Path) -> None:
        """Write the file that asks for this job."""
        write_text(self.path(folder), self.to_text())

    def to_text(self) -> str:
        """Return the content of the file that asks for this job."""
        return to_text(self, format=FORMAT)


@dataclass(frozen=True)
class Answer:
    """The answer to a job: plain facts, and arrays by name."""

    facts: Mapping[str, Any]
    arrays: Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True)
class Instructions:
    """Instructions of an emulated CPU: exact, where times mean nothing."""

    per_inference: Annotated[int, Quantity(at_least=1), "instructions of one inference"]
    method: Annotated[str, "how the instructions were counted"]


class Device(Protocol):
    """A machine that does jobs, each in a fresh process."""

    @property
    def name(self) -> str:
        """The device's name in reports and file names."""

    @property
    def here(self) -> bool:
        """Tell whether it computes on this machine."""

    @property
    def most_windows(self) -> int | None:
        """The number of windows that it is given at most; None for all."""

    def prepare(self, on_progress: OnProgress, with_onnx: bool = False) -> None:
        """Install the packages that jobs need. Raises `DeviceError` or `InputError` when this fails.

        `with_onnx` asks for ONNX Runtime too; if it cannot be installed, jobs that need it fail.
        """

    def run(self, job: MeasurementJob, folder: Path, on_progress: OnProgress) -> Answer:
        """Do `job`, whose files are in `folder`."""

    def instructions(self, job: MeasurementJob, folder: Path) -> Instructions | None:
        """Count the instructions of one inference of the model of `job`; None if the device cannot count."""

    def stop(self) -> None:
        """End the device's work, from another thread; a running job raises an error."""

    def close(self) -> None:
        """Release the device. No process keeps running there."""


def read_job(path: Path) -> MeasurementJob:
    """Return the job in the file at `path`."""
    return from_json(MeasurementJob, json.loads(path.read_text(encoding="utf-8")))


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
    """Return the answer to the job `name` in `folder`; None if it is missing or incomplete.

    Raises the worker's error, if the answer is one. Nothing in the files is executed, and their size is limited.
    """
    try:
        content = parse_json(read_text(folder / f"{name}.json", "an answer"))
        if content["format"] != FORMAT:
            return None
        error, digest = content.get("error"), content.get("arrays_sha256")
        facts = content["facts"] if error is None else {}
        arrays = _read_arrays(folder / f"{name}.npz", digest) if digest else {}
    except Exception:  # noqa: BLE001 - reading a damaged answer may raise anything
        return None
    if error is not None:
        kind = InputError if content.get("exit_code") == ExitCode.USAGE else DeviceError
        raise kind(printable(str(error), _LONGEST_ERROR))
    return Answer(facts, arrays)


def _read_arrays(path: Path, digest: str) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays in the `.npz` file at `path`, whose SHA-256 is `digest`."""
    content = read_bytes(path, "an answer", min(LARGEST_ANSWER, path.stat().st_size))
    if hashlib.sha256(content).hexdigest() != digest:
        raise ValueError("it is incomplete")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if sum(member.file_size for member in archive.infolist()) > LARGEST_ANSWER:
            raise ValueError("it unpacks to more than an answer can have")
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)


def no_answer(title: str, how: str) -> DeviceError:
    """Return the error for a worker of `title` that ended as `how` says, without an answer."""
    advice = "try another --runtime or fewer --runs, or convert the model again"
    return DeviceError(f"the process that runs {title} {how}; {advice}")
