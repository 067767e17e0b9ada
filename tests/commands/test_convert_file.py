"""Check `har-edge convert MODEL.keras`: an external network, with the options that make its card."""

import json
import re
import shutil
import zipfile
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers
from programs import MODELS, assert_one_sentence, har_edge, succeeded

from convert.c_array import write_c_array
from convert.conversion_inputs import load_data
from convert.conversion_job import ConversionJob, FileOptions, Options
from convert.external_model import of_file, read_options
from convert.keras_files import as_logits, load_network
from convert.lowering.network import lower
from convert.parity import relative_difference
from convert.window_fit import samples_of
from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.rivals import read_record
from edge_runtime.signals.types import Window


def network(*middle: layers.Layer, samples: int = 128, signals: int = 9, classes: int = 6, end: str | None = "softmax"):
    keras.utils.set_random_seed(0)
    middle = middle or (layers.Conv1D(8, 9, strides=16), layers.BatchNormalization(), layers.ReLU(), layers.GRU(8))
    return keras.Sequential([keras.Input((samples, signals)), *middle, layers.Dense(classes, activation=end)])


def file_of(folder: Path, model: keras.Model, name: str = "mine.keras") -> Path:
    model.save(folder / name)
    return folder / name


@pytest.fixture(scope="module")
def trained(tmp_path_factory, uci_har) -> Path:
    """Trained on windows as they are, but for the mean and deviation of their signals, and ending in a softmax."""
    folder = tmp_path_factory.mktemp("external")
    model = network()
    X = uci_har.train.X
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit((X - X.mean((0, 1))) / X.std((0, 1)), uci_har.train.y, batch_size=128, epochs=2, verbose=0)
    return file_of(folder, model)


@pytest.fixture(scope="module")
def converted(trained):
    options = ("--quantize", "--normalisation", "data", "--rivals")
    return succeeded(har_edge("convert", trained.name, *options, cwd=trained.parent))


def test_the_models_stand_beside_the_file_and_answer_as_it_does(trained, converted, uci_har):
    X = uci_har.test.X[::20]
    mean, std = uci_har.train.X.mean((0, 1), np.float64), uci_har.train.X.std((0, 1), np.float64)
    normalised = ((X - mean) / std).astype(np.float32)
    expected = np.asarray(keras.models.load_model(trained)(normalised, training=False))
    float32, int8 = (Classifier(trained.with_name(f"mine_{x}.tflite")) for x in ("float32", "int8"))
    assert np.abs(float32.probabilities(X) - expected).max() < 1e-3
    assert np.mean(int8.logits(X).argmax(1) == expected.argmax(1)) > 0.97
    names = sorted(x.name for x in trained.parent.iterdir())
    assert names == ["mine.keras", "mine_float32.tflite", "mine_int8.tflite", "rivals"]


def test_its_rivals_are_in_a_folder_of_theirs_and_one_that_there_is_not_is_said(trained, converted):
    folder = trained.parent / "rivals"
    record = read_record(folder / "mine.json", cards.read_model(trained.with_name("mine_int8.tflite"))[1])
    assert len(record.rivals) == 4
    assert {x.name for x in folder.iterdir()} == {"mine.json", *(x.file for x in record.rivals)}
    _, _, shown = converted.stdout.partition("Rivals in rivals:\n")
    rows = {x.name: f"{(folder / x.file).stat().st_size / 1000:.1f} kB" for x in record.rivals}
    assert [" ".join(x.split()) for x in shown.splitlines()[1:5]] == [f"{name} {size}" for name, size in rows.items()]
    assert "No fused LSTM float32: layer 'gru" in shown


def test_its_card_says_what_the_options_and_the_check_say(trained, converted, uci_har):
    card = cards.read_model(trained.with_name("mine_int8.tflite"))[1]
    assert (card.name, card.labels, card.signals) == ("mine", uci_har.labels, uci_har.signals)
    assert card.normalisation.mean == pytest.approx(uci_har.train.X.mean((0, 1), np.float64), abs=1e-6)
    assert card.quantisation["lowering"] == "unrolled"
    assert "of 8 steps" in card.quantisation["lowering_reason"]
    checked = card.parity["checked"]
    assert checked["windows"] == np.isin(uci_har.train.subject, np.unique(uci_har.train.subject)[::4]).sum()
    assert checked["accuracy"] > 0.6
    agreement = f"{100 * checked['agreement']:.2f} %"
    for text in ("mine_int8.tflite", "Recurrent layers unrolled", "6 training subjects", agreement):
        assert text in converted.stdout


def test_a_network_for_other_signals_and_labels_is_compared_with_itself(har_edge_here, tmp_path):
    path = file_of(tmp_path, network(signals=3, classes=3, end=None))
    (tmp_path / "labels.txt").write_text("up\ndown\nflat\n")
    (tmp_path / "norm.json").write_text(json.dumps({"mean": [0.8, 0, 0], "std": [1, 0.5, 0.5], "clip": [3, 3, 3]}))
    options = ("--labels", "labels.txt", "--signals", "total_acc_x,total_acc_y,total_acc_z")
    done = succeeded(
        har_edge_here(
            *("convert", path, *options, "--normalisation", "norm.json", "--out", "made", "--quantize-as", "dynamic"),
            cwd=tmp_path,
        )
    )
    assert "labels are not those of the data" in " ".join(done.stdout.split())
    card = cards.read_model(tmp_path / "made" / "mine_dynamic.tflite")[1]
    assert card.labels == ("up", "down", "flat")
    assert [x.name for x in card.signals] == ["total_acc_x", "total_acc_y", "total_acc_z"]
    assert (card.normalisation.mean, card.normalisation.clip) == ((0.8, 0.0, 0.0), (3.0, 3.0, 3.0))
    assert set(card.parity["checked"]) == {"windows", "agreement", "worst_difference", "snr_db"}


def test_an_hdf5_file_whose_windows_are_in_quarters_converts_with_a_sentence(har_edge_here, tmp_path):
    keras.utils.set_random_seed(0)
    convolutions = (layers.Conv1D(8, 3, activation="relu"), layers.MaxPooling1D(2), layers.Flatten())
    middle = [*map(layers.TimeDistributed, convolutions), layers.LSTM(8), layers.Dense(6, activation="softmax")]
    path = file_of(tmp_path, keras.Sequential([keras.Input((4, 32, 9)), *middle]), "quarters.h5")
    done = succeeded(har_edge_here("convert", path, cwd=tmp_path))
    assert "Input of the network: windows are reshaped to [4, 32, 9] in front" in done.stdout
    card = cards.read_model(tmp_path / "quarters_float32.tflite")[1]
    assert card.network["input"] == "windows are reshaped to [4, 32, 9] in front"
    assert card.network["layers"] == ["TimeDistributed"] * 3 + ["LSTM", "Dense"]


def logits() -> list[layers.Layer]:
    return [keras.Input((128, 9)), layers.GlobalMaxPooling1D(), layers.Dense(6)]


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.Sequential([*logits(), layers.Softmax()]),
        lambda: keras.Sequential([*logits(), layers.Activation("softmax")]),
        lambda: keras.Sequential([*logits(), layers.Activation("softmax"), layers.Dropout(0.1)]),
        lambda: keras.Sequential([*logits(), layers.Softmax(), layers.Identity(), layers.Activation("linear")]),
        lambda: keras.Sequential([keras.Input((128, 9)), keras.Sequential([*logits(), layers.Softmax()])]),
        lambda: keras.Sequential(
            [keras.Input((128, 9)), keras.Sequential([*logits(), layers.Activation("softmax")]), layers.Dropout(0.1)]
        ),
    ],
    ids=["layer", "activation", "before Dropout", "before several", "layer within", "activation within"],
)
def test_a_softmax_at_the_end_is_left_out(make, uci_har):
    model, X = make(), uci_har.test.X[::100]
    expected = np.log(np.asarray(model(X, training=False)))
    bare = as_logits(model)
    lower(bare)  # no softmax is left
    answers = np.asarray(bare(X, training=False))
    assert (
        relative_difference(answers - answers.max(1, keepdims=True), expected - expected.max(1, keepdims=True)) < 1e-5
    )


ACTIVITIES = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")


def job(path: Path, **options: object) -> ConversionJob:
    return ConversionJob(path, path.parent, Options(), FileOptions(**options))


@pytest.mark.parametrize(
    ("labels", "is_labelled", "classes"),
    [
        (tuple(reversed(ACTIVITIES)), True, {0, 1, 2, 3, 4, 5}),
        (("SITTING", "WALKING"), True, {0, 1}),
        (("SITTING", "FALLING"), False, {0, 1, 2, 3, 4, 5}),
    ],
)
def test_labels_are_matched_by_name(labels, is_labelled, classes, uci_har, tmp_path):
    path = file_of(tmp_path, network(classes=len(labels)))
    (found,) = of_file(job(path, labels=labels), uci_har)
    assert found.is_labelled == is_labelled
    assert set(found.held_out.y) == set(found.calibration.y) == classes
    if is_labelled:
        first = uci_har.train.X[uci_har.train.y == uci_har.labels.index(labels[0])]
        assert (found.held_out.y == 0).sum() + (found.calibration.y == 0).sum() == len(first)


def test_recordings_are_cut_into_windows_of_the_length_that_the_network_takes(uci_har, tmp_path):
    path = file_of(tmp_path, network(layers.Reshape((4, 25, 9)), layers.Flatten(), samples=100))
    (found,) = of_file(job(path), uci_har)
    assert found.card.window == Window(50.0, 100, 50)
    assert found.card.front_end == uci_har.front_end
    assert found.calibration.X.shape[1:] == found.held_out.X.shape[1:] == (100, 9)
    np.savez(tmp_path / "cut.npz", X=uci_har.train.X[:60], y=uci_har.train.y[:60])
    others = replace(job(path), options=Options(data=(str(tmp_path / "cut.npz"),)))
    with pytest.raises(InputError, match=r"windows of 100 samples, and those of .* 128 samples .* give recordings"):
        of_file(others, load_data(others))


@pytest.mark.parametrize(
    ("shape", "n_signals", "samples"),
    [
        ((100, 9), 9, 100),
        ((9, 100), 9, 100),
        ((4, 1, 25, 9), 9, 100),
        ((100, 9, 1), 9, 100),
        ((900,), 9, 100),
        ((100, 1), 1, 100),
        ((None, 9), 9, None),
        ((128, 6), 9, None),
        ((128, 6), 1, None),
    ],
)
def test_the_length_of_windows_is_seen_in_any_arrangement(shape, n_signals, samples):
    assert samples_of(shape, n_signals) == samples


@pytest.mark.parametrize(
    ("model", "options", "words"),
    [
        ({"samples": 15}, {}, ["windows of 15 samples", "16 to 3,000", "--data"]),
        ({"signals": 6}, {}, ["[128, 6]", "--signals"]),
        ({"signals": 6}, {"signals": ("total_acc_x",)}, ["[128, 6]", "[128, 1]", "--signals"]),
        ({}, {"signals": ("heart_rate",)}, ["heart_rate"]),
        ({"classes": 5}, {}, ["[5]", "6 classes", "--labels"]),
        ({}, {"labels": ("A", "B")}, ["[6]", "--labels names 2 classes"]),
        ({}, {"normalisation": {"mean": [0], "std": [1]}}, ["--normalisation", "9 signals"]),
        ({}, {"normalisation": {"mean": [0] * 9, "std": [0] * 9}}, ["--normalisation", "above 0"]),
    ],
)
def test_a_network_that_does_not_fit_its_options_is_refused(model, options, words, uci_har, tmp_path):
    with pytest.raises(InputError) as refusal:
        of_file(job(file_of(tmp_path, network(**model)), **options), uci_har)
    assert all(x in str(refusal.value) for x in words), refusal.value


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"labels": "A"}, ["--labels", "at least 2"]),
        ({"labels": "A,A"}, ["--labels", "A, A"]),
        ({"labels": "absent.txt"}, ["absent.txt"]),
        ({"signals": ","}, ["--signals", "none"]),
        ({"normalisation": "absent.json"}, ["absent.json", "none, or data"]),
        ({"normalisation": "list.json"}, ["list.json", "mean"]),
        ({"normalisation": "broken.json"}, ["broken.json", "JSON"]),
        ({"normalisation": "more.json"}, ["more.json", "mean"]),
        ({"normalisation": "knee.json"}, ["knee.json", "add clip"]),
    ],
)
def test_options_that_cannot_be_used_are_refused(options, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("list.json").write_text("[1, 2]")
    Path("broken.json").write_text("{")
    Path("more.json").write_text('{"mean": [0], "std": [1], "scale": [2]}')
    Path("knee.json").write_text('{"mean": [0], "std": [1], "knee": [0.25]}')
    with pytest.raises(InputError) as refusal:
        read_options(**{"labels": None, "signals": None, "normalisation": None} | options)
    assert all(x in str(refusal.value) for x in words), refusal.value


def test_a_card_is_a_normalisation_too(trained_run):
    options = read_options(None, None, str(trained_run.card))
    assert options.normalisation["knee"] == list(cards.load(trained_run.card).normalisation.knee)


@keras.saving.register_keras_serializable("tests")
class Mine(layers.Layer):
    """A layer that only this file knows."""

    def call(self, x):
        return x


@pytest.mark.parametrize(
    ("make", "name", "words"),
    [
        (lambda: network(Mine(), layers.LSTM(4)), "custom.keras", ["custom.keras", "Mine"]),
        (
            lambda: network(layers.UpSampling1D(name="mine"), layers.LSTM(4)),
            "m.h5",
            ["'mine' (UpSampling1D)", "Conv1D"],
        ),
        (None, "absent.keras", ["absent.keras", "does not exist"]),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_and_leaves_nothing(har_edge_here, make, name, words, tmp_path):
    path = file_of(tmp_path, make(), name) if make else tmp_path / name
    before = sorted(tmp_path.iterdir())
    assert_one_sentence(har_edge_here("convert", path, "--quantize"), 2, *words)
    assert sorted(tmp_path.iterdir()) == before


def test_options_of_a_file_are_refused_for_a_run(har_edge_here, trained_run, tmp_path):
    for option in ("--labels", "--signals", "--normalisation", "--out"):
        assert_one_sentence(har_edge_here("convert", trained_run.folder, option, "x"), 2, option, ".keras")


def change_configuration(path: Path, old: str, new: str) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    assert old.encode() in parts["config.json"]
    parts["config.json"] = parts["config.json"].replace(old.encode(), new.encode(), 1)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_a_number_without_end_in_a_network_is_refused_in_words_of_ours(tmp_path):
    path = file_of(tmp_path, keras.Sequential([keras.Input((128, 9)), layers.Dense(8)]))
    change_configuration(path, '"units": 8', f'"units": 8{"0" * 5000}')
    with pytest.raises(InputError, match=r"mine\.keras cannot .* \(a whole number in it has more than 64 bits\)"):
        load_network(path)


@pytest.mark.parametrize(
    "layer",
    [layers.Dense(8, name="large"), layers.LSTM(8, name="large"), layers.Conv1D(8, 3, name="large")],
    ids=["Dense", "LSTM", "Conv1D"],
)
def test_a_network_of_more_weights_than_its_file_holds_is_refused_before_they_are_made(tmp_path, layer):
    path = file_of(tmp_path, keras.Sequential([keras.Input((128, 9)), layer]))
    size = "filters" if isinstance(layer, layers.Conv1D) else "units"
    change_configuration(path, f'"{size}": 8', f'"{size}": 1000000000')
    with pytest.raises(InputError, match=r"mine\.keras describes a network of [\d,]{13,} weights, more than the file"):
        load_network(path)
    with keras.StatelessScope():  # where it ends, Keras makes all variables that it has noted: these would take 36 GB
        keras.ops.zeros(1)


def integrator() -> keras.Model:
    """The sign of the sum of total_acc_y over a window.

    The cell goes far from 0 while somebody lies on a side; where y is hardly inclined, a step adds less than half of
    what int8 then tells apart.
    """
    lstm = layers.LSTM(1, name="lstm")
    model = keras.Sequential([keras.Input((128, 9)), lstm, layers.Dense(2, name="logits")])
    kernel = np.zeros((9, 4))
    kernel[7, 2] = 1
    lstm.set_weights([kernel, np.zeros((1, 4)), np.array([10, 10, 0, 10])])
    model.layers[-1].set_weights([np.array([[1, -1]]), np.zeros(2)])
    return model


@pytest.mark.long
def test_a_network_that_int8_cannot_hold_keeps_its_cell_in_float_and_the_command_says_why(tmp_path, uci_har):
    file_of(tmp_path, integrator())
    (tmp_path / "mine_int8.tflite").write_bytes(b"of another network")
    options = ("--labels", "LEFT,RIGHT")
    done = succeeded(har_edge("convert", "mine.keras", "--quantize", *options, cwd=tmp_path, env={"COLUMNS": "300"}))
    assert {x.name for x in tmp_path.iterdir()} == {"mine.keras", "mine_float32.tflite", "mine_mixed.tflite"}
    (line,) = (x for x in done.stdout.splitlines() if x.startswith("No mine_int8.tflite: "))
    int8, mixed = map(float, re.findall(r"\d+\.\d\d", line))
    assert mixed <= int8 / 2
    assert int8 > 1
    assert "--max-drop 1" in line
    path = tmp_path / "mine_mixed.tflite"
    card = cards.read_model(path)[1]
    assert (card.quantisation["scheme"], Classifier(path).model.scheme) == ("mixed", "mixed")
    X = uci_har.test.X[::10]
    expected = np.asarray(integrator()(X, training=False))
    assert np.mean(Classifier(path).logits(X).argmax(1) == expected.argmax(1)) > 0.97

    asked = ("convert", "mine.keras", "--quantize-as", "int8", *options)
    assert_one_sentence(har_edge(*asked, cwd=tmp_path), 1, "int8", "--max-drop 1", "--quantize-as mixed")
    assert not (tmp_path / "mine_int8.tflite").exists()


def test_a_model_that_cannot_be_cpp_source_is_shown_before_the_command_says_so(tmp_path):
    """And of an earlier model of that name none is left."""
    file_of(tmp_path, network(layers.Conv1D(8, 9, strides=16, activation="gelu"), layers.Flatten()))
    shutil.copy(MODELS["int8"], tmp_path / "mine_int8.tflite")
    write_c_array(tmp_path / "mine_int8.tflite", tmp_path)
    (tmp_path / "mine_float32.h").write_text("// somebody else's\n")
    done = har_edge("convert", "mine.keras", "--c-array", "--max-drop", 100, cwd=tmp_path, env={"COLUMNS": "300"})
    assert done.returncode == 2
    assert "no kernel for GELU, which mine_int8.tflite uses" in done.stderr.splitlines()[-1]
    rows = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("mine_")]
    assert rows == ["mine_float32.tflite", "mine_int8.tflite"]
    assert "C++ source" not in done.stdout
    assert {x.name for x in tmp_path.iterdir()} == {"mine.keras", "mine_float32.h", *rows}


@pytest.mark.long
def test_mixed_is_refused_for_a_network_without_a_cell(tmp_path):
    file_of(tmp_path, network(layers.Conv1D(8, 9, strides=16), layers.Flatten()))
    for named in ([], ["--quantize-as", "int8"]):
        asked = ("convert", "mine.keras", "--quantize-as", "mixed", *named, "--max-drop", 100)
        done = har_edge(*asked, cwd=tmp_path, env={"COLUMNS": "300"})
        if not named:
            assert_one_sentence(done, 2, "mixed", "no recurrent cell", "--quantize-as int8")
        else:
            assert "No mine_mixed.tflite: the network has no recurrent cell" in succeeded(done).stdout
            assert (tmp_path / "mine_int8.tflite").exists()
