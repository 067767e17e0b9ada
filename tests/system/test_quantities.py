"""Numbers in sentences and tables."""

import math

from edge_runtime.system import quantities


def test_numbers_have_as_many_digits_as_they_deserve():
    assert [quantities.significant(x) for x in (0.00218, 4.44, 61234, 0)] == ["0.0022", "4.4", "61\u202f000", "0"]
    assert [quantities.millijoules(x) for x in (0.0344, 1.234, None)] == ["34.4 µJ", "1.23 mJ", "–"]
    assert [quantities.time(x, "ms") for x in (1.234, 12.34, None)] == ["1.23 ms", "12.3 ms", "–"]
    assert quantities.time(0.0176, "µs", 0.00001) == "17.6 ±0.1 µs"


def test_shares_are_in_percent_and_unknown_ones_a_dash():
    assert [quantities.percent(x) for x in (0.97656, None, math.nan)] == ["97.66 %", "–", "–"]
    assert [quantities.percent_range(x) for x in ((0.962, 0.9876), None)] == ["96.2–98.8 %", "–"]
