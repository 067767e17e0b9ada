"""Workers of a search share a real PostgreSQL server, and die at any moment."""

import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import optuna
import pytest
from own_networks import __file__ as own_networks
from programs import finish, run_program, start_har_edge, succeeded
from written_windows import of_people, write_windows

pytestmark = pytest.mark.device
KILLS, TRIALS = 4, 12


def as_postgres(program: str, *arguments: object) -> None:
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
    user = ("setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups")
    succeeded(run_program(*user, programs / program, *arguments, cwd=Path("/")))


@pytest.fixture
def server() -> Iterator[str]:
    """The address of an empty database on a server of Debian's, which does not run as root."""
    with tempfile.TemporaryDirectory(prefix="har-edge-server-") as folder:
        shutil.chown(folder, "postgres")
        data, options = f"{folder}/data", f"-c listen_addresses= -c unix_socket_directories={folder}"
        as_postgres("initdb", "--auth=trust", "--no-sync", "--pgdata", data)
        as_postgres("pg_ctl", "start", "--wait", "--pgdata", data, "--options", options, "--log", f"{folder}/log")
        as_postgres("createdb", "--host", folder, "search")
        yield f"postgresql://postgres@/search?host={folder}"
        as_postgres("pg_ctl", "stop", "--mode", "immediate", "--pgdata", data)


def test_killed_workers_lose_their_own_trials_alone_and_the_others_end_the_search(server, tmp_path):
    shutil.copy(own_networks, tmp_path / "mine.py")
    windows = write_windows(tmp_path / "own.npz", of_people(180), subject=np.repeat([f"s{i}" for i in range(9)], 20))
    options = ("search", "--network", "mine:family", "--data", windows, "--epochs", 1, "--storage", server)

    def worker(name: str) -> subprocess.Popen[str]:
        return start_har_edge(*options, "--trials", TRIALS, "--out", name, cwd=tmp_path)

    steady = worker("steady")
    moments = random.Random(0)
    for i in range(KILLS):
        killed = worker(f"killed-{i}")
        time.sleep(moments.uniform(5, 40))
        killed.kill()
        killed.communicate()
    last = worker("last")
    succeeded(finish(steady, 900))
    succeeded(finish(last, 900))
    states = [x.state.name for x in optuna.load_study(study_name="har-edge", storage=server).trials]
    assert states.count("COMPLETE") + states.count("PRUNED") >= TRIALS
    assert len(states) - states.count("COMPLETE") - states.count("PRUNED") <= KILLS
