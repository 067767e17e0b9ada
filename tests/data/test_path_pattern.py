"""Check which paths a pattern fits, against an expression that tries every place, and that long names are no burden."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_runtime.data import layout_file
from edge_runtime.data.path_pattern import PathPattern


def test_a_pattern_may_begin_in_any_folder_or_at_the_top():
    anywhere, top = PathPattern("{label}_{trial}/sub_{subject}.csv"), PathPattern("/{subject}.csv")
    assert anywhere.match("a/b/dws_1/sub_12.csv") == {"label": "dws", "trial": "1", "subject": "12"}
    assert anywhere.match("dws_1/SUB_2.CSV") == {"label": "dws", "trial": "1", "subject": "2"}
    assert anywhere.match("dws_1/sub_1/2.csv") is None
    assert top.match("anna.csv") == {"subject": "anna"}
    assert top.match("a/anna.csv") is None
    assert PathPattern("{x}/{x}.csv").match("1/2.csv") is None


def plain_expression(pattern):
    """The pattern as a regular expression that tries all places."""
    known = set()

    def part(token):
        if token[0] in ("**/", "*"):
            return {"**/": "(?:.*/)?", "*": "[^/]*?"}[token[0]]
        is_known = token[1] in known
        known.add(token[1])
        return f"(?P={token[1]})" if is_known else f"(?P<{token[1]}>[^/]+?)"

    return re.compile("(?:.*/)?" + re.sub(r"\{(.)\}|\*\*/|\*", part, pattern), re.IGNORECASE)


@pytest.mark.parametrize(
    "pattern",
    [
        "*a*{x}a",
        "{x}{y}b",
        "{x}_*/{x}a",
        "{x}_{x}*b",
        "**/a*/**/{x}_*",
        "{x}a{y}/b{y}*_{z}",
        "**/{x}b{x}*/{x}",
        "a{x}*",
        "{x}_{y}/{y}{x}",
        "*{x}/{y}_*_{y}",
    ],
)
@given(path=st.text("abA_/", max_size=14))
def test_a_pattern_finds_all_that_trying_every_place_finds(pattern, path):
    expected = plain_expression(pattern).fullmatch(path)
    assert PathPattern(pattern).match(path) == (expected and expected.groupdict())


def test_long_names_in_a_zip_do_not_hold_up_a_match():
    """Trying every place would take years."""
    for name in layout_file.shipped():
        files = layout_file.find(name).files
        for text in ("_", "_csv", "acc_", "s1_"):
            long = (text * 255)[:250]
            for path in (f"proband1/{long}/acc_{long}", f"proband1/a_b_1_csv/acc_{long}", "/".join([long] * 32)):
                assert files.match(path + "x") is None
    assert PathPattern("*_*_*_*_*_*_*_{x}.csv").match("_" * 250) is None
    assert PathPattern("{x}.csv").match("x" * 251 + ".csv")
    assert PathPattern("{x}.csv").match("x" * 252 + ".csv") is None
    assert PathPattern("{x}.csv").match("a/" * 33 + "x.csv") is None


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("**/a/**/b/**/c", "more than 2"),
        ("{a}/{b}/{c}/{a}{b}{c}", "2 names that come again"),
        ("*_*_{a}/{a}", "2 names that come again"),
        ("**/{a}_{b}/**/{a}_{b}", "or 3 of both"),
        ("a**/b", "stands for whole folders"),
    ],
)
def test_a_pattern_that_would_try_too_many_places_is_none(pattern, says):
    with pytest.raises(ValueError, match=says):
        PathPattern(pattern)
