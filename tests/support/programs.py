"""Run programs as a user does, `har-edge` above all, and check how they end."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from edge_runtime import cli
from edge_runtime.devices.python import PythonDevice

ROOT = Path(__file__).resolve().parents[2]
HAR_EDGE = (sys.executable, ROOT / "har_edge.py")
MODELS = {x: ROOT / "edge_runtime" / "models" / f"edge_{x}.tflite" for x in ("float32", "int8")}

Finished = subprocess.CompletedProcess[str]


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment with `changes`, in which a program sees no modules but its installation's own."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | dict(changes or {})


def start(*command: object, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start `command` without a terminal."""
    pipe = subprocess.PIPE
    return subprocess.Popen([*map(str, command)], cwd=cwd, env=environment(env), stdout=pipe, stderr=pipe, text=True)


def finish(process: subprocess.Popen[str], seconds: float = 300) -> Finished:
    output, error = process.communicate(timeout=seconds)
    return subprocess.CompletedProcess(process.args, process.returncode, output, error)


def run_program(
    *command: object, cwd: Path = ROOT, env: Mapping[str, str] | None = None, stdin: str | None = None
) -> Finished:
    """Run `command` to its end without a terminal."""
    arguments, own = [*map(str, command)], environment(env)
    return subprocess.run(
        arguments, cwd=cwd, env=own, input=stdin, capture_output=True, text=True, timeout=300, check=False
    )


def start_har_edge(*arguments: object, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    return start(*HAR_EDGE, *arguments, cwd=cwd, env=env)


def har_edge(
    *arguments: object, cwd: Path = ROOT, env: Mapping[str, str] | None = None, stdin: str | None = None
) -> Finished:
    """Run the command in a process of its own."""
    return run_program(*HAR_EDGE, *arguments, cwd=cwd, env=env, stdin=stdin)


def succeeded(done: Finished) -> Finished:
    assert done.returncode == 0, done.stderr
    return done


def write_program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def in_shell(arguments: str, cwd: Path) -> Finished:
    """Run the command with what follows it on a line of a shell; a failure anywhere in a pipe is its exit code."""
    return run_program("bash", "-c", f"set -o pipefail; {sys.executable} {HAR_EDGE[1]} {arguments}", cwd=cwd)


@pytest.fixture
def har_edge_here(capsys, monkeypatch, tmp_path) -> Callable[..., Finished]:
    """The command in this process, where it sees what a test has patched."""
    before = signal.getsignal(signal.SIGINT)
    import har_edge as front_door

    signal.signal(signal.SIGINT, before)

    def call(*arguments: object, cwd: Path = tmp_path, env: Mapping[str, str] | None = None) -> Finished:
        monkeypatch.chdir(cwd)
        for name, value in (env or {}).items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        code = cli.run(cli.make_command(front_door.COMMANDS), [*map(str, arguments)])
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

    return call


def python(code: str, *arguments: object, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    """Run `code`, which can import the project and tests/support, in a process of its own; what it prints."""
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"}
    return succeeded(run_program(sys.executable, "-c", code, *arguments, cwd=cwd, env=paths | dict(env or {}))).stdout


def interpreter(folder: Path, script: str) -> PythonDevice:
    """The device whose interpreter is the shell script `script`."""
    return PythonDevice("fake", str(write_program(folder / "interpreter", script)), silence_seconds=1)


def assert_one_sentence(result: Finished, code: int, *words: object) -> None:
    """The command failed with `code` and one sentence that holds `words`; no traceback, no escape codes."""
    assert result.returncode == code, result.stdout + result.stderr
    error = result.stderr.strip().splitlines()[-1]
    assert error.startswith("Error: "), result.stderr
    assert [x for x in map(str, words) if x not in error] == [], error
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stdout + result.stderr


def processes(*words: object) -> list[int]:
    """The processes whose command lines have all `words`."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has just ended
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            found += [int(path.parent.name)] if all(str(x) in line for x in words) else []
    return found


def has_ended(process: str) -> bool:
    stat = Path(f"/proc/{process.strip()}/stat")
    return not stat.exists() or stat.read_text().split()[2] == "Z"


def wait_until(is_so: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
