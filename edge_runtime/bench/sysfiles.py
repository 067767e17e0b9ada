"""Ask the system, its files and its commands: each answer is None where there is none.

`root` is `/`, or a folder laid out like it. Needs nothing but Python, as the worker does.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path("/")
COMMAND_SECONDS = 2.0
"""A command that takes longer is stopped and counts as absent: it must not disturb the measurement."""


def read(path: Path) -> str | None:
    """The text at `path` without the space around it; None when there is none or it may not be read."""
    try:
        # The device tree ends its texts in NUL.
        return path.read_text(encoding="utf-8", errors="replace").strip("\0 \n") or None
    except OSError:
        return None


def number(path: Path) -> int | None:
    """The whole number that is the text at `path`; None when there is none."""
    try:
        return int(read(path) or "")
    except ValueError:
        return None


def ask(command: str, *arguments: str, root: Path = ROOT) -> str | None:
    """The output of `command`; None when it is not installed, fails or takes more than `COMMAND_SECONDS`."""
    folders = (str(root / folder.lstrip(os.sep)) for folder in os.get_exec_path())
    program = shutil.which(command, path=os.pathsep.join(folders))
    if program is None:
        return None
    try:
        done = subprocess.run(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=COMMAND_SECONDS,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.decode("utf-8", errors="replace").strip() or None
