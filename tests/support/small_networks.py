"""Make small Keras networks of common layers, with weights that differ from Keras's initial values."""

import keras
import numpy as np
from keras import layers

SAMPLES, SIGNALS = 20, 5
SEQUENCE = {"return_sequences": True}

NETWORKS: dict[str, list[layers.Layer]] = {
    "LSTM behind a convolution": [layers.Conv1D(8, 5, strides=2, padding="same", activation="relu6"), layers.LSTM(6)],
    "stacked": [layers.LSTM(6, **SEQUENCE), layers.LSTM(5, use_bias=False)],
    "GRUs of both kinds": [layers.GRU(6, **SEQUENCE), layers.GRU(5, reset_after=False)],
    "both ways": [
        layers.Bidirectional(layers.LSTM(4, **SEQUENCE), merge_mode="sum"),
        layers.Bidirectional(layers.GRU(3, use_bias=False)),
    ],
    "backwards": [layers.LSTM(4, go_backwards=True, **SEQUENCE), layers.GRU(4, go_backwards=True)],
    "other functions": [
        layers.LSTM(4, activation="relu", recurrent_activation="hard_sigmoid", **SEQUENCE),
        layers.LSTM(4, activation="elu", **SEQUENCE),
        layers.GRU(4, activation="linear", recurrent_activation="hard_sigmoid"),
    ],
    "each quarter": [
        layers.Reshape((4, 5, SIGNALS)),
        layers.TimeDistributed(layers.Conv1D(4, 3, activation="relu")),
        layers.TimeDistributed(layers.LSTM(3)),
        layers.GRU(4),
    ],
    "a softmax over the steps": [layers.Conv1D(4, 3), layers.Softmax(axis=1), layers.LSTM(4)],
    "convolutions": [
        layers.Conv1D(8, 3, padding="causal", dilation_rate=2, use_bias=False),
        layers.BatchNormalization(),
        layers.Activation("silu"),
        layers.MaxPooling1D(3, 2, padding="same"),
        layers.Conv1D(7, 4, padding="valid", activation="gelu"),
        layers.AveragePooling1D(2, padding="same"),
        layers.Permute((2, 1)),
        layers.ZeroPadding1D(1),
        layers.Cropping1D((0, 2)),
        layers.LayerNormalization(),
        layers.GlobalAveragePooling1D(),
    ],
    "folded": [
        layers.Conv1D(7, 5, strides=4, use_bias=False),
        layers.BatchNormalization(),
        layers.ReLU(),
        layers.LSTM(6, unit_forget_bias=False),
        layers.Dense(9, activation="relu", use_bias=False),
        layers.Dropout(0.5),
    ],
    "a convolution of states": [
        layers.LSTM(6, **SEQUENCE),
        layers.Conv1D(4, 3, strides=2, padding="causal", activation="tanh"),
        layers.LSTM(3),
    ],
    "a network within": [
        keras.Sequential([keras.Input((SAMPLES, SIGNALS)), layers.Conv1D(5, 3, strides=4), layers.LSTM(4)])
    ],
}


def network(*middle: layers.Layer, samples: int = SAMPLES, signals: int = SIGNALS) -> keras.Model:
    """Return a network of copies of the layers, with six logits."""
    keras.utils.set_random_seed(1)
    copies = [type(layer).from_config(layer.get_config()) for layer in middle]
    return moved(keras.Sequential([keras.Input((samples, signals)), *copies, layers.Dense(6)]))


def moved(model: keras.Model) -> keras.Model:
    """Move every weight away from Keras's initial value, so that a lost weight shows."""
    generator = np.random.default_rng(3)
    for weight in model.weights:
        if weight.path.endswith("moving_variance"):
            weight.assign(generator.uniform(0.3, 2.0, weight.shape))
        elif "seed" not in weight.path:
            weight.assign(np.asarray(weight) + generator.normal(0, 0.15, weight.shape))
    return model


def windows(n: int = 16) -> np.ndarray:
    return np.random.default_rng(2).normal(size=(n, SAMPLES, SIGNALS)).astype(np.float32)
