"""Check `har-edge bench`, `report`, `info` and `card`: their output, their files and their refusals."""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny_models
from jsonschema import Draft202012Validator
from programs import MODELS, ROOT, assert_one_sentence, succeeded

from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier

BENCH = ROOT / "tests/bench/bench.json"
QUICK = ("--rounds", 1, "--no-control", "--runtime", "litert")


@pytest.fixture
def run(tmp_path) -> Path:
    """A run folder with converted models that is the latest."""
    folder = tmp_path / "runs" / "mine"
    folder.mkdir(parents=True)
    for scheme, path in MODELS.items():
        shutil.copy(path, folder / f"model_{scheme}.tflite")
    (tmp_path / "runs" / "latest").symlink_to("mine")
    return folder


def results(path: Path) -> dict[str, dict]:
    return {result["quantization"]: result for result in json.loads(path.read_text())["results"]}


def test_info_and_card_take_a_run_folder_or_a_reference_model(har_edge_here, run):
    card, of_run = (json.loads(succeeded(har_edge_here("card", model)).stdout) for model in ("edge", "runs/mine"))
    assert json.loads(succeeded(har_edge_here("info", "edge", "--json", "-")).stdout)["card"] == card == of_run


def test_bench_without_a_run_measures_the_reference_models(har_edge_here, tmp_path):
    done = succeeded(har_edge_here("bench", "--rounds", 2, "--runtime", "litert"))
    assert done.stdout.splitlines()[-2:] == ["bench-local.json", "bench-local.html"]
    measured = results(tmp_path / "bench-local.json")
    for result in measured.values():
        assert result["windows"] == sum(map(sum, result["confusion"])) == 2947
        assert len(result["per_subject"]) == 9
        assert result["accuracy"] > 0.96
    assert measured["int8"]["agreement"] > 0.98
    assert abs(measured["int8"]["accuracy"] - measured["float32"]["accuracy"]) < 0.007
    written = json.loads((tmp_path / "bench-local.json").read_text())
    schema = json.loads((ROOT / "edge_runtime" / "bench.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(written)
    assert written["control"]["p50_ratio"] > 0
    assert written["device"]["before"]["time"] < written["device"]["after"]["time"]
    assert written["data"]["period_s"] == 1.28


def test_bench_measures_the_latest_run_and_keeps_an_older_result_there(har_edge_here, run):
    (run / "bench-local.json").write_text("the last one")
    os.utime(run / "bench-local.json", (1.7e9, 1.7e9))
    done = succeeded(har_edge_here("bench", *QUICK))
    assert done.stdout.splitlines()[-2:] == ["runs/mine/bench-local.json", "runs/mine/bench-local.html"]
    files = [result["file"] for result in results(run / "bench-local.json").values()]
    assert files == ["runs/mine/model_float32.tflite", "runs/mine/model_int8.tflite"]
    (kept,) = run.glob("bench-local-202311??-??????.json")
    assert kept.read_text() == "the last one"


def test_bench_measures_a_model_and_writes_to_the_requested_file(har_edge_here, run, tmp_path):
    (tmp_path / "x.json").write_text("replaced, since the option names it")
    succeeded(har_edge_here("bench", MODELS["int8"], *QUICK, "--threads", 2, "--json", "x.json"))
    (result,) = json.loads((tmp_path / "x.json").read_text())["results"]
    assert (result["threads"], result["pinned_cpu"]) == (2, None)
    assert not list(tmp_path.rglob("bench-*"))


def test_bench_uses_the_older_runtime_in_another_environment(har_edge_here, tflite_runtime_python, tmp_path):
    older = ("--on", f"python:{tflite_runtime_python}", "--runtime", "tflite-runtime")
    succeeded(har_edge_here("bench", *QUICK[:3], *older))
    report = tmp_path / "bench-python3.11-tflite-runtime.json"
    assert json.loads(report.read_text())["device"]["numpy"].startswith("1.")
    measured = results(report)
    for result in measured.values():
        assert (result["runtime"], result["runtime_version"]) == ("tflite-runtime", "2.14.0")
        assert result["accuracy"] > 0.96
    # Its XNNPACK takes no int8 elementwise operators.
    assert measured["float32"]["xnnpack_operators"] > measured["int8"]["xnnpack_operators"]
    assert measured["int8"]["doubts"]


def test_info_shows_the_card_and_the_operators_inside_and_outside_xnnpack(har_edge_here):
    done = succeeded(har_edge_here("info", MODELS["int8"]))
    for words in ("WALKING_UPSTAIRS", "body_gyro_x", "rad/s", "FULLY_CONNECTED", "98.32 %", "50 Hz", "UCI HAR"):
        assert words in done.stdout
    content = json.loads(har_edge_here("info", "--json", "-", MODELS["int8"]).stdout)
    assert content["quantization"] == "int8"
    assert content["size_bytes"] == MODELS["int8"].stat().st_size
    assert content["input"]["shape"] == [1, 128, 9]
    assert sum(content["operators"].values()) - sum(content["xnnpack"].values()) <= 2
    assert len(content["tensors"]) > 100


FILES = {
    "mine.tflite": MODELS["int8"].read_bytes(),
    "brace.json": b"{",
    "r.png": b"\x89PNG",
    "samples.json": tiny_models.card(samples=64, signals="abcdefghi").to_json().encode(),
    "labels.json": tiny_models.card(labels="ABC", signals="abcdefghi").to_json().encode(),
    "runs/empty/x": b"",
    "runs/unconverted/card.json": b"",
}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        *((f"bench {model}", model) for model in ("none.tflite", "runs/empty", "runs/unconverted")),
        ("bench edge edge-anywhere", "edge-anywhere"),
        ("bench --runtime onnx", "onnx"),
        *((f"bench {option} 0", option) for option in ("--until", "--duration", "--rounds", "--threads")),
        ("bench --until 5pp", "--until"),
        ("bench --rounds 2 --until 5%", "--until"),
        ("bench --rounds 2 --duration 1", "--duration"),
        ("bench --on telnet://pi", "telnet://pi"),
        ("bench --data /none", "/none"),
        ("bench --json .", "regular file"),
        *((f"bench mine.tflite {option} mine.tflite", "mine.tflite") for option in ("--json", "--csv", "--html")),
        ("card edge --from labels.json", "edge"),
        *((f"card mine.tflite --from {file}", file) for file in ("brace.json", "r.png")),
        ("report r.png", "UTF-8"),
        *((f"card mine.tflite --from {name}.json", "mine.tflite") for name in ("samples", "labels")),
    ],
)
def test_a_refusal_names_the_file_or_option_and_changes_nothing(har_edge_here, tmp_path, arguments, word):
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert_one_sentence(har_edge_here(*arguments.split()), 2, word)
    assert {
        str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    } == FILES


def test_a_model_is_measured_on_windows_of_its_classes_and_needs_data_that_have_them(har_edge_here, tmp_path):
    tiny, card = tmp_path / "tiny.tflite", tiny_models.card()
    flatbuffer = tiny_models.dense(np.ones((2, 256), np.float32), (128, 2))
    cards.write_model(tiny, flatbuffer, card)
    done = succeeded(har_edge_here("bench", tiny, *QUICK, "--markdown", "-"))
    assert "471 of WALKING" in done.stdout
    cards.write_model(tiny, flatbuffer, replace(card, labels=("DANCING", "RESTING")))
    assert_one_sentence(har_edge_here("bench", tiny), 2, "--data")


def test_a_card_can_be_printed_and_attached_to_a_model_of_any_converter(har_edge_here, tmp_path):
    flatbuffer, card = cards.read_model(MODELS["int8"])
    model = tmp_path / "m.tflite"
    model.write_bytes(flatbuffer)
    assert_one_sentence(har_edge_here("bench", model), 2, "har-edge card")
    printed = har_edge_here("card", MODELS["int8"]).stdout
    for name in ("renamed", card.name):
        (tmp_path / "card.json").write_text(json.dumps(json.loads(printed) | {"name": name}))
        succeeded(har_edge_here("card", model, "--from", "card.json"))
        assert cards.read_model(model)[0] == flatbuffer
        assert cards.read_model(model)[1].name == name
    assert model.read_bytes() == MODELS["int8"].read_bytes()
    assert har_edge_here("info", model).returncode == 0


@pytest.fixture
def theirs(tmp_path) -> Path:
    """A model by TensorFlow's converter of whether somebody stands or lies, by the mean of total_acc_x."""
    pool, dense = keras.layers.GlobalAveragePooling1D(), keras.layers.Dense(2, activation="softmax")
    network = keras.Sequential([keras.Input((128, 9), batch_size=1), pool, dense])
    weights = np.zeros((9, 2))
    weights[6] = 1, -1
    dense.set_weights([weights, np.array([-0.5, 0.5])])
    path = tmp_path / "theirs.tflite"
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(network).convert())
    return path


def test_a_model_of_another_converter_is_shown_and_gets_a_card_that_all_commands_take(har_edge_here, theirs, uci_har):
    shown = succeeded(har_edge_here("info", theirs)).stdout
    assert "SOFTMAX" in shown
    assert "har-edge card" in shown
    wrong = har_edge_here("card", theirs, "--data", "uci-har", "--labels", "LAYING,STANDING")
    assert_one_sentence(wrong, 1, "--labels STANDING,LAYING")
    doubted = succeeded(har_edge_here("evaluate", theirs))
    assert "lists no people" in doubted.stderr
    assert "Hardly better" in doubted.stdout
    signals = ",".join(signal.name for signal in uci_har.signals)
    options = ("--labels", "STANDING,LAYING", "--signals", signals, "--rate", 50)
    assert "in order: STANDING, LAYING\n" in succeeded(har_edge_here("card", theirs, *options)).stdout
    classifier, X = Classifier(theirs), uci_har.test.X[::100]
    half = X[..., 6].mean(1) - 0.5
    np.testing.assert_allclose(classifier.logits(X), np.stack([half, -half], 1), atol=1e-5)  # not the softmax of these
    assert classifier.card.signals == uci_har.signals
    for command, *arguments in (("bench", *QUICK), ("evaluate",), ("stream", "--replay", 7, "--speed", 0)):
        word = "accuracy" if command == "bench" else "STANDING"
        assert word in succeeded(har_edge_here(command, theirs, *arguments)).stdout


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ("--labels A,B", "--signals"),
        ("--labels A,B --signals a,b", "(1, 128, 9)"),
        ("--data uci-har", "(1, 2)"),
        ("--from card.json --rate 50", "--rate"),
        ("--data uci-har --labels A,B --rate 100", "--rate"),
    ],
)
def test_options_that_make_no_card_leave_the_model_as_it_is(har_edge_here, theirs, options, word):
    before = theirs.read_bytes()
    assert_one_sentence(har_edge_here("card", theirs, *options.split()), 2, word)
    assert theirs.read_bytes() == before


def test_a_new_card_does_not_replace_the_card_of_a_conversion(har_edge_here, tmp_path):
    model = shutil.copy(MODELS["int8"], tmp_path / "mine.tflite")
    assert_one_sentence(har_edge_here("card", model, "--data", "uci-har"), 2, "--from")
    assert model.read_bytes() == MODELS["int8"].read_bytes()


def test_only_the_result_goes_to_standard_output(har_edge_here, tmp_path):
    done = succeeded(har_edge_here("report", BENCH, "--markdown", "-", "--html", "x.html"))
    assert done.stdout.startswith("### ")
    assert (done.stderr, [path.name for path in tmp_path.iterdir()]) == ("x.html\n", ["x.html"])
    done = succeeded(har_edge_here("bench", MODELS["int8"], *QUICK, "--json", "-"))
    assert json.loads(done.stdout)["results"][0]["quantization"] == "int8"
    assert "latency, 50 % within" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["x.html"]  # beside no JSON file there is no page


def test_report_takes_a_run_folder_or_the_last_result(tmp_path, har_edge_here):
    shutil.copy(BENCH, tmp_path / "bench-local.json")
    run = tmp_path / "runs" / "mine"
    run.mkdir(parents=True)
    assert "latency, 99 % within" in succeeded(har_edge_here("report")).stdout
    assert_one_sentence(har_edge_here("report", run), 2, "runs/mine")
    shutil.copy(BENCH, run / "bench-local.json")
    shown = succeeded(har_edge_here("report", "bench-local.json", "runs/mine")).stdout
    assert "runs/mine" in shown
