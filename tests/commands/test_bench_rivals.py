"""Check `har-edge bench` of rivals and of models as C: same rounds and windows; missing forms are named."""

import hashlib
import json
import os
import shutil
import sys
from pathlib import Path

import onnx
import onnx_models
import pytest
import tiny_models
from compiled_c import CC
from home import ROUNDS
from programs import MODELS, assert_one_sentence, succeeded, write_program

from edge_runtime.bench import c_library
from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.model_file import open_model_file
from edge_runtime.model.onnx_model import count_operators, load_onnx_runtime, open_onnx
from edge_runtime.model.rivals import record_of
from edge_runtime.system.child_processes import run_command
from edge_runtime.system.installation import MissingExtraError


@pytest.fixture
def model(tmp_path, few) -> Path:
    return onnx_models.with_rivals(tmp_path, few.labels)


@pytest.fixture
def bench(har_edge_here, model):
    quick = ("--rivals", "--rounds", 1, "--no-control", "--json", "b.json")
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
        assert len(rival["samples_ms"]["latency"]) == 1
    assert (onnx["operators"], onnx["xnnpack_operators"], ours["agreement"]) == (2, None, None)
    fastest = min(range(3), key=lambda i: report["results"][i]["latency_ms"]["undisturbed"])
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


def test_an_onnx_file_that_refers_to_others_is_not_opened(monkeypatch):
    opened = []
    monkeypatch.setattr(load_onnx_runtime().module, "InferenceSession", lambda *args, **_: opened.append(args))
    for file in ("/etc/passwd", "../../weights", "weights"):
        with pytest.raises(InputError, match=r"m\.onnx"):
            open_onnx(onnx_models.dense(onnx_models.WEIGHTS, (128, 1), file=file), name="m.onnx")
    assert not opened


def test_an_onnx_file_that_is_damaged_or_has_two_outputs_is_refused():
    content = onnx_models.dense(onnx_models.WEIGHTS, (128, 1))
    model = onnx.load_model_from_string(content)
    model.graph.output.append(onnx.helper.make_tensor_value_info("row", onnx.TensorProto.FLOAT, (1, 128)))
    for other in (content[:-40], model.SerializeToString()):
        with pytest.raises(InputError, match=r"m\.onnx"):
            open_onnx(other, name="m.onnx")
    with pytest.raises(InputError, match="ONNX"):
        count_operators(content[:-40])


def test_reading_an_onnx_file_without_the_package_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"\[onnx\]"):
        count_operators(onnx_models.dense(onnx_models.WEIGHTS, (128, 1)))


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
def test_c_is_made_once_and_measured_in_the_same_rounds_and_names_its_compiler(har_edge_here, tmp_path, monkeypatch):
    conversions = []
    monkeypatch.setattr(c_library, "run_command", lambda *args: conversions.append(args) or run_command(*args))
    write_program(tmp_path / "cc", f'cc "$@" || exit; for x; do :; done; cp "$x" {tmp_path}/compiled')
    forms = ("--json", "b.json", "--markdown", "b.md", "--html", "b.html")
    variables = {"CC": f"env {tmp_path}/cc", "HAR_EDGE_CACHE": f"{tmp_path}/cache"}
    done = succeeded(har_edge_here("bench", "edge", *ROUNDS, *forms, env=variables))
    float32, int8, c = json.loads((tmp_path / "b.json").read_text())["results"]
    assert [result["runtime"] for result in (float32, int8, c)] == ["litert", "litert", "c"]
    same = ("confusion", "accuracy", "calibration_error", "quantization", "operators", "agreement")
    assert {x: c[x] for x in same} == {x: int8[x] for x in same}
    library = (tmp_path / "compiled").read_bytes()
    assert (c["size_bytes"], c["sha256"]) == (len(library), hashlib.sha256(library).hexdigest())
    assert min(c["load_ms"], c["first_ms"]) > 0
    assert "-std=c99 -O3, " in c["runtime_version"]
    assert not c["runtime_version"].startswith("zig")
    assert done.stdout.startswith("int8 as C is ")
    for text in ((tmp_path / name).read_text() for name in ("b.md", "b.html")):
        assert f"int8 as C by {c['runtime_version']}" in " ".join(text.split())
    mine = shutil.copy(MODELS["int8"], tmp_path / "mine.tflite")
    assert c_library.c_of(open_model_file(mine)).is_relative_to(tmp_path / "cache")
    assert len(conversions) == 1


@needs_cc
@pytest.mark.parametrize(
    ("model", "compiler", "code", "word"),
    [("float32", "", 2, "int8"), ("int8", "/absent/cc", 3, "edge_int8.tflite as C")],
)
def test_a_model_that_cannot_be_c_is_an_error_only_if_c_is_requested(
    har_edge_here, tmp_path, model, compiler, code, word
):
    command = ("bench", MODELS[model], *ROUNDS, "--json", "b.json", "--runtime")
    assert_one_sentence(har_edge_here(*command, "c", env={"CC": compiler}), code, word)
    succeeded(har_edge_here(*command, "auto"))
    report = json.loads((tmp_path / "b.json").read_text())
    assert [result["runtime"] for result in report["results"]] == ["litert"]
    assert compiler in (report["without_c"] or "")


def test_a_failed_conversion_to_c_leaves_nothing_in_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HAR_EDGE_CACHE", str(tmp_path))
    card = tiny_models.card(samples=4, signals="ab")
    cards.write_model(tmp_path / "m.tflite", tiny_models.crashing((4, 2)), card)
    with pytest.raises(InputError, match=r"m\.tflite.*SIGSEGV"):
        c_library.c_of(open_model_file(tmp_path / "m.tflite"))
    assert not list(tmp_path.glob("c/*"))
