"""Convert random networks: they answer as Keras does.

HAR_EDGE_NETWORKS=200 draws 200 new networks instead of the few that are always the same.
"""

import os

import keras
import pytest
from any_network import SAMPLES, networks
from hypothesis import HealthCheck, Phase, given, settings
from keras import layers
from model_answers import assert_answers_as_keras_does

pytestmark = pytest.mark.long

N_NETWORKS = int(os.environ.get("HAR_EDGE_NETWORKS", "10"))


@pytest.fixture(scope="module")
def windows(windows):
    return windows[::3, 40 : 40 + SAMPLES]


@settings(
    max_examples=N_NETWORKS,
    derandomize="HAR_EDGE_NETWORKS" not in os.environ,
    phases=(Phase.generate,),  # to find a smaller network that fails would take minutes
    suppress_health_check=list(HealthCheck),
)
@given(model=networks())
def test_a_network_answers_as_keras_does(model: keras.Model, windows):
    assert_answers_as_keras_does(model, windows[::2], windows[1::2])


@pytest.mark.parametrize("recurrent", [layers.LSTM(4), layers.Bidirectional(layers.LSTM(4, "relu"), "sum")])
def test_windows_that_are_averaged_before_anything_else_convert_to_int8(recurrent, windows):
    """In the second network, the states of two directions, which have different ranges, meet the windows."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((SAMPLES, 9)), layers.AveragePooling1D(3), recurrent, layers.Dense(6)])
    assert_answers_as_keras_does(model, windows, windows)
