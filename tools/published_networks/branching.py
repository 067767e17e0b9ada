"""Build published networks that branch, attend, or keep signals apart; their sources are in `networks.py`."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import layers


def deep_conv_lstm(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Four convolutions over time, apart for each signal, then two LSTMs of 128.

    Its authors' LSTMs, of Lasagne, have peepholes besides, which Keras's do not.
    """
    windows = x = keras.Input(input_shape)
    for _ in range(4):
        x = layers.Conv2D(64, (5, 1), activation="relu")(x)
    steps, n_signals, filters = x.shape[1:]
    x = layers.Reshape((steps, n_signals * filters))(x)
    x = layers.LSTM(128, return_sequences=True)(layers.Dropout(0.5)(x))
    x = layers.LSTM(128)(layers.Dropout(0.5)(x))
    x = layers.Dense(n_classes, activation="softmax")(layers.Dropout(0.5)(x))
    return keras.Model(windows, x)


def lstm_fcn(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """An LSTM of 8 whose steps are the signals, not the samples, beside three convolutions over time."""
    return _beside_convolutions(input_shape, n_classes, squeeze=False)


def mlstm_fcn(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """The same with squeeze-and-excite blocks, and Masking before the LSTM: `generate_model` of `har_model.py`."""
    return _beside_convolutions(input_shape, n_classes, squeeze=True)


def _beside_convolutions(input_shape: tuple[int, ...], n_classes: int, squeeze: bool) -> keras.Model:
    windows = keras.Input(input_shape)
    x = layers.LSTM(8)(layers.Masking()(windows) if squeeze else windows)
    x = layers.Dropout(0.8)(x)
    y = layers.Permute((2, 1))(windows)
    for filters, kernel, is_last in ((128, 8, False), (256, 5, False), (128, 3, True)):
        y = layers.Conv1D(filters, kernel, padding="same", kernel_initializer="he_uniform")(y)
        y = layers.Activation("relu")(layers.BatchNormalization()(y))
        if squeeze and not is_last:
            y = _squeeze_and_excite(y)
    y = layers.GlobalAveragePooling1D()(y)
    return keras.Model(windows, layers.Dense(n_classes, activation="softmax")(layers.Concatenate()([x, y])))


def _squeeze_and_excite(x: Any) -> Any:
    filters = x.shape[-1]
    y = layers.Reshape((1, filters))(layers.GlobalAveragePooling1D()(x))
    y = layers.Dense(filters // 16, activation="relu", use_bias=False)(y)
    y = layers.Dense(filters, activation="sigmoid", use_bias=False)(y)
    return layers.Multiply()([x, y])


def icgnet(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Convolutions of four lengths over the signals of each sample, then two GRUs."""

    def convolve(filters: int, kernel: int) -> Any:
        return layers.TimeDistributed(layers.Conv1D(filters, kernel, padding="same", activation="relu"))

    ends = [layers.TimeDistributed(layers.MaxPooling1D(2)), layers.TimeDistributed(layers.Flatten())]
    return _icgnet(input_shape, n_classes, convolve, ends)


def icgnet_at_once(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """The same, with weights of one more axis, for its training: Keras computes TimeDistributed sample by sample."""

    def convolve(filters: int, kernel: int) -> Any:
        return layers.Conv2D(filters, (1, kernel), padding="same", activation="relu")

    return _icgnet(
        input_shape, n_classes, convolve, [layers.MaxPooling2D((1, 2)), layers.Reshape((input_shape[0], -1))]
    )


def _icgnet(
    input_shape: tuple[int, ...], n_classes: int, convolve: Callable[[int, int], Any], ends: Sequence[Any]
) -> keras.Model:
    windows = keras.Input(input_shape)
    x = layers.Reshape((*input_shape, 1))(windows)
    branches = [
        keras.Sequential([convolve(filters, kernel), layers.Dropout(0.3), convolve(reduced, 1)])(x)
        for filters, kernel, reduced in ((32, 1, 8), (64, 3, 16), (64, 5, 16), (64, 11, 16))
    ]
    x = layers.Concatenate()(branches)
    for layer in ends:
        x = layer(x)
    x = layers.Dropout(0.3)(layers.GRU(32, return_sequences=True)(x))
    x = layers.Flatten()(layers.GRU(16, return_sequences=True)(x))
    x = layers.BatchNormalization()(layers.Dense(64)(x))
    return keras.Model(windows, layers.Dense(n_classes, activation="softmax")(x))


def tinierhar(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Six separable convolutions with shortcuts, a bidirectional GRU of 16, and attention over its steps."""
    windows = x = keras.Input(input_shape)
    for filters, halves in ((4, True), (8, True), (8, False), (8, False), (8, False), (8, False)):
        x = _separable_block(x, filters, halves)
    steps, n_signals, filters = x.shape[1:]
    x = layers.Dropout(0.3)(layers.Reshape((steps, n_signals * filters))(x))
    x = layers.Bidirectional(layers.GRU(16, return_sequences=True))(x)
    weights = layers.Softmax(axis=1)(layers.Dense(1)(x))
    x = layers.Flatten()(layers.Dot(axes=1)([weights, x]))
    return keras.Model(windows, layers.Dense(n_classes, activation="softmax")(x))


def _separable_block(x: Any, filters: int, halves: bool) -> Any:
    shortcut = x
    if x.shape[-1] != filters:
        shortcut = layers.BatchNormalization(epsilon=1e-5)(layers.Conv2D(filters, 1)(x))
    y = layers.Conv2D(filters, 1)(layers.DepthwiseConv2D((5, 1), padding="same")(x))
    y = layers.ReLU()(layers.BatchNormalization(epsilon=1e-5)(y))
    if halves:
        y, shortcut = layers.MaxPooling2D((2, 1))(y), layers.MaxPooling2D((2, 1))(shortcut)
    return layers.Add()([y, shortcut])


def cnn_bilstm_attention(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """A bidirectional LSTM whose steps are weighted, apart for each unit, by a softmax over all of them.

    Theirs has one output, for a regression.
    """
    windows = keras.Input(input_shape)
    x = layers.Dropout(0.3)(layers.Conv1D(64, 1, activation="relu")(windows))
    x = layers.Dropout(0.3)(layers.Bidirectional(layers.LSTM(64, return_sequences=True))(x))
    weights = layers.Dense(input_shape[0], activation="softmax")(layers.Permute((2, 1))(x))
    x = layers.Flatten()(layers.Multiply()([x, layers.Permute((2, 1))(weights)]))
    return keras.Model(windows, layers.Dense(n_classes, activation="softmax")(x))


def transformer(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Four blocks of self-attention with four heads of 256."""
    windows = x = keras.Input(input_shape)
    n_signals = input_shape[-1]
    for _ in range(4):
        y = layers.MultiHeadAttention(num_heads=4, key_dim=256, dropout=0.25)(x, x)
        x = layers.LayerNormalization(epsilon=1e-6)(layers.Dropout(0.25)(y)) + x
        y = layers.Dropout(0.25)(layers.Conv1D(4, 1, activation="relu")(x))
        x = layers.LayerNormalization(epsilon=1e-6)(layers.Conv1D(n_signals, 1)(y)) + x
    x = layers.GlobalAveragePooling1D()(x)
    x = layers.Dropout(0.4)(layers.Dense(128, activation="relu")(x))
    return keras.Model(windows, layers.Dense(n_classes, activation="softmax")(x))
