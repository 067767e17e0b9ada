"""Check the files that hold a network, of Keras 2 and 3 and hostile ones, and others beside them."""

import json
import shutil
import zipfile
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


def small(*more: layers.Layer) -> keras.Model:
    keras.utils.set_random_seed(0)
    return keras.Sequential([keras.Input((128, 9)), *more, layers.GlobalMaxPooling1D(), layers.Dense(6, name="last")])


def hdf5(folder: Path, *more: layers.Layer) -> Path:
    return saved(folder, "network.h5", *more)


def saved(folder: Path, name: str, *more: layers.Layer) -> Path:
    small(*more).save(folder / name)
    return folder / name


def change_description(path: Path, change) -> None:
    with h5py.File(path, "r+") as file:
        file.attrs["model_config"] = change(str(file.attrs["model_config"])).encode()


@pytest.mark.parametrize("name", ["sequential.h5", "sequential.keras", "functional.h5", "functional.keras"])
def test_a_network_of_keras_2_answers_as_it_did_there(name, of_keras_2):
    network = load_network(KERAS_2 / name)
    windows = of_keras_2["windows"][:, : network.input_shape[1]]
    np.testing.assert_allclose(answers(network, windows), of_keras_2[Path(name).stem], atol=1e-6)


def without_modules(part):
    """As releases before 2.12 described layers."""
    if isinstance(part, list):
        return [without_modules(x) for x in part]
    if not isinstance(part, dict):
        return part
    return {key: without_modules(x) for key, x in part.items() if key not in ("module", "registered_name")}


def test_a_description_without_modules_is_that_of_an_older_keras_2(of_keras_2, tmp_path):
    path = Path(shutil.copy(KERAS_2 / "sequential.h5", tmp_path))
    change_description(path, lambda text: json.dumps(without_modules(json.loads(text))))
    found = answers(load_network(path), of_keras_2["windows"])
    np.testing.assert_allclose(found, of_keras_2["sequential"], atol=1e-6)


def test_an_hdf5_file_of_keras_3_is_the_same_network(tmp_path, of_keras_2):
    network = small(layers.LSTM(4, return_sequences=True))
    network.save(tmp_path / "network.h5")
    windows = of_keras_2["windows"]
    np.testing.assert_array_equal(answers(load_network(tmp_path / "network.h5"), windows), answers(network, windows))


def adding_one() -> layers.Layer:
    return layers.Lambda(lambda x: x + 1, output_shape=(128, 9))


def of_many_weights(folder: Path) -> Path:
    """Keras would make them before it reads the file."""
    with zipfile.ZipFile(saved(folder, "network.keras")) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["config.json"] = parts["config.json"].replace(b'"units": 6', b'"units": 1000000000')
    return zipped(folder, parts)


def of_more_weights_in_hdf5(folder: Path) -> Path:
    path = hdf5(folder)
    change_description(path, lambda text: text.replace('"units": 6', f'"units": 8{"0" * 5000}'))
    return path


def unpacking_without_end(folder: Path) -> Path:
    with h5py.File(path := hdf5(folder), "r+") as file:
        file.create_dataset("model_weights/zeros", (1 << 31,), "u1", chunks=(1 << 20,), compression="gzip")
    return path


def zipped(folder: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(folder / "network.keras", "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return folder / "network.keras"


def flipped(path: Path, *places: int, bits: int) -> Path:
    content = bytearray(path.read_bytes())
    for place in places:
        content[place] ^= bits
    path.write_bytes(content)
    return path


def encrypted(folder: Path) -> Path:
    """Bit 0 of the flags, in the local header and in the central directory (APPNOTE.TXT 4.3.7 and 4.3.12)."""
    path = zipped(folder, {"config.json": b"{}"})
    return flipped(path, 6, path.read_bytes().index(b"PK\x01\x02") + 8, bits=1)


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def weights_alone(folder: Path) -> Path:
    small().save_weights(folder / "network.weights.h5")
    return folder / "network.weights.h5"


@pytest.mark.parametrize(
    "write",
    [
        *(of_many_weights, of_more_weights_in_hdf5, unpacking_without_end, encrypted, weights_alone),
        lambda folder: saved(folder, "network.keras", adding_one()),
        lambda folder: hdf5(folder, adding_one()),
        lambda folder: zipped(folder, {"config.json": b"[" * 100_000, "metadata.json": b"{}"}),
        lambda folder: zipped(folder, {"network.txt": b"no network"}),
        lambda folder: flipped(path := saved(folder, "network.keras"), path.stat().st_size // 2, bits=0xFF),
        lambda folder: written(path := hdf5(folder), path.read_bytes()[:-200]),
        lambda folder: written(folder / "network.json", small().to_json().encode()),
        lambda folder: MODELS["int8"],
    ],
)
def test_what_is_no_whole_network_is_refused_by_name_and_neither_run_nor_made(write, tmp_path):
    path = write(tmp_path)
    with pytest.raises(InputError, match=path.name):
        load_network(path)
    with keras.StatelessScope():  # where it ends, Keras makes all variables that it has noted: these would take 36 GB
        keras.ops.zeros(1)


def link_out(file: h5py.File, secret: Path) -> None:
    file["model_weights/elsewhere"] = h5py.ExternalLink(str(secret), "/")


def link_softly(file: h5py.File, secret: Path) -> None:
    file["model_weights/elsewhere"] = h5py.SoftLink("/model_weights")


def store_outside(file: h5py.File, secret: Path) -> None:
    file.create_dataset("model_weights/elsewhere", (4,), "u1", external=[(str(secret), 0, 4)])


def compose_of_others(file: h5py.File, secret: Path) -> None:
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource(str(secret), "x", (4,))
    file.create_virtual_dataset("model_weights/elsewhere", layout)


@pytest.mark.parametrize("lead_out", [link_out, link_softly, store_outside, compose_of_others])
def test_an_hdf5_file_whose_parts_lie_elsewhere_is_refused(lead_out, tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    path = hdf5(tmp_path)
    with h5py.File(path, "r+") as file:
        lead_out(file, tmp_path / "secret")
    with pytest.raises(InputError, match="elsewhere"):
        load_network(path)


def test_a_group_within_itself_is_looked_at_once(tmp_path, of_keras_2):
    path = hdf5(tmp_path)
    with h5py.File(path, "r+") as file:
        file["model_weights/again"] = file["model_weights"]
    load_network(path)


FORMS = {
    "quarters": ((4, 32, 9), lambda X: X.reshape(-1, 4, 32, 9)),
    "quarters of one row": ((4, 1, 32, 9), lambda X: X.reshape(-1, 4, 1, 32, 9)),
    "a channel behind": ((128, 9, 1), lambda X: X[..., None]),
    "a channel before": ((1, 128, 9), lambda X: X[:, None]),
    "signals first": ((9, 128), lambda X: X.transpose(0, 2, 1)),
    "signals first, a channel behind": ((9, 128, 1), lambda X: X.transpose(0, 2, 1)[..., None]),
    "one row of all": ((1152,), lambda X: X.reshape(-1, 1152)),
    "any length": ((None, 9), lambda X: X),
    "any number of parts": ((None, 32, 9), lambda X: X.reshape(-1, 4, 32, 9)),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_network_that_takes_a_window_in_another_form_is_given_windows(form, of_keras_2):
    shape, arrange = FORMS[form]
    keras.utils.set_random_seed(0)
    inner = [layers.GlobalMaxPooling1D()] if None in shape[:1] and len(shape) == 2 else [layers.Flatten()]
    if shape == (None, 32, 9):
        inner = [layers.TimeDistributed(layers.Flatten()), layers.GlobalAveragePooling1D()]
    network = keras.Sequential([keras.Input(shape), *inner, layers.Dense(6)])
    fitted, words = fit_to_windows(network, 128, 9)
    assert fitted.input_shape == (None, 128, 9)
    assert words is not None
    windows = of_keras_2["windows"]
    np.testing.assert_allclose(answers(fitted, windows), answers(network, arrange(windows)), atol=1e-6)


@pytest.mark.parametrize("shape", [(128, 6), (64, 18), (32, 4, 9, 2), (None, 7)])
def test_a_network_of_other_windows_stays_as_it_is(shape):
    network = keras.Sequential([keras.Input(shape), layers.Dense(6)])
    assert fit_to_windows(network, 128, 9) == (network, None)


@pytest.mark.parametrize(
    "end",
    [
        lambda x: layers.Dense(1, "sigmoid")(x),
        lambda x: layers.Activation("sigmoid")(layers.Dense(1)(x)),
        lambda x: keras.ops.sigmoid(layers.Dense(1)(x)),
    ],
    ids=["of a layer", "a layer", "an operation"],
)
def test_a_sigmoid_between_two_classes_becomes_two_logits(end, of_keras_2):
    given = keras.Input((128, 9))
    network = keras.Model(given, layers.Dropout(0.1)(end(layers.GlobalAveragePooling1D()(given))))
    network = keras.Sequential([keras.Input((128, 9)), network])
    windows = of_keras_2["windows"]
    expected = answers(network, windows)
    probabilities = np.asarray(keras.ops.softmax(answers(as_logits(network), windows)))
    np.testing.assert_allclose(probabilities, np.concatenate([1 - expected, expected], axis=1), atol=1e-6)


def test_several_sigmoids_are_no_answer_to_one_question():
    network = small()
    with pytest.raises(InputError, match="sigmoid"):
        as_logits(keras.Model(network.inputs, keras.ops.sigmoid(network.outputs[0])))
