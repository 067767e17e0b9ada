"""Build published networks that branch, attend, or keep signals apart; their sources are in `networks.py`."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers


def deep_conv_lstm(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build four convolutions over time for each signal, then two LSTMs of 128.

    The authors' LSTMs, in Lasagne, also have peepholes, which Keras's do not.
    """
    windows = tensor = keras.Input(input_shape)
    for _ in range(4):
        tensor = layers.Conv2D(64, (5, 1), activation="relu")(tensor)
    steps, n_signals, filters = tensor.shape[1:]
    tensor = layers.Reshape((steps, n_signals * filters))(tensor)
    tensor = layers.LSTM(128, return_sequences=True)(layers.Dropout(0.5)(tensor))
    tensor = layers.LSTM(128)(layers.Dropout(0.5)(tensor))
    tensor = layers.Dense(n_classes, activation="softmax")(layers.Dropout(0.5)(tensor))
    return keras.Model(windows, tensor)


def lstm_fcn(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build an LSTM of 8 with a step for each signal, not each sample, beside three convolutions over time."""
    return _beside_convolutions(input_shape, n_classes, squeeze=False)


def mlstm_fcn(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build `lstm_fcn` with squeeze-and-excite blocks, and Masking first: `generate_model` of `har_model.py`."""
    return _beside_convolutions(input_shape, n_classes, squeeze=True)


def _beside_convolutions(input_shape: tuple[int, ...], n_classes: int, squeeze: bool) -> keras.Model:
    windows = keras.Input(input_shape)
    tensor = layers.LSTM(8)(layers.Masking()(windows) if squeeze else windows)
    tensor = layers.Dropout(0.8)(tensor)
    branch = layers.Permute((2, 1))(windows)
    for filters, kernel, is_last in ((128, 8, False), (256, 5, False), (128, 3, True)):
        branch = layers.Conv1D(filters, kernel, padding="same", kernel_initializer="he_uniform")(branch)
        branch = layers.Activation("relu")(layers.BatchNormalization()(branch))
        if squeeze and not is_last:
            branch = _squeeze_and_excite(branch)
    branch = layers.GlobalAveragePooling1D()(branch)
    return keras.Model(windows, layers.Dense(n_classes, activation="softmax")(layers.Concatenate()([tensor, branch])))


def _squeeze_and_excite(tensor: Any) -> Any:
    filters = tensor.shape[-1]
    branch = layers.Reshape((1, filters))(layers.GlobalAveragePooling1D()(tensor))
    branch = layers.Dense(filters // 16, activation="relu", use_bias=False)(branch)
    branch = layers.Dense(filters, activation="sigmoid", use_bias=False)(branch)
    return layers.Multiply()([tensor, branch])


def icgnet(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build convolutions of four lengths over the signals of each sample, then two GRUs."""

    def convolve(filters: int, kernel: int) -> Any:
        return layers.TimeDistributed(layers.Conv1D(filters, kernel, padding="same", activation="relu"))

    ends = [layers.TimeDistributed(layers.MaxPooling1D(2)), layers.TimeDistributed(layers.Flatten())]
    return _icgnet(input_shape, n_classes, convolve, ends)


def icgnet_at_once(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build `icgnet` for training, with one more axis of weights: Keras computes TimeDistributed sample by sample."""

    def convolve(filters: int, kernel: int) -> Any:
        return layers.Conv2D(filters, (1, kernel), padding="same", activation="relu")

    return _icgnet(
        input_shape, n_classes, convolve, [layers.MaxPooling2D((1, 2)), layers.Reshape((input_shape[0], -1))]
    )


def _icgnet(
    input_shape: tuple[int, ...], n_classes: int, convolve: Callable[[int, int], Any], ends: Sequence[Any]
) -> keras.Model:
    windows = keras.Input(input_shape)
    tensor = layers.Reshape((*input_shape, 1))(windows)
    branches = [
        keras.Sequential([convolve(filters, kernel), layers.Dropout(0.3), convolve(reduced, 1)])(tensor)
        for filters, kernel, reduced in ((32, 1, 8), (64, 3, 16), (64, 5, 16), (64, 11, 16))
    ]
    tensor = layers.Concatenate()(branches)
    for layer in ends:
        tensor = layer(tensor)
    tensor = layers.Dropout(0.3)(layers.GRU(32, return_sequences=True)(tensor))
    tensor = layers.Flatten()(layers.GRU(16, return_sequences=True)(tensor))
    tensor = layers.BatchNormalization()(layers.Dense(64)(tensor))
    return keras.Model(windows, layers.Dense(n_classes, activation="softmax")(tensor))


def tinierhar(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build six separable convolutions with shortcuts, a bidirectional GRU of 16, and attention over its steps."""
    windows = tensor = keras.Input(input_shape)
    for filters, halves in ((4, True), (8, True), (8, False), (8, False), (8, False), (8, False)):
        tensor = _separable_block(tensor, filters, halves)
    steps, n_signals, filters = tensor.shape[1:]
    tensor = layers.Dropout(0.3)(layers.Reshape((steps, n_signals * filters))(tensor))
    tensor = layers.Bidirectional(layers.GRU(16, return_sequences=True))(tensor)
    weights = layers.Softmax(axis=1)(layers.Dense(1)(tensor))
    tensor = layers.Flatten()(layers.Dot(axes=1)([weights, tensor]))
    return keras.Model(windows, layers.Dense(n_classes, activation="softmax")(tensor))


def _separable_block(tensor: Any, filters: int, halves: bool) -> Any:
    shortcut = tensor
    if tensor.shape[-1] != filters:
        shortcut = layers.BatchNormalization(epsilon=1e-5)(layers.Conv2D(filters, 1)(tensor))
    branch = layers.Conv2D(filters, 1)(layers.DepthwiseConv2D((5, 1), padding="same")(tensor))
    branch = layers.ReLU()(layers.BatchNormalization(epsilon=1e-5)(branch))
    if halves:
        branch, shortcut = layers.MaxPooling2D((2, 1))(branch), layers.MaxPooling2D((2, 1))(shortcut)
    return layers.Add()([branch, shortcut])


def cnn_bilstm_attention(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build a bidirectional LSTM with a weight for each step and unit, from a softmax over all steps.

    The authors' network has one output, for a regression.
    """
    windows = keras.Input(input_shape)
    tensor = layers.Dropout(0.3)(layers.Conv1D(64, 1, activation="relu")(windows))
    tensor = layers.Dropout(0.3)(layers.Bidirectional(layers.LSTM(64, return_sequences=True))(tensor))
    weights = layers.Dense(input_shape[0], activation="softmax")(layers.Permute((2, 1))(tensor))
    tensor = layers.Flatten()(layers.Multiply()([tensor, layers.Permute((2, 1))(weights)]))
    return keras.Model(windows, layers.Dense(n_classes, activation="softmax")(tensor))


def transformer(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build four blocks of self-attention with four heads of 256."""
    windows = tensor = keras.Input(input_shape)
    n_signals = input_shape[-1]
    for _ in range(4):
        branch = layers.MultiHeadAttention(num_heads=4, key_dim=256, dropout=0.25)(tensor, tensor)
        tensor = layers.LayerNormalization(epsilon=1e-6)(layers.Dropout(0.25)(branch)) + tensor
        branch = layers.Dropout(0.25)(layers.Conv1D(4, 1, activation="relu")(tensor))
        tensor = layers.LayerNormalization(epsilon=1e-6)(layers.Conv1D(n_signals, 1)(branch)) + tensor
    tensor = layers.GlobalAveragePooling1D()(tensor)
    tensor = layers.Dropout(0.4)(layers.Dense(128, activation="relu")(tensor))
    return keras.Model(windows, layers.Dense(n_classes, activation="softmax")(tensor))
