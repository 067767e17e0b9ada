"""`make claims` refuses a busy machine, names sources and doubts, and checks the limits."""

import pytest

from tools import claims
from tools.claim import at_most
from tools.live_claims import personal_claims
from tools.personal_gain import Gain


def test_a_busy_machine_and_an_unknown_section_are_refused(monkeypatch, capsys):
    def run(load, *arguments):
        monkeypatch.setattr(claims.os, "getloadavg", lambda: (load, load, load))
        monkeypatch.setattr(claims.machine_state, "busy_share", lambda *_: 0.0)
        monkeypatch.setattr("sys.argv", ["claims", "data", "peers", *arguments])
        with pytest.raises(SystemExit) as ended:
            claims.main()
        return ended.value.code, capsys.readouterr().err

    monkeypatch.setattr(claims, "data_claims", lambda: [at_most("data take", 1, 2, "MB", "size")])
    assert run(100.0)[0] == 2
    assert "doubt=''" in next(x for x in run(0.0)[1].splitlines() if "data take" in x)  # not on an idle one
    code, error = run(0.0, "nonsense")
    assert code == 2
    assert "nonsense" in error


@pytest.mark.parametrize(
    ("gains", "holds"),
    [
        (((0.9, 0.93), (0.95, 0.945)), [True, True]),
        (((0.9, 0.9), (0.95, 0.95)), [False, True]),  # the mean has to improve
        (((0.9, 0.99), (0.95, 0.9395)), [True, False]),  # nobody may lose more than a point
    ],
)
def test_adapting_has_to_gain_on_the_mean_and_may_cost_nobody_more_than_a_point(gains, holds):
    people = [Gain(i, 100, before, after, before, after, used=True) for i, (before, after) in enumerate(gains)]
    assert [claim.holds for claim in personal_claims(people)] == holds
