"""Attack the standard streams: closed, full, or with a reader that leaves."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tools import COMMAND
from tools.attack.ground import Ground
from tools.attack.harness import ENDINGS, Case, Finding, Place

REDIRECTIONS = (
    *(">/dev/full", ">&-", "2>&-", "2>/dev/full", "<&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>&1"),
    *("| head -c 20 >/dev/null", "| true", "</dev/zero", "2>&1 | true"),
)
PIPE_ENDED = 141  # 128 + SIGPIPE, of a shell's pipe


class ShellCase(Case):
    """A command line of a shell, which closes streams or gives them away: what cannot be said is no sentence."""

    def run(self, place: Place) -> Finding:
        """Run the line and judge it, but for its sentences."""
        found = super().run(place)
        return replace(found, faults=tuple(x for x in found.faults if "sentences" not in x.text))


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
        "compare gate": ("compare", ground.result, ground.result, "--fail-if", "p50>1%"),
        "evaluate json": ("evaluate", "edge-small", *data, "--json", "/dev/stdout"),
        "stream": ("stream", "edge-small", "--replay", 0, "--speed", 0, *data),
        "evaluate": ("evaluate", "edge-small", *data),
        "bench": ("bench", "edge-small", "--runs", 2, "--rounds", 1, *data, "--json", ground.folder / "streams.json"),
    }
    for name, line in lines.items():
        for redirection in REDIRECTIONS:
            command = shlex.join(map(str, (*COMMAND, *line)))
            program = ("bash", "-c", f"set -o pipefail; {command} {redirection}")
            yield ShellCase(f"{name} {redirection}", program[2:], program=program, codes=(*ENDINGS, PIPE_ENDED))
