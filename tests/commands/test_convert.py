"""Check `har-edge convert` of a run or of several seeds: models, refusals, and no partial result after a failure."""

import json
import re
import shutil
import signal
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from keras import layers
from model_answers import outside_xnnpack
from programs import MODELS, assert_one_sentence, finish, har_edge, processes, start_har_edge, succeeded, wait_until
from training_fixtures import ruin_in_int8

from convert import conversion
from convert.cli import command
from convert.conversion import convert
from convert.conversion_input import load_data, load_networks
from convert.conversion_job import ConversionJob
from convert.conversion_worker import NETWORKS, ConversionResult, check_float, flatbuffer_path, lossy_forms
from convert.parity import Parity, compare, relative_difference
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.scheme_names import CALIBRATED, SCHEMES
from edge_runtime.runs import Run


@pytest.fixture
def run(trained_run, tmp_path) -> Run:
    """A copy of the trained run that a test may spoil."""
    return Run(shutil.copytree(trained_run.folder, tmp_path / "run"))


def test_each_model_answers_as_the_network_does_and_its_card_has_its_parity(converted_run, trained_network, uci_har):
    """`held_out_seen` compares forms of the final network, which are the files."""
    trained, classifiers = cards.load(converted_run.card), [Classifier(converted_run.tflite(x)) for x in SCHEMES]
    is_held_out = np.isin(uci_har.train.subject, trained.training["held_out_subjects"])
    held_out, X = uci_har.train.select(is_held_out), uci_har.test.X[::10]
    expected = np.asarray(trained_network(trained.normalisation.apply(X), training=False))
    assert relative_difference(classifiers[0].logits(X), expected) < 1e-5
    float32 = classifiers[0].logits(held_out.X)
    for scheme, classifier in zip(SCHEMES, classifiers, strict=True):
        card, quantisation = classifier.card, classifier.card.quantisation
        assert classifier.model.scheme == quantisation["scheme"] == scheme
        assert not outside_xnnpack(classifier.model.operators)
        assert np.mean(classifier.logits(X).argmax(1) == expected.argmax(1)) > 0.97
        assert (card.normalisation, card.training) == (trained.normalisation, trained.training)
        assert (quantisation["lowering"], card.raw_input) == ("unrolled", True)
        assert quantisation["input_type"] == quantisation["output_type"] == "float32"
        assert quantisation.get("calibration_windows") == (120 if scheme in CALIBRATED else None)
        assert ("ranges" in quantisation) == (scheme in CALIBRATED)
        assert card.parity["float32_relative_difference"] < 1e-4
        if scheme != "float32":
            seen = asdict(compare(float32, classifier.logits(held_out.X), held_out.y))
            assert card.parity["held_out_seen"] == pytest.approx(seen)
            assert card.parity["held_out"]["windows"] == len(held_out.y)
            assert card.parity["held_out"] != card.parity["held_out_seen"]
    sizes = {scheme: converted_run.tflite(scheme).stat().st_size for scheme in SCHEMES}
    assert sizes["dynamic"] < sizes["float16"] < sizes["float32"]
    assert sizes["int8"] <= min(100_000, sizes["float32"] / 2)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ("run --labels x", "--labels"),
        ("edge", "--c"),
        ("edge --c --io int8", "--io"),
        ("", "har-edge train"),
        ("empty", "selection.keras"),
        ("mine.keras", "mine.keras"),
        ("mine.keras --labels A", "--labels"),
    ],
)
def test_bad_usage_is_refused_by_name_and_nothing_is_written(har_edge_here, run, arguments, word):
    here = run.folder.parent
    (here / "empty").mkdir()
    (here / "mine.keras").write_text("not a Keras file")
    before = sorted(here.rglob("*"))
    assert_one_sentence(har_edge_here("convert", *arguments.split()), 2, word)
    assert sorted(here.rglob("*")) == before


def parity_of(n_wrong: int) -> Parity:
    """The parity of a form that classifies `n_wrong` of 100 windows wrong, against a perfect float32."""
    y = np.arange(100, dtype=np.uint8) % 2
    float32 = np.eye(2, dtype=np.float32)[y]
    return compare(float32, np.concatenate([float32[:n_wrong, ::-1], float32[n_wrong:]]), y)


@pytest.mark.parametrize("loser", ["selection", "model"])
def test_the_gate_counts_percentage_points_of_each_form_of_both_networks(loser):
    parities = {name: {"dynamic": parity_of(0)} for name in NETWORKS} | {loser: {"dynamic": parity_of(3)}}
    assert not lossy_forms(parities, True, max_drop=3.1)
    lossy = lossy_forms(parities, True, max_drop=2.9)
    assert re.search(r" 3\.00", lossy["dynamic"])


@pytest.mark.parametrize("difference", [1.1e-4, float("nan")])
def test_a_float_model_that_is_another_network_fails(difference):
    with pytest.raises(CheckFailedError, match="float32"):
        check_float(difference)


def test_parity_gives_shares_the_worst_error_and_a_signal_to_noise_ratio():
    float32, y = np.array([[3, -4], [0, 5], [0, 1]], np.float32), np.array([0, 1, 0], np.uint8)
    quantised = float32 + np.array([[0, 0.5], [0, 0], [2, 0]], np.float32)
    expected = Parity(3, 2 / 3, 1.0, 2 / 3, 2 / 5, 10 * np.log10(51 / 4.25))
    assert asdict(compare(float32, quantised, y)) == pytest.approx(asdict(expected))
    assert compare(float32, float32, y).snr_db is None


def convert_without_work(n_wrong: int, job: ConversionJob, scratch: Path, on_progress: object) -> ConversionResult:
    """Stand in for the conversion process: leave the reference model in place of each form."""
    for scheme, source in MODELS.items():
        shutil.copy(source, flatbuffer_path(scratch, "model", scheme))
    parities = {"float32": parity_of(0), "int8": parity_of(n_wrong)}
    lossy = lossy_forms({"model": parities}, True, job.max_drop)
    return ConversionResult("unrolled", None, 1e-6, True, 1, parities, lossy, tuple(lossy))


def test_the_int8_model_of_a_run_is_written_as_c(run, monkeypatch):
    monkeypatch.setattr(conversion, "run_job", partial(convert_without_work, 0))
    CliRunner().invoke(command, [str(run.folder), "--c"], catch_exceptions=False)
    assert "void model_int8_predict(" in (run.folder / "model_int8.h").read_text()
    assert (run.folder / "model_int8.c").is_file()


def test_a_network_with_loops_is_shown_with_the_bench_that_measures_it(tmp_path, monkeypatch, har_edge_here):
    def looped(*arguments: object) -> ConversionResult:
        return replace(convert_without_work(0, *arguments), lowering="looped: it is long")

    monkeypatch.setattr(conversion, "run_job", looped)
    keras.Sequential([keras.Input((128, 9)), layers.Flatten(), layers.Dense(6)]).save(tmp_path / "mine.keras")
    shown = succeeded(har_edge_here("convert", "mine.keras", "--quantize", "--data", "uci-har")).stdout
    assert "--c" in shown
    assert "har-edge bench mine_float32.tflite mine_int8.tflite --data uci-har\n" in shown


def test_options_that_look_wrong_fail_the_check_after_the_models_are_written(run, monkeypatch):
    def advise(*arguments: object) -> ConversionResult:
        return replace(convert_without_work(0, *arguments), advice="--labels B,A")

    monkeypatch.setattr(conversion, "run_job", advise)
    done = convert(ConversionJob(run.folder, ("int8",)))
    assert run.tflite("int8").is_file()
    with pytest.raises(CheckFailedError, match="--labels B,A"):
        done.check()


def test_a_network_that_cannot_be_c_is_written_as_tflite_and_the_error_says_where(run, monkeypatch):
    def refuse(*_: object) -> None:
        raise InputError("attention")

    monkeypatch.setattr(conversion, "run_job", partial(convert_without_work, 0))
    monkeypatch.setattr(conversion, "write_in_child", refuse)
    done = convert(ConversionJob(run.folder, ("int8",), c_file=True))
    assert run.tflite("int8").is_file()
    with pytest.raises(InputError, match=f"{re.escape(str(run.folder))}.*attention"):
        done.check()


def test_a_run_that_is_converted_is_only_written_as_c(run, har_edge_here):
    shutil.copy(MODELS["int8"], run.tflite("int8"))
    written = succeeded(har_edge_here("convert", "run", "--c", "--out", "made")).stdout.split()
    assert written[:2] == ["made/model_int8.c", "made/model_int8.h"]
    assert [path.name for path in run.converted()] == ["model_int8.tflite"]


def test_a_form_that_loses_too_much_is_left_out_with_its_file_from_before(run, monkeypatch):
    for scheme in MODELS:
        run.tflite(scheme).write_bytes(b"from before")
    monkeypatch.setattr(conversion, "run_job", partial(convert_without_work, 2))
    done = convert(ConversionJob(run.folder, ("int8",)))
    assert [path.name for path in run.converted()] == ["model_float32.tflite"]
    assert cards.read_model(run.tflite("float32"))[1].quantisation["scheme"] == "float32"
    with pytest.raises(CheckFailedError, match=r"int8.*--max-drop 1.*mixed"):
        done.check()


@pytest.mark.parametrize("is_other", [False, True])
def test_the_forms_of_another_network_do_not_stay_beside_the_new_ones(run, monkeypatch, is_other):
    flatbuffer, card = cards.read_model(MODELS["float32"])
    labels = card.labels[::-1] if is_other else card.labels
    for scheme in ("float32", "mixed"):
        run.tflite(scheme).write_bytes(cards.attach(flatbuffer, replace(card, labels=labels, quantisation={})))
    monkeypatch.setattr(conversion, "run_job", partial(convert_without_work, 0))
    done = convert(ConversionJob(run.folder, ("int8",)))
    assert run.tflite("mixed").exists() == (not is_other)
    assert ("mixed" in done.result.missing) == is_other


def test_a_run_of_mixed_files_or_other_data_is_refused(run, uci_har):
    job = ConversionJob(run.folder)
    keras.Sequential([keras.Input((64, 9)), layers.GlobalMaxPooling1D(), layers.Dense(6)]).save(run.selection)
    with pytest.raises(InputError, match=r"selection\.keras"):
        load_networks(job, uci_har)
    content = json.loads(run.card.read_text())
    content["training"]["data"]["fingerprint"] = "0" * 64
    run.card.write_text(json.dumps(content))
    with pytest.raises(InputError, match="--data"):
        load_data(job)


def test_the_conversion_process_ends_with_its_command(run):
    with start_har_edge("convert", run.folder, "--quantize", cwd=run.folder) as started:
        while "TensorFlow" not in started.stderr.readline():
            assert started.poll() is None
        started.send_signal(signal.SIGINT)
        done = finish(started)
    wait_until(lambda: not processes(run.folder))
    assert (run.converted(), done.returncode) == ([], 130)
    assert "Traceback" not in done.stderr


@pytest.mark.long
def test_a_run_that_loses_too_much_in_int8_leaves_only_float32(run):
    ruin_in_int8(run.selection)
    arguments = ("--quantize", "--calibration", 60, "--max-drop", 3)
    assert_one_sentence(har_edge("convert", run.folder, *arguments), 1, "int8", "--max-drop 3")
    assert [path.name for path in run.converted()] == ["model_float32.tflite"]
