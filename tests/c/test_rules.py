"""Check that the constants of rules stand only in Python."""

import re

from edge_runtime import c
from tools import c_rules

# Axes, channels, halves, flags, the terms of a series, pi, units of time, a sensor's rate: no rule would change them.
WHOLE = {
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "8",
    "9",
    "12",
    "16",
    "20",
    "250",
    "500",
    "1000",
    "2000",
    "1000000",
    "1000000000",
}
PLAIN = WHOLE | {"1e6", "10", "1024e-6", "1e-9", "1e-12", "3.14159265358979324"}
NUMBER = re.compile(r"(?<![\w.])(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+)")


def test_the_constants_in_c_are_pythons():
    assert {name: (c.FOLDER / name).read_text() for name in c_rules.headers()} == c_rules.headers()


def test_no_number_of_a_rule_stands_in_c():
    for path in c.FILES:
        code = re.sub(r"/\*.*?\*/|\"[^\"]*\"", "", path.read_text(), flags=re.DOTALL)
        if path.name not in c_rules.headers():
            assert {*NUMBER.findall(code)} <= PLAIN, path.name
