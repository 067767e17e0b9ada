"""The pages of results match their JSON files."""

import json

import numpy as np
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


def test_a_refused_network_is_listed_with_its_sentence():
    content = json.loads((RESULTS / "published.json").read_text())
    refused = {"seconds": 1.0, "cpu_seconds": 1.0, "refused": "no such layer", "failed": None}
    content["transformer"] |= {"conversion": refused, "bench": None}
    assert "- `transformer`: no such layer\n" in published_document.document(content)
    assert f"- {len(content) - 1} of {len(content)} convert" in published_document.document(content)


def test_the_table_of_readme_matches_make_results():
    text = README.read_text()
    assert text == with_table(text), "run make results"


def test_a_row_has_mean_and_deviation_of_its_seeds_and_the_best_and_worst_subject():
    (edge,) = [network for network in load_measured() if network["name"] == "edge"]
    second = json.loads(json.dumps(edge["seeds"][0]))
    for form, accuracy in (("float32", 0.9), ("int8", 0.85)):
        second["scores"][form] = {"accuracy": accuracy, "per_subject": {"2": 0.2, "4": 1.0}}
        edge["seeds"][0]["scores"][form] = {"accuracy": 0.8, "per_subject": {"2": 0.4, "4": 0.8}}
    (row, *_) = [x for x in document([edge | {"seeds": [edge["seeds"][0], second]}]).splitlines() if "| `edge` |" in x]
    cells = [x.strip() for x in row.split("|")]
    assert cells[4:8] == ["2", f"85.00 ± {100 * np.std([0.8, 0.9], ddof=1):.2f}", "90.0 (4)", "30.0 (2)"]
    assert cells[8:11] == ["82.50 ± 3.54", "30.0 (2)", "2.50 (5.00)"]


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
