"""`har-edge convert` as a user calls it: what it leaves, what it refuses, and that nothing half-done stays."""

import json
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np
import pytest
from training_fixtures import ROOT, assert_one_sentence, har_edge, run_card

from convert import process
from convert.cli import check
from convert.job import Job
from convert.parity import QuantisationLoss, quantisation_loss, relative_difference
from convert.training_record import TrainingRecord
from edge_runtime import card as cards
from edge_runtime.classifier import Classifier
from edge_runtime.errors import CheckFailedError, DeviceError, HarEdgeError, InputError
from edge_runtime.runs import Run


@pytest.fixture
def run(trained_run, tmp_path) -> Run:
    """A copy of the trained run that a test may spoil."""
    folder = tmp_path / "run"
    shutil.copytree(trained_run.folder, folder)
    for path in Run(folder).converted():
        path.unlink()
    return Run(folder)


def convert(run: Run, *arguments: object) -> subprocess.CompletedProcess[str]:
    return har_edge("convert", run.folder, *arguments, cwd=run.folder.parent)


def test_both_models_carry_a_card_that_says_how_they_were_made(converted_run, trained_run):
    float32, int8 = (cards.read_model(converted_run.tflite(x))[1] for x in ("float32", "int8"))
    assert float32.normalisation == int8.normalisation == cards.load(trained_run.card).normalisation
    assert float32.quantisation["scheme"] == "float32"
    assert int8.quantisation["scheme"] == "int8"
    assert int8.quantisation["calibration_windows"] == 504
    assert int8.quantisation["input_type"] == int8.quantisation["output_type"] == "int8"
    assert int8.parity["held_out"]["windows"] == run_card(trained_run)["scores"]["held_out"]["windows"]
    assert float32.parity["float32_relative_difference"] < 1e-4
    assert int8.training == float32.training == cards.load(trained_run.card).training


def test_the_models_answer_like_the_network(converted_run, trained_network, uci_har):
    X = uci_har.test.X[::10]
    expected = np.asarray(trained_network(cards.load(converted_run.card).normalisation.apply(X), training=False))
    float32 = Classifier(converted_run.tflite("float32"))
    assert relative_difference(float32.logits(X), expected) < 1e-5
    int8 = Classifier(converted_run.tflite("int8"))
    assert np.mean(int8.logits(X).argmax(1) == expected.argmax(1)) > 0.97


def test_int8_is_small(converted_run):
    assert converted_run.tflite("int8").stat().st_size <= 165_000
    assert converted_run.tflite("int8").stat().st_size < converted_run.tflite("float32").stat().st_size


def test_without_quantize_there_is_float32_alone(run):
    assert convert(run).returncode == 0
    assert run.converted() == [run.tflite("float32")]


def test_float32_input_and_output_on_request(run, uci_har):
    assert convert(run, "--quantize", "--io", "float32").returncode == 0
    classifier = Classifier(run.tflite("int8"))
    assert classifier.model.input.dtype == classifier.model.output.dtype == "float32"
    assert np.mean(classifier.logits(uci_har.test.X[::50]).argmax(1) == uci_har.test.y[::50]) > 0.8


@pytest.mark.parametrize("name", ["selection", "model"])
def test_a_network_that_int8_ruins_fails_and_leaves_its_diagnosis_alone(run, name):
    """One logit made so large that the others vanish in int8's shared scale: in either network it is noticed."""
    for path in (run.diagnosis(".csv"), run.diagnosis(".png")):
        path.unlink(missing_ok=True)
    path = getattr(run, name)
    network = keras.models.load_model(path)
    dense = network.get_layer("logits")
    dense.set_weights([x * np.array([1e3, 1, 1, 1, 1, 1]) for x in dense.get_weights()])
    network.save(path)
    result = convert(run, "--diagnose", "--max-drop", 0.5)
    words = {"selection": "selection network", "model": "final network"}[name]
    assert_one_sentence(result, 1, words, "percentage points", "--max-drop 0.5", "no model was written")
    assert run.converted() == []
    assert "lstm/tanh(cell)" in result.stdout
    assert f"of {len(run_card(run)['training']['held_out_subjects'])} held-out subjects" in result.stdout
    assert run.diagnosis(".csv").exists()
    assert run.diagnosis(".png").exists()


def test_the_gate_counts_percentage_points():
    y = np.arange(100, dtype=np.uint8) % 2
    float32 = np.eye(2, dtype=np.float32)[y]
    int8 = float32.copy()
    int8[:3] = int8[:3, ::-1]
    loss = quantisation_loss(float32, int8, y)
    assert (loss.float32_accuracy, loss.int8_accuracy, loss.agreement) == (1.0, 0.97, 0.97)
    assert loss.drop == pytest.approx(3)
    report = {"model": {"float32_relative_difference": 1e-6, "loss": asdict(loss)}}
    check(report, max_drop=3.1)
    with pytest.raises(CheckFailedError, match=r"loses 3\.00 percentage points"):
        check(report, max_drop=2.9)


@pytest.mark.parametrize("difference", [1.1e-4, float("nan")])
def test_a_float_model_that_is_another_network_fails(difference):
    with pytest.raises(CheckFailedError, match="differ from Keras"):
        check({"model": {"float32_relative_difference": difference}}, 1.0)


def test_quantisation_loss_may_be_a_gain():
    assert QuantisationLoss(10, 0.9, 1.0, 0.9).drop == pytest.approx(-10)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


def foreign(path: Path) -> None:
    path.write_bytes(b"GIF89a" * 1000)


def empty_zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "no network")


def with_code(path: Path) -> None:
    """A network whose layer is Python code, which must not be run."""
    keras.Sequential([keras.Input((128, 9)), keras.layers.Lambda(lambda x: x[:, 0, :6])]).save(path)


@pytest.mark.parametrize("spoil", [Path.unlink, truncate, flip, foreign, empty_zip, with_code])
def test_a_network_file_that_cannot_be_used_is_named(run, spoil):
    spoil(run.selection)
    assert_one_sentence(convert(run, "--quantize"), 2, "selection.keras")
    assert run.converted() == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["not JSON"]),
        ("[1, 2]", ["card"]),
        ('{"format": 99}', ["format"]),
        ('{"format": 1, "name": "x"}', ["missing"]),
    ],
)
def test_a_card_that_cannot_be_used_is_named(run, content, words):
    run.card.write_text(content)
    assert_one_sentence(convert(run), 2, "card.json", *words)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data", 5),
        ("data", {}),
        ("seed", "x"),
        ("seed", None),
        ("held_out_subjects", []),
        ("held_out_subjects", 3),
        ("selection_normalisation", {}),
        ("selection_normalisation", {"mean": [0], "std": [1], "clip": [3]}),
        ("selection_normalisation", {"mean": [0] * 9, "std": [0] * 9, "clip": [3] * 9}),
    ],
)
def test_a_card_that_is_not_of_a_run_is_refused_before_anything_is_loaded(trained_run, key, value):
    card = cards.load(trained_run.card)
    spoiled = replace(card, training={**card.training, key: value})
    with pytest.raises(InputError, match=r"run/card\.json is not the card of a run"):
        TrainingRecord.of(spoiled, Path("run/card.json"))


def test_a_card_without_training_is_refused(run):
    cards.save(replace(cards.load(run.card), training={}), run.card)
    assert_one_sentence(convert(run), 2, "card.json", "training")


def nested(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "[" * 100_000)
        archive.writestr("metadata.json", "{}")
        archive.writestr("model.weights.h5", b"")


def encrypted(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", "{}")
    content = bytearray(path.read_bytes())
    # Bit 0 of the flags, in the local header and in the central directory (APPNOTE.TXT 4.3.7 and 4.3.12).
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)


@pytest.mark.parametrize("spoil", [nested, encrypted])
def test_a_hostile_network_file_is_named(run, spoil):
    spoil(run.selection)
    assert_one_sentence(convert(run), 2, "selection.keras")


def test_a_card_of_another_network_is_refused(run):
    keras.Sequential([keras.Input((64, 9)), keras.layers.LSTM(4), keras.layers.Dense(6)]).save(run.selection)
    assert_one_sentence(convert(run), 2, "selection.keras", "(64, 9)")


def test_other_data_than_the_run_was_trained_on_is_refused(run):
    content = json.loads(run.card.read_text())
    content["training"]["data"]["fingerprint"] = "0" * 64
    run.card.write_text(json.dumps(content))
    assert_one_sentence(convert(run), 2, "--data")


def test_there_is_no_run(tmp_path):
    assert_one_sentence(har_edge("convert", cwd=tmp_path), 2, "har-edge train")
    assert_one_sentence(har_edge("convert", "absent", cwd=tmp_path), 2, "absent")
    (tmp_path / "empty").mkdir()
    assert_one_sentence(har_edge("convert", "empty", cwd=tmp_path), 2, "card.json")


def test_bad_options_are_usage_errors(run):
    for arguments in (["--calibration", 0], ["--calibration", 3, "--quantize"], ["--io", "int4"], ["--max-drop", -1]):
        assert convert(run, *arguments).returncode == 2
    assert run.converted() == []


def test_whole_models_survive_a_conversion_that_fails(run):
    run.tflite("int8").write_bytes(b"the old model")
    truncate(run.model)
    assert convert(run, "--quantize").returncode == 2
    assert run.tflite("int8").read_bytes() == b"the old model"


def job_of(run: Run, output: Path) -> Job:
    return Job(str(run.folder), None, quantize=False, io_type="int8", calibration=504, output=str(output))


def test_a_conversion_that_takes_too_long_is_ended(run, tmp_path):
    with pytest.raises(DeviceError, match="--time-limit"):
        process.run_job(job_of(run, tmp_path), 0.5, lambda share, stage: None)
    assert_no_process_of(run)


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("import os; os.abort()", DeviceError, "SIGABRT"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", DeviceError, "SIGSEGV"),
        ("raise RuntimeError('the cause')", HarEdgeError, "the cause"),
        ("import sys; sys.exit(9)", HarEdgeError, "exit code 9"),
    ],
)
def test_a_conversion_process_that_dies_is_an_error_in_words(run, tmp_path, monkeypatch, code, kind, words):
    monkeypatch.setattr(process, "_CODE", code)
    with pytest.raises(kind, match=words):
        process.run_job(job_of(run, tmp_path), 60, lambda share, stage: None)


def test_ctrl_c_ends_the_conversion_process_too(run):
    command = [sys.executable, ROOT / "har_edge.py", "convert", str(run.folder), "--quantize"]
    with subprocess.Popen(
        command, cwd=run.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as started:
        assert started.stderr is not None
        while "network" not in started.stderr.readline():
            assert started.poll() is None
        started.send_signal(signal.SIGINT)
        _, error = started.communicate(timeout=30)
    assert started.returncode == 130
    assert "Traceback" not in error
    assert run.converted() == []
    assert_no_process_of(run)


def assert_no_process_of(run: Run) -> None:
    """No process has the run's folder on its command line any more."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        running = [x.name for x in Path("/proc").iterdir() if x.name.isdigit() and str(run.folder) in command_line(x)]
        if not running:
            return
        time.sleep(0.1)
    pytest.fail(f"still running: {running}")


def command_line(process_folder: Path) -> str:
    try:
        return (process_folder / "cmdline").read_text(errors="replace")
    except OSError:
        return ""
