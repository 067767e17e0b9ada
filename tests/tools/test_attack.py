"""Check that the attack notices every kind of fault, that a fork ends as a process does, and a sample."""

import importlib
import signal
import socket
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest

from edge_runtime.live.sources import sockets
from tools.attack import figure, kills, peers
from tools.attack.__main__ import GROUPS
from tools.attack.ground import ESCAPE, Ground
from tools.attack.harness import KINDS, Case, Ending, Fault, Finding, Place, judge, run_cases

GOOD = Ending(code=2, hung=False, seconds=1.0, peak_bytes=1, stdout=b"", stderr=b"Error: x is missing: give it\n")


@pytest.fixture
def place(tmp_path):
    made = Place(tmp_path, tmp_path / "scratch", 60.0)
    yield made
    made.close()


def test_one_sentence_is_no_fault():
    assert judge(GOOD) == []


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        ("traceback", {"stderr": b"Traceback (most recent call last):\nError: x\n"}),
        ("exit 70", {"code": 70}),
        ("signal", {"code": -signal.SIGSEGV}),
        ("hang", {"hung": True, "code": -signal.SIGKILL}),
        ("memory", {"peak_bytes": 2 << 30}),
        ("control", {"stderr": f"Error: {ESCAPE}\n".encode()}),
        ("control", {"stdout": "\x9b31m".encode()}),
        ("control", {"stdout": "\u202ex".encode()}),
        ("other", {"stderr": b""}),
        ("other", {"stderr": b"Error: x\nError: y\n"}),
        ("other", {"code": 5}),
        ("other", {"stderr": b"/x/y.py:5: RuntimeWarning: overflow\nError: x\n"}),
    ],
)
def test_each_kind_of_fault_is_noticed(kind, changes):
    assert kind in KINDS
    assert [x.kind for x in judge(replace(GOOD, **changes))] == [kind]


@pytest.mark.parametrize(("code", "kinds"), [(2, ["lost"]), (0, [])])
def test_a_file_that_a_failing_command_changed_is_lost(code, kinds, tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("precious")

    def execute(case):
        kept.write_text("changed")
        return replace(GOOD, code=code)

    found = Case("x", (), keeps=(kept, tmp_path / "new")).run(SimpleNamespace(execute=execute, patience_s=30.0))
    assert [x.kind for x in found.faults] == kinds


@pytest.mark.parametrize("line", [("--version",), ("info", "/nonexistent"), ("stream",), ("card", "edge")])
def test_a_fork_ends_as_a_fresh_process_does(line, place):
    forked, fresh = (place.execute(Case("x", line, fresh=x)) for x in (False, True))
    assert (forked.code, forked.stdout, forked.stderr) == (fresh.code, fresh.stdout, fresh.stderr)


def test_a_command_that_does_not_end_is_killed(tmp_path):
    place = Place(tmp_path, tmp_path / "scratch", 3.0)
    found = Case("x", ("stream", "edge-small", "--tcp", "127.0.0.1:0")).run(place)
    place.close()
    assert [x.kind for x in found.faults] == ["hang"]
    assert found.code == -signal.SIGKILL


# Cases that take a fraction of a second; the whole table is `make attack`.
N_QUICK = 12
QUICK = {
    "models": ("card-", "entry-", "foreign-"),
    "results": ("deep", "markup", "before-", "1e999", "400-digits"),
    "recordings": ("zip ", "escape-", "digits-subject"),
    "streams": ("json-", "1e39", "five-1e308"),
    "device": ("good ", "hello: ", "run: ", "answer: "),
}


SLOW = ("recordings", "device")


@pytest.mark.parametrize("group", [pytest.param(x, marks=[pytest.mark.long] * (x in SLOW)) for x in QUICK])
def test_a_part_of_each_table_is_without_fault(group, tmp_path, place):
    cases = importlib.import_module(f"tools.attack.{group}").cases(Ground(tmp_path / "ground", 0))
    fitting = [x for x in cases if x.name.startswith(QUICK[group])]
    chosen = fitting[:: len(fitting) // N_QUICK]
    assert len(chosen) >= N_QUICK
    found = run_cases(chosen, [place], lambda finding: None)
    assert {x.case: x.faults for x in found if x.faults} == {}


def test_every_group_has_a_module_and_says_its_subject():
    for group in GROUPS:
        assert importlib.import_module(f"tools.attack.{group}").cases


def test_the_figure_says_what_cases_were_held_to_and_how_many_kills_hit():
    found = {
        "options": [Finding("a", "", (), 0, 1.0, 1 << 29, limits="30 s, 1 GB"), Finding("b", "", (), 2, 4.0)],
        "kills": [Finding("c", "", (), -9), Finding("d", "", (Fault("other", "exit code 0"),), 0)],
    }
    said = figure.document(found, 60.0)
    assert "| all | 4 | 0 | 0 | 0 | 0 | 0 | 0 | 0 | 1 |" in said
    for note in ("limits of 1 cases: 30 s, 1 GB", "slowest: 4.0 s (b)", "largest: 0.50 GB (a)", "at work: 1 of 2"):
        assert note in said
        assert note in figure.text(found)


def test_a_command_that_ends_before_its_kill_is_killed_earlier_and_never_counts(tmp_path, monkeypatch):
    sleep = "import sys, time; time.sleep(float(sys.argv[1]))"
    monkeypatch.setattr(kills, "COMMAND", [sys.executable, "-c", sleep])
    monkeypatch.setattr(kills, "FIRST_S", 0.0)
    place = Place(tmp_path, tmp_path / "scratch", 60.0)

    def killed(seconds, reference_s):
        reference = SimpleNamespace(seconds=reference_s, outcome=None)
        left = iter(seconds)
        victim = kills.Victim("x", 1, lambda folder: (next(left, 0),), lambda folder: (), lambda folder: None)
        found = kills.Kill("x", victim, reference, tmp_path / "x", signal.SIGKILL, 1.0, finishes=False).run(place)
        return found.code, [x.text for x in found.faults]

    assert killed([0] * kills.ATTEMPTS, 400.0) == (0, ["exit code 0"])
    assert killed([0, 60], 4.0) == (-signal.SIGKILL, [])


def test_a_good_peer_that_is_refused_tries_for_longer_than_a_silent_one_keeps_its_place(monkeypatch):
    paused = []
    monkeypatch.setattr(peers.time, "sleep", paused.append)
    assert peers.tries(lambda: sum(paused) > sockets.SILENCE_S)
    assert not peers.tries(lambda: False)


def test_a_peer_notices_that_it_was_hung_up_on():
    ours, theirs = socket.socketpair()
    with ours:
        assert not peers.hung_up(ours)
        theirs.close()
        assert peers.hung_up(ours)
