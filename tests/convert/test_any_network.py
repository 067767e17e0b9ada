"""Convert random networks: they answer as Keras does, or are refused by layer and option.

HAR_EDGE_NETWORKS=200 draws that many networks anew instead of the few that are always the same.
"""

import os

import keras
import numpy as np
import pytest
from any_network import FAULTS, SAMPLES, Drawn, networks
from hypothesis import HealthCheck, Phase, given, settings
from keras import layers
from model_answers import int8_logits, logits_of, rms

from convert.lowering.network import lower
from convert.parity import relative_difference
from convert.quantise.calibration import observed_ranges
from convert.quantise.tflite_converter import to_float32, to_int8
from edge_runtime.errors import InputError
from edge_runtime.model.interpreters import open_model

pytestmark = pytest.mark.long

N_NETWORKS = int(os.environ.get("HAR_EDGE_NETWORKS", "10"))
MOST_EXCESS = 1.5
"""How much larger int8's error may be than that of `int8_logits`, which leaves out a few roundings."""


@pytest.fixture(scope="module")
def windows(uci_har):
    X = uci_har.train.X[::180, 40 : 40 + SAMPLES]
    return np.clip((X - X.mean((0, 1))) / X.std((0, 1)), -3, 3)


def drawn_from(n: int):
    return settings(
        max_examples=n,
        derandomize="HAR_EDGE_NETWORKS" not in os.environ,
        phases=(Phase.generate,),  # a smaller network that fails too would take minutes to find
        suppress_health_check=list(HealthCheck),
    )


def assert_int8_loses_no_more_than_its_arithmetic(model: keras.Model, seen: np.ndarray, unseen: np.ndarray) -> None:
    """Allow much loss in int8, since these networks were not trained."""
    lowered, expected = lower(model), np.asarray(model(unseen, training=False))
    ranges = observed_ranges(lowered, seen)
    int8 = to_int8(lowered, ranges)
    error = rms(int8_logits(lowered, ranges, unseen) - expected)
    assert rms(logits_of(int8, unseen) - expected) <= MOST_EXCESS * error + open_model(int8).output.scale


@drawn_from(N_NETWORKS)
@given(drawn=networks())
def test_a_network_answers_as_keras_does(drawn: Drawn, windows):
    seen, unseen = windows[::2], windows[1::2]
    expected = np.asarray(drawn.model(unseen, training=False))
    assert relative_difference(logits_of(to_float32(lower(drawn.model)), unseen), expected) < 1e-4
    assert_int8_loses_no_more_than_its_arithmetic(drawn.model, seen, unseen)


@pytest.mark.parametrize("recurrent", [layers.LSTM(4), layers.Bidirectional(layers.LSTM(4, "relu"), "sum")])
def test_windows_that_are_averaged_before_anything_else_convert_to_int8(recurrent, windows):
    """In the second network, states of two directions with ranges of their own meet the windows."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((SAMPLES, 9)), layers.AveragePooling1D(3), recurrent, layers.Dense(6)])
    assert_int8_loses_no_more_than_its_arithmetic(model, windows, windows)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_network_that_cannot_be_converted_is_refused_by_layer_and_option(fault):
    @drawn_from(max(1, N_NETWORKS // len(FAULTS)))
    @given(drawn=networks(fault))
    def refused(drawn: Drawn):
        ((name, words),) = drawn.faults
        with pytest.raises(InputError) as refusal:
            lower(drawn.model)
        assert f"'{name}'" in str(refusal.value)
        assert words in str(refusal.value)

    refused()
