"""Programs run as a user runs them."""

import os
import pty
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path


def run(*command: object, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `command` without a terminal, and with no more modules in its reach than its own installation has."""
    return subprocess.run(
        list(map(str, command)),
        cwd=cwd,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"} | (env or {}),
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def shown_on_a_terminal(*command: object, cwd: Path, env: Mapping[str, str]) -> str:
    """All that `command`, which succeeds, shows on a terminal; `env` is its whole environment."""
    ours, its = pty.openpty()
    with subprocess.Popen(
        list(map(str, command)), cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=its, stderr=its
    ) as process:
        os.close(its)
        shown = bytearray()
        with suppress(OSError):  # EIO is how Linux says that the other end was closed
            while read := os.read(ours, 65536):
                shown += read
    os.close(ours)
    assert process.returncode == 0, shown.decode()
    return shown.decode()
