"""Check `har-edge bench --rivals`: same rounds, same windows; what is not there is said and fails nothing."""

import hashlib
import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx_models
import pytest
import sample_reports as samples
import tiny_models
from programs import assert_one_sentence, succeeded

from edge_runtime.bench.comparison import compare
from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.onnx_model import count_operators, load_onnx_runtime, open_onnx
from edge_runtime.model.rivals import ONNX, STOCK, Rival, RivalRecord, record_of, rival_path

WEIGHTS = np.random.default_rng(0).normal(size=(6, 128)).astype(np.float32)
QUICK = ("--runs", 30, "--rounds", 1, "--no-control")


def onnx_content() -> bytes:
    """The network of `WEIGHTS` as an ONNX graph."""
    return onnx_models.dense(WEIGHTS, (128, 1))


@pytest.fixture
def model(tmp_path, few) -> Path:
    """A network of one layer in float32, its forms by two tools, and a form that could not be made."""
    card = tiny_models.card(labels=few.labels, signals=("total_acc_x",))
    path = tmp_path / "mine_float32.tflite"
    flatbuffer = tiny_models.dense(WEIGHTS, (128, 1))
    cards.write_model(path, flatbuffer, card)
    record = record_of(path)
    record.parent.mkdir()
    rivals = []
    for tool, name, content in ((STOCK, "mine_s.tflite", flatbuffer), (ONNX, "mine_o.onnx", onnx_content())):
        rivals.append(Rival(tool, "float32", name, hashlib.sha256(content).hexdigest()))
        rival_path(record, rivals[-1]).write_bytes(content)
    content = json.loads(card.to_json())
    RivalRecord("0" * 64, content, tuple(rivals), {"fused LSTM float32": "the network has no recurrent layer"}).write(
        record
    )
    return path


def bench(har_edge_here, model: Path, *options: object):
    return har_edge_here("bench", model.name, "--rivals", *QUICK, "--json", "b.json", *options, cwd=model.parent)


def test_rivals_are_timed_and_scored_with_the_models_and_one_that_could_not_be_made_fails_nothing(har_edge_here, model):
    done = succeeded(bench(har_edge_here, model))
    report = json.loads((model.parent / "b.json").read_text())
    assert [(x["rival"], x["quantization"], x["runtime"]) for x in report["results"]] == [
        (None, "float32", "litert"),
        ("TensorFlow stock", "float32", "litert"),
        ("ONNX Runtime", "float32", "onnxruntime"),
    ]
    own, stock, onnx = report["results"]
    for rival, name in ((stock, "mine_s.tflite"), (onnx, "mine_o.onnx")):
        content = record_of(model).with_name(name).read_bytes()
        assert (rival["size_bytes"], rival["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
        assert (rival["accuracy"], rival["agreement"], rival["model"]) == (own["accuracy"], 1.0, own["model"])
        assert [len(x) for x in rival["samples_ms"]["latency"]] == [30]
    assert (onnx["operators"], onnx["xnnpack_operators"], own["agreement"]) == (2, None, None)
    fastest = min(range(3), key=lambda i: report["results"][i]["latency_ms"]["p50"])
    assert {x["against"] for x in report["comparisons"]} == {fastest}
    assert report["absent_rivals"] == [{"name": "fused LSTM float32", "reason": "the network has no recurrent layer"}]
    assert "fused LSTM float32" in done.stdout


def test_a_rival_that_its_runtime_does_not_take_is_absent_with_the_reason(har_edge_here, model):
    record = record_of(model)
    content = json.loads(record.read_text())
    broken = onnx_content()[:-40]
    record.with_name("mine_o.onnx").write_bytes(broken)
    content["rivals"][1]["sha256"] = hashlib.sha256(broken).hexdigest()
    record.write_text(json.dumps(content))
    succeeded(bench(har_edge_here, model))
    report = json.loads((model.parent / "b.json").read_text())
    assert [x["rival"] for x in report["results"]] == [None, "TensorFlow stock"]
    assert report["failures"] == []
    assert [x["name"] for x in report["absent_rivals"]] == ["fused LSTM float32", "ONNX Runtime float32"]


def record(change):
    """Write the record of rivals anew, changed."""

    def apply(model: Path) -> None:
        path = record_of(model)
        path.write_text(json.dumps(change(json.loads(path.read_text()))))

    return apply


def of_first(**changes: str):
    return record(lambda x: x | {"rivals": [x["rivals"][0] | changes]})


@pytest.mark.parametrize(
    ("change", "arguments", "word"),
    [
        (lambda model: None, "mine_float32.tflite --runtime tflite-micro", "--rivals"),
        (lambda model: record_of(model).unlink(), "mine_float32.tflite", "har-edge convert --rivals"),
        (lambda model: None, "edge", "edge"),
        (lambda model: (model.parent / "mine.keras").write_text("another network"), "mine_float32.tflite", "rivals"),
        (record(lambda x: x | {"rivals": 3}), "mine_float32.tflite", "mine.json"),
        (record(lambda x: x | {"card": x["card"] | {"name": "other"}}), "mine_float32.tflite", "rivals"),
        (of_first(sha256="1" * 64), "mine_float32.tflite", "mine_s.tflite"),
        (of_first(file="../gone.tflite"), "mine_float32.tflite", "mine.json"),
    ],
)
def test_rivals_that_do_not_belong_to_the_model_are_refused(har_edge_here, model, change, arguments, word):
    change(model)
    assert_one_sentence(har_edge_here("bench", *arguments.split(), "--rivals", cwd=model.parent), 2, word)


def test_without_onnx_runtime_the_extra_is_named(har_edge_here, monkeypatch, tmp_path):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxruntime" else find_spec(name))
    with pytest.raises(InputError, match="onnxruntime"):
        load_onnx_runtime()
    assert_one_sentence(har_edge_here("convert", "mine.keras", "--rivals"), 2, "onnxruntime")


def test_operators_are_counted_and_a_damaged_file_is_refused():
    content = onnx_content()
    assert count_operators(content) == {"Reshape": 1, "Gemm": 1}
    answers = open_onnx(content).run(np.ones((1, 128, 1), np.float32))
    assert answers == pytest.approx(WEIGHTS.sum(axis=1)[np.newaxis], rel=1e-4)
    with pytest.raises(InputError, match="ONNX"):
        count_operators(b"\xff" * 12)


def test_two_runs_are_compared_tool_by_tool():
    def report(p50: float):
        rivals = (samples.result("float32", p50, rival=x) for x in ("TensorFlow stock", "ONNX Runtime"))
        return samples.of(samples.FLOAT, *rivals)

    outcome = compare(report(0.01), report(0.02))
    assert [x.title for x in outcome.pairs] == [
        "edge float32",
        "edge TensorFlow stock float32",
        "edge ONNX Runtime float32",
    ]
    assert [round(x.changes["p50"].change) for x in outcome.pairs] == [0, 100, 100]
    fewer = replace(report(0.01), results=report(0.01).results[:2])
    assert compare(report(0.01), fewer).only_old == ("edge ONNX Runtime float32",)
