"""`har-edge bench --on adb:` to a board, with a real adbd."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest
from home import LONG, QUICK, workers
from programs import MODELS, assert_one_sentence, finish, succeeded, wait_until, write_program

from edge_runtime.devices.remote import RemoteDevice
from edge_runtime.system.progress import ignore_progress


class Outside:
    """The same machine without adb and outside the namespace, where its packages can be fetched."""

    def __init__(self, folder: Path) -> None:
        self.name = "outside"
        self._environment = [f"XDG_CACHE_HOME={folder}/board-cache", f"PATH={sys.base_prefix}/bin:/usr/bin:/bin"]

    def command(self, argv):
        return ["env", *self._environment, *argv]

    def explain(self, code, stderr, greeted):
        raise AssertionError(stderr)


@pytest.fixture
def packages(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    device = RemoteDevice(Outside(tmp_path))
    device.prepare(ignore_progress)
    device.close()


@pytest.mark.usefixtures("packages", "board")
def test_a_board_is_measured_and_a_second_run_sends_nothing(home, tmp_path):
    succeeded(home.run("bench", MODELS["int8"], "--on", "adb:", *QUICK))
    report = json.loads((tmp_path / "bench-127.0.0.1-5601.json").read_text())
    assert report["results"][0]["windows"] == 2947
    objects = tmp_path / "board-cache" / "har-edge" / "device" / "objects"
    sent = {path.name: path.stat().st_mtime_ns for path in objects.iterdir()}
    assert home.run("bench", MODELS["int8"], "--on", "adb://127.0.0.1:5601", *QUICK).returncode == 0
    assert {path.name: path.stat().st_mtime_ns for path in objects.iterdir()} == sent
    looked = home.run("devices", "adb:")
    assert "litert on Python 3.11" in looked.stdout, looked.stderr
    assert home.run("devices", "clean", "adb:").returncode == 0
    assert not objects.exists()


@pytest.mark.usefixtures("packages")
def test_a_board_that_disappears_is_noticed_although_adb_says_nothing(home, board, tmp_path):
    cache = tmp_path / "board-cache"
    process = home.start("bench", MODELS["int8"], "--on", "adb:", *LONG)
    wait_until(lambda: workers(cache))
    os.killpg(board.pid, signal.SIGKILL)
    assert_one_sentence(finish(process), 3, "127.0.0.1:5601")
    wait_until(lambda: not workers(cache))


@pytest.mark.usefixtures("board")
def test_another_serial_and_a_board_without_python_are_refused(home, tmp_path):
    assert_one_sentence(home.run("bench", MODELS["int8"], "--on", "adb://abc", *QUICK), 3, "127.0.0.1:5601")
    write_program(tmp_path / "bin" / "python3", "echo sh: python3: not found >&2\nexit 127")
    assert_one_sentence(home.run("bench", MODELS["int8"], "--on", "adb:", *QUICK), 3, "python3")
