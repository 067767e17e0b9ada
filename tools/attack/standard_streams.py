"""Attack the standard streams: closed, full, or with a reader that leaves."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tools import COMMAND
from tools.attack.fork_server import wait
from tools.attack.ground import Ground
from tools.attack.harness import ENDINGS, Ending, Finding, Place, finding, judge

REDIRECTIONS = (
    *(">/dev/full", ">&-", "2>&-", "2>/dev/full", "<&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>&1"),
    *("| head -c 20 >/dev/null", "| true", "</dev/zero", "2>&1 | true"),
)
PIPE_ENDED = 141  # 128 + SIGPIPE, of a shell's pipe


@dataclass(frozen=True)
class ShellCase:
    """A command line of a shell, which closes streams or gives them away."""

    name: str
    line: str

    def run(self, place: Place) -> Finding:
        """Run the line and judge its exit code and what it still could say."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
            process = subprocess.Popen(
                ["bash", "-c", f"set -o pipefail; {self.line}"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=error,
                cwd=place.folder,
                env=place.environment,
                start_new_session=True,
            )
            ended = wait(process.pid, place.patience_s)
            process.returncode = ended["code"]
            for file in (out, error):
                file.seek(0)
            ending = Ending(**ended, stdout=out.read(), stderr=error.read())
        # What cannot be said is no sentence.
        faults = [x for x in judge(ending, (*ENDINGS, PIPE_ENDED)) if "sentences" not in x.text]
        return finding(self.name, [self.line], ending, faults)


def cases(ground: Ground) -> Iterator[ShellCase]:
    """All cases of this group."""
    data = ("--data", ground.data)
    lines: dict[str, tuple[Any, ...]] = {
        "help": ("--help",),
        "missing": ("info", "/nonexistent"),
        "data": ("data",),
        "info": ("info", ground.model),
        "card": ("card", ground.model),
        "report": ("report", ground.result),
        "compare": ("compare", ground.result, ground.result),
        "stream": ("stream", "edge-small", "--replay", 0, "--speed", 0, *data),
        "evaluate": ("evaluate", "edge-small", *data),
        "bench": ("bench", "edge-small", "--runs", 2, "--rounds", 1, *data, "--json", ground.folder / "streams.json"),
    }
    for name, line in lines.items():
        for redirection in REDIRECTIONS:
            command = shlex.join(map(str, (*COMMAND, *line)))
            yield ShellCase(f"{name} {redirection}", f"{command} {redirection}")
