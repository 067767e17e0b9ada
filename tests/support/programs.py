"""Run `har-edge` and other programs as a user does, and check how they end."""

import os
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
AS_MACOS = str(ROOT / "tests" / "support" / "as_macos")
MODELS = {form: ROOT / "edge_runtime" / "models" / f"edge_{form}.tflite" for form in ("float32", "int8")}

Finished = subprocess.CompletedProcess[str]


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return this process's environment with `changes` and without the modules of PYTHONPATH, unless they are ours."""
    variables = {key: value for key, value in os.environ.items() if key != "PYTHONPATH" or value == AS_MACOS}
    return variables | dict(changes or {})


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
    options = {"input": stdin, "capture_output": True, "text": True, "timeout": 300, "check": False}
    return subprocess.run([*map(str, command)], cwd=cwd, env=environment(env), **options)


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
    """Run the command with `arguments` in a shell; the exit code shows a failure anywhere in a pipe."""
    return run_program("bash", "-c", f"set -o pipefail; {sys.executable} {HAR_EDGE[1]} {arguments}", cwd=cwd)


@pytest.fixture
def har_edge_here(capsys, monkeypatch, tmp_path) -> Callable[..., Finished]:
    """Run the command in this process, where it sees the patches of a test."""
    import har_edge as front_door

    def call(*arguments: object, cwd: Path = tmp_path, env: Mapping[str, str] | None = None) -> Finished:
        monkeypatch.chdir(cwd)
        for name, value in (env or {}).items():
            monkeypatch.setenv(name, value)
        capsys.readouterr()
        code = cli.run(cli.make_command(front_door.commands()), [*map(str, arguments)])
        return subprocess.CompletedProcess(arguments, code, *capsys.readouterr())

    return call


def python(code: str, *arguments: object, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> str:
    """Run `code` in a process that can import the project and tests/support; return its output."""
    paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{Path(__file__).parent}"}
    return succeeded(run_program(sys.executable, "-c", code, *arguments, cwd=cwd, env=paths | dict(env or {}))).stdout


def interpreter(folder: Path, script: str) -> PythonDevice:
    """Return a device whose interpreter is the shell script `script`."""
    return PythonDevice("fake", str(write_program(folder / "interpreter", script)), silence_seconds=1)


def assert_one_sentence(result: Finished, code: int, *words: object) -> None:
    """Check that the command failed with `code` and one sentence with `words`, without traceback and escape codes."""
    assert result.returncode == code, result.stdout + result.stderr
    error = result.stderr.strip().splitlines()[-1]
    assert error.startswith("Error: "), result.stderr
    assert [word for word in map(str, words) if word not in error] == [], error
    assert "Traceback" not in result.stderr
    assert "\x1b" not in result.stdout + result.stderr


def processes(*words: object) -> list[int]:
    """Find the processes whose command lines contain all `words`."""
    pids = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):  # it has just ended
            line = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            pids += [int(path.parent.name)] if all(str(word) in line for word in words) else []
    return pids


def has_ended(process: str) -> bool:
    stat = Path(f"/proc/{process.strip()}/stat")
    return not stat.exists() or stat.read_text().split()[2] == "Z"


def wait_until(is_so: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)
