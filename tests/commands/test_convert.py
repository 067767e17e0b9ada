"""Check `har-edge convert` of a run: its models, its refusals, and no partial result after a failure."""

import io
import json
import re
import shutil
import signal
import sys
import zipfile
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from programs import (
    MODELS,
    ROOT,
    assert_one_sentence,
    finish,
    har_edge,
    processes,
    run_program,
    start_har_edge,
    succeeded,
    wait_until,
)
from training_fixtures import run_card

from convert import converted_models
from convert.conversion_job import ConversionJob, ConversionReport, FormReport, NetworkReport, run_job
from convert.conversion_report import complete
from convert.converted_models import NamedFiles, check, write_models
from convert.keras_files import load_network
from convert.options import CALIBRATED, FileOptions, Options
from convert.parity import Parity, compare, relative_difference
from convert.run_networks import TrainingRecord, load_run_data, of_run
from edge_runtime.errors import CheckFailedError, DeviceError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.runs import SCHEMES, Run


@pytest.fixture
def run(trained_run, tmp_path) -> Run:
    """A copy of the trained run that a test may spoil."""
    folder = tmp_path / "run"
    shutil.copytree(trained_run.folder, folder, ignore=shutil.ignore_patterns("*.tflite"))
    return Run(folder)


def test_every_model_has_a_card_with_its_own_parity(converted_run, trained_run, uci_har):
    """`held_out_seen` is about the final network, whose models are the files."""
    trained = cards.load(trained_run.card)
    is_held_out = np.isin(uci_har.train.subject, TrainingRecord.of(trained, trained_run.card).held_out_subjects)
    held_out = uci_har.train.select(is_held_out)
    logits = {scheme: Classifier(converted_run.tflite(scheme)).logits(held_out.X) for scheme in SCHEMES}
    for scheme in SCHEMES:
        card = cards.read_model(converted_run.tflite(scheme))[1]
        assert (card.normalisation, card.training) == (trained.normalisation, trained.training)
        assert (card.quantisation["scheme"], card.quantisation["lowering"]) == (scheme, "unrolled")
        assert card.raw_input
        assert card.quantisation["input_type"] == card.quantisation["output_type"] == "float32"
        assert card.quantisation.get("calibration_windows") == (504 if scheme in CALIBRATED else None)
        assert ("ranges" in card.quantisation) == (scheme in CALIBRATED)
        assert card.parity["float32_relative_difference"] < 1e-4
        if scheme != "float32":
            seen = asdict(compare(logits["float32"], logits[scheme], held_out.y))
            assert card.parity["held_out_seen"] == pytest.approx(seen)
            assert card.parity["held_out"].keys() == seen.keys()
            assert card.parity["held_out"]["windows"] == run_card(trained_run)["scores"]["held_out"]["windows"]
            assert card.parity["held_out"] != card.parity["held_out_seen"]


def test_the_table_has_a_row_per_model(conversion, converted_run):
    lines = conversion.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in lines if line.startswith("model_")}
    assert list(rows) == [f"model_{scheme}.tflite" for scheme in SCHEMES]
    for scheme in SCHEMES[1:]:
        x = cards.read_model(converted_run.tflite(scheme))[1].parity["held_out"]
        row, size = rows[f"model_{scheme}.tflite"], converted_run.tflite(scheme).stat().st_size / 1e3
        assert row.startswith(f"{size:.1f} kB {100 * x['accuracy']:.2f} % ")
        assert f" {abs(100 * (x['float32_accuracy'] - x['accuracy'])):.2f} " in row
        assert row.endswith(f" {100 * x['agreement']:.2f} % {x['snr_db']:.1f} dB")


def test_the_models_answer_like_the_network_and_each_is_smaller_than_what_it_saves_from(
    converted_run, trained_network, uci_har
):
    X = uci_har.test.X[::10]
    expected = np.asarray(trained_network(cards.load(converted_run.card).normalisation.apply(X), training=False))
    assert relative_difference(Classifier(converted_run.tflite("float32")).logits(X), expected) < 1e-5
    assert np.mean(Classifier(converted_run.tflite("int8")).logits(X).argmax(1) == expected.argmax(1)) > 0.97
    sizes = {scheme: converted_run.tflite(scheme).stat().st_size for scheme in SCHEMES}
    assert sizes["dynamic"] < sizes["float16"] < sizes["float32"]
    assert sizes["int8"] <= min(100_000, sizes["float32"] / 2)


def test_prepared_int8_windows_and_cpp_source_on_request(run, converted_run, uci_har):
    options = ("--io", "int8", "--c-array", "--calibration", 60, "--max-drop", 5)
    done = succeeded(har_edge("convert", run.folder, *options, cwd=run.folder.parent))
    assert run.converted() == [run.tflite("float32"), run.tflite("int8")]
    X = uci_har.test.X[::10]
    for scheme in ("float32", "int8"):
        classifier = Classifier(run.tflite(scheme))
        assert classifier.model.input.dtype == classifier.model.output.dtype == scheme
        assert not classifier.card.raw_input
        assert classifier.card.quantisation["input_type"] == classifier.card.quantisation["output_type"] == scheme
        raw = Classifier(converted_run.tflite(scheme)).logits(X)
        assert np.mean(classifier.logits(X).argmax(1) == raw.argmax(1)) > 0.97
    assert classifier.card.quantisation["calibration_windows"] == 60
    assert "model_int8.h" in done.stdout
    array = (run.folder / "model_int8.cc").read_text()
    flatbuffer, _ = cards.read_model(run.tflite("int8"))
    assert bytes(int(x, 16) for x in re.findall("0x(..),", array)) == flatbuffer


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--quantize-as", "dynamic", "--io", "int8"], "--io"),
        (["--quantize", "--io", "float32"], "--io"),
        (["--quantize-as", "float16", "--calibration", 504], "--calibration"),
        (["--quantize-as", "all", "--calibration", 3], "--calibration"),
        (["--quantize-as", "int4"], "--quantize-as"),
        (["--calibration", 0], "--calibration"),
        (["--max-drop", -1], "--max-drop"),
        *(([option, "x"], option) for option in ("--labels", "--signals", "--normalisation", "--out")),
        (["--diagnose"], "--diagnose"),
    ],
)
def test_options_that_cannot_be_used_are_refused(har_edge_here, run, arguments, word):
    assert_one_sentence(har_edge_here("convert", run.folder, *arguments), 2, word)
    assert run.converted() == []


def report_of(parity: Parity, scheme: str = "int8", difference: float = 1e-6, is_labelled: bool = True):
    accuracy = parity.accuracy if is_labelled else None
    forms = {scheme: FormReport(parity, {})}
    return NetworkReport(is_labelled, 1, parity.windows, "unrolled", "", accuracy, difference, forms)


def parity_of(n_wrong: int) -> Parity:
    y = np.arange(100, dtype=np.uint8) % 2
    float32 = np.eye(2, dtype=np.float32)[y]
    quantised = float32.copy()
    quantised[:n_wrong] = quantised[:n_wrong, ::-1]
    return compare(float32, quantised, y)


@pytest.mark.parametrize("scheme", ["int8", "dynamic"])
@pytest.mark.parametrize("loser", ["selection", "model"])
def test_the_gate_counts_percentage_points_of_each_form_of_both_networks(scheme, loser):
    parity = parity_of(3)
    assert (parity.float32_accuracy, parity.accuracy, parity.agreement) == (1.0, 0.97, 0.97)
    assert parity.drop == pytest.approx(3)
    networks = {x: report_of(parity if x == loser else parity_of(0), scheme) for x in ("selection", "model")}
    check(ConversionReport(**networks), Options((scheme,), max_drop=3.1))
    with pytest.raises(CheckFailedError, match=rf"{scheme} form loses 3\.00"):
        check(ConversionReport(**networks), Options((scheme,), max_drop=2.9))


@pytest.mark.parametrize("difference", [1.1e-4, float("nan")])
def test_a_float_model_that_is_another_network_fails(difference):
    with pytest.raises(CheckFailedError, match="differ from Keras"):
        check(ConversionReport(report_of(parity_of(0), difference=difference)), Options(("int8",)))


def test_the_error_of_logits_is_told_as_its_worst_and_as_a_ratio_of_powers():
    float32 = np.array([[3, -4], [0, 5]], np.float32)
    quantised = float32 + np.array([[0, 0.5], [0, 0]], np.float32)
    parity = compare(float32, quantised, np.array([0, 1], np.uint8))
    assert parity.worst_difference == pytest.approx(0.5 / 5)
    assert parity.snr_db == pytest.approx(10 * np.log10(50 / 0.25))
    assert compare(float32, float32, np.array([0, 1], np.uint8)).snr_db is None


def test_after_a_loss_beyond_the_limit_models_are_those_from_before(run, monkeypatch):
    """The process of the conversion is a stand-in, which leaves models as the real one does."""

    def convert(job: ConversionJob, on_progress: object) -> ConversionReport:
        for scheme, source in MODELS.items():
            shutil.copy(source, job.flatbuffer("model", scheme))
        return ConversionReport(report_of(parity_of(n_wrong)), report_of(parity_of(0)))

    monkeypatch.setattr(converted_models, "run_job", convert)
    run.tflite("int8").write_bytes(b"the old model")
    for n_wrong in (2, 0):
        with pytest.raises(CheckFailedError) if n_wrong else nullcontext():
            converted_models.convert(run.folder, run, Options(("int8",), max_drop=1))
        assert (run.tflite("int8").read_bytes() == b"the old model") == bool(n_wrong)
        assert run.tflite("float32").exists() == (not n_wrong)


def test_a_model_is_as_large_as_its_file_and_none_is_written_when_one_is_too_large(tmp_path):
    report = ConversionReport(report_of(parity_of(0)))
    job = ConversionJob(tmp_path, tmp_path, Options(("int8",)))
    for scheme, source in MODELS.items():
        shutil.copy(source, job.flatbuffer("model", scheme))
    files = NamedFiles(tmp_path / "out", "mine")
    files.folder.mkdir()
    write_models(files, job, report)
    largest = files.tflite("float32").stat().st_size / 1000
    for file in files.folder.iterdir():
        file.unlink()
    with pytest.raises(CheckFailedError, match="--max-size"):
        write_models(files, replace(job, options=Options(("int8",), max_size=largest - 0.001)), report)
    assert list(files.folder.iterdir()) == []
    write_models(files, replace(job, options=Options(("int8",), max_size=largest)), report)


def zipped(files: dict[str, str]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def flipped(content: bytes, place: int, bits: int) -> bytes:
    return content[:place] + bytes([content[place] ^ bits]) + content[place + 1 :]


def encrypted() -> bytes:
    """Bit 0 of the flags, in the local header and in the central directory (APPNOTE.TXT 4.3.7 and 4.3.12)."""
    content = zipped({"config.json": "{}"})
    return flipped(flipped(content, 6, 1), content.index(b"PK\x01\x02") + 8, 1)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda content: content[:5000],
        lambda content: flipped(content, len(content) // 2, 0xFF),
        lambda content: zipped({"readme.txt": "no network"}),
        lambda content: encrypted(),
        lambda content: b"nothing of Keras",
    ],
    ids=["truncated", "flipped", "empty", "encrypted", "text"],
)
def test_a_network_file_that_is_damaged_is_named(har_edge_here, run, spoil):
    run.selection.write_bytes(spoil(run.selection.read_bytes()))
    assert_one_sentence(har_edge_here("convert", run.folder, "--quantize"), 2, "selection.keras")
    assert run.converted() == []


def test_a_network_that_holds_python_code_or_is_nested_without_end_is_refused(tmp_path):
    path = tmp_path / "mine.keras"
    keras.Sequential([keras.Input((128, 9)), layers.Lambda(lambda x: x[:, 0, :6])]).save(path)
    with pytest.raises(InputError, match=r"mine\.keras"):
        load_network(path)
    path.write_bytes(zipped({"config.json": "[" * 100_000, "metadata.json": "{}", "model.weights.h5": ""}))
    with pytest.raises(InputError, match=r"mine\.keras"):
        load_network(path)


@pytest.mark.parametrize("content", ["", "[1, 2]", '{"format": 99}', None])
def test_a_card_that_cannot_be_used_is_named(har_edge_here, run, content):
    if content is None:
        cards.save(replace(cards.load(run.card), training={}), run.card)
    else:
        run.card.write_text(content)
    assert_one_sentence(har_edge_here("convert", run.folder), 2, "card.json")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data", {}),
        ("seed", None),
        ("held_out_subjects", []),
        ("held_out_subjects", 3),
        ("selection_normalisation", {}),
        ("selection_normalisation", {"mean": [0] * 9, "std": [0] * 9, "clip": [3] * 9}),
    ],
)
def test_a_card_that_is_not_of_a_run_is_refused_before_anything_is_loaded(trained_run, key, value):
    card = cards.load(trained_run.card)
    spoiled = replace(card, training={**card.training, key: value})
    with pytest.raises(InputError, match=r"run/card\.json"):
        TrainingRecord.of(spoiled, Path("run/card.json"))


def test_a_run_of_mixed_files_or_other_data_is_refused(run, uci_har):
    job = ConversionJob(run.folder, run.folder, Options())
    keras.Sequential([keras.Input((64, 9)), layers.LSTM(4), layers.Dense(6)]).save(run.selection)
    with pytest.raises(InputError, match=r"selection\.keras"):
        of_run(job, uci_har)
    content = json.loads(run.card.read_text())
    content["training"]["data"]["fingerprint"] = "0" * 64
    run.card.write_text(json.dumps(content))
    with pytest.raises(InputError, match="--data"):
        load_run_data(job)


def test_there_is_no_run(har_edge_here, tmp_path):
    assert_one_sentence(har_edge_here("convert"), 2, "har-edge train")
    assert_one_sentence(har_edge_here("convert", "absent"), 2, "absent")
    (tmp_path / "empty").mkdir()
    assert_one_sentence(har_edge_here("convert", "empty"), 2, "card.json")


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_loaded(har_edge_here, run, tmp_path):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    assert_one_sentence(har_edge_here("convert", run.model, "--out", out), 2, out)


def test_a_conversion_that_takes_too_long_is_ended(run, tmp_path):
    with pytest.raises(DeviceError, match="--time-limit"):
        run_job(ConversionJob(run.folder, tmp_path, Options(time_limit=0.5)), lambda share, stage: None)
    assert not processes(run.folder)


def test_forms_that_are_finished_when_the_time_is_over_are_written(tmp_path, monkeypatch, capsys):
    @contextmanager
    def out_of_time():
        """Stand in for the time limit by an error at the first stage of dynamic, whatever the time."""

        def hear(share: float, text: str) -> None:
            if text.startswith("dynamic"):
                raise TimeoutError

        yield hear

    monkeypatch.setattr(converted_models, "progress", out_of_time)
    model = keras.Sequential([keras.Input((128, 9)), layers.AveragePooling1D(32), layers.GRU(3), layers.Dense(6)])
    model.save(tmp_path / "mine.keras")
    files, options = NamedFiles(tmp_path, "mine"), Options(("float16", "dynamic"), time_limit=60)
    done = converted_models.convert(tmp_path / "mine.keras", files, options, FileOptions())
    assert {x.name for x in tmp_path.glob("*.tflite")} == {"mine_float32.tflite", "mine_float16.tflite"}
    assert "checked" in cards.read_model(files.tflite("float16"))[1].parity
    assert not processes(tmp_path)
    with pytest.raises(DeviceError, match=r"dynamic not.*--time-limit"):
        complete(done, options, tmp_path, "none")
    rows = [x.split()[0] for x in capsys.readouterr().out.splitlines() if x.startswith("mine_")]
    assert rows == ["mine_float32.tflite", "mine_float16.tflite"]


def test_too_little_memory_is_said(run):
    command = f"ulimit -v 1000000; exec {sys.executable} {ROOT / 'har_edge.py'} convert {run.folder} --quantize"
    assert_one_sentence(run_program("bash", "-c", command, cwd=run.folder), 3, "memory")
    assert run.converted() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_the_conversion_process_ends_with_its_command(run, number):
    with start_har_edge("convert", run.folder, "--quantize", cwd=run.folder) as started:
        while "TensorFlow" not in started.stderr.readline():
            assert started.poll() is None
        started.send_signal(number)
        done = finish(started)
    wait_until(lambda: not processes(run.folder))
    assert run.converted() == []
    if number == signal.SIGINT:
        assert done.returncode == 130
        assert "Traceback" not in done.stderr
