"""`har-edge bench` and `har-edge devices` on emulated boards, as a user starts them."""

import json

import pytest
import sshd
from edge_runtime.devices.emulated.disk import Disk
from home import Home
from programs import MODELS, succeeded
from written_recordings import write_few

from edge_runtime.devices.emulated.board import Board, open_board

ONCE = ("--runs", "4", "--rounds", "1", "--no-control")


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    return write_few(tmp_path_factory.mktemp("few") / "recordings")


@pytest.fixture(scope="module")
def here(few, tmp_path_factory) -> list[dict]:
    """The results on this machine."""
    home = Home(tmp_path_factory.mktemp("here"), "ssh")
    succeeded(home.run("bench", *MODELS.values(), "--data", few, *ONCE))
    return json.loads((home.folder / "bench-local.json").read_text())["results"]


@pytest.mark.usefixtures("a72")
def test_an_emulated_board_answers_as_this_machine_and_shows_instructions_and_no_times(few, here, tmp_path):
    home = Home(tmp_path, "ssh")
    succeeded(home.run("bench", *MODELS.values(), "--data", few, "--on", "emulated:cortex-a72", *ONCE))
    report = json.loads((tmp_path / "bench-emulated-cortex-a72.json").read_text())
    assert report["device"]["machine"] == "aarch64"
    assert report["device"]["emulated"]
    results = report["results"]
    assert [x["confusion"] for x in results] == [x["confusion"] for x in here]
    assert [x["latency_ms"] for x in results] == [None, None]
    float32, int8 = (x["instructions"]["per_inference"] for x in results)
    assert 0.6 < int8 / float32 < 1
    assert all(x["doubts"][0].startswith("the CPU is emulated") for x in results)


@pytest.mark.usefixtures("a72")
def test_devices_says_what_an_emulated_board_is_and_nothing_of_spoiling(tmp_path):
    done = succeeded(Home(tmp_path, "ssh").run("devices", "emulated:cortex-a72"))
    assert "its times mean nothing" in done.stdout
    assert "aarch64" in done.stdout
    assert "litert on Python 3.13" in done.stdout
    assert "spoil" not in done.stdout
    assert "the emulated board is ready" in done.stderr, "how far it is is shown"


@pytest.fixture(scope="module")
def bare() -> Board:
    """A Raspberry Pi 4 as it comes: with an ssh server, and none of what measures."""
    return open_board("cortex-a72", Disk("trixie", "arm64", ("openssh-server",), ()))


@pytest.fixture
def board(bare, tmp_path):
    """The sshd of that board, on this machine's loopback."""
    folder = tmp_path / "sshd"
    # The CPU would be lost with the environment, of which sshd gives sessions none.
    environment = {"QEMU_CPU": "cortex-a72", "HOME": "/root", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    on_board = bare.command([], binds={str(folder): folder}, network=True)
    server = sshd.start(folder, environment, on_board)
    yield server
    server.stop()


def test_a_board_with_a_real_sshd_is_measured_from_nothing(board, few, here, tmp_path):
    """Strict host keys; its environment is made of wheels for Arm, its answers are those of this machine."""
    stranger = Home(tmp_path, board.configure(tmp_path / "stranger", known=""))
    refused = stranger.run("devices", "ssh://board")
    assert refused.returncode == 3
    assert "host key of board is not known" in " ".join(refused.stdout.split())
    home = Home(tmp_path, board.configure(tmp_path / "config"))
    command = ("bench", MODELS["int8"], "--data", few, "--on", "ssh://board", "--offline", *ONCE)
    first = succeeded(home.run(*command))
    assert "unpacking ai_edge_litert" in first.stderr
    report = json.loads((tmp_path / "bench-board.json").read_text())
    assert report["device"]["machine"] == "aarch64"
    assert "asimddp" not in report["device"]["features"], "which a Cortex-A72 has not"
    assert report["device"]["python"].startswith("3.13.")
    (result,) = report["results"]
    assert [result[x] for x in ("confusion", "accuracy")] == [here[1][x] for x in ("confusion", "accuracy")]
    assert result["latency_ms"] is None, "it is recognised as emulated"
    again = succeeded(home.run(*command))
    assert "unpacking" not in again.stderr
    assert "sending" not in again.stderr
    assert "removed" in home.run("devices", "clean", "ssh://board").stdout
