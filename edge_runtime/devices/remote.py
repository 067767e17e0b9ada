"""Measure on a device at the other end of a connection: send missing files, and fetch answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edge_runtime.bench.measurement_job import SILENCE_SECONDS, Answers, Device, MeasurementJob, no_answer, read_answers
from edge_runtime.devices.connection import Connection, Transport
from edge_runtime.devices.environment import ONNX_REQUIREMENT, Environment
from edge_runtime.devices.python import Description, write_bundle
from edge_runtime.errors import DeviceError
from edge_runtime.model.onnx_model import ONNX_RUNTIME
from edge_runtime.system.child_processes import message_of, progress_of
from edge_runtime.system.dataclass_json import from_json
from edge_runtime.system.files import scratch_folder, sha256
from edge_runtime.system.printable import printable
from edge_runtime.system.process_endings import ending
from edge_runtime.system.progress import OnProgress, ignore_progress


@dataclass
class RemoteDevice(Device):
    """A device reached over `transport`; `prepare` sends packages unless `interpreter` is set, which has them.

    `without_onnx` is the error of installing ONNX Runtime.
    """

    transport: Transport
    runtime: str = "auto"
    interpreter: str = ""
    site: str | None = None
    silence_seconds: float = SILENCE_SECONDS
    without_onnx: DeviceError | None = None
    _connection: Connection | None = None
    _there: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The device's name in reports and file names."""
        return self.transport.name

    def prepare(self, on_progress: OnProgress, with_onnx: bool = False) -> None:
        """Connect, and create missing environments. Raises `DeviceError` or `InputError`."""
        on_progress(0.0, "connecting")
        connection = self.connect()
        if self.interpreter:
            return
        environment = Environment.choose(connection.hello, self.runtime, self.name)
        self.site = self._install(environment, on_progress)
        self.interpreter = environment.interpreter
        if with_onnx:
            try:
                self.site += f":{self._install(replace(environment, requirements=(ONNX_REQUIREMENT,)), on_progress)}"
            except DeviceError as error:
                self.without_onnx = DeviceError(f"{self.name} gets no ONNX Runtime: {error}")

    def _install(self, environment: Environment, on_progress: OnProgress) -> str:
        """Create the `environment` if it is missing, and return its folder."""
        on_progress(0.0, "fetching its packages")
        wheels = {sha256(wheel): wheel for wheel in environment.wheels()}
        self._send(wheels, on_progress)

        def hear(notice: dict[str, Any], _: bytes) -> None:
            if "stage" in notice:
                on_progress(0.5, printable(str(notice["stage"])))

        answer = self.connect().ask(
            "environment",
            on_notice=hear,
            interpreter=environment.interpreter,
            key=environment.key(*wheels),
            wheels={path.name: digest for digest, path in wheels.items()},
        )
        return str(answer["site"])

    def connect(self) -> Connection:
        """Return the connection, and open it if needed."""
        if self._connection is None:
            self._connection = Connection(self.transport)
        return self._connection

    def read_machine(self) -> Description:
        """Describe the device. Raises `DeviceError`."""
        connection = self.connect()
        with scratch_folder() as folder:
            bundle = write_bundle(folder)
            digest = sha256(bundle)
            self._send({digest: bundle}, ignore_progress)
            interpreter = connection.hello.interpreters[0].path
            answer = connection.ask("probe", interpreter=interpreter, bundle=digest)
        return from_json(Description, answer["description"])

    def run(self, job: MeasurementJob, folder: Path, on_progress: OnProgress) -> Answers:
        """Do `job`, whose files are in `folder`, in fresh processes. Raises `DeviceError`, or the worker's error."""
        names = (write_bundle(folder).name, *job.files)
        files = {name: sha256(folder / name) for name in names}
        self._send({digest: folder / name for name, digest in files.items()}, on_progress)
        stage = "starting"
        files_of_answers = [f"{name}.{suffix}" for name in job.answers for suffix in ("npz", "json")]

        def hear(notice: dict[str, Any], content: bytes) -> None:
            nonlocal stage
            if notice.get("file") in files_of_answers:
                (folder / notice["file"]).write_bytes(content)
            elif report := progress_of(message_of(str(notice.get("line")))):
                stage = report[1]
                on_progress(*report)

        done = self.connect().ask(
            "run",
            on_notice=hear,
            interpreter=self.interpreter,
            site=self.site,
            files=files,
            job=job.path(folder).name,
            text=job.to_text(),
            answers=files_of_answers,
            silence_seconds=self.silence_seconds,
        )
        title = f"{job.title} on {self.name}"
        if done["silent"]:
            raise no_answer(title, f"gave no sign of life for {self.silence_seconds:g} s while {stage}")
        answers = read_answers(folder, job)
        if answers is None:
            raise no_answer(title, ending(done["code"], done["log"], stage))
        if self.without_onnx:
            is_onnx = [model.runtime == ONNX_RUNTIME for model in job.models]
            answers = [self.without_onnx if onnx else answer for onnx, answer in zip(is_onnx, answers, strict=True)]
        return answers

    def close(self) -> None:
        """End the connection; the agent exits."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _send(self, files: Mapping[str, Path], on_progress: OnProgress) -> None:
        """Send the files, by their digests, that the device does not have."""
        unknown = [digest for digest in files if digest not in self._there]
        if not unknown:
            return
        answer = self.connect().ask("missing", digests=unknown)
        for i, digest in enumerate(answer["missing"]):
            on_progress(i / len(answer["missing"]), f"sending {files[digest].stat().st_size / 1e6:.1f} MB")
            self.connect().ask("put", payload=files[digest], digest=digest)
        self._there |= set(unknown)
