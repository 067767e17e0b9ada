"""Attack a terminal: nothing from outside may reach it as an escape, a control or a text direction."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools import COMMAND
from tools.attack import device, models, recordings, results, streams
from tools.attack.ground import ESCAPE, Ground
from tools.attack.harness import Case, Ending, Fault, Finding, Place, finding, judge

FOREIGN = {"an escape sequence": ESCAPE[:8], "a C1 control": "\x9b31m", "a text direction": "\u202e"}

TASKS = ("greeting", "missing", "put", "environment", "run", "answer", "look", "clean")
DEVICES = (
    *(f"{x}: an error" for x in TASKS),
    *("hello: an odd machine", "run: last words", "look: odd", "ssh evil", "python evil", "adb"),
)


@dataclass(frozen=True)
class TerminalCase:
    """A command on a terminal of its own."""

    name: str
    arguments: tuple[Any, ...]
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, place: Place) -> Finding:
        """Run the command and find what of its foreign text came to the terminal."""
        ending = on_terminal([*COMMAND, *map(str, self.arguments)], place, self.environment)
        shown = ending.stdout.decode("utf-8", "replace")
        # Colours and lines that are drawn again are the command's own.
        faults = [x for x in judge(ending) if x.kind not in ("control", "memory", "other")]
        faults += [Fault("control", f"{name} reaches the terminal") for name, x in FOREIGN.items() if x in shown]
        return finding(self.name, self.arguments, ending, faults, f"{place.patience_s:g} s, memory not measured")


def on_terminal(command: list[str], place: Place, environment: Mapping[str, str]) -> Ending:
    """Run `command` on a new terminal of 110 columns, to its end or to the limit; stdout is all that it showed."""
    ours, its = pty.openpty()
    size = {"TERM": "xterm-256color", "COLUMNS": "110", "LINES": "40"}
    started = time.monotonic()
    process = subprocess.Popen(
        command,
        stdin=its,
        stdout=its,
        stderr=its,
        cwd=place.folder,
        env=place.environment | size | environment,
        start_new_session=True,
    )
    os.close(its)
    shown, hung = bytearray(), False
    while True:
        if select.select([ours], [], [], 0.2)[0]:
            try:
                read = os.read(ours, 65536)
            except OSError:  # EIO is how Linux says that the other end was closed
                break
            shown += read
        if time.monotonic() - started > place.patience_s:
            hung = True
            os.killpg(process.pid, signal.SIGKILL)
            break
    os.close(ours)
    _, status = os.waitpid(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - started
    return Ending(process.returncode, hung, seconds, 0, bytes(shown), b"")


def cases(ground: Ground) -> Iterator[TerminalCase]:
    """All cases of this group: a row for each place where foreign text is shown."""
    folder = ground.place("terminal")
    inner = Ground(folder / "files", ground.seed)
    for case in (
        *_chosen(models.cases(inner), ("card-escape", "card-bidi", "card-c1", "card-markup")),
        *_chosen(results.cases(inner), ("markup", "failure-markup", "created-odd", "name-surrogate")),
        *_chosen(recordings.cases(inner), ("escape", "bidi", "c1", "zip escape", "invalid-name")),
        *_chosen(streams.cases(inner), ("escape", "c1", "source", "options", "json-escape")),
        *_chosen(device.cases(inner), DEVICES),
    ):
        yield TerminalCase(case.name, case.arguments, case.environment)
    yield from _names(folder)


def _names(folder: Path) -> Iterator[TerminalCase]:
    """Names on the command line that are shown again."""
    for foreign in (ESCAPE, "\x9b31mZ", "\u202eZ"):
        path = folder / foreign.replace("/", "")
        for line in (
            *(("info", path), ("card", path), ("convert", foreign), ("report", path), ("compare", path, path)),
            *(("data", "--data", path), ("data", "check", path), ("info", f"--{foreign}"), (foreign,)),
            *(("stream", path, "--replay", 0), ("stream", "edge", "--csv", path), ("train", "--network", foreign)),
            *(("bench", path), ("evaluate", path), ("devices", foreign), ("bench", "--on", f"ssh://{foreign}")),
            *(("crossval", "--cluster", foreign), ("data", "export", "-o", f"/dev/null/{foreign}")),
        ):
            yield TerminalCase(f"{' '.join(map(str, line[:-1]))} {foreign!r}", line)


def _chosen(cases: Iterator[Case], prefixes: tuple[str, ...]) -> Iterator[Case]:
    """Those of `cases` whose names begin with one of `prefixes`, each of which is the beginning of one."""
    made = list(cases)
    unknown = [x for x in prefixes if not any(case.name.startswith(x) for case in made)]
    assert not unknown, unknown
    return (x for x in made if x.name.startswith(prefixes) and not x.stdin)
