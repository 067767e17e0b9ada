"""Check `har-edge convert MODEL.keras`: an external network, with the options that make its card."""

import json
from pathlib import Path

import keras
import numpy as np
import onnx
import onnx_graphs
import pytest
from keras import layers
from programs import assert_one_sentence, har_edge, succeeded

from convert.cli import command
from convert.conversion_input import load_data, load_networks
from convert.conversion_job import ConversionJob
from convert.lowering.network import lower
from convert.network_borders import as_logits, samples_of
from convert.onnx_reader import reader as onnx_reader
from convert.parity import relative_difference
from edge_runtime.errors import InputError
from edge_runtime.model.classifier import Classifier, softmax
from edge_runtime.signals.types import Window


def network(*middle: layers.Layer, samples: int = 128, signals: int = 9, classes: int = 6, end: str | None = "softmax"):
    keras.utils.set_random_seed(0)
    middle = middle or (layers.Conv1D(8, 9, strides=30), layers.BatchNormalization(), layers.ReLU(), layers.GRU(8))
    return keras.Sequential([keras.Input((samples, signals)), *middle, layers.Dense(classes, activation=end)])


def file_of(folder: Path, model: keras.Model) -> Path:
    model.save(folder / "mine.keras")
    return folder / "mine.keras"


def test_models_are_beside_the_file_and_answer_as_the_network_does(har_edge_here, tmp_path, uci_har):
    """The network is trained on normalised windows, and ends in a softmax."""
    model, X = network(), uci_har.train.X
    model.compile(keras.optimizers.Adam(0.01), "sparse_categorical_crossentropy")
    model.fit((X - X.mean((0, 1))) / X.std((0, 1)), uci_har.train.y, batch_size=64, epochs=2, verbose=0)
    trained, X = file_of(tmp_path, model), uci_har.test.X[::20]
    options = ("--quantize-as", "int8", "--calibration", 120, "--normalisation", "data")
    shown = succeeded(har_edge_here("convert", "mine.keras", *options)).stdout
    assert "Inputs, in order: body_acc_x, body_acc_y" in shown
    assert "Outputs, in order: WALKING, WALKING_UPSTAIRS, WALKING_DOWNSTAIRS" in shown
    mean, std = uci_har.train.X.mean((0, 1), np.float64), uci_har.train.X.std((0, 1), np.float64)
    expected = np.asarray(model(((X - mean) / std).astype(np.float32), training=False))
    float32, int8 = (Classifier(trained.with_name(f"mine_{scheme}.tflite")) for scheme in ("float32", "int8"))
    assert np.abs(softmax(float32.logits(X)) - expected).max() < 1e-3
    assert np.mean(int8.logits(X).argmax(1) == expected.argmax(1)) > 0.95
    names = sorted(path.name for path in trained.parent.iterdir())
    assert names == ["mine.keras", "mine_float32.tflite", "mine_int8.tflite"]
    card = int8.card
    assert (card.name, card.labels, card.signals) == ("mine", uci_har.labels, uci_har.signals)
    assert card.normalisation.mean == pytest.approx(mean, abs=1e-6)
    assert (card.quantisation["lowering"], card.quantisation["calibration_windows"]) == ("unrolled", 120)
    checked = card.parity["checked"]
    assert checked["windows"] == np.isin(uci_har.train.subject, [3, 8, 16, 22, 27]).sum()
    assert checked["accuracy"] > 0.6
    assert 0.5 < card.temperature < 2
    assert card.temperature != 1


@pytest.mark.long
def test_an_onnx_file_becomes_models_that_answer_as_it_does(har_edge_here, tmp_path, uci_har):
    onnx.save(onnx_graphs.conv_gru(("n", 9, 128)), tmp_path / "mine.onnx")
    succeeded(har_edge_here("convert", "mine.onnx", "--quantize-as", "int8", "--calibration", 60, "--max-drop", 100))
    X = uci_har.test.X[::100]
    _, answers = onnx_reader.read_proto(onnx.load(tmp_path / "mine.onnx"))
    expected = answers(X)
    for scheme, most in (("float32", 1e-4), ("int8", 0.2)):
        assert relative_difference(Classifier(tmp_path / f"mine_{scheme}.tflite").logits(X), expected) < most


@pytest.mark.long
def test_a_network_for_other_signals_and_labels_is_compared_with_itself(har_edge_here, tmp_path, uci_har):
    front = layers.Conv1D(8, 9, strides=30), layers.Flatten()
    path = file_of(tmp_path, network(*front, signals=3, classes=3, end=None))
    (tmp_path / "labels.txt").write_text("up\ndown\nflat\n")
    (tmp_path / "norm.json").write_text(json.dumps({"mean": [0.8, 0, 0], "std": [1, 0.5, 0.5], "clip": [3, 3, 3]}))
    options = ("--labels", "labels.txt", "--signals", "total_acc_x,total_acc_y,total_acc_z", "--max-drop", 100)
    options = (*options, "--normalisation", "norm.json", "--out", "made", "--io", "int8", "--calibration", 60)
    succeeded(har_edge_here("convert", path, *options, "--quantize"))
    files = {path.name for path in (tmp_path / "made").iterdir()}
    assert files == {"mine_float32.tflite", "mine_int8.tflite"}
    X = uci_har.select(["total_acc_x", "total_acc_y", "total_acc_z"]).test.X[::20]
    logits = {}
    for scheme in ("float32", "int8"):
        path = tmp_path / "made" / f"mine_{scheme}.tflite"
        classifier = Classifier(path)
        card, logits[scheme] = classifier.card, classifier.logits(X)
        assert not card.raw_input
        assert classifier.model.input.dtype == classifier.model.output.dtype == scheme
        assert card.quantisation["input_type"] == card.quantisation["output_type"] == scheme
    assert np.mean(logits["float32"].argmax(1) == logits["int8"].argmax(1)) > 0.9
    assert card.labels == ("up", "down", "flat")
    assert [signal.name for signal in card.signals] == ["total_acc_x", "total_acc_y", "total_acc_z"]
    assert (card.normalisation.mean, card.normalisation.clip) == ((0.8, 0.0, 0.0), (3.0, 3.0, 3.0))
    assert set(card.parity["checked"]) == {"windows", "agreement", "worst_difference", "snr_db"}
    assert card.temperature == 1


def test_a_softmax_at_the_end_is_left_out(uci_har):
    end = keras.Sequential([keras.Input((6,)), layers.Activation("softmax")]), layers.Dropout(0.1)
    model = keras.Sequential([keras.Input((128, 9)), layers.GlobalMaxPooling1D(), layers.Dense(6), *end])
    X = uci_har.test.X[::100]
    expected = np.asarray(model(X, training=False))
    bare = as_logits(model)
    lower(bare)  # no softmax is left
    assert np.abs(np.asarray(keras.ops.softmax(bare(X, training=False))) - expected).max() < 1e-5


ACTIVITIES = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")


def job(path: Path, **options: object) -> ConversionJob:
    return ConversionJob(path, **options)


@pytest.mark.parametrize(
    ("labels", "is_labelled", "classes"),
    [
        (tuple(reversed(ACTIVITIES)), True, {0, 1, 2, 3, 4, 5}),
        (("SITTING", "WALKING"), True, {0, 1}),
        (("SITTING", "FALLING"), False, {0, 1, 2, 3, 4, 5}),
    ],
)
def test_labels_are_matched_by_name(labels, is_labelled, classes, uci_har, tmp_path):
    layer = layers.Flatten(name="a name that TensorFlow does not take")
    (source,) = load_networks(job(file_of(tmp_path, network(layer, classes=len(labels))), labels=labels), uci_har)
    assert source.is_labelled == is_labelled
    assert set(source.held_out.y) == set(source.calibration.y) == classes
    if is_labelled:
        n_first = (source.held_out.y == 0).sum() + (source.calibration.y == 0).sum()
        assert n_first == (uci_har.train.y == uci_har.labels.index(labels[0])).sum()


@pytest.mark.parametrize(
    ("labels", "normalisation", "advice"),
    [
        ("STANDING,LAYING", "data", ""),
        ("standing,Laying", "data", ""),
        ("LAYING,STANDING", "data", "--labels STANDING,LAYING"),
        ("STANDING,LAYING", "none", "--normalisation data"),
        ("LAYING,STANDING", "none", "--normalisation data --labels STANDING,LAYING"),
    ],
)
def test_advice_names_the_options_that_make_a_network_right(labels, normalisation, advice, uci_har, tmp_path):
    """Normalised, total_acc_x is above 0 while somebody stands, and below while somebody lies."""
    model = network(layers.GlobalAveragePooling1D(), classes=2)
    weights = np.zeros((9, 2))
    weights[6] = 1, -1
    model.set_weights([weights, np.zeros(2)])
    options = {"labels": tuple(labels.split(",")), "normalisation": normalisation}
    (source,) = load_networks(job(file_of(tmp_path, model), **options), uci_har)
    assert source.card.labels == tuple(labels.upper().split(","))
    assert source.advice.partition(", with ")[2] == advice


@pytest.mark.long
def test_a_network_that_only_guesses_is_converted_with_a_warning(har_edge_here, tmp_path):
    model = network(layers.GlobalAveragePooling1D(), classes=2)
    model.set_weights([np.zeros((9, 2)), np.array([1, 0])])
    file_of(tmp_path, model)
    done = succeeded(har_edge_here("convert", "mine.keras", "--labels", "STANDING,LAYING"))
    assert "same label" in done.stdout
    assert (tmp_path / "mine_float32.tflite").exists()


def test_recordings_are_cut_into_windows_of_the_length_that_the_network_takes(uci_har, tmp_path):
    path = file_of(tmp_path, network(layers.Reshape((4, 25, 9)), layers.Flatten(), samples=100))
    (source,) = load_networks(job(path), uci_har)
    assert source.card.window == Window(50.0, 100, 50)
    assert source.card.front_end == uci_har.front_end
    assert source.calibration.X.shape[1:] == source.held_out.X.shape[1:] == (100, 9)
    np.savez(tmp_path / "cut.npz", X=uci_har.train.X[:60], y=uci_har.train.y[:60])
    others = job(path, data=(str(tmp_path / "cut.npz"),))
    with pytest.raises(InputError, match="windows of 100 samples"):
        load_networks(others, load_data(others))


def test_the_length_of_windows_is_found_in_any_arrangement():
    shapes = ((100, 9), (9, 100), (4, 1, 25, 9), (900,), (None, 9), (128, 6))
    assert [samples_of(shape, 9) for shape in shapes] == [100, 100, 100, 100, None, None]


@pytest.mark.parametrize(
    ("model", "options", "word"),
    [
        ({"samples": 15, "middle": [layers.Flatten()]}, {}, "--data"),
        ({"signals": 6}, {}, "--signals"),
        ({}, {"signals": ("heart_rate",)}, "heart_rate"),
        ({"classes": 5}, {}, "--labels"),
        ({}, {"normalisation": "zeros.json"}, "--normalisation"),
        ({}, {"normalisation": "texts.json"}, "--normalisation"),
    ],
)
def test_a_network_that_does_not_fit_its_options_is_refused(model, options, word, uci_har, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, value in (("zeros.json", 0), ("texts.json", "0")):
        Path(name).write_text(json.dumps({"mean": [value] * 9, "std": [value] * 9}))
    with pytest.raises(InputError, match=word):
        load_networks(job(file_of(tmp_path, network(*model.pop("middle", ()), **model)), **options), uci_har)


@pytest.mark.parametrize(
    ("option", "value"),
    [("labels", "A,A"), ("signals", ","), ("normalisation", "absent"), ("normalisation", "scaled.json")],
)
def test_options_that_cannot_be_used_are_refused(option, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("scaled.json").write_text('{"mean": [0], "std": [1], "scale": [2]}')
    with pytest.raises(InputError, match=f"--{option}"):
        command.main(["mine.keras", f"--{option}", value], standalone_mode=False)


def integrator() -> keras.Model:
    """The sign of the sum of total_acc_y over a window.

    The cell goes far from 0 while somebody lies on one side. Where y is hardly inclined, a step then adds less than
    half of an int8 step.
    """
    kernel = np.zeros((9, 4))
    kernel[7, 2] = 1
    model = keras.Sequential([keras.Input((128, 9)), layers.LSTM(1), layers.Dense(2)])
    model.set_weights([kernel, np.zeros((1, 4)), np.array([10, 10, 0, 10]), np.array([[1, -1]]), np.zeros(2)])
    return model


@pytest.mark.long
def test_a_network_that_loses_too_much_in_int8_keeps_its_cell_in_float_and_the_command_says_why(tmp_path, uci_har):
    file_of(tmp_path, integrator())
    (tmp_path / "mine_int8.tflite").write_bytes(b"of another network")
    labels = ("--labels", "LEFT,RIGHT")
    done = succeeded(har_edge("convert", "mine.keras", "--quantize", *labels, cwd=tmp_path, env={"COLUMNS": "300"}))
    assert {path.name for path in tmp_path.iterdir()} == {"mine.keras", "mine_float32.tflite", "mine_mixed.tflite"}
    assert "mine_int8.tflite" in done.stdout
    mixed, X = Classifier(tmp_path / "mine_mixed.tflite"), uci_har.test.X[::10]
    assert (mixed.card.quantisation["scheme"], mixed.model.scheme) == ("mixed", "mixed")
    expected = np.asarray(integrator()(X, training=False))
    assert np.mean(mixed.logits(X).argmax(1) == expected.argmax(1)) > 0.97
    refused = har_edge("convert", "mine.keras", "--quantize-as", "int8", *labels, cwd=tmp_path)
    assert_one_sentence(refused, 1, "int8", "--max-drop")
    assert not (tmp_path / "mine_int8.tflite").exists()
