"""Check `har-edge bench --rivals` and `--runtime c`: same rounds and windows; missing rivals are named."""

import hashlib
import json
import os
from pathlib import Path

import onnx_models
import pytest
from compiled_c import CC
from home import QUICK
from programs import MODELS, assert_one_sentence, succeeded, write_program

from edge_runtime.model.onnx_model import load_onnx_runtime
from edge_runtime.model.rivals import record_of


@pytest.fixture
def model(tmp_path, few) -> Path:
    return onnx_models.with_rivals(tmp_path, few.labels)


@pytest.fixture
def bench(har_edge_here, model):
    quick = ("--rivals", "--runs", 30, "--rounds", 1, "--no-control", "--json", "b.json")
    return lambda: har_edge_here("bench", model.name, *quick, cwd=model.parent)


def test_rivals_are_measured_with_the_models_and_a_missing_rival_is_not_a_failure(bench, model):
    done = succeeded(bench())
    report = json.loads((model.parent / "b.json").read_text())
    assert [(result["rival"], result["quantization"], result["runtime"]) for result in report["results"]] == [
        (None, "float32", "litert"),
        ("TensorFlow stock", "float32", "litert"),
        ("ONNX Runtime", "float32", "onnxruntime"),
    ]
    ours, stock, onnx = report["results"]
    for rival, name in ((stock, "mine_s.tflite"), (onnx, "mine_o.onnx")):
        content = record_of(model).with_name(name).read_bytes()
        assert (rival["size_bytes"], rival["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert (rival["accuracy"], rival["agreement"], rival["model"]) == (ours["accuracy"], 1.0, ours["model"])
        assert [len(round) for round in rival["samples_ms"]["latency"]] == [30]
    assert (onnx["operators"], onnx["xnnpack_operators"], ours["agreement"]) == (2, None, None)
    fastest = min(range(3), key=lambda i: report["results"][i]["latency_ms"]["p50"])
    assert {comparison["against"] for comparison in report["comparisons"]} == {fastest}
    assert report["absent_rivals"] == [{"name": "fused LSTM float32", "reason": "the network has no recurrent layer"}]
    assert "fused LSTM float32" in done.stdout


def test_a_rival_that_its_runtime_refuses_is_absent_with_the_reason(bench, model):
    onnx_models.write_rivals(model, onnx_models.dense(onnx_models.WEIGHTS, (128, 1))[:-40])
    succeeded(bench())
    report = json.loads((model.parent / "b.json").read_text())
    assert [result["rival"] for result in report["results"]] == [None, "TensorFlow stock"]
    assert report["failures"] == []
    assert [rival["name"] for rival in report["absent_rivals"]] == ["fused LSTM float32", "ONNX Runtime float32"]


def test_onnx_runtime_sends_no_telemetry():
    load_onnx_runtime()
    assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


def of_another_model(model: Path) -> None:
    record = record_of(model)
    record.write_text(record.read_text().replace('"name": "', '"name": "other', 1))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda model: record_of(model).unlink(), "har-edge convert --rivals"),
        (lambda model: (model.parent / "mine.keras").write_text("another"), "another network"),
        (of_another_model, "another network"),
        (lambda model: record_of(model).with_name("mine_s.tflite").write_text("changed"), "mine_s.tflite"),
    ],
)
def test_rivals_that_do_not_belong_to_the_model_are_refused(bench, model, change, word):
    change(model)
    assert_one_sentence(bench(), 2, word)


def test_a_reference_model_has_no_rivals(har_edge_here):
    assert_one_sentence(har_edge_here("bench", "edge", "--rivals"), 2, "reference", "har-edge train")


needs_cc = pytest.mark.skipif(CC is None, reason="needs a C compiler: apt-get install gcc")


@needs_cc
def test_c_is_measured_in_the_same_rounds_and_names_its_compiler(har_edge_here, tmp_path):
    write_program(tmp_path / "cc", f'cc "$@" || exit; for x; do :; done; cp "$x" {tmp_path}/compiled')
    forms = ("--json", "b.json", "--markdown", "b.md", "--html", "b.html")
    done = succeeded(har_edge_here("bench", "edge", "--runtime", "c", *QUICK, *forms, env={"CC": f"env {tmp_path}/cc"}))
    float32, int8, c = json.loads((tmp_path / "b.json").read_text())["results"]
    assert [result["runtime"] for result in (float32, int8, c)] == ["litert", "litert", "c"]
    assert [len(round) for round in c["samples_ms"]["latency"]] == [20, 20]
    same = ("confusion", "accuracy", "calibration_error", "quantization", "operators", "agreement")
    assert {x: c[x] for x in same} == {x: int8[x] for x in same}
    library = (tmp_path / "compiled").read_bytes()
    assert (c["size_bytes"], c["sha256"]) == (len(library), hashlib.sha256(library).hexdigest())
    assert min(c["load_ms"], c["first_ms"]) > 0
    assert "-std=c99 -O3, " in c["runtime_version"]
    assert not c["runtime_version"].startswith("zig")
    for text in (done.stdout, *((tmp_path / name).read_text() for name in ("b.md", "b.html"))):
        assert f"C int8 by {c['runtime_version']}" in " ".join(text.split())


@needs_cc
@pytest.mark.parametrize(
    ("model", "compiler", "code", "word"),
    [("float32", "", 2, "int8"), ("int8", "/absent/cc", 3, "edge_int8.tflite as C")],
)
def test_a_model_that_cannot_be_c_is_refused_in_one_sentence(har_edge_here, model, compiler, code, word):
    command = ("bench", MODELS[model], "--runtime", "c", "--runs", 4, "--rounds", 1, "--json", "b.json")
    assert_one_sentence(har_edge_here(*command, env={"CC": compiler}), code, word)


def test_c_is_refused_if_only_the_runtime_package_is_installed(har_edge_here, monkeypatch):
    monkeypatch.setattr("edge_runtime.commands.bench.find_spec", lambda name: None)
    assert_one_sentence(har_edge_here("bench", "edge", "--runtime", "c"), 2, "--runtime c")
