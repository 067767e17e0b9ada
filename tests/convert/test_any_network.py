"""Convert random networks: they answer as Keras does, or are refused by layer and option.

HAR_EDGE_NETWORKS=200 draws that many networks anew instead of the few that are always the same.
"""

import os

import keras
import pytest
from any_network import FAULTS, SAMPLES, Drawn, networks
from hypothesis import HealthCheck, Phase, given, settings
from keras import layers
from model_answers import assert_answers_as_keras_does

from convert.lowering.network import lower
from edge_runtime.errors import InputError

pytestmark = pytest.mark.long

N_NETWORKS = int(os.environ.get("HAR_EDGE_NETWORKS", "10"))


@pytest.fixture(scope="module")
def windows(windows):
    return windows[::3, 40 : 40 + SAMPLES]


def drawn_from(n: int):
    return settings(
        max_examples=n,
        derandomize="HAR_EDGE_NETWORKS" not in os.environ,
        phases=(Phase.generate,),  # a smaller network that fails too would take minutes to find
        suppress_health_check=list(HealthCheck),
    )


@drawn_from(N_NETWORKS)
@given(drawn=networks())
def test_a_network_answers_as_keras_does(drawn: Drawn, windows):
    assert_answers_as_keras_does(drawn.model, windows[::2], windows[1::2])


@pytest.mark.parametrize("recurrent", [layers.LSTM(4), layers.Bidirectional(layers.LSTM(4, "relu"), "sum")])
def test_windows_that_are_averaged_before_anything_else_convert_to_int8(recurrent, windows):
    """In the second network, states of two directions with ranges of their own meet the windows."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((SAMPLES, 9)), layers.AveragePooling1D(3), recurrent, layers.Dense(6)])
    assert_answers_as_keras_does(model, windows, windows)


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
