"""The command as a user starts it, and what goes on on this machine meanwhile."""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODELS = [str(ROOT / f"edge_runtime/models/edge_{x}.tflite") for x in ("float32", "int8")]
QUICK = ("--runs", "40", "--rounds", "2", "--no-control")


class Home:
    """A folder to work in, and what ssh is for the commands that run there."""

    def __init__(self, folder: Path, ssh: str, before: Sequence[str] = (), **environment: str) -> None:
        self.folder = folder
        self._before = before
        own = {"HAR_EDGE_SSH": ssh, "COLUMNS": "120", "XDG_CACHE_HOME": str(folder / "cache")}
        self.environment = os.environ | own | environment

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*self._before, sys.executable, str(ROOT / "har_edge.py"), *map(str, arguments)],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: object) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        output, error = process.communicate(timeout=300)
        return subprocess.CompletedProcess([], process.returncode, output, error)


def assert_one_sentence(result, code: int, *words: str) -> None:
    assert result.returncode == code, result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: "), result.stderr
    assert [x for x in words if x not in last] == [], last
    assert "Traceback" not in result.stderr


def processes(*words: str) -> list[int]:
    """The processes of which the command line has all `words`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if all(x in line for x in words):
            found.append(int(folder.name))
    return found


def wait_until(is_so, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


LONG = ("--duration", "60", "--rounds", "2", "--no-control")


def workers(cache: Path) -> list[int]:
    """The processes that measure on the board with this cache."""
    found = []
    for worker in processes("worker.pyz", ".job.json"):
        with suppress(OSError):
            if cache in Path(f"/proc/{worker}/cwd").readlink().parents:
                found.append(worker)
    return found


def finished(process) -> subprocess.CompletedProcess[str]:
    output, error = process.communicate(timeout=60)
    return subprocess.CompletedProcess([], process.returncode, output, error)
