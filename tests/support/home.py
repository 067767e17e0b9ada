"""Give the tests of remote devices a place to work, short and long measurements, and a board's workers."""

import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from programs import HAR_EDGE, Finished, environment, finish, processes, start

QUICK = ("--runs", "40", "--rounds", "2", "--no-control")
LONG = ("--duration", "60", "--rounds", "2", "--no-control")


class Home:
    """A folder to work in, and what ssh is for the commands that run there, each after the command `before`."""

    def __init__(self, folder: Path, ssh: str = "ssh", before: Sequence[str] = (), **changes: str) -> None:
        self.folder = folder
        self._before = before
        own = {"HAR_EDGE_SSH": ssh, "COLUMNS": "120", "XDG_CACHE_HOME": str(folder / "cache")}
        self.environment = environment(own | changes)

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return start(*self._before, *HAR_EDGE, *arguments, cwd=self.folder, env=self.environment)

    def run(self, *arguments: object) -> Finished:
        return finish(self.start(*arguments))


def workers(cache: Path) -> list[int]:
    """The processes that measure on the board with this cache."""
    found = []
    for worker in processes("worker.pyz", ".job.json"):
        with suppress(OSError):
            if cache in Path(f"/proc/{worker}/cwd").readlink().parents:
                found.append(worker)
    return found
