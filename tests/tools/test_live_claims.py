"""Claims about adapting to a person hold when the mean improves and nobody loses much."""

import pytest

from tools.live_claims import personal_claims


@pytest.mark.parametrize(
    ("gains", "holds"),
    [
        (((0.9, 0.93), (0.95, 0.945)), [True, True]),
        (((0.9, 0.9), (0.95, 0.95)), [False, True]),  # the mean has to improve
        (((0.9, 0.99), (0.95, 0.938)), [True, False]),  # nobody may lose more than a point
    ],
)
def test_adapting_has_to_gain_on_the_mean_and_to_cost_nobody_more_than_a_point(gains, holds):
    people = [{"subject": i, "before": before, "after": after} for i, (before, after) in enumerate(gains)]
    assert [x.holds for x in personal_claims(people)] == holds
