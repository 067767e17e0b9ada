"""Measure on Android phones with the demo app, which does the jobs of `edge_runtime.bench.measurement_worker`."""

import hashlib
import os
import secrets
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from edge_runtime.bench.measurement_job import SILENCE_SECONDS, Answers, Device, MeasurementJob, read_answers
from edge_runtime.devices.adb import Adb
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.system.child_processes import lines, message_of, progress_of, started
from edge_runtime.system.progress import OnProgress

PACKAGE = "haredge.demo"
_BUILT = Path(__file__).parents[2] / "android_demo/build/har-edge-demo.apk"
_TAG = "har-edge-bench"  # of the app's lines in Android's log


@dataclass
class Phone(Device):
    """A phone. HAR_EDGE_APK replaces the app that `make android` builds."""

    adb: Adb
    runtime: str = "auto"
    _sent: set[str] = field(default_factory=set)
    _folder: str = ""
    _answers: str = ""

    @property
    def name(self) -> str:
        """The device's name in reports and file names."""
        return self.adb.name

    def prepare(self, on_progress: OnProgress, with_onnx: bool = False) -> None:
        """Install the app unless the phone has the same app. Raises `DeviceError` or `InputError`."""
        if self.runtime != "auto":
            raise InputError(f"{self.name} is a phone, where the app measures with its own TFLite: leave out --runtime")
        on_progress(0.0, "looking for the app")
        # The shell writes to the first folder for the app, and the app to the second folder for the shell.
        folders = self.adb.shell("echo ${TMPDIR:-/data/local/tmp}; echo ${EXTERNAL_STORAGE:-/sdcard}").splitlines()
        self._folder = f"{folders[0]}/har-edge"
        self._answers = f"{folders[1]}/Android/data/{PACKAGE}/files/bench"
        self.adb.shell(f"mkdir -p {self._folder} && chmod 755 {self._folder}")
        apk = Path(os.environ.get("HAR_EDGE_APK") or _BUILT)
        path = self.adb.shell(f"pm path {PACKAGE} || true").partition("\n")[0].removeprefix("package:").strip()
        if not apk.is_file():
            if not path:
                raise InputError(f"{self.name} has no demo app, and {apk} is missing: build it with 'make android'")
        elif not path or hashlib.sha256(apk.read_bytes()).hexdigest() not in self.adb.shell(f"sha256sum {path}"):
            on_progress(0.5, "installing the app")
            self._send(apk)
            # As `adb install` does if it cannot stream.
            sent = f"{self._folder}/{apk.name}"
            output = self.adb.shell(f"pm install -r {sent} 2>&1; rm -f {sent}").strip()
            if not output.endswith("Success"):
                raise DeviceError(
                    f"the app cannot be installed on {self.name} ({output}): allow it on the phone's "
                    f"screen, or 'adb uninstall {PACKAGE}' first"
                )

    def run(self, job: MeasurementJob, folder: Path, on_progress: OnProgress) -> Answers:
        """Do `job`, whose files are in `folder`, in a fresh process there. Raises `DeviceError`, or the app's error."""
        if job.task == "compile":
            raise InputError(f"{self.name} is a phone, where the app measures with TFLite only")
        # A new name, so that the answer to an earlier job cannot be mistaken for this answer.
        job = replace(job, name=f"{job.name}-{secrets.token_hex(4)}")
        job.write(folder)
        for name in job.files:
            if name not in self._sent:
                on_progress(0.0, f"sending {name}")
                self._send(folder / name)
                self._sent.add(name)
        self._send(job.path(folder))
        self._work(job, folder, on_progress)
        for name in self.adb.shell(f"ls {self._answers} 2>/dev/null || true").split():
            if name.rpartition(".")[0] in job.answers:
                self.adb.pull(f"{self._answers}/{name}", folder)
        answers = read_answers(folder, job)
        if answers is None:
            raise DeviceError(f"{self.name} wrote no answer about {job.title}: look at 'adb logcat -s {_TAG}'")
        return answers

    def close(self) -> None:
        """Remove everything but the app."""
        if self._folder:
            with suppress(DeviceError):  # it has gone
                self.adb.shell(f"am force-stop {PACKAGE}; rm -rf {self._folder} {self._answers}/*")

    def _send(self, path: Path) -> None:
        there = f"{self._folder}/{path.name}"
        self.adb.push(path, there)
        self.adb.shell(f"chmod 644 {there}")

    def _work(self, job: MeasurementJob, folder: Path, on_progress: OnProgress) -> None:
        """Start the app's process for `job` and listen until the job has ended."""
        name, stage = job.path(folder).name, "starting"
        command = self.adb.adb_command("logcat", "-T", "1", "-v", "raw", "-s", f"{_TAG}:I")
        with started(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as listening:
            assert listening.stdout is not None
            self.adb.shell(f"am start -S -n {PACKAGE}/.BenchActivity --es job {self._folder}/{name}")
            try:
                for line in lines(listening.stdout, SILENCE_SECONDS):
                    message = message_of(line)
                    if message.get("done") == name:
                        return
                    if report := progress_of(message):
                        stage = report[1]
                        on_progress(*report)
            except TimeoutError as error:
                raise DeviceError(
                    f"the app on {self.name} gave no sign of life for {SILENCE_SECONDS:g} s (last: {stage}): "
                    "unlock the phone and keep the app in front"
                ) from error
        raise DeviceError(f"the connection to {self.name} was lost: plug it in again, and try again")
