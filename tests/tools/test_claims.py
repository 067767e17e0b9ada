"""`make claims` refuses a busy machine, and checks the limits."""

import pytest

from tools import claims
from tools.claim import at_most
from tools.live_claims import personal_claims
from tools.personal_gain import Gain


@pytest.mark.parametrize(("load", "value", "code"), [(0.0, 1, 0), (0.0, 3, 1), (100.0, 1, "load average")])
def test_a_claim_that_fails_and_a_busy_machine_end_with_an_error(monkeypatch, load, value, code):
    monkeypatch.setattr(claims.os, "getloadavg", lambda: (load, load, load))
    monkeypatch.setattr(claims, "_sections", lambda _: {"data": lambda: [at_most("data take", value, 2, "MB", "size")]})
    monkeypatch.setattr(claims, "write_result", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        claims.main()
    assert str(code) in str(ended.value.code)


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
