"""`make claims` refuses a busy machine, and says of each row where it comes from and what to doubt."""

import json

import pytest

from tools import RESULTS, claims
from tools.claim import MEASURED, at_most


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the command at a load average; its exit code and what it says of a claim that was measured and one read."""

    def run(load, *arguments):
        monkeypatch.setattr(claims.os, "getloadavg", lambda: (load, load, load))
        monkeypatch.setattr(claims.machine, "busy_share", lambda *_: 0.0)
        monkeypatch.setattr("sys.argv", ["claims", "data", "peers", *arguments])
        with pytest.raises(SystemExit) as ended:
            claims.main()
        return ended.value.code, capsys.readouterr().err

    monkeypatch.setattr(claims, "data_claims", lambda: [at_most("data take", 1, 2, "MB", "size")])
    return run


def test_a_busy_machine_is_refused(run):
    code, error = run(100.0)
    assert code == 2
    assert "the load average is 100.00" in error
    assert "--anyway" in error


def test_anyway_marks_what_is_measured_and_a_row_that_is_read_keeps_the_doubts_of_its_file(run):
    code, error = run(100.0, "--anyway")
    (measured, *read) = [x for x in error.splitlines() if "Claim(" in x]
    assert code == 0
    assert f"source='{MEASURED}'" in measured
    assert "doubt='the load average before was 100.00'" in measured
    machine = json.loads((RESULTS / "peers.json").read_text())["device"]["cpu"]
    for row in read:
        assert "source='read from docs/results/peers.json'" in row
        assert f"machine='{machine}'" in row
        assert "100.00" not in row


def test_an_idle_machine_leaves_no_doubt(run):
    assert "doubt=''" in next(x for x in run(0.0)[1].splitlines() if "data take" in x)


def test_a_section_that_is_not_there_is_named(run):
    assert "there is no section nonsense: choose of start-up, data" in run(0.0, "nonsense")[1]
