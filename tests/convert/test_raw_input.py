"""Check that a model of raw windows answers as the model of prepared windows inside it."""

import keras
import numpy as np
import pytest
from keras import layers
from model_answers import logits_of
from programs import MODELS

from convert.lowering.network import lower
from convert.quantise.calibration import ActivationRange, observed_ranges
from convert.quantise.raw_input import take_raw_windows
from convert.quantise.tflite_converter import to_float32, to_int8
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import RAW_INPUT, dequantise, quantise
from edge_runtime.model.interpreters import open_model
from edge_runtime.signals.normalisation import NO_CLIP, Normalisation

PLAIN = Normalisation((0.0,) * 3, (1.0,) * 3, (NO_CLIP,) * 3, (None,) * 3)


def answers_of(flatbuffer: bytes, normalisation: Normalisation, X: np.ndarray, **options) -> np.ndarray:
    """Return the logits of a model of prepared windows, for windows in physical units."""
    model = open_model(flatbuffer, **options)
    inputs = quantise(normalisation.apply(X), model.input)
    return np.concatenate([dequantise(model.run(values[np.newaxis]), model.output).copy() for values in inputs])


@pytest.mark.parametrize(("runtime", "xnnpack"), [("litert", True), ("litert", False), ("tensorflow", True)])
@pytest.mark.parametrize("scheme", ["float32", "float16", "dynamic", "int8"])
def test_answers_to_raw_windows_equal_the_answers_to_prepared_windows(forms, uci_har, scheme, xnnpack, runtime):
    normalisation = cards.read_model(MODELS["int8"])[1].normalisation
    raw, X = take_raw_windows(forms[scheme], normalisation), uci_har.test.X[::30, :64]
    model = open_model(raw, runtime, xnnpack=xnnpack)
    assert (model.input.name, model.input.dtype, model.output.dtype) == (RAW_INPUT, "float32", "float32")
    assert model.operators.taken == (model.operators.total if xnnpack else 0)
    answers = np.concatenate([model.run(window[np.newaxis]).copy() for window in X])
    assert answers.tobytes() == answers_of(forms[scheme], normalisation, X, runtime=runtime, xnnpack=xnnpack).tobytes()


def network(samples: int, *front: layers.Layer) -> keras.Model:
    keras.utils.set_random_seed(3)
    return keras.Sequential([keras.Input((samples, 3)), *front, layers.Flatten(), layers.Dense(4)])


@pytest.mark.parametrize(
    ("samples", "front", "normalisation"),
    [
        (200, [], Normalisation((0.5, 0.0, -9.0), (1.0,) * 3, (NO_CLIP,) * 3, (None,) * 3)),
        (7, [layers.LSTM(5)], Normalisation((0.0,) * 3, (2.0, 1.0, 0.1), (3.0, NO_CLIP, 2.0), (None,) * 3)),
        (60, [layers.Conv1D(4, 3)], Normalisation((0.1,) * 3, (2.0, 1.0, 0.5), (3.0,) * 3, (0.25, None, 2.0))),
        (64, [layers.MaxPooling1D(32), layers.GRU(3)], Normalisation((0.1,) * 3, (2.0,) * 3, (3.0,) * 3, (0.25,) * 3)),
    ],
)
def test_windows_of_any_length_and_networks_of_any_layers_can_take_raw_windows(samples, front, normalisation):
    lowered = lower(network(samples, *front))
    X = (np.random.default_rng(1).normal(size=(12, samples, 3)) * [0.2, 2, 20]).astype(np.float32)
    for flatbuffer in (to_float32(lowered), to_int8(lowered, observed_ranges(lowered, normalisation.apply(X)))):
        raw = take_raw_windows(flatbuffer, normalisation)
        for xnnpack in (True, False):
            answers = logits_of(raw, X, xnnpack=xnnpack)
            assert answers.tobytes() == answers_of(flatbuffer, normalisation, X, xnnpack=xnnpack).tobytes()


@pytest.mark.parametrize(("lowest", "highest"), [(-8.0, 7.0), (-3.06, 3.06)])
def test_values_are_cut_at_the_clip_if_int8_reaches_beyond_it(lowest, highest):
    """For example, if windows share their range with larger states."""
    lowered = lower(network(20))
    normalisation = Normalisation((0.0,) * 3, (1.0,) * 3, (3.0, 3.0, 2.0), (None,) * 3)
    X = 6 * np.random.default_rng(1).normal(size=(12, 20, 3)).astype(np.float32)
    ranges = observed_ranges(lowered, normalisation.apply(X)) | {"input": ActivationRange(lowest, highest)}
    int8 = to_int8(lowered, ranges)
    answers = logits_of(take_raw_windows(int8, normalisation), X)
    assert answers.tobytes() == answers_of(int8, normalisation, X).tobytes()
    assert (answers != logits_of(take_raw_windows(int8, PLAIN), X)).any()
