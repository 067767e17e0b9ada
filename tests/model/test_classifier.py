"""Classify windows in physical units: quantise as LiteRT does, and refuse bad windows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from programs import MODELS

from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier, dequantise, quantise
from edge_runtime.model.interpreters import Tensor, open_model
from edge_runtime.model.model_paths import REFERENCE_MODELS
from edge_runtime.signals import mounting

N = 8
FLOATS = arrays(np.float32, (1, N), elements=st.floats(-100, 100, width=32))


@pytest.fixture(scope="module", params=["float32", "int8"])
def reference(request) -> Classifier:
    return Classifier(MODELS[request.param])


@pytest.fixture
def tiny(tmp_path) -> Path:
    """Write a model that sums each of two signals; the larger sum decides the label."""
    weights = np.tile(np.eye(2, dtype=np.float32), 4)
    path = tmp_path / "tiny.tflite"
    cards.write_model(path, tiny_models.dense(weights, (4, 2)), tiny_models.card(samples=4, temperature=2.0))
    return path


def tensor(dtype: str, scale: float, zero_point: int) -> Tensor:
    return Tensor(0, "x", (1, N), dtype, (float(np.float32(scale)),), (zero_point,))


@given(FLOATS, st.floats(2**-10, 2, width=32), st.integers(-128, 127))
@example(np.array([[0.5, -0.5, 1.5, -1.5, 2.5, 0.49999997, -0.49999997, 1e6]], np.float32), 1.0, 0)
@example(np.array([[0.5, -0.5, 1.5, -1.5, 2.5, 127.5, -128.5, -1e6]], np.float32), 1.0, -1)
def test_quantising_equals_litert(values, scale, zero_point):
    flatbuffer = tiny_models.quantise(N, scale, zero_point)
    for xnnpack in (True, False):
        model = open_model(flatbuffer, "litert", xnnpack=xnnpack)
        assert model.operators.taken == xnnpack
        assert quantise(values, model.output).tolist() == model.run(values).tolist()


@given(FLOATS, st.sampled_from(["int8", "uint8", "int16"]))
def test_dequantising_undoes_quantising_within_half_a_step(values, dtype):
    limits = np.iinfo(dtype)
    quantised = tensor(dtype, 201 / (limits.max - limits.min), (limits.max + limits.min + 1) // 2)
    steps = quantise(values, quantised)
    assert steps.dtype == dtype
    assert np.abs(dequantise(steps, quantised) - values).max() <= quantised.scale * 0.51


def test_the_reference_models_know_the_activities_of_test_subjects(reference, uci_har):
    windows, y = uci_har.test.X[::5], uci_har.test.y[::5]
    assert reference.score(windows, y) == (reference.logits(windows).argmax(axis=1) == y).mean() > 0.95
    assert reference.classify(windows[:3]) == [reference.card.labels[i] for i in reference.predict(windows[:3])]
    assert all(word in repr(reference) for word in ("edge", "50 Hz", "LAYING"))
    in_reverse = reference.logits(windows[3::-1])
    assert in_reverse[::-1].tolist() == reference.logits(windows[:4]).tolist()


def test_probabilities_are_the_softmax_after_the_temperature(tiny):
    window = np.array([[[1.0, 0], [1, 0], [0, 0], [0, 0]]])
    model = Classifier(tiny)
    assert model.logits(window).tolist() == [[2, 0]]
    share = 1 / (1 + np.exp(-2 / 2.0))
    assert model.probabilities(window)[0] == pytest.approx([share, 1 - share])
    assert model.classify(window) == ["SITTING"]
    assert model.probabilities(np.full((1, 4, 2), [900.0, -900])).tolist() == [[1, 0]]
    assert model.logits(np.zeros((0, 4, 2))).shape == (0, 2)


def test_a_model_is_named_by_its_file_its_run_folder_or_a_reference_network(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Classifier(str(tiny)).card.name == "tiny"
    (tmp_path / "edge").mkdir()  # which does not hide a reference model
    for name in REFERENCE_MODELS:
        assert Classifier(name).card.name == name
    run = tmp_path / "run"
    run.mkdir()
    with pytest.raises(InputError, match="run"):
        Classifier(run)
    (run / "card.json").touch()
    with pytest.raises(InputError, match="har-edge convert"):
        Classifier(run)
    for scheme in ("dynamic", "float32", "mixed", "int8"):  # in order of preference
        flatbuffer, card = cards.read_model(tiny)
        cards.write_model(run / f"model_{scheme}.tflite", flatbuffer, replace(card, name=scheme))
        assert Classifier(run).card.name == scheme


def test_unusable_windows_and_a_model_that_does_not_fit_its_card_are_refused(tiny):
    bad = np.stack([np.zeros((4, 2)), np.full((4, 2), np.nan)])
    for windows, noun in ((np.zeros((1, 2, 4)), "shape"), (np.zeros((4, 2)), "None"), (bad, "window 1")):
        with pytest.raises(InputError, match=noun):
            Classifier(tiny).logits(windows)
    flatbuffer, _ = cards.read_model(tiny)
    for card in ({"samples": 5}, {"signals": ["a", "b", "c"]}, {"raw_input": True}, {"labels": ["A", "B", "C"]}):
        cards.write_model(tiny, flatbuffer, tiny_models.card(**{"samples": 4, **card}))
        with pytest.raises(InputError, match=r"tiny\.tflite.*card"):
            Classifier(tiny)


def test_windows_of_one_mounting_are_turned_into_the_frame_of_the_model(uci_har):
    anywhere = Classifier("edge-anywhere")
    rows = uci_har.train.mounting == uci_har.train.mounting[0]
    X, names = uci_har.train.X[rows], anywhere.card.signal_names
    askew = mounting.turned(X, names, np.array([[0, 1.0, 0], [0, 0, 1], [1, 0, 0]]))
    walking = anywhere.in_frame(askew)
    np.testing.assert_allclose(walking, uci_har.in_walking_frame().train.X[rows], atol=1e-4)
    assert anywhere.score(walking, uci_har.train.y[rows]) > 0.9
    assert anywhere.score(askew, uci_har.train.y[rows]) < 0.7
    with pytest.raises(InputError, match="record a few steps"):
        anywhere.in_frame(X[~mounting.is_moving(X, names)])
    assert Classifier("edge").in_frame(askew).tobytes() == askew.tobytes()
    for name, windows, words in (("edge-anywhere", X[:3], "walking frame"), ("edge", 9.8 * X[:3], "1 g")):
        with pytest.warns(UserWarning, match=words):
            Classifier(name).predict(windows)


@pytest.mark.parametrize("y", [["SITTING"], [[0]], [0, 1], [0.0], np.zeros(0, int)])
def test_a_score_needs_a_label_index_for_each_window(tiny, y):
    with pytest.raises(InputError, match="y must"):
        Classifier(tiny).score(np.zeros((min(1, len(y)), 4, 2)), y)
