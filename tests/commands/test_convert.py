"""Check `har-edge convert` of a run: its models, its refusals, and no partial result after a failure."""

import hashlib
import io
import json
import re
import shutil
import signal
import sys
import zipfile
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from pathlib import Path

import keras
import numpy as np
import pytest
from programs import (
    MODELS,
    ROOT,
    Finished,
    assert_one_sentence,
    finish,
    har_edge,
    processes,
    run_program,
    start_har_edge,
    wait_until,
)
from rich.console import Console
from rich.table import Table
from training_fixtures import ruin_in_int8, run_card

from convert.conversion import NamedFiles, check, write_models
from convert.conversion import convert as convert_run
from convert.conversion_inputs import TrainingRecord
from convert.conversion_job import (
    CALIBRATED,
    ConversionJob,
    ConversionReport,
    FormReport,
    NetworkReport,
    Options,
    run_job,
)
from convert.conversion_report import seeds_table, show
from convert.parity import Parity, compare, relative_difference
from convert.quantise.prepared_input import take_prepared_windows
from edge_runtime.errors import CheckFailedError, DeviceError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.runs import SCHEMES, Run
from edge_runtime.system import terminal


@pytest.fixture
def run(trained_run, tmp_path) -> Run:
    """A copy of the trained run that a test may spoil."""
    folder = tmp_path / "run"
    shutil.copytree(trained_run.folder, folder)
    for path in Run(folder).converted():
        path.unlink()
    return Run(folder)


def convert(run: Run, *arguments: object) -> Finished:
    return har_edge("convert", run.folder, *arguments, cwd=run.folder.parent)


def test_every_model_carries_a_card_that_says_how_it_was_made(converted_run, trained_run):
    held_out = run_card(trained_run)["scores"]["held_out"]["windows"]
    for scheme in SCHEMES:
        card = cards.read_model(converted_run.tflite(scheme))[1]
        assert card.normalisation == cards.load(trained_run.card).normalisation
        assert card.training == cards.load(trained_run.card).training
        assert (card.quantisation["scheme"], card.quantisation["lowering"]) == (scheme, "unrolled")
        assert card.raw_input
        assert card.quantisation["input_type"] == card.quantisation["output_type"] == "float32"
        assert card.quantisation.get("calibration_windows") == (504 if scheme in CALIBRATED else None)
        assert ("ranges" in card.quantisation) == (scheme in CALIBRATED)
        assert card.parity["float32_relative_difference"] < 1e-4
        if scheme == "float32":
            assert "held_out" not in card.parity
            continue
        for part in ("held_out", "held_out_seen"):
            assert set(card.parity[part]) == {x.name for x in fields(Parity)}
            assert card.parity[part]["windows"] == held_out
        assert card.parity["held_out"] != card.parity["held_out_seen"]


def test_the_parity_in_the_card_is_that_of_the_files(converted_run, uci_har):
    """`held_out_seen` is about the final network, whose models are the files."""
    training = TrainingRecord.of(cards.load(converted_run.card), converted_run.card)
    held_out = uci_har.train.select(np.isin(uci_har.train.subject, training.held_out_subjects))
    float32, *others = (Classifier(converted_run.tflite(scheme)).logits(held_out.X) for scheme in SCHEMES)
    for scheme, logits in zip(SCHEMES[1:], others, strict=True):
        stated = cards.read_model(converted_run.tflite(scheme))[1].parity["held_out_seen"]
        assert stated == pytest.approx(asdict(compare(float32, logits, held_out.y)))


def test_the_table_has_a_row_per_model(conversion, converted_run):
    diagnosis, heading, table = conversion.stdout.partition("float32: logits equal Keras's within ")
    assert "Where int8 loses precision" in diagnosis
    lines = (heading + table).splitlines()
    assert max(map(len, lines)) <= 80
    assert "\x1b" not in conversion.stdout
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in lines if line.startswith("model_")}
    assert list(rows) == [f"model_{scheme}.tflite" for scheme in SCHEMES]
    kilobytes = {scheme: converted_run.tflite(scheme).stat().st_size / 1e3 for scheme in SCHEMES}
    parity = cards.read_model(converted_run.tflite("int8"))[1].parity["held_out"]
    accuracy = 100 * parity["float32_accuracy"]
    assert rows["model_float32.tflite"] == f"{kilobytes['float32']:.1f} kB {accuracy:.2f} % – – –"
    for scheme in SCHEMES[1:]:
        parity = cards.read_model(converted_run.tflite(scheme))[1].parity["held_out"]
        row = rows[f"model_{scheme}.tflite"]
        assert row.startswith(f"{kilobytes[scheme]:.1f} kB {100 * parity['accuracy']:.2f} % ")
        assert f" {abs(100 * (parity['float32_accuracy'] - parity['accuracy'])):.2f} " in row
        assert row.endswith(f" {100 * parity['agreement']:.2f} % {parity['snr_db']:.1f} dB")


def test_the_models_answer_like_the_network(converted_run, trained_network, uci_har):
    X = uci_har.test.X[::10]
    expected = np.asarray(trained_network(cards.load(converted_run.card).normalisation.apply(X), training=False))
    float32 = Classifier(converted_run.tflite("float32"))
    assert relative_difference(float32.logits(X), expected) < 1e-5
    int8 = Classifier(converted_run.tflite("int8"))
    assert np.mean(int8.logits(X).argmax(1) == expected.argmax(1)) > 0.97


def test_the_int8_model_is_written_as_cpp_source_too(run):
    done = convert(run, "--c-array")
    assert done.returncode == 0, done.stderr
    assert "As C++ source: model_int8.h, model_int8.cc" in done.stdout
    flatbuffer, card = cards.read_model(run.tflite("int8"))
    assert card.raw_input  # the source alone takes int8
    assert cards.read_model(run.tflite("float32"))[1].raw_input
    flatbuffer = take_prepared_windows(flatbuffer)
    header, array = ((run.folder / f"model_int8.{x}").read_text() for x in ("h", "cc"))
    assert hashlib.sha256(flatbuffer).hexdigest() in header
    assert "signed char* input" in header
    assert bytes(int(x, 16) for x in re.findall("0x(..),", array)) == flatbuffer


def test_every_form_is_smaller_than_the_one_it_saves_from(converted_run):
    sizes = {scheme: converted_run.tflite(scheme).stat().st_size for scheme in SCHEMES}
    assert sizes["dynamic"] < sizes["float16"] < sizes["float32"]
    assert sizes["int8"] <= min(100_000, sizes["float32"] / 2)


@pytest.mark.parametrize("named", [pytest.param([], marks=pytest.mark.long), ["dynamic"]])
def test_the_forms_that_are_named_are_written_and_no_others(run, named):
    assert convert(run, *(x for scheme in 2 * named for x in ("--quantize-as", scheme))).returncode == 0
    assert run.converted() == [run.tflite(scheme) for scheme in ("float32", *named)]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--quantize-as", "dynamic", "--io", "int8"], ["--io int8", "int8", "--quantize"]),
        (["--quantize", "--io", "float32"], ["--io", "'float32'", "raw"]),
        (["--io", "int8"], ["--io int8", "--quantize"]),
        (["--quantize-as", "float16", "--calibration", 504], ["--calibration 504", "int8", "--quantize"]),
        (["--quantize-as", "int4"], ["--quantize-as", "'int4'", "dynamic"]),
        (["--quantize-as", ""], ["--quantize-as", "dynamic"]),
        (["--quantize-as", "all", "--calibration", 3], ["--calibration 3", "at least 6"]),
        (["--calibration", 0], ["--calibration"]),
        (["--max-drop", -1], ["--max-drop"]),
    ],
)
def test_options_that_cannot_be_used_are_refused(run, arguments, words):
    assert_one_sentence(convert(run, *arguments), 2, *words)
    assert run.converted() == []


def test_prepared_windows_on_request(run, converted_run, uci_har):
    """The forms of `--io int8` are those inside of the raw ones."""
    assert convert(run, "--quantize", "--io", "int8").returncode == 0
    for scheme in ("float32", "int8"):
        classifier = Classifier(run.tflite(scheme))
        assert classifier.model.input.dtype == classifier.model.output.dtype == scheme
        assert not classifier.card.raw_input
        assert classifier.card.quantisation["input_type"] == classifier.card.quantisation["output_type"] == scheme
        X = uci_har.test.X[::20]
        assert classifier.logits(X).tobytes() == Classifier(converted_run.tflite(scheme)).logits(X).tobytes()


@pytest.mark.parametrize("name", ["selection", pytest.param("model", marks=pytest.mark.long)])
def test_a_network_that_int8_ruins_fails_and_leaves_its_diagnosis_alone(run, name):
    for path in (run.diagnosis(".csv"), run.diagnosis(".png")):
        path.unlink(missing_ok=True)
    ruin_in_int8(getattr(run, name))
    result = convert(run, "--diagnose", "--max-drop", 0.5)
    words = {"selection": "selection network", "model": "final network"}[name]
    assert_one_sentence(result, 1, words, "percentage points", "--max-drop 0.5", "no model was written")
    assert run.converted() == []
    assert "lstm/tanh(cell)" in result.stdout
    assert f"of {len(run_card(run)['training']['held_out_subjects'])} held-out subjects" in result.stdout
    assert run.diagnosis(".csv").exists()
    assert run.diagnosis(".png").exists()


def report_of(scheme: str, parity: Parity, float32_relative_difference: float = 1e-6) -> ConversionReport:
    forms = {scheme: FormReport(parity, {})}
    return ConversionReport(
        NetworkReport(True, 1, parity.windows, "unrolled", "", parity.accuracy, float32_relative_difference, forms)
    )


def options(max_drop: float = 1.0, max_size: float = 500) -> Options:
    return Options(("int8",), max_drop=max_drop, max_size=max_size)


@pytest.mark.parametrize(("scheme", "advice"), [("int8", "--calibration"), ("dynamic", "leave this form out")])
def test_the_gate_counts_percentage_points_of_each_form(scheme, advice):
    y = np.arange(100, dtype=np.uint8) % 2
    float32 = np.eye(2, dtype=np.float32)[y]
    quantised = float32.copy()
    quantised[:3] = quantised[:3, ::-1]
    parity = compare(float32, quantised, y)
    assert (parity.float32_accuracy, parity.accuracy, parity.agreement) == (1.0, 0.97, 0.97)
    assert parity.drop == pytest.approx(3)
    check(report_of(scheme, parity), options(max_drop=3.1))
    with pytest.raises(CheckFailedError, match=rf"{scheme} form loses 3\.00 percentage points .*{advice}"):
        check(report_of(scheme, parity), options(max_drop=2.9))


def test_a_model_is_as_large_as_its_file_and_none_is_written_when_one_is_too_large(tmp_path):
    y = np.zeros(10, np.uint8)
    float32 = np.eye(2, dtype=np.float32)[y]
    report = report_of("int8", compare(float32, float32, y))
    job = ConversionJob(tmp_path, tmp_path, options())
    for scheme, source in MODELS.items():
        shutil.copy(source, job.flatbuffer("model", scheme))
    files = NamedFiles(tmp_path / "out", "mine")
    files.folder.mkdir()
    write_models(files, job, report)
    largest = files.tflite("float32").stat().st_size / 1000
    for file in files.folder.iterdir():
        file.unlink()
    with pytest.raises(CheckFailedError, match=rf"float32 model takes {largest:.1f} kB, more than --max-size"):
        write_models(files, replace(job, options=options(max_size=largest - 0.001)), report)
    assert list(files.folder.iterdir()) == []
    write_models(files, replace(job, options=options(max_size=largest)), report)


def test_the_error_of_logits_is_told_as_its_worst_and_as_a_ratio_of_powers():
    float32 = np.array([[3, -4], [0, 5]], np.float32)
    quantised = float32 + np.array([[0, 0.5], [0, 0]], np.float32)
    parity = compare(float32, quantised, np.array([0, 1], np.uint8))
    assert parity.worst_difference == pytest.approx(0.5 / 5)
    assert parity.snr_db == pytest.approx(10 * np.log10(50 / 0.25))
    assert compare(float32, float32, np.array([0, 1], np.uint8)).snr_db is None


@pytest.mark.parametrize("difference", [1.1e-4, float("nan")])
def test_a_float_model_that_is_another_network_fails(difference):
    with pytest.raises(CheckFailedError, match="differ from Keras"):
        check(report_of("int8", Parity(10, 0.9, 0.9, 1.0, 0.0, None), difference), options())


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
        lambda content: zipped({"config.json": "[" * 100_000, "metadata.json": "{}", "model.weights.h5": ""}),
        lambda content: encrypted(),
    ],
    ids=["truncated", "flipped", "empty", "nested", "encrypted"],
)
def test_a_network_file_that_is_damaged_is_named(run, spoil):
    run.selection.write_bytes(spoil(run.selection.read_bytes()))
    assert_one_sentence(convert(run, "--quantize"), 2, "selection.keras")
    assert run.converted() == []


def test_a_network_that_holds_python_code_is_refused(run):
    keras.Sequential([keras.Input((128, 9)), keras.layers.Lambda(lambda x: x[:, 0, :6])]).save(run.selection)
    assert_one_sentence(convert(run, "--quantize"), 2, "selection.keras")
    assert run.converted() == []


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ["not JSON"]),
        ("[1, 2]", ["card"]),
        ('{"format": 99}', ["format"]),
        (json.dumps({"format": cards.FORMAT, "name": "x"}), ["missing"]),
        (None, ["training"]),
    ],
)
def test_a_card_that_cannot_be_used_is_named(run, content, words):
    if content is None:
        cards.save(replace(cards.load(run.card), training={}), run.card)
    else:
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


def test_whole_models_survive_a_conversion_that_fails(run):
    run.tflite("int8").write_bytes(b"the old model")
    run.model.write_bytes(run.model.read_bytes()[:5000])
    assert convert(run, "--quantize").returncode == 2
    assert run.tflite("int8").read_bytes() == b"the old model"


def test_a_conversion_that_takes_too_long_is_ended(run, tmp_path):
    with pytest.raises(DeviceError, match="--time-limit"):
        run_job(ConversionJob(run.folder, tmp_path, Options(time_limit=0.5)), lambda share, stage: None)
    assert not processes(run.folder)


def end_time_at(word: str, monkeypatch) -> None:
    """Stand in for the time limit by an error at the first stage that begins with `word`, whatever the time."""

    @contextmanager
    def out_of_time():
        def hear(share: float, text: str) -> None:
            if text.startswith(word):
                raise TimeoutError

        yield hear

    monkeypatch.setattr(terminal, "progress", out_of_time)


def test_a_diagnosis_that_is_not_finished_costs_no_form(run, monkeypatch, capsys):
    end_time_at("diagnosing", monkeypatch)
    done = convert_run(run.folder, run, Options(("int8",), diagnose=True, time_limit=60))
    assert run.converted() == [run.tflite("float32"), run.tflite("int8")]
    assert "cannot be seen" not in capsys.readouterr().err
    with pytest.raises(DeviceError, match=r"float32, int8 are written, the diagnosis is not;.*--time-limit"):
        done.raise_if_incomplete(60)


def test_forms_that_are_finished_when_the_time_is_over_are_written(run, monkeypatch):
    end_time_at("int8", monkeypatch)
    done = convert_run(run.folder, run, Options(("float16", "int8"), time_limit=60))
    assert run.converted() == [run.tflite("float32"), run.tflite("float16")]
    assert "held_out" in cards.read_model(run.tflite("float16"))[1].parity
    assert not processes(run.folder)
    with pytest.raises(
        DeviceError, match=r"more than 60 s .*: float32, float16 are written, int8 is not;.*--time-limit"
    ):
        done.raise_if_incomplete(60)
    show(done, run.folder)
    assert "mean of 1" in table_text(seeds_table({"seed-0": done}, "float16"))
    assert "mean" not in table_text(seeds_table({"seed-0": done}, "int8"))


def test_a_folder_that_cannot_be_written_is_named_before_anything_is_loaded(run, tmp_path):
    (tmp_path / "file").write_text("")
    result = har_edge("convert", run.model, "--out", tmp_path / "file" / "out", cwd=tmp_path)
    assert_one_sentence(result, 2, "cannot write into", str(tmp_path / "file" / "out"))
    assert "TensorFlow" not in result.stderr


@pytest.mark.parametrize("kilobytes", [1_000_000, 2_000_000])
def test_too_little_memory_is_said(run, kilobytes):
    """TensorFlow does not load in the first; how it dies in the second is its own affair, and still one sentence."""
    command = f"ulimit -v {kilobytes}; exec {sys.executable} {ROOT / 'har_edge.py'} convert {run.folder} --quantize"
    result = run_program("bash", "-c", command, cwd=run.folder)
    assert_one_sentence(result, 3, "memory" if kilobytes == 1_000_000 else "conversion")
    assert run.converted() == []


def table_text(table: Table) -> str:
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    return console.file.getvalue()


def test_ctrl_c_ends_the_conversion_process_too(run):
    with start_har_edge("convert", run.folder, "--quantize", cwd=run.folder) as started:
        while "float32" not in started.stderr.readline():
            assert started.poll() is None
        started.send_signal(signal.SIGINT)
        done = finish(started)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
    assert run.converted() == []
    assert not processes(run.folder)


def test_the_conversion_process_ends_soon_after_its_command_was_killed(run):
    with start_har_edge("convert", run.folder, "--quantize", cwd=run.folder) as started:
        while "TensorFlow" not in started.stderr.readline():
            assert started.poll() is None
        started.kill()
    wait_until(lambda: not processes(run.folder))
