"""Check `har-edge bench --runtime c`: the C is one more form, with the answers of the model that it was made of."""

import json

import pytest
from compiled_c import CC
from home import QUICK
from programs import MODELS, assert_one_sentence, succeeded

pytestmark = pytest.mark.skipif(CC is None, reason="needs a C compiler: apt-get install gcc")


def test_c_is_measured_in_the_same_rounds_and_names_its_compiler(har_edge_here, tmp_path):
    forms = ("--json", "b.json", "--markdown", "b.md", "--html", "b.html")
    done = succeeded(har_edge_here("bench", "edge", "--runtime", "c", *QUICK, *forms))
    float32, int8, c = json.loads((tmp_path / "b.json").read_text())["results"]
    assert [x["runtime"] for x in (float32, int8, c)] == ["litert", "litert", "c"]
    assert [len(x) for x in c["samples_ms"]["latency"]] == [20, 20]
    same = ("confusion", "accuracy", "calibration_error", "quantization", "operators", "agreement")
    assert {x: c[x] for x in same} == {x: int8[x] for x in same}
    assert "-std=c99 -O3, " in c["runtime_version"]
    for text in (done.stdout, *((tmp_path / x).read_text() for x in ("b.md", "b.html"))):
        assert f"C int8 by {c['runtime_version']}" in " ".join(text.split())


@pytest.mark.parametrize(
    ("model", "compiler", "code", "word"),
    [("float32", "", 2, "int8"), ("int8", "/absent/cc", 3, "edge_int8.tflite as C")],
)
def test_what_cannot_be_c_is_one_sentence(har_edge_here, model, compiler, code, word):
    asked = ("bench", MODELS[model], "--runtime", "c", "--runs", 4, "--rounds", 1, "--json", "b.json")
    assert_one_sentence(har_edge_here(*asked, env={"CC": compiler}), code, word)
