"""Measure with an interpreter on this machine, each job in a fresh process of its own session."""

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import edge_runtime
from edge_runtime.bench.machine import Machine
from edge_runtime.bench.machine_state import State
from edge_runtime.bench.measurement_job import SILENCE_SECONDS, Answers, Device, MeasurementJob, no_answer, read_answers
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.system.child_processes import lines, message_of, progress_of, run_program, started
from edge_runtime.system.dataclass_json import from_json
from edge_runtime.system.files import scratch_folder
from edge_runtime.system.outside_files import parse_json
from edge_runtime.system.process_endings import ending, last_line
from edge_runtime.system.progress import OnProgress

_PACKAGE = Path(edge_runtime.__file__).parent
_MAIN = """\
import sys
if sys.argv[1] == "--machine":
    import json
    from dataclasses import asdict
    from edge_runtime.bench.machine import read_facts
    from edge_runtime.bench.machine_state import state
    print(json.dumps({"machine": asdict(read_facts()), "state": asdict(state())}))
else:
    from pathlib import Path
    from edge_runtime.bench.measurement_worker import main
    sys.exit(main(Path(sys.argv[1]), *map(int, sys.argv[2:])))
"""
_PROBE = """\
import sys
sys.version_info < (3, 10) and sys.exit("it is older than Python 3.10")
import numpy
print("python%d.%d" % sys.version_info[:2])
"""


def write_bundle(folder: Path) -> Path:
    """Write the worker and the modules of this package into one file in `folder`, once, and return its path."""
    path = folder / "worker.pyz"
    if not path.exists():
        contents = {"__main__.py": _MAIN.encode()}
        for source in sorted(_PACKAGE.rglob("*.py")):
            contents[source.relative_to(_PACKAGE.parent).as_posix()] = source.read_bytes()
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in contents.items():
                archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return path


@dataclass(frozen=True)
class Description:
    """A machine and its state, as the measuring code describes them."""

    machine: Machine
    state: State


@dataclass(frozen=True)
class PythonDevice(Device):
    """A Python interpreter of this machine, by default the one that runs; `name` is the device's name in reports."""

    name: str = "local"
    interpreter: str = sys.executable
    silence_seconds: float = SILENCE_SECONDS

    def read_machine(self) -> Description:
        """Describe the machine as this interpreter sees it. Raises `DeviceError`."""
        with scratch_folder() as folder:
            command = [self.interpreter, "-B", str(write_bundle(folder)), "--machine"]
            try:
                done = run_program(command, seconds=60)
                done.check_returncode()
                return from_json(Description, parse_json(done.stdout))
            except (OSError, subprocess.SubprocessError, ValueError) as error:
                raise DeviceError(
                    f"{self.interpreter} cannot describe the machine ({error}): use another Python"
                ) from error

    def run(self, job: MeasurementJob, folder: Path, on_progress: OnProgress) -> Answers:
        """Do `job`, whose files are in `folder`, in fresh processes. Raises `DeviceError`, or the worker's error."""
        job.write(folder)
        log = folder / f"{job.name}.log"
        stage = "starting"
        # -B: write no bytecode beside the user's packages.
        command = [self.interpreter, "-B", str(write_bundle(folder)), str(job.path(folder))]
        with log.open("wb") as stderr, started(command, stdout=subprocess.PIPE, stderr=stderr, cwd=folder) as process:
            assert process.stdout is not None
            try:
                for line in lines(process.stdout, self.silence_seconds):
                    if report := progress_of(message_of(line)):
                        stage = report[1]
                        on_progress(*report)
                process.wait(self.silence_seconds)
            except (TimeoutError, subprocess.TimeoutExpired) as error:
                how = f"gave no sign of life for {self.silence_seconds:g} s while {stage}"
                raise no_answer(job.title, how) from error
        answers = read_answers(folder, job)
        if answers is None:
            words = log.read_text(encoding="utf-8", errors="replace")
            raise no_answer(job.title, ending(process.returncode, words, stage))
        return answers


def other_python(path: str, runtime: str) -> PythonDevice:
    """Return the interpreter at `path`, which measures with `runtime`. Raises `InputError` when it lacks NumPy."""
    # A relative path must work from the worker's folder too; `resolve` would leave a virtual environment.
    absolute = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - an unknown user stays as written
    interpreter = shutil.which(absolute if os.sep in path else path)
    if interpreter is None:
        raise InputError(f"--on python:{path}: {path} is not a program")
    try:
        done = run_program([interpreter, "-c", _PROBE], seconds=60)
        if done.returncode or not done.stdout.startswith("python"):
            raise ValueError(last_line(done.stderr))
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise InputError(
            f"--on python:{path}: {interpreter} cannot measure ({error}): name a Python from 3.10 on with numpy and a "
            "TFLite runtime, for example of a virtual environment"
        ) from error
    version = done.stdout.strip()
    return PythonDevice(version if runtime == "auto" else f"{version}-{runtime}", interpreter)
