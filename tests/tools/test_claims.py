"""`make claims` refuses a busy machine, and checks the limits."""

import pytest

from tools import claims
from tools.claim import at_most


@pytest.mark.parametrize(("load", "value", "code"), [(0.0, 1, 0), (0.0, 3, 1), (100.0, 1, "load average")])
def test_a_claim_that_fails_and_a_busy_machine_end_with_an_error(monkeypatch, load, value, code):
    monkeypatch.setattr(claims.os, "getloadavg", lambda: (load, load, load))
    monkeypatch.setattr(claims, "_sections", lambda _: {"data": lambda: [at_most("data take", value, 2, "MB", "size")]})
    monkeypatch.setattr(claims, "write_result", lambda *_: None)
    with pytest.raises(SystemExit) as ended:
        claims.main()
    assert str(code) in str(ended.value.code)
