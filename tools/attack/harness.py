"""Run cases, each a command with bad input, and judge how it ended: one sentence, or a fault."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from tools import COMMAND, ROOT

PATIENCE_S = 30.0
MEMORY_LIMIT = 1 << 30
HOST_MEMORY_LIMIT = 2 << 30  # of what loads TensorFlow, which alone takes 0.6 GB
ADDRESS_SPACE = 4 << 30
HOST_ADDRESS_SPACE = 12 << 30  # TensorFlow reserves more than it uses
_SHOWN = 400_000  # bytes of an output that are judged
_FAULT = 600  # characters of it that a finding keeps

# A terminal obeys C0 and C1 controls; bidirectional marks show other text than there is; U+2028 breaks a line.
CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")

_SENTENCE = re.compile("^Error: .", re.MULTILINE)
_WARNING = re.compile(r"^\S+\.py:\d+: \w+Warning: .*", re.MULTILINE)
_HELP = "Usage: har-edge [OPTIONS] COMMAND"

KINDS = ("traceback", "exit 70", "signal", "hang", "memory", "control", "lost", "other")
"""What can be wrong with a case; the columns of the figure at the end."""

ENDINGS = (0, 1, 2, 3)


@dataclass(frozen=True)
class Fault:
    """Something wrong: one of `KINDS`, and what."""

    kind: str
    text: str


@dataclass(frozen=True)
class Ending:
    """How a process ended: negative codes are signals, `hung` that it was killed for taking too long."""

    code: int
    hung: bool
    seconds: float
    peak_bytes: int
    stdout: bytes
    stderr: bytes


@dataclass(frozen=True)
class Finding:
    """The outcome of one case; without faults it is as it should be. `limits` says what it was held to."""

    case: str
    command: str
    faults: tuple[Fault, ...]
    code: int | None = None
    seconds: float = 0.0
    peak_bytes: int = 0
    said: str = ""
    limits: str = "what the group's module says"


@dataclass(frozen=True)
class Case:
    """One command line, and what must be true of it besides the judgement that all share.

    `keeps` are files that a failing command leaves as they are. `codes` are the exit codes that are right. A `fresh`
    one gets a new Python instead of a fork; `program` is run in place of `har-edge`. `check` says what else is wrong.
    """

    name: str
    arguments: tuple[Any, ...]
    keeps: tuple[Path, ...] = ()
    stdin: bytes | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    codes: tuple[int, ...] = ENDINGS
    fresh: bool = False
    program: tuple[str, ...] = ()
    memory_limit: int = MEMORY_LIMIT
    address_space: int = ADDRESS_SPACE
    patience: float = 1.0  # times the usual
    check: Callable[[Ending], str | None] = lambda ending: None

    def run(self, place: Place) -> Finding:
        """Run the command at `place` and judge it."""
        before = {path: fingerprint(path) for path in self.keeps if os.path.lexists(path)}
        ending = place.execute(self)
        faults = judge(ending, self.codes, self.memory_limit)
        if ending.code != 0:
            changed = [path for path in before if fingerprint(path) != before[path]]
            faults += [Fault("lost", f"{path} was changed though the command failed") for path in changed]
        if wrong := self.check(ending):
            faults.append(Fault("other", wrong))
        limits = f"{place.patience_s * self.patience:g} s, {self.memory_limit / (1 << 30):g} GB"
        return finding(self.name, self.arguments, ending, faults, limits)


def host_case(name: str, arguments: tuple[Any, ...], patience: float = 3, **more: Any) -> Case:
    """A case of a command that loads TensorFlow: slower, larger, and not to be forked."""
    limits = {"fresh": True, "memory_limit": HOST_MEMORY_LIMIT, "address_space": HOST_ADDRESS_SPACE}
    return Case(name, arguments, patience=patience, **limits, **more)


class Place:
    """A worker's own files, and the process that forks commands for it, which starts at first need."""

    def __init__(self, folder: Path, scratch: Path, patience_s: float) -> None:
        self.folder = folder
        self.patience_s = patience_s
        scratch.mkdir(parents=True, exist_ok=True)
        self._files = {name: scratch / name for name in ("stdin", "stdout", "stderr")}
        self.environment = own_environment(scratch)
        self._server: subprocess.Popen[str] | None = None

    def execute(self, case: Case) -> Ending:
        """Run the command of `case`, with nothing to read or with its stdin, to its end."""
        self._files["stdin"].write_bytes(case.stdin or b"")
        arguments = [str(x) for x in case.arguments]
        request = {name: os.fspath(path) for name, path in self._files.items()} | {
            "arguments": arguments,
            "program": list(case.program) or ([*COMMAND, *arguments] if case.fresh else []),
            "environment": dict(case.environment),
            "folder": os.fspath(self.folder),
            "limit_s": self.patience_s * case.patience,
            "address_space": case.address_space,
        }
        ended = self._ask(request)
        outputs = {name: self._read(name) for name in ("stdout", "stderr")}
        return Ending(**ended, **outputs)

    def close(self) -> None:
        """End the process that forks."""
        if self._server:
            self._server.communicate()
            self._server = None

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._server is None:
            self._server = subprocess.Popen(
                [sys.executable, "-m", "tools.attack.fork_server"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                cwd=ROOT,
                env=self.environment,
            )
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        self._server.stdin.write(json.dumps(request) + "\n")
        self._server.stdin.flush()
        answer: dict[str, Any] = json.loads(self._server.stdout.readline())
        return answer

    def _read(self, name: str) -> bytes:
        with self._files[name].open("rb") as file:
            return file.read(_SHOWN)


def own_environment(scratch: Path) -> dict[str, str]:
    """The environment of a command under attack: caches and temporary files of its own, no colours, no modules."""
    temporary = scratch / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    left_out = ("PYTHONPATH", "FORCE_COLOR")
    return {k: v for k, v in os.environ.items() if k not in left_out} | {
        "HAR_EDGE_CACHE": os.fspath(scratch / "cache"),
        "TMPDIR": os.fspath(temporary),
        "PYTHONDONTWRITEBYTECODE": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": "1",
    }


def judge(ending: Ending, codes: Iterable[int] = ENDINGS, memory_limit: int = MEMORY_LIMIT) -> list[Fault]:
    """What is wrong with a command that has ended."""
    out, error = (x.decode("utf-8", "replace") for x in (ending.stdout, ending.stderr))
    faults = []
    if ending.hung:
        faults.append(Fault("hang", f"still ran after {ending.seconds:.0f} s"))
    elif ending.code < 0:
        faults.append(Fault("signal", f"ended by signal {-ending.code}"))
    elif ending.code == 70:
        faults.append(Fault("exit 70", "took the fault for its own"))
    elif ending.code not in codes:
        faults.append(Fault("other", f"exit code {ending.code}"))
    elif ending.code in (1, 2, 3) and not error.startswith(_HELP) and len(_SENTENCE.findall(error)) != 1:
        faults.append(Fault("other", f"{len(_SENTENCE.findall(error))} sentences for exit code {ending.code}"))
    if "Traceback (most recent call last)" in out + error:
        faults.append(Fault("traceback", "shows a traceback"))
    if warning := _WARNING.search(error):
        faults.append(Fault("other", f"a warning of Python: {warning[0]}"))
    if ending.peak_bytes > memory_limit:
        faults.append(Fault("memory", f"took {ending.peak_bytes >> 20} MB"))
    for name, text in (("stdout", out), ("stderr", error)):
        if found := CONTROLS.search(text):
            faults.append(Fault("control", f"{found[0]!r} on {name}"))
    return faults


def finding(name: str, arguments: Iterable[Any], ending: Ending, faults: Iterable[Fault], limits: str) -> Finding:
    """The outcome of a command, its last words made printable."""
    said = (ending.stderr or ending.stdout).decode("utf-8", "replace").strip()[-_FAULT:]
    shown = " ".join(str(x)[:200] for x in arguments)
    return Finding(name, shown, tuple(faults), ending.code, round(ending.seconds, 2), ending.peak_bytes, said, limits)


def fingerprint(path: Path) -> str:
    """What is at `path`: nothing, a link to somewhere, a kind of file, the names in a folder or some content."""
    try:
        if path.is_symlink():
            return f"link to {path.readlink()}"
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return hashlib.sha256(path.read_bytes()).hexdigest()
        return f"folder of {sorted(x.name for x in path.iterdir())}" if stat.S_ISDIR(mode) else f"mode {mode:o}"
    except OSError as error:
        return f"nothing: {error.strerror}"


def run_cases(cases: Iterable[Any], places: list[Place], report: Callable[[Finding], None]) -> list[Finding]:
    """Run all `cases`, one at each place at a time; their findings in the order of the cases."""
    free: SimpleQueue[Place] = SimpleQueue()
    for place in places:
        free.put(place)
    lock = threading.Lock()

    def run(case: Any) -> Finding:
        place = free.get()
        try:
            found: Finding = case.run(place)
        except Exception as error:  # noqa: BLE001 - a case that cannot be run must not end the others
            found = Finding(case.name, "", (Fault("other", f"cannot be run: {type(error).__name__}: {error}"),))
        finally:
            free.put(place)
        with lock:
            report(found)
        return found

    with ThreadPoolExecutor(len(places)) as pool:
        return list(pool.map(run, cases))


def wait_for(is_so: Callable[[], Any], seconds: float) -> bool:
    """Wait until `is_so()`, for so long at most; tell whether it is."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
