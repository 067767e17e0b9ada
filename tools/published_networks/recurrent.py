"""Build published networks that are a chain of layers; their sources are in `networks.py`."""

import keras
from keras import layers

from train.fit import networks


def brownlee_lstm(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build an LSTM of 100 over all samples."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.LSTM(100),
            layers.Dropout(0.5),
            layers.Dense(100, activation="relu"),
            layers.Dense(n_classes, activation="softmax"),
        ]
    )


def brownlee_cnn_lstm(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build two convolutions over each quarter of a window, then an LSTM over the quarters."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.TimeDistributed(layers.Conv1D(64, 3, activation="relu")),
            layers.TimeDistributed(layers.Conv1D(64, 3, activation="relu")),
            layers.TimeDistributed(layers.Dropout(0.5)),
            layers.TimeDistributed(layers.MaxPooling1D(2)),
            layers.TimeDistributed(layers.Flatten()),
            layers.LSTM(100),
            layers.Dropout(0.5),
            layers.Dense(100, activation="relu"),
            layers.Dense(n_classes, activation="softmax"),
        ]
    )


def brownlee_conv_lstm(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build a convolutional LSTM over the four quarters of a window."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.ConvLSTM2D(64, (1, 3), activation="relu"),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dense(100, activation="relu"),
            layers.Dense(n_classes, activation="softmax"),
        ]
    )


def stacked_lstm(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build this project's `stacked-lstm`, two LSTMs of 32."""
    samples, n_signals = input_shape
    return networks.stacked_lstm((samples, n_signals), n_classes)


def residual_bidir_lstm(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build this project's `residual-bidir-lstm`, nine bidirectional LSTMs with residual connections."""
    samples, n_signals = input_shape
    return networks.residual_bidir_lstm((samples, n_signals), n_classes)


def ispl_cnn_lstm(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build four convolutions over each quarter of a window, then two LSTMs of 512, as `main.py` does for UCI HAR."""
    samples, n_signals = input_shape
    return keras.Sequential(
        [
            keras.Input(input_shape),
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
            layers.Dense(n_classes, activation="softmax"),
        ]
    )


def ispl_bilstm(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build a bidirectional LSTM of 128 in each direction."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.BatchNormalization(),
            layers.Bidirectional(layers.LSTM(128)),
            layers.Dense(100, activation="relu"),
            layers.Dense(n_classes, activation="softmax"),
        ]
    )


def gru_trio(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build three stacked GRUs of 6, 12 and 12, the source's "model v2"."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.GRU(6, return_sequences=True),
            layers.GRU(12, return_sequences=True),
            layers.GRU(12),
            layers.Dense(n_classes, activation="softmax"),
        ]
    )


def lstm_cnn(input_shape: tuple[int, ...], n_classes: int) -> keras.Model:
    """Build two LSTMs of 32, then two convolutions over their steps."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.LSTM(32, return_sequences=True),
            layers.LSTM(32, return_sequences=True),
            layers.Conv1D(64, 5, strides=2, activation="relu"),
            layers.MaxPooling1D(2),
            layers.Conv1D(128, 3, activation="relu"),
            layers.GlobalAveragePooling1D(),
            layers.BatchNormalization(),
            layers.Dense(n_classes, activation="softmax"),
        ]
    )
