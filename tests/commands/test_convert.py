"""Check `har-edge convert` of a run: its models, its refusals, and no partial result after a failure."""

import json
import re
import shutil
import signal
import sys
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace

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
    assert max(map(len, conversion.stdout.splitlines())) <= 80
    rows = [line.split() for line in conversion.stdout.splitlines() if line.startswith("model_")]
    assert [x[0] for x in rows] == [f"model_{scheme}.tflite" for scheme in SCHEMES]
    for scheme, row in zip(SCHEMES[1:], rows[1:], strict=True):
        x, size = cards.read_model(converted_run.tflite(scheme))[1].parity["held_out"], converted_run.tflite(scheme)
        assert row[1:5] == [f"{size.stat().st_size / 1e3:.1f}", "kB", f"{100 * x['accuracy']:.2f}", "%"]
        assert f"{abs(100 * (x['float32_accuracy'] - x['accuracy'])):.2f}" in row
        assert row[-4:] == [f"{100 * x['agreement']:.2f}", "%", f"{x['snr_db']:.1f}", "dB"]


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


FILES = {"empty/x": "", "mine.keras": "nothing of Keras", "spoiled.h5": "nothing of Keras"}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ("run --quantize-as dynamic --io int8", "--io"),
        ("run --quantize --io float32", "--io"),
        ("run --quantize-as float16 --calibration 504", "--calibration"),
        ("run --quantize-as all --calibration 3", "--calibration"),
        ("run --quantize-as int4", "--quantize-as"),
        ("run --calibration 0", "--calibration"),
        ("run --max-drop -1", "--max-drop"),
        *((f"run {x} x", x) for x in ("--labels", "--signals", "--normalisation", "--out")),
        ("", "har-edge train"),
        ("absent", "absent"),
        ("empty", "card.json"),
        ("run/model.keras --out mine.keras/out", "mine.keras/out"),
        ("mine.keras", "mine.keras"),
        ("spoiled.h5", "spoiled.h5"),
        ("mine.keras --labels A", "--labels"),
    ],
)
def test_what_cannot_be_used_is_refused_by_name_and_nothing_is_written(har_edge_here, run, arguments, word):
    here = run.folder.parent
    for name, content in FILES.items():
        (here / name).parent.mkdir(exist_ok=True)
        (here / name).write_text(content)
    before = sorted(here.rglob("*"))
    assert_one_sentence(har_edge_here("convert", *arguments.split()), 2, word)
    assert sorted(here.rglob("*")) == before


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
    with pytest.raises(CheckFailedError, match=rf"{scheme}.* 3\.00"):
        check(ConversionReport(**networks), Options((scheme,), max_drop=2.9))


@pytest.mark.parametrize("difference", [1.1e-4, float("nan")])
def test_a_float_model_that_is_another_network_fails(difference):
    with pytest.raises(CheckFailedError, match="float32"):
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


@pytest.mark.parametrize(
    "change",
    [
        {"data": {}},
        {"seed": None},
        {"held_out_subjects": []},
        {"held_out_subjects": 3},
        {"selection_normalisation": {"mean": [0] * 9, "std": [0] * 9, "clip": [3] * 9}},
        None,
    ],
)
def test_a_run_whose_card_is_not_one_is_refused_before_anything_is_loaded(run, change):
    card = json.loads(run.card.read_text())
    run.card.write_text("[1, 2]" if change is None else json.dumps(card | {"training": card["training"] | change}))
    with pytest.raises(InputError, match=r"card\.json"):
        converted_models.check_run(run, Options())


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
