"""`har-edge bench --on ssh://…` measures over a real sshd with strict host keys."""

import json
import os
import shlex
import signal
import socket
import sys
from pathlib import Path

import machine_trees as trees
import pytest
import sshd
from home import LONG, QUICK, Home, workers
from programs import MODELS, assert_one_sentence, finish, processes, run_program, succeeded, wait_until, write_program


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """An sshd whose sessions have a cache of their own."""
    folder = tmp_path_factory.mktemp("board")
    server = sshd.start(folder / "sshd", {"XDG_CACHE_HOME": str(folder / "cache")})
    yield server
    server.stop()


@pytest.fixture
def home(tmp_path, board) -> Home:
    return Home(tmp_path, board.configure(tmp_path / "config"))


def cache(board: sshd.Server) -> Path:
    return board.folder.parent / "cache" / "har-edge" / "device"


def objects(board: sshd.Server) -> dict[str, int]:
    return {x.name: x.stat().st_mtime_ns for x in (cache(board) / "objects").iterdir()}


def test_a_first_run_makes_all_and_a_second_sends_nothing(home, board):
    first = succeeded(home.run("bench", *MODELS.values(), "--on", "ssh://board", *QUICK))
    assert "unpacking" in first.stderr
    report = json.loads((home.folder / "bench-board.json").read_text())
    assert report["device"]["name"] == "board"
    assert [x["windows"] for x in report["results"]] == [2947, 2947]
    assert min(x["accuracy"] for x in report["results"]) > 0.97
    sent = objects(board)
    assert not list((cache(board) / "jobs").iterdir()), "a job was left behind"
    second = succeeded(home.run("bench", *MODELS.values(), "--on", "ssh://board", *QUICK))
    assert "unpacking" not in second.stderr
    assert objects(board) == sent
    succeeded(home.run("bench", *MODELS.values(), *QUICK))
    local = json.loads((home.folder / "bench-local.json").read_text())
    assert [x["confusion"] for x in local["results"]] == [x["confusion"] for x in report["results"]]


def test_devices_says_what_it_is_and_clean_leaves_nothing(home, board):
    home.run("bench", MODELS["int8"], "--on", "ssh://board", *QUICK)
    looked = succeeded(home.run("devices", "ssh://board"))
    assert "litert on Python 3.11" in looked.stdout
    assert cache(board).exists()
    cleaned = succeeded(home.run("devices", "clean", "ssh://board"))
    assert "removed" in cleaned.stdout
    assert not (board.folder.parent / "cache").exists()


def test_a_host_key_that_changed_is_refused(tmp_path, board):
    other = sshd.keygen(tmp_path / "other")
    kind, key, *_ = Path(f"{other}.pub").read_text().split()
    ssh = board.configure(tmp_path / "config", known=f"[127.0.0.1]:{board.port} {kind} {key}\n")
    result = Home(tmp_path, ssh).run("bench", MODELS["int8"], "--on", "ssh://board", *QUICK)
    assert_one_sentence(result, 3, "host key of board", "ssh-keygen")


def test_a_host_key_that_is_not_known_is_refused(tmp_path, board):
    ssh = board.configure(tmp_path / "config", known="")
    result = Home(tmp_path, ssh).run("bench", MODELS["int8"], "--on", "ssh://board", *QUICK)
    assert_one_sentence(result, 3, "host key of board")


def test_a_key_that_is_not_taken_is_named(tmp_path, board):
    ssh = board.configure(tmp_path / "config")
    text = (tmp_path / "config").read_text().replace(str(board.client_key), str(sshd.keygen(tmp_path / "other")))
    (tmp_path / "config").write_text(text)
    result = Home(tmp_path, ssh).run("bench", MODELS["int8"], "--on", "ssh://board", *QUICK)
    assert_one_sentence(result, 3, "ssh-copy-id")


def test_a_host_that_does_not_answer_is_named(tmp_path):
    """It takes the connection, and then says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        result = Home(tmp_path, "ssh -F none").run("bench", MODELS["int8"], "--on", f"ssh://127.0.0.1:{port}", *QUICK)
    assert_one_sentence(result, 3, f"127.0.0.1:{port}", "timed out")


def test_a_host_that_refuses_and_one_that_there_is_not_are_told_apart(tmp_path):
    home = Home(tmp_path, "ssh -F none")
    refused = home.run("bench", MODELS["int8"], "--on", "ssh://127.0.0.1:1", *QUICK)
    assert_one_sentence(refused, 3, "127.0.0.1:1", "refused")
    unknown = home.run("bench", MODELS["int8"], "--on", "ssh://pi@board.invalid", *QUICK)
    assert_one_sentence(unknown, 3, "board.invalid", "resolve")


@pytest.fixture
def special(tmp_path):
    """Starts a board of a special kind; its home."""
    servers = []

    def make(environment: dict[str, str], before: tuple[str, ...] = (), setting: str = "") -> Home:
        environment = {"XDG_CACHE_HOME": str(tmp_path / "board-cache"), **environment}
        server = sshd.start(tmp_path / f"sshd{len(servers)}", environment, before, setting=setting)
        servers.append(server)
        return Home(tmp_path, server.configure(tmp_path / "config"))

    yield make
    for server in servers:
        server.stop()


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        (
            trees.pi5_hot,
            [
                "the CPU governor is 'ondemand'",
                "the firmware slowed the machine down (soft temperature limit, throttled): cool it",
                "the CPU reached 86 °C",
            ],
        ),
        (
            trees.pi4_underpowered,
            ["the firmware slowed the machine down (frequency capped, under-voltage): use a stronger power supply"],
        ),
        (trees.pi4, []),
    ],
)
def test_what_a_board_does_that_spoils_a_measurement_is_a_doubt_of_its_result(
    special, board, tmp_path, machine, expected
):
    """Another board's /sys is laid over that of sshd's sessions, and its vcgencmd is on their path."""
    tree = machine(tmp_path / "pi")
    mount = f'mount --bind {shlex.quote(str(tree / "sys"))} /sys && exec "$@"'
    path = f"{tree / 'usr/bin'}:{sys.base_prefix}/bin:/usr/bin:/bin"
    environment = {"PATH": path, "XDG_CACHE_HOME": str(cache(board).parents[1])}  # where the packages are
    home = special(environment, ("unshare", "--mount", "sh", "-c", mount, "sh"))
    done = succeeded(home.run("bench", MODELS["int8"], "--on", "ssh://board", *QUICK))
    (result,) = json.loads((tmp_path / "bench-board.json").read_text())["results"]
    weather = ("the CPU governor", "the firmware", "the CPU reached")
    found = [x for x in result["doubts"] if x.startswith(weather)]
    assert [x for x in expected if not any(y.startswith(x) for y in found)] == [], found
    assert len(found) == len(expected)
    shown = " ".join(done.stdout.split())
    assert [x for x in found if x not in shown] == []


def test_a_board_without_python_is_told_apart(special, tmp_path):
    (tmp_path / "empty").mkdir()
    result = special({"PATH": str(tmp_path / "empty")}).run("bench", MODELS["int8"], "--on", "ssh://board", *QUICK)
    assert_one_sentence(result, 3, "python3")


def test_a_python_that_is_too_old_is_told_apart(special, tmp_path):
    """The real loader, under an interpreter that takes itself for an old one."""
    script = tmp_path / "bin" / "python3"
    script.parent.mkdir()
    old = "import sys; sys.version_info = (3, 7, 3); sys.version = '3.7.3 (default)'"
    code = f"{old}; sys.argv = sys.argv[1:]; exec(sys.argv[0])"
    write_program(script, f'shift 2\nexec {sys.executable} -c {shlex.quote(code)} "$@"')
    result = special({"PATH": f"{script.parent}:/usr/bin:/bin"}).run(
        "bench", MODELS["int8"], "--on", "ssh://board", *QUICK
    )
    assert_one_sentence(result, 3, "3.7.3", "3.9")


def test_a_full_disk_is_named_and_nothing_half_written_stays(special, tmp_path):
    (tmp_path / "board-cache").mkdir()
    mount = f'mount -t tmpfs -o size=2m none {shlex.quote(str(tmp_path / "board-cache"))} && exec "$@"'
    home = special({}, ("unshare", "--mount", "sh", "-c", mount, "sh"))
    result = home.run("bench", MODELS["int8"], "--on", "ssh://board", *QUICK)
    assert_one_sentence(result, 3, "board-cache/har-edge/device")
    ssh = shlex.split(home.environment["HAR_EDGE_SSH"])
    assert run_program(*ssh, "board", f"find {tmp_path}/board-cache -type f -size +0").stdout == ""


def test_a_login_that_prints_is_told_apart(special):
    noisy = special({}, setting='ForceCommand echo Welcome to this board; eval "$SSH_ORIGINAL_COMMAND"')
    result = noisy.run("bench", MODELS["int8"], "--on", "ssh://board", *QUICK)
    assert_one_sentence(result, 3, "board", "Welcome")


@pytest.fixture
def long_run(home, board):
    """A measurement at work on the board."""
    assert home.run("bench", MODELS["int8"], "--on", "ssh://board", *QUICK).returncode == 0
    process = home.start("bench", MODELS["int8"], "--on", "ssh://board", *LONG)
    wait_until(lambda: workers(cache(board)))
    yield process
    process.kill()
    process.wait()


def sessions(board: sshd.Server, *words: str) -> list[int]:
    """Find the processes with all `words` in their command line that this sshd has started."""
    return [x for x in processes(*words) if board.process.pid in ancestors(x)]


def ancestors(process: int) -> list[int]:
    found = []
    while process > 1:
        try:
            # After the name, which is in brackets and may hold anything: the state, and the parent.
            process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it ended meanwhile
            break
        found.append(process)
    return found


def comm(process: int) -> str:
    return Path(f"/proc/{process}/comm").read_text()


def test_a_worker_that_is_killed_there_is_told(long_run, board):
    os.kill(workers(cache(board))[0], signal.SIGKILL)
    assert_one_sentence(finish(long_run), 3, "board", "killed")


def test_an_agent_that_is_killed_is_told(long_run, board):
    (agent,) = [x for x in sessions(board, "-B -c import sys, json") if comm(x).startswith("python3")]
    os.kill(agent, signal.SIGKILL)
    assert_one_sentence(finish(long_run), 3, "board")


def test_a_connection_that_is_lost_ends_both_sides(long_run, board):
    found = sessions(board, "sshd")
    assert found
    for session in found:
        os.kill(session, signal.SIGKILL)
    assert_one_sentence(finish(long_run), 3, "board")
    wait_until(lambda: not workers(cache(board)))
    wait_until(lambda: not list((cache(board) / "jobs").iterdir()))


def test_ctrl_c_ends_what_runs_there(long_run, board):
    long_run.send_signal(signal.SIGINT)
    assert finish(long_run).returncode == 130
    wait_until(lambda: not workers(cache(board)))
    wait_until(lambda: not list((cache(board) / "jobs").iterdir()))


def test_a_run_that_is_killed_here_ends_there_too(long_run, board):
    long_run.kill()
    wait_until(lambda: not workers(cache(board)))
    wait_until(lambda: not list((cache(board) / "jobs").iterdir()))


def test_clean_waits_for_the_end_of_a_measurement(long_run, home):
    assert_one_sentence(home.run("devices", "clean", "ssh://board"), 3, "another measurement")


def test_two_runs_at_once_share_one_environment(home, board, tmp_path):
    home.run("devices", "clean", "ssh://board")
    both = [home.start("bench", MODELS["int8"], "--on", "ssh://board", *QUICK, "--json", f"{i}.json") for i in range(2)]
    results = [finish(x) for x in both]
    assert [x.returncode for x in results] == [0, 0], [x.stderr for x in results]
    assert len([x for x in (cache(board) / "environments").iterdir() if x.is_dir()]) == 1


def test_a_model_of_any_file_name_is_measured(home, tmp_path):
    hostile = tmp_path / "a'; touch pwned; echo $(touch pwned) `touch pwned` \"&\n.tflite"
    hostile.write_bytes(Path(MODELS["int8"]).read_bytes())
    succeeded(home.run("bench", hostile, "--on", "ssh://board", *QUICK))
    assert not list(tmp_path.rglob("pwned"))
    assert not Path("~/pwned").expanduser().exists()


def test_what_was_half_sent_is_removed_by_the_next_run(home, board):
    assert home.run("bench", MODELS["int8"], "--on", "ssh://board", *QUICK).returncode == 0
    half = [cache(board) / "objects" / "tmpabc", cache(board) / "environments" / "tmpabc" / "site"]
    half[0].write_bytes(b"half")
    half[1].mkdir(parents=True)
    assert home.run("devices", "ssh://board").returncode == 0
    assert [x.exists() for x in half] == [False, False]
