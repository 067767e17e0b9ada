"""Write jobs for devices and read their answers: files in one folder, which may be sent to a device and back.

`<name>.job.json` is the job. `<name>.json` answers for the round, and `<name>-<i>.json` for its model `i`, whose arrays
are in `<name>-<i>.npz`. The JSON is written last, and also contains errors, since not every device passes on all lines.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import DeviceError, ExitCode, HarEdgeError, InputError
from edge_runtime.system.child_processes import error_fields
from edge_runtime.system.dataclass_json import Quantity, from_json, to_text
from edge_runtime.system.files import atomic_path, write_text
from edge_runtime.system.outside_files import parse_json, read_text
from edge_runtime.system.progress import OnProgress

FORMAT = 2
MOST_ROUND_S = 2.0  # of timing, unless a single turn of each model takes longer
SILENCE_SECONDS = 300.0  # a worker that reports nothing for so long is stopped


@dataclass(frozen=True)
class JobModel:
    """A model of a job, in a file of the job's folder; `title` names the model in sentences.

    `library` is the model as C, compiled by `compiler`. `is_scored` asks for the answers to all windows in the file
    `windows`, and for the energy of an inference, if the job asks for them.
    """

    model: str
    title: str
    runtime: str = "auto"
    windows: str = ""
    library: str | None = None
    compiler: str = ""
    is_scored: bool = True


@dataclass(frozen=True)
class MeasurementJob:
    """One task, `measure` or `compile`, for fresh processes; a task `compile` has a C file as its only model.

    The models are timed in `turns`, a slice of inferences each, or in as many turns as fit into `MOST_ROUND_S` if
    `turns` is 0. With a `period_s`, each model infers once per period.
    """

    name: str
    task: str
    models: tuple[JobModel, ...]
    threads: int = 1
    turns: int = 0
    period_s: float = 0.0
    score: bool = True
    energy: bool = False

    @property
    def title(self) -> str:
        """The models, in sentences."""
        return ", ".join(dict.fromkeys(model.title for model in self.models))

    @property
    def files(self) -> tuple[str, ...]:
        """The files in the job's folder that the job needs, without the job's own file."""
        names = (name for model in self.models for name in (model.model, model.windows, model.library) if name)
        return tuple(dict.fromkeys(names))

    @property
    def answers(self) -> tuple[str, ...]:
        """The names of the answers: about the round, and about each model."""
        return (self.name, *(f"{self.name}-{i}" for i in range(len(self.models))))

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


Answers = list[Answer | HarEdgeError]
"""The answer of each model of a job, or its error."""


@dataclass(frozen=True)
class Instructions:
    """Instructions of an emulated CPU: exact, where times mean nothing."""

    per_inference: Annotated[int, Quantity(at_least=1), "instructions of one inference"]
    method: Annotated[str, "how the instructions were counted"]
    per_hop: Annotated[int | None, "the mean of live recognition in a walk, per hop: samples, inferences, decision"] = (
        None
    )
    longest_hop: Annotated[int | None, "instructions of the longest of these hops"] = None


class Device(Protocol):
    """A machine that does jobs, each in a fresh process; it is given `most_windows` windows, None for all."""

    most_windows: ClassVar[int | None] = None

    @property
    def name(self) -> str:
        """The device's name in reports and file names."""

    def prepare(self, on_progress: OnProgress, with_onnx: bool = False) -> None:
        """Install the packages that jobs need. Raises `DeviceError` or `InputError` when this fails.

        `with_onnx` asks for ONNX Runtime too; if it cannot be installed, jobs that need it fail.
        """
        return

    def run(self, job: MeasurementJob, folder: Path, on_progress: OnProgress) -> Answers:
        """Do `job`, whose files are in `folder`, and return an answer for each model."""

    def instructions(self, model: JobModel, folder: Path) -> Instructions | None:
        """Count the instructions of one inference of the `model` in `folder`; None on a real processor."""
        return None

    def close(self) -> None:
        """Release the device. No process keeps running there."""
        return


def read_job(path: Path) -> MeasurementJob:
    """Return the job in the file at `path`."""
    return from_json(MeasurementJob, json.loads(path.read_text(encoding="utf-8")))


def write_answer(folder: Path, name: str, facts: Mapping[str, Any], arrays: Mapping[str, Any]) -> None:
    """Write a complete answer to the job `name` into `folder`."""
    if arrays:
        with atomic_path(folder / f"{name}.npz") as temporary:
            np.savez(temporary, **arrays)
    write_text(folder / f"{name}.json", json.dumps({"format": FORMAT, "facts": facts}))


def write_error(folder: Path, name: str, error: HarEdgeError) -> None:
    """Write that the job `name` ended with `error`, for `read_answer` to raise it on the other side."""
    write_text(folder / f"{name}.json", json.dumps({"format": FORMAT, **error_fields(error)}))


def read_answer(folder: Path, name: str) -> Answer | None:
    """Return the answer to the job `name` in `folder`; None if it is missing or incomplete.

    Raises the worker's error, if the answer is one. Nothing in the files is executed.
    """
    try:
        content = parse_json(read_text(folder / f"{name}.json", "an answer"))
        if content["format"] != FORMAT:
            return None
        error = content.get("error")
        facts = dict(content["facts"]) if error is None else {}
        path = folder / f"{name}.npz"
        arrays = dict(np.load(path, allow_pickle=False)) if path.exists() else {}
    except Exception:  # noqa: BLE001 - reading a damaged answer may raise anything
        return None
    if error is not None:
        kind = InputError if content.get("exit_code") == ExitCode.USAGE else DeviceError
        raise kind(error)
    return Answer(facts, arrays)


def read_answers(folder: Path, job: MeasurementJob) -> Answers | None:
    """Return the answers to `job` in `folder`, each with the facts of the round; None if one of them is missing.

    Raises the worker's error when it concerns all models.
    """
    about, *names = job.answers
    round_answer = read_answer(folder, about)
    if round_answer is None:
        return None
    answers: Answers = []
    for name in names:
        try:
            answer = read_answer(folder, name)
        except HarEdgeError as error:
            answers.append(error)
            continue
        if answer is None:
            return None
        answers.append(Answer({**round_answer.facts, **answer.facts}, answer.arrays))
    return answers


def no_answer(title: str, how: str) -> DeviceError:
    """Return the error for a worker of `title` that ended as `how` says, without an answer."""
    advice = "try another --runtime, or convert the model again"
    return DeviceError(f"the process that runs {title} {how}; {advice}")
