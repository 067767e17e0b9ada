"""The pages of results match their JSON files."""

import json

import pytest

from convert.conversion_report import LOOPS_C, LOOPS_INT8
from tools import (
    RESULTS,
    c_against_float,
    c_times,
    claims,
    other_data_document,
    peers,
    published_document,
    reference,
    us_of,
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


def test_the_advice_of_convert_on_loops_has_the_measured_ratios():
    looped = {x["name"]: x["bench"]["p50_ratio"] for x in load_measured() if x["bench"]["lowering"] == "looped"}
    as_c = json.loads((RESULTS / "c_file.json").read_text())["networks"]
    times = [us_of(as_c[name])["AVX-512 VNNI"] for name in looped if name in as_c]
    ratios = [x["C"] / min(us for form, us in x.items() if form.endswith("float32")) for x in times]
    for shown, measured in ((LOOPS_INT8, looped.values()), (LOOPS_C, ratios)):
        assert shown == f"{min(measured):.1f} to {max(measured):.1f}"
