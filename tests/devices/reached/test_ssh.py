"""`har-edge bench --on ssh://…` measures over a real sshd with strict host keys."""

import json
import shlex
import signal
import sys
from pathlib import Path

import onnx_models
import pytest
import sshd
from home import LONG, QUICK, Home, workers
from programs import MODELS, assert_one_sentence, finish, succeeded, wait_until, write_program

BENCH = ("bench", MODELS["int8"], *QUICK, "--on")


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """An sshd whose sessions have a cache of their own."""
    folder = tmp_path_factory.mktemp("board")
    with sshd.running(folder / "sshd", {"XDG_CACHE_HOME": str(folder / "cache")}) as server:
        yield server


@pytest.fixture
def home(tmp_path, board) -> Home:
    return Home(tmp_path, board.configure(tmp_path / "config"))


def cache(board: sshd.Server) -> Path:
    return board.folder.parent / "cache" / "har-edge" / "device"


def test_a_first_run_installs_everything_a_second_sends_nothing(home, board):
    first = succeeded(home.run(*BENCH, "ssh://board"))
    assert "unpacking" in first.stderr
    report = json.loads((home.folder / "bench-board.json").read_text())
    assert report["device"]["name"] == "board"
    assert [result["windows"] for result in report["results"]] == [2947]
    assert report["results"][0]["accuracy"] > 0.97
    assert not list((cache(board) / "jobs").iterdir()), "a job was left behind"
    sent = {path: path.stat().st_mtime_ns for path in (cache(board) / "objects").iterdir()}
    second = succeeded(home.run(*BENCH, "ssh://board"))
    assert "unpacking" not in second.stderr
    assert {path: path.stat().st_mtime_ns for path in (cache(board) / "objects").iterdir()} == sent
    assert "litert on Python 3.11" in succeeded(home.run("devices", "ssh://board")).stdout


def test_onnx_runtime_is_measured_on_a_board_beside_litert(home, board, uci_har, tmp_path):
    model = onnx_models.with_rivals(tmp_path, uci_har.labels)
    done = succeeded(home.run("bench", model.name, "--rivals", *QUICK, "--on", "ssh://board"))
    results = json.loads((home.folder / "bench-board.json").read_text())["results"]
    assert [result["runtime"] for result in results] == ["litert", "litert", "onnxruntime"]
    assert results[2]["accuracy"] == results[0]["accuracy"]
    assert "fastest of 3 float forms" in " ".join(done.stdout.split())


def test_a_board_without_python_and_a_board_with_an_old_python_get_different_errors(tmp_path):
    """The real loader, under an interpreter that takes itself for an old one."""
    (tmp_path / "bin").mkdir()
    with sshd.running(tmp_path / "sshd", {"PATH": f"{tmp_path}/bin"}) as server:
        home = Home(tmp_path, server.configure(tmp_path / "config"))
        assert_one_sentence(home.run(*BENCH, "ssh://board"), 3, "python3")
        old = "import sys; sys.version_info = (3, 7, 3); sys.version = '3.7.3 (default)'"
        code = f"{old}; sys.argv = sys.argv[1:]; exec(sys.argv[0])"
        write_program(tmp_path / "bin/python3", f'shift 2\nexec {sys.executable} -c {shlex.quote(code)} "$@"')
        assert_one_sentence(home.run(*BENCH, "ssh://board"), 3, "3.7.3", "3.10")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_processes_on_a_board_end_with_the_command(home, board, number):
    with home.start("bench", MODELS["int8"], "--on", "ssh://board", *LONG) as process:
        wait_until(lambda: workers(cache(board)))
        process.send_signal(number)
        assert finish(process).returncode == (130 if number == signal.SIGINT else -number)
    wait_until(lambda: not workers(cache(board)))
    wait_until(lambda: not list((cache(board) / "jobs").iterdir()))
