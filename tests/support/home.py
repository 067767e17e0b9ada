"""Run commands of tests of remote devices in a folder, and find the workers of a board."""

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from programs import HAR_EDGE, Finished, environment, finish, processes, start

QUICK = ("--rounds", "2", "--no-control")
LONG = ("--rounds", "1000", "--no-control")


class Home:
    """Runs commands in `folder` with `ssh` as the ssh client, each behind the command `before`."""

    def __init__(self, folder: Path, ssh: str = "ssh", before: Sequence[str] = (), **changes: str) -> None:
        self.folder = folder
        self._before = before
        variables = {"HAR_EDGE_SSH": ssh, "COLUMNS": "120", "XDG_CACHE_HOME": str(folder / "cache")}
        self.environment = environment(variables | changes)

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return start(*self._before, *HAR_EDGE, *arguments, cwd=self.folder, env=self.environment)

    def run(self, *arguments: object) -> Finished:
        return finish(self.start(*arguments))


def workers(cache: Path) -> list[int]:
    """Find the processes that measure on the board with this cache."""
    pids = []
    for worker in processes("worker.pyz", ".job.json"):
        with suppress(OSError):
            if cache in Path(f"/proc/{worker}/cwd").readlink().parents:
                pids.append(worker)
    return pids
