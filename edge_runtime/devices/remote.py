"""Measure on a device at the other end of a connection: send what it lacks, and fetch its answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from edge_runtime.bench.measurement_job import (
    SILENCE_SECONDS,
    Answer,
    MeasurementJob,
    no_answer,
    read_answer,
    silence,
)
from edge_runtime.bench.results import Instructions
from edge_runtime.devices.bundle import write_bundle
from edge_runtime.devices.connection import Connection, Transport
from edge_runtime.devices.environment import Environment
from edge_runtime.devices.messages import AgentNotice, Description, Done, Look, Missing, Ran, Removed, Site
from edge_runtime.errors import DeviceError
from edge_runtime.system.child_processes import Stoppable, message_of, progress_of
from edge_runtime.system.files import scratch_folder, sha256
from edge_runtime.system.printable import printable, quoted
from edge_runtime.system.progress import OnProgress, ignore_progress

_LONGEST_STAGE = 200
_GRACE_SECONDS = 30.0  # for the agent, which ends a silent worker itself


@dataclass
class RemoteDevice:
    """A device reached over `transport`, whose environment is made at first need.

    This machine chooses the wheels of its packages. `offline` sends them instead of letting the device fetch these very
    ones from its package index; `ready` says that the device's own Python has all packages.
    """

    here = False
    transport: Transport
    runtime: str = "auto"
    offline: bool = False
    ready: bool = False
    silence_seconds: float = SILENCE_SECONDS
    _processes: Stoppable = field(default_factory=Stoppable)
    _connection: Connection | None = None
    _interpreter: str = ""
    _site: str | None = None
    _digests: dict[Path, str] = field(default_factory=dict)
    _there: set[str] = field(default_factory=set)

    @property
    def name(self) -> str:
        """The device's name in reports and file names."""
        return self.transport.name

    def prepare(self, on_progress: OnProgress) -> None:
        """Connect, and make the environment if it is not there yet. Raises `DeviceError`, or `InputError`."""
        on_progress(0.0, "connecting")
        connection = self.connect()
        environment = Environment.choose(connection.hello, self.runtime, self.name)
        self._interpreter = environment.interpreter
        if self.ready:
            return
        wheels: dict[str, str] | None = None
        pins: list[str] = []
        if not self.offline:
            on_progress(0.0, "choosing its packages")
            pins = environment.pins()
        else:
            on_progress(0.0, "fetching its packages")
            paths = environment.download()
            wheels = {path.name: sha256(path) for path in paths}
            self._send({wheels[path.name]: path for path in paths}, on_progress)
        try:
            self._site = connection.ask(
                "environment",
                Site,
                on_notice=lambda notice, _: on_progress(0.5, printable(notice.stage or "at work", _LONGEST_STAGE)),
                interpreter=environment.interpreter,
                key=environment.key(*(wheels or {}).values(), *pins),
                requirements=pins,
                wheels=wheels,
            ).site
        except DeviceError:
            environment.forget_pins()
            raise

    def connect(self) -> Connection:
        """The connection, opened if it is not open."""
        if self._connection is None:
            self._connection = Connection(self.transport, self._processes)
        return self._connection

    def read_machine(self, on_progress: OnProgress = ignore_progress) -> Description:
        """Describe the device. Raises `DeviceError`."""
        connection = self.connect()
        with scratch_folder() as folder:
            bundle = write_bundle(folder)
            digest = sha256(bundle)
            self._send({digest: bundle}, on_progress)
            suited = [x.path for x in connection.hello.interpreters if x.version >= (3, 9)]
            if not suited:
                raise connection.misfit("it runs on Python 3.9 or newer, and names none")
            return connection.ask("look", Look, interpreter=suited[0], bundle=digest).description

    def clean(self) -> int:
        """Remove everything that was sent or made there; return how many bytes that was."""
        return self.connect().ask("clean", Removed).removed_bytes

    def run(self, job: MeasurementJob, folder: Path, on_progress: OnProgress) -> Answer:
        """Do `job`, whose files are in `folder`, in a fresh process there; its answer.

        `on_progress` hears the share that is done and the stage. Raises `DeviceError` when the device cannot be reached
        any more, or the worker dies, hangs or leaves no answer, and whatever error the worker answered with.
        """
        connection = self.connect()
        names = (write_bundle(folder).name, job.model, job.windows)
        paths = {x: folder / x for x in names if x}
        files = {name: self._digest(path) for name, path in paths.items()}
        self._send({files[name]: path for name, path in paths.items()}, on_progress)
        stage, heard = "starting", time.monotonic()
        wanted = {f"{job.name}.npz", f"{job.name}.json"}

        def hear(notice: AgentNotice, content: bytes) -> None:
            nonlocal stage, heard
            if notice.file is not None:
                if notice.file not in wanted:
                    raise connection.misfit(f"the file {quoted(notice.file)}, which nobody asked for")
                wanted.remove(notice.file)
                (folder / notice.file).write_bytes(content)
            elif notice.line is not None:
                heard = time.monotonic()
                if report := progress_of(message_of(notice.line)):
                    stage = report[1]
                    on_progress(*report)
            elif time.monotonic() - heard > self.silence_seconds + _GRACE_SECONDS:
                raise DeviceError(f"{self.name}: {silence(job.title, stage, self.silence_seconds)}")

        done = connection.ask(
            "run",
            Ran,
            on_notice=hear,
            interpreter=self._interpreter,
            site=self._site,
            files=files,
            texts={job.path(folder).name: job.to_text()},
            job=job.path(folder).name,
            answers=sorted(wanted),
            silence_seconds=self.silence_seconds,
        )
        if done.silent:
            raise DeviceError(f"{self.name}: {silence(job.title, stage, self.silence_seconds)}")
        answer = read_answer(folder, job.name)
        if answer is None:
            raise DeviceError(f"{self.name}: {no_answer(job.title, stage, done.code, done.log)}")
        return answer

    def instructions(self, job: MeasurementJob, folder: Path) -> Instructions | None:
        """Count none: this is a real processor."""

    def stop(self) -> None:
        """End the connection and with it the agent, from another thread, and open no other."""
        self._processes.stop()

    def close(self) -> None:
        """End the connection; the agent leaves."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _digest(self, path: Path) -> str:
        if path not in self._digests:
            self._digests[path] = sha256(path)
        return self._digests[path]

    def _send(self, files: Mapping[str, Path], on_progress: OnProgress) -> None:
        """Send those of `files`, by their digests, that the device does not have."""
        unknown = [x for x in files if x not in self._there]
        if not unknown:
            return
        connection = self.connect()
        sizes = {x: files[x].stat().st_size for x in unknown}
        missing = connection.ask("missing", Missing, sizes=sizes).missing
        if not set(missing) <= set(sizes) or len(set(missing)) != len(missing):
            raise connection.misfit("it lacks files that it was not asked for")
        total = sum(sizes[x] for x in missing)
        sent, told = 0, 0.0

        def count(n_bytes: int) -> None:
            nonlocal sent, told
            sent += n_bytes
            if time.monotonic() - told > 0.1:
                told = time.monotonic()
                on_progress(sent / total, f"sending {total / 1e6:.1f} MB")

        for digest in missing:
            connection.ask("put", Done, payload=files[digest], on_sent=count, digest=digest)
        self._there |= set(unknown)
