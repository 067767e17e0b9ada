"""Check that the lowered network is the Keras network: same weights, same logits on real windows."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from model_answers import difference_of_lowered
from programs import ROOT
from small_networks import NETWORKS, network, windows

from convert.keras_layers import CONVERTIBLE_LAYERS, ConvertibleLayers
from convert.lowering.activations import ACTIVATIONS
from convert.lowering.cells import IN_FLOAT, IN_INT8, IN_MIXED
from convert.lowering.network import lower
from edge_runtime.errors import InputError


@pytest.mark.parametrize("layout", [IN_INT8, IN_MIXED])
def test_every_gate_layout_has_the_same_logits(lowered, its_windows, layout):
    expected, answers = (lowered(tf.constant(its_windows), layout=x).numpy() for x in (IN_FLOAT, layout))
    np.testing.assert_allclose(answers, expected, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_small_networks_keep_their_logits(name):
    assert difference_of_lowered(network(*NETWORKS[name]), windows()) < 1e-5


MINE = {"name": "mine"}


@pytest.mark.parametrize(
    ("middle", "option"),
    [
        ([layers.Reshape((2, 3, 4, 9)), layers.Conv3D(4, 1, **MINE)], "Conv3D"),
        ([layers.LSTM(4, activation="softsign", **MINE)], "activation=softsign"),
        ([layers.GRU(4, recurrent_activation="tanh", **MINE)], "recurrent_activation=tanh"),
        ([layers.GRU(4, dtype="float64", **MINE)], "dtype='float64'"),
        ([layers.Reshape((24, 9, 1)), layers.Bidirectional(layers.ConvLSTM1D(4, 3), **MINE)], "only LSTM, GRU"),
        ([layers.Dense(4, bias_initializer=keras.initializers.Constant(np.nan), **MINE)], "NaN"),
        ([layers.Conv1D(9, 3, groups=3, **MINE)], "groups=3"),
        ([layers.BatchNormalization(axis=1, **MINE)], "axis=1"),
        ([layers.ReLU(max_value=2.0, **MINE)], "max_value=2.0"),
        ([lambda x: layers.LSTM(4, **MINE)(x, initial_state=[x[:, 0, :4]] * 2)], "tensors"),
        ([lambda x: layers.Attention(**MINE)([x, x], use_causal_mask=True)], "use_causal_mask"),
        ([lambda x: layers.LSTM(4, return_state=True, **MINE)(x)[2]], "state number 2"),
        ([lambda x: layers.Bidirectional(layers.GRU(4, return_state=True), **MINE)(x)[1]], "state number 1"),
        ([lambda x: (dense := layers.Dense(9, **MINE))(dense(x))], "several times"),
        ([lambda x: x[:, ::-1]], "GetItem"),
        ([lambda x: x * x[:, 0]], "Multiply"),
        ([keras.ops.exp], "exp"),
    ],
)
def test_a_layer_that_cannot_be_converted_is_refused_by_name_and_option(middle, option):
    window = tensor = keras.Input((24, 9), batch_size=1)
    for layer in middle:
        tensor = layer(tensor)
    with pytest.raises(InputError) as refusal:
        lower(keras.Model(window, layers.Dense(6)(layers.Flatten()(tensor))))
    assert "'mine'" in str(refusal.value) or "operation" in str(refusal.value)
    assert option in str(refusal.value)


def test_a_network_with_other_inputs_or_outputs_is_refused():
    window, other = keras.Input((24, 9)), keras.Input((24, 9))
    state = layers.LSTM(4)(window)
    for inputs, answer, word in (
        ([window, other], layers.LSTM(4)(layers.Add()([window, other])), "2 inputs"),
        (window, [state, layers.Dense(6)(state)], "2 outputs"),
        (window, layers.LSTM(6, return_sequences=True)(window), "24"),
    ):
        with pytest.raises(InputError, match=word):
            lower(keras.Model(inputs, answer))


def options_in_words(row: ConvertibleLayers) -> str:
    parts = [f"`{option}` {', '.join(map(str, values))}" for option, values in row.options.items()]
    return "; ".join([*parts, *(["last `axis`"] if row.last_axis else []), *([row.note] if row.note else [])])


def test_the_documentation_lists_the_layers_and_activation_functions_that_can_be_converted():
    rows = [f"| {', '.join(x.names)} | {options_in_words(x)} |".replace("|  |", "| |") for x in CONVERTIBLE_LAYERS]
    documented = (ROOT / "docs" / "convert.md").read_text()
    begin, end = "<!-- convertible layers -->\n", "\n<!-- end -->"
    block = documented.partition(begin)[2].partition(end)[0]
    functions = f"Activation functions: {', '.join(ACTIVATIONS)}."
    assert block.split() == "\n".join(["| layers | conditions |", "|---|---|", *rows, functions]).split()
