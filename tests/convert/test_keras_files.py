"""Check network files of Keras 2 and 3, hostile files, and networks that take windows in other forms."""

import re
import shutil
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
from keras import layers
from programs import MODELS

from convert.keras_files import load_network
from convert.network_borders import as_logits, fit_to_windows
from edge_runtime.errors import InputError

KERAS_2 = Path(__file__).parent / "keras_2"
"""Networks that tf_keras 2.21 saved, each with its answers to two windows."""


def answers(network: keras.Model, windows: np.ndarray) -> np.ndarray:
    return np.asarray(network(windows, training=False))


@pytest.fixture(scope="module")
def of_keras_2() -> dict[str, np.ndarray]:
    with np.load(KERAS_2 / "answers.npz") as file:
        return dict(file)


def saved(folder: Path, name: str = "network.keras", *more: layers.Layer) -> Path:
    keras.utils.set_random_seed(0)
    window = keras.Input((128, 9))
    keras.Sequential([window, *more, layers.GlobalMaxPooling1D(), layers.Dense(6)]).save(folder / name)
    return folder / name


@pytest.mark.parametrize("name", ["sequential.h5", "sequential.keras", "functional.h5", "functional.keras"])
def test_a_network_of_keras_2_answers_as_it_did_there(name, of_keras_2):
    network = load_network(KERAS_2 / name)
    windows = of_keras_2["windows"][:, : network.input_shape[1]]
    np.testing.assert_allclose(answers(network, windows), of_keras_2[Path(name).stem], atol=1e-6)


def test_a_description_without_modules_is_read_as_from_an_older_keras_2(of_keras_2, tmp_path):
    path = Path(shutil.copy(KERAS_2 / "sequential.h5", tmp_path))
    with h5py.File(path, "r+") as file:
        text = re.sub(r'"module": "[^"]*", |, "registered_name": (null|"[^"]*")', "", file.attrs["model_config"])
        file.attrs["model_config"] = text.encode()
    logits = answers(load_network(path), of_keras_2["windows"])
    np.testing.assert_allclose(logits, of_keras_2["sequential"], atol=1e-6)


def test_an_hdf5_file_of_keras_3_is_the_same_network(tmp_path, of_keras_2):
    path = saved(tmp_path, "network.h5", layers.LSTM(4, return_sequences=True))
    expected = answers(keras.models.load_model(path), of_keras_2["windows"])
    np.testing.assert_array_equal(answers(load_network(path), of_keras_2["windows"]), expected)


@pytest.mark.parametrize("name", ["network.keras", "network.h5"])
def test_a_stateful_network_begins_each_window_anew(name, tmp_path, of_keras_2):
    memory = layers.LSTM(4, stateful=True)
    network = keras.Sequential([keras.Input((128, 9), batch_size=1), memory, layers.Dense(6)])
    network.save(tmp_path / name)
    expected = [(answers(network, window[np.newaxis]), memory.reset_state())[0] for window in of_keras_2["windows"]]
    logits = answers(load_network(tmp_path / name), of_keras_2["windows"])
    np.testing.assert_allclose(logits, np.concatenate(expected), atol=1e-6)


def with_external_dataset(folder: Path) -> Path:
    with h5py.File(path := saved(folder, "network.h5"), "r+") as file:
        weights: h5py.Group = file.visititems(
            lambda _, part: part if isinstance(part, h5py.Group) and "bias" in part else None
        )
        del weights["bias"]
        weights.create_dataset("bias", (6,), "f4", external=[(str(MODELS["int8"]), 0, 24)])
    return path


def cut_short(folder: Path) -> Path:
    path = saved(folder, "network.h5")
    path.write_bytes(path.read_bytes()[:-200])
    return path


def adding_one() -> layers.Layer:
    return layers.Lambda(lambda x: x + 1, output_shape=(128, 9))


@pytest.mark.parametrize(
    "write",
    [
        *(cut_short, with_external_dataset),
        lambda folder: saved(folder, "network.keras", adding_one()),
        lambda folder: saved(folder, "network.h5", adding_one()),
        lambda folder: MODELS["int8"],
    ],
)
def test_a_file_without_a_whole_network_is_refused_by_name_before_anything_runs(write, tmp_path):
    path = write(tmp_path)
    with pytest.raises(InputError, match=path.name):
        load_network(path)


FORMS = {
    "quarters": ((4, 1, 32, 9), lambda X: X.reshape(-1, 4, 1, 32, 9)),
    "signals first, a channel behind": ((9, 128, 1), lambda X: X.transpose(0, 2, 1)[..., None]),
    "one row of all": ((1152,), lambda X: X.reshape(-1, 1152)),
    "any length": ((None, 9), lambda X: X),
    "any number of parts": ((None, 32, 9), lambda X: X.reshape(-1, 4, 32, 9)),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_network_that_takes_a_window_in_another_form_is_given_windows(form, of_keras_2):
    shape, arrange = FORMS[form]
    keras.utils.set_random_seed(0)
    inner = {"any length": [layers.GlobalMaxPooling1D()]}.get(form, [layers.Flatten()])
    if form == "any number of parts":
        inner = [layers.TimeDistributed(layers.Flatten()), layers.GlobalAveragePooling1D()]
    network = keras.Sequential([keras.Input(shape), *inner, layers.Dense(6)])
    fitted, words = fit_to_windows(network, 128, 9)
    assert fitted.input_shape == (None, 128, 9)
    assert words is not None
    windows = of_keras_2["windows"]
    np.testing.assert_allclose(answers(fitted, windows), answers(network, arrange(windows)), atol=1e-6)


def test_a_network_of_other_windows_stays_as_it_is():
    network = keras.Sequential([keras.Input((128, 6)), layers.Dense(6)])
    assert fit_to_windows(network, 128, 9) == (network, None)


@pytest.mark.parametrize(
    "end",
    [
        lambda x: layers.Dense(1, "sigmoid")(x),
        lambda x: layers.Activation("sigmoid")(layers.Dense(1)(x)),
        lambda x: keras.ops.sigmoid(layers.Dense(1)(x)),
    ],
)
def test_a_sigmoid_between_two_classes_becomes_two_logits(end, of_keras_2):
    window = keras.Input((128, 9))
    network = keras.Model(window, layers.Dropout(0.1)(end(layers.GlobalAveragePooling1D()(window))))
    network = keras.Sequential([keras.Input((128, 9)), network])
    windows = of_keras_2["windows"]
    expected = answers(network, windows)
    probabilities = np.asarray(keras.ops.softmax(answers(as_logits(network), windows)))
    np.testing.assert_allclose(probabilities, np.concatenate([1 - expected, expected], axis=1), atol=1e-6)


def test_several_sigmoids_are_refused():
    with pytest.raises(InputError, match="sigmoid"):
        as_logits(keras.Sequential([keras.Input((9,)), layers.Dense(6, "sigmoid")]))
