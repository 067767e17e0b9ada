"""The claims about adapting to a person: what they make of gains."""

import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).parents[2] / "tools"


@pytest.fixture
def claims(monkeypatch):
    """By gains of people, whether the mean improves and nobody loses much."""
    monkeypatch.syspath_prepend(str(TOOLS))
    import live_claims

    yield lambda *gains: [
        x.holds
        for x in live_claims.personal_claims(
            [{"subject": i, "before": before, "after": after} for i, (before, after) in enumerate(gains)]
        )
    ]
    for name in ("live_claims", "claim"):
        sys.modules.pop(name, None)


def test_the_mean_has_to_improve(claims):
    assert claims((0.9, 0.93), (0.95, 0.945)) == [True, True]
    assert claims((0.9, 0.9), (0.95, 0.95)) == [False, True]


def test_nobody_may_lose_more_than_a_point(claims):
    assert claims((0.9, 0.99), (0.95, 0.938)) == [True, False]
