"""The pages of results match their JSON files."""

import json

import pytest

from tools import (
    RESULTS,
    c_against_float,
    c_times,
    claims,
    other_data_document,
    peers,
    published_document,
    reference,
)
from tools.results_document import DOCUMENT, README, document, load_measured, with_table


def test_the_document_matches_make_results():
    assert DOCUMENT.read_text() == document(load_measured()), "run make results"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c_file", c_times.markdown),
        ("claims", claims.markdown),
        ("other_data", other_data_document.markdown),
        ("peers", peers.markdown),
        ("processors", peers.processors),
        ("published", published_document.document),
        ("seeds", reference.markdown),
    ],
)
def test_a_page_matches_its_numbers(name, text):
    assert (RESULTS / f"{name}.md").read_text() == text(json.loads((RESULTS / f"{name}.json").read_text()))


def test_the_table_of_readme_matches_make_results():
    text = README.read_text()
    assert text == with_table(text), "run make results"


def test_a_form_as_c_is_compared_with_the_fastest_float_of_any_tool():
    times = {"int8": 9.0, "float32": 20.0, "ONNX Runtime float32": 10.0, "int8 as C": 2.5}
    assert [c_against_float(times, x) for x in ("int8", "mixed")] == ["2.5 (0.25)", "–"]
