"""Check networks with each kind of layer: converted, they answer as Keras does, in float32 and in integers."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops
from model_answers import assert_answers_as_keras_does, difference_of_lowered, outside_xnnpack
from small_networks import moved

from convert.keras_layers import OPERATIONS
from convert.lowering.network import lower
from convert.quantise.calibration import observed_ranges

SAMPLES, SIGNALS = 16, 9
ALL = {"return_sequences": True}


def squeeze_and_excite(x):
    y = layers.Reshape((1, x.shape[-1]))(layers.GlobalAveragePooling1D()(x))
    y = layers.Dense(2, activation="relu", use_bias=False)(y)
    return layers.Multiply()([x, layers.Dense(x.shape[-1], activation="sigmoid", use_bias=False)(y)])


def transformer_block(x):
    y = layers.LayerNormalization()(x)
    x = x + layers.MultiHeadAttention(2, 4)(y, y)
    y = layers.Conv1D(4, 1, activation="relu")(layers.LayerNormalization()(x))
    return layers.GlobalAveragePooling1D(data_format="channels_first")(x + layers.Conv1D(x.shape[-1], 1)(y))


def attention_to_another(x):
    attention = layers.MultiHeadAttention(2, 4, value_dim=3, output_shape=5)
    return attention(x, layers.Conv1D(7, 3)(x), attention_mask=None)


def weighted_steps(x):
    """Hand-written attention: a score for each step, the softmax, repeated for each unit, and a weighted sum."""
    weights = layers.Activation("softmax")(layers.Flatten()(layers.Dense(1, activation="tanh")(x)))
    weights = layers.Permute((2, 1))(layers.RepeatVector(x.shape[-1])(weights))
    return ops.sum(layers.Multiply()([x, weights]), axis=1)


def in_quarters(*members: layers.Layer) -> list[layers.Layer]:
    return [layers.Reshape((4, SAMPLES // 4, SIGNALS)), *map(layers.TimeDistributed, members)]


CHANNELS = layers.Reshape((SAMPLES, SIGNALS, 1), name="channels")
POSITIONS = np.sin(np.arange(4 * SAMPLES, dtype=np.float32)).reshape(1, SAMPLES, 4)


def states(x: keras.KerasTensor) -> keras.KerasTensor:
    sequence, last, _ = layers.LSTM(5, return_state=True, **ALL)(x)
    return layers.Concatenate()([layers.GRU(4, return_state=True)(sequence)[1], last])


NETWORKS: dict[str, Callable[[], list[Callable]]] = {
    "convolutions over time for each signal": lambda: [
        *(CHANNELS, layers.Conv2D(4, (3, 1), activation="relu")),
        *(layers.Conv2D(4, (3, 1), strides=(2, 1), padding="same"), layers.BatchNormalization(), layers.ReLU()),
        *(layers.Permute((1, 3, 2)), layers.Reshape((7, 4 * SIGNALS)), layers.GRU(4)),
    ],
    "pooling in two dimensions": lambda: [
        *(CHANNELS, layers.Conv2D(4, 3, dilation_rate=2, padding="same", activation="relu")),
        *(layers.MaxPooling2D((2, 3)), layers.BatchNormalization(), layers.ZeroPadding2D(((1, 0), (0, 2)))),
        *(layers.Conv2D(5, 2), layers.AveragePooling2D(2, padding="same"), layers.Cropping2D(((1, 0), (0, 1)))),
        lambda x: layers.Concatenate()([layers.GlobalAveragePooling2D()(x), layers.GlobalMaxPooling2D()(x)]),
    ],
    "separable convolutions": lambda: [
        layers.SeparableConv1D(8, 3, strides=2, depth_multiplier=2, padding="same", activation="relu"),
        *(layers.BatchNormalization(), layers.DepthwiseConv1D(3, depth_multiplier=2, padding="same", use_bias=False)),
        *(layers.BatchNormalization(), layers.ReLU(), layers.SeparableConv1D(4, 3, dilation_rate=2)),
        layers.GlobalMaxPooling1D(keepdims=True),
    ],
    "separable convolutions in two dimensions": lambda: [
        *(CHANNELS, layers.SeparableConv2D(4, 3, dilation_rate=2, padding="same")),
        layers.DepthwiseConv2D(3, strides=2, activation="relu"),
    ],
    "convolutions of quarters": lambda: [
        *in_quarters(layers.Conv1D(8, 3, activation="relu"), layers.Dropout(0.5), layers.MaxPooling1D(2)),
        *(layers.TimeDistributed(layers.Flatten()), layers.LSTM(5)),
    ],
    "a recurrent network for each quarter": lambda: [
        *in_quarters(keras.Sequential([layers.Dense(5), layers.LSTM(3)])),
        layers.GRU(4),
    ],
    "stacked LSTMs of convolutions": lambda: [
        layers.Reshape((2, 4, 2, SIGNALS)),
        layers.ConvLSTM2D(5, (3, 2), activation="relu", padding="same", strides=(2, 1), go_backwards=True, **ALL),
        layers.ConvLSTM2D(3, 1, use_bias=False),
    ],
    "an LSTM of dilated convolutions": lambda: [
        layers.Reshape((2, 8, SIGNALS)),
        layers.ConvLSTM1D(5, 3, dilation_rate=2),
    ],
    "recurrent layers": lambda: [
        *(layers.AveragePooling1D(4), layers.Bidirectional(layers.SimpleRNN(4, **ALL))),
        *(layers.GRU(4, reset_after=False, go_backwards=True, **ALL), layers.SimpleRNN(5, "relu", use_bias=False)),
    ],
    "states of recurrent layers": lambda: [layers.AveragePooling1D(4), states],
    "squeeze and excite": lambda: [layers.Conv1D(8, 3, activation="relu"), squeeze_and_excite],
    "the last step": lambda: [
        *(layers.AveragePooling1D(4), layers.Bidirectional(layers.LSTM(5, **ALL)), lambda x: x[:, -1])
    ],
    "parts of the signals": lambda: [
        lambda x: layers.Concatenate()([layers.GRU(4)(x[:, :4, :3]), layers.GRU(3)(x[:, 2:12:2, 3:])])
    ],
    "constants": lambda: [
        *(lambda x: x * 2.0 + POSITIONS[0, 0, 0], layers.GlobalMaxPooling1D(), layers.Dense(5)),
        lambda x: (1.0 - x) / 3,
    ],
    "positions": lambda: [layers.Conv1D(4, 1, activation="tanh"), lambda x: x + POSITIONS, layers.Conv1D(3, 3)],
    "rescaling": lambda: [
        *(layers.Rescaling(2.0, -0.5), layers.Conv1D(4, 3), layers.Rescaling(0.5, 1.0), layers.ReLU()),
        layers.AlphaDropout(0.2),
    ],
    "normalisation, and layers that only training uses": lambda: [
        *(layers.Normalization(mean=0.5, variance=4.0), layers.GaussianDropout(0.1), layers.ActivityRegularization()),
        *(layers.Identity(), layers.Conv1D(4, 3)),
    ],
    "masking": lambda: [layers.AveragePooling1D(4), layers.Masking(), layers.Dense(5), layers.LSTM(4)],
    "a softmax within": lambda: [layers.Conv1D(4, 5), layers.Softmax(axis=1), layers.Dense(5, "softmax")],
    "operations": lambda: [
        *(layers.Conv1D(5, 3), lambda x: ops.transpose(ops.expand_dims(x, 1)[:, 0], (0, 2, 1))),
        lambda x: ops.mean(ops.relu(x), axis=-1),
    ],
    "a block of a transformer": lambda: [transformer_block],
    "attention to another sequence": lambda: [attention_to_another, layers.GlobalMaxPooling1D()],
    "attention by hand": lambda: [layers.Conv1D(6, 5), weighted_steps],
    "attention by Dot": lambda: [
        lambda x: layers.Dot(axes=1)([layers.Softmax(axis=1)(layers.Dense(1)(x)), layers.Dense(6)(x)])
    ],
    "dot-product attention": lambda: [
        layers.Conv1D(6, 5),
        lambda x: layers.Attention(use_scale=True)([x, x[:, 2:], x[:, :-2]]),
    ],
}

OWN_KERNELS = {"SOFTMAX", "BATCH_MATMUL", "ADD", "RSQRT", "AVERAGE_POOL_2D", "RELU", "STRIDED_SLICE", "CONCATENATION"}
"""The int8 operators that XNNPACK leaves to TFLite's kernels in some of the networks; it takes all others."""


@pytest.fixture(scope="module")
def windows(windows) -> np.ndarray:
    return windows[::3, :SAMPLES]


def network(name: str) -> keras.Model:
    keras.utils.set_random_seed(1)
    windows = x = keras.Input((SAMPLES, SIGNALS))
    for layer in NETWORKS[name]():
        x = layer(x)
    x = layers.Flatten()(x) if len(x.shape) > 2 else x
    return moved(keras.Model(windows, layers.Dense(6)(x)))


@pytest.mark.parametrize("name", NETWORKS)
def test_the_lowered_network_answers_as_keras_does(name, windows):
    assert difference_of_lowered(network(name), windows) < 1e-5


@pytest.mark.long
@pytest.mark.parametrize("name", NETWORKS)
def test_the_converted_network_answers_as_keras_does_and_integers_lose_no_more_than_rounding(name, windows):
    operators = assert_answers_as_keras_does(network(name), windows[::2], windows[1::2])
    assert set(outside_xnnpack(operators)) <= OWN_KERNELS


def test_a_layer_of_any_kind_after_a_convolution_becomes_a_part_of_it(windows):
    """Normalisation, rescaling and activation are not rounded separately, unless a function comes before them."""
    for name, kind in (("separable convolutions", "batch_normalization"), ("rescaling", "rescaling")):
        points = observed_ranges(lower(network(name)), tf.constant(windows[:4]))
        assert len({point.partition("/")[0] for point in points if kind in point}) == 1  # of two
        assert not [point for point in points if "re_lu" in point]


CALLS: dict[str, Callable] = {
    **{"Add": lambda x: x + 1.0, "Subtract": lambda x: 1.0 - x, "Multiply": lambda x: x * x},
    **{"Divide": lambda x: ops.divide(x, 2.0), "TrueDivide": lambda x: x / 2.0, "Negative": lambda x: -x},
    **{"GetItem": lambda x: x[..., 2:5], "ExpandDims": lambda x: ops.expand_dims(x, -1)},
    "Reshape": lambda x: ops.reshape(x, (-1, 8, 18)),
    "Squeeze": lambda x: ops.squeeze(x[:, :1], 1),
    "Transpose": lambda x: ops.transpose(x, (0, 2, 1)),
    "Softmax": lambda x: ops.softmax(x, axis=1),
    "Sum": lambda x: ops.sum(x, axis=-1, keepdims=True),
    "Mean": lambda x: ops.mean(x, axis=1),
    "Flip": lambda x: ops.flip(layers.GRU(4, return_sequences=True, go_backwards=True)(x), axis=1),
    **{"Relu": ops.relu, "Relu6": ops.relu6, "Sigmoid": ops.sigmoid, "Tanh": ops.tanh, "Silu": ops.silu},
    **{"HardSigmoid": ops.hard_sigmoid, "HardSilu": ops.hard_silu, "HardTanh": ops.hard_tanh},
}


@pytest.mark.parametrize("kind", OPERATIONS)
def test_every_listed_operation_is_equal_to_its_lowering(kind, windows):
    window = keras.Input((SAMPLES, SIGNALS))
    answer = CALLS[kind](window)
    assert type(answer._keras_history.operation).__name__ == kind
    model = keras.Model(window, layers.Dense(6)(layers.Flatten()(answer)))
    assert difference_of_lowered(model, windows) < 1e-5


def saved_and_loaded(model: keras.Model, folder) -> keras.Model:
    model.save(folder / "network.keras")
    return keras.models.load_model(folder / "network.keras")


@pytest.mark.parametrize("name", ["constants", "positions", "parts of the signals", "operations"])
def test_operations_are_the_same_in_a_loaded_network(name, windows, tmp_path):
    assert difference_of_lowered(saved_and_loaded(network(name), tmp_path), windows) < 1e-5


def test_masks_of_a_masking_layer_are_ignored_in_a_loaded_network_that_branches(windows, tmp_path):
    window = keras.Input((SAMPLES, SIGNALS))
    masked = layers.Masking()(window)
    both = layers.Concatenate()([layers.LSTM(3, return_sequences=True)(masked) for _ in range(2)])
    attended = layers.MultiHeadAttention(2, 3)(both, layers.Attention()([both, both]))
    model = keras.Model(window, layers.Dense(6)(layers.GlobalAveragePooling1D()(attended)))
    for each in (model, saved_and_loaded(model, tmp_path)):
        assert difference_of_lowered(each, windows) < 1e-5
