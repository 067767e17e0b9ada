"""Build published networks that are a chain of layers; their sources are in `networks.py`."""

import keras
from keras import layers


def brownlee_lstm(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build an LSTM of 100 over all samples."""
    return _chain(input_shape, n_classes, layers.LSTM(100), layers.Dropout(0.5), layers.Dense(100, activation="relu"))


def brownlee_cnn_lstm(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build two convolutions over each quarter of a window, then an LSTM over the quarters."""
    return _chain(
        input_shape,
        n_classes,
        layers.TimeDistributed(layers.Conv1D(64, 3, activation="relu")),
        layers.TimeDistributed(layers.Conv1D(64, 3, activation="relu")),
        layers.TimeDistributed(layers.Dropout(0.5)),
        layers.TimeDistributed(layers.MaxPooling1D(2)),
        layers.TimeDistributed(layers.Flatten()),
        layers.LSTM(100),
        layers.Dropout(0.5),
        layers.Dense(100, activation="relu"),
    )


def brownlee_conv_lstm(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build a convolutional LSTM over the four quarters of a window."""
    return _chain(
        input_shape,
        n_classes,
        layers.ConvLSTM2D(64, (1, 3), activation="relu"),
        layers.Dropout(0.5),
        layers.Flatten(),
        layers.Dense(100, activation="relu"),
    )


def ispl_cnn_lstm(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build four convolutions over each quarter of a window, then two LSTMs of 512, as `main.py` does for UCI HAR."""
    samples, n_signals = input_shape
    return _chain(
        input_shape,
        n_classes,
        layers.Reshape((4, samples // 4, n_signals)),
        layers.BatchNormalization(),
        layers.TimeDistributed(layers.Conv1D(32, 3, activation="relu", padding="same")),
        layers.TimeDistributed(layers.Conv1D(64, 5, activation="relu")),
        layers.TimeDistributed(layers.MaxPooling1D(2)),
        layers.TimeDistributed(layers.Conv1D(64, 5, activation="relu")),
        layers.TimeDistributed(layers.Conv1D(32, 3, activation="relu")),
        layers.TimeDistributed(layers.MaxPooling1D(2)),
        layers.TimeDistributed(layers.Flatten()),
        layers.LSTM(512, return_sequences=True),
        layers.LSTM(512),
        layers.Dropout(0.5),
        layers.Dense(100, activation="relu"),
    )


def ispl_bilstm(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build a bidirectional LSTM of 128 in each direction."""
    return _chain(
        input_shape,
        n_classes,
        layers.BatchNormalization(),
        layers.Bidirectional(layers.LSTM(128)),
        layers.Dense(100, activation="relu"),
    )


def gru_trio(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build three stacked GRUs of 6, 12 and 12, the source's "model v2"."""
    return _chain(
        input_shape,
        n_classes,
        layers.GRU(6, return_sequences=True),
        layers.GRU(12, return_sequences=True),
        layers.GRU(12),
    )


def lstm_cnn(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build two LSTMs of 32, then two convolutions over their steps."""
    return _chain(
        input_shape,
        n_classes,
        layers.LSTM(32, return_sequences=True),
        layers.LSTM(32, return_sequences=True),
        layers.Conv1D(64, 5, strides=2, activation="relu"),
        layers.MaxPooling1D(2),
        layers.Conv1D(128, 3, activation="relu"),
        layers.GlobalAveragePooling1D(),
        layers.BatchNormalization(),
    )


def _chain(input_shape: tuple[int, ...], n_classes: int, *chain: keras.Layer) -> keras.Model:
    return keras.Sequential([keras.Input(input_shape), *chain, layers.Dense(n_classes, activation="softmax")])
