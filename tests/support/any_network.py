"""Draw random networks, as people build them, of layers and options that convert."""

from collections.abc import Callable

import keras
from hypothesis import strategies as st
from keras import layers
from small_networks import moved

SAMPLES, SIGNALS, CLASSES = 24, 9, 6
FUNCTIONS = ("linear", "relu", "relu6", "tanh", "sigmoid", "hard_sigmoid", "hard_tanh", "elu", "leaky_relu", "silu")
GATE_FUNCTIONS = ("sigmoid", "sigmoid", "hard_sigmoid")
MERGES = ("concat", "sum", "ave", "mul")


class _Builder:
    def __init__(self, draw: Callable) -> None:
        self.draw = draw

    def of(self, *values):
        return self.draw(st.sampled_from(values))

    def yes(self) -> bool:
        return self.draw(st.booleans())

    def front(self, x):
        for _ in range(self.draw(st.integers(0, 2))):
            x = self._convolution(x) if self.yes() else self._small(x)
        while x.shape[1] > 8:  # steps to unroll
            pool = self.of(layers.MaxPooling1D, layers.AveragePooling1D)
            x = pool(2, padding=self.of("valid", "same"))(x)
        return x

    def _convolution(self, x):
        stride = self.of(1, 2, 3)
        options = {"padding": self.of("same", "valid", "causal"), "strides": stride, "use_bias": self.yes()}
        if stride == 1:
            options["dilation_rate"] = self.of(1, 2)
        x = layers.Conv1D(self.of(4, 7), 3, activation=self.of(*FUNCTIONS), **options)(x)
        return layers.BatchNormalization(scale=self.yes(), center=self.yes())(x) if self.yes() else x

    def _small(self, x):
        """A layer for each step."""
        kinds = "dense distributed batch layer function noise residual gate channels excite"
        kind = self.of(*kinds.split())
        if kind == "dense":
            return layers.Dense(self.of(4, 6), activation=self.of(*FUNCTIONS))(x)
        if kind == "distributed":
            return layers.TimeDistributed(layers.Dense(5, activation=self.of(*FUNCTIONS)))(x)
        if kind == "batch":
            return layers.BatchNormalization()(x)
        if kind == "layer":
            return layers.LayerNormalization(scale=self.yes(), center=self.yes())(x)
        if kind == "function":
            return self.of(layers.ReLU(), layers.LeakyReLU(0.3), layers.ELU(), layers.Activation("silu"))(x)
        if kind == "noise":
            return self.of(layers.Dropout(0.5), layers.GaussianNoise(1.0), layers.SpatialDropout1D(0.2))(x)
        if kind == "channels":
            depthwise = self.of(layers.DepthwiseConv1D(3, padding="same"), layers.SeparableConv1D(5, 3, padding="same"))
            return layers.BatchNormalization()(depthwise(layers.Masking()(x)))
        if kind == "excite":
            mean = layers.GlobalAveragePooling1D(keepdims=True)(x)
            return x * layers.Dense(x.shape[-1], activation=self.of("sigmoid", "softmax"))(mean)
        other = layers.Conv1D(x.shape[-1], 3, padding="same", activation="relu6")(x)
        if kind == "gate":
            return layers.Multiply()([x, layers.Dense(x.shape[-1], activation="sigmoid")(other)])
        return self.of(layers.Add(), layers.Average(), layers.Subtract(), layers.Concatenate())([x, other])

    def recurrent(self, x, sequences: bool):
        options = {"return_sequences": sequences, "use_bias": self.yes(), "go_backwards": self.yes()}
        options |= {"activation": self.of("tanh", "tanh", *FUNCTIONS), "recurrent_activation": self.of(*GATE_FUNCTIONS)}
        kind = self.of(layers.LSTM, layers.GRU, layers.SimpleRNN)
        if kind is layers.GRU:
            options["reset_after"] = self.yes()
        if kind is layers.SimpleRNN:
            del options["recurrent_activation"]
        units = x.shape[-1] if self.yes() else self.of(3, 6)
        if self.yes():
            options["go_backwards"] = False
            return layers.Bidirectional(kind(units, **options), merge_mode=self.of(*MERGES))(x)
        y = kind(units, **options)(x)
        if y.shape == x.shape and self.yes():
            return layers.Add()([x, y])
        return y

    def end(self, x):
        """Turn a sequence into a vector."""
        kind = self.of("recurrent", "recurrent", "flatten", "average", "max", "permute", "crop", "last", "attend")
        if kind == "recurrent":
            return self.recurrent(x, sequences=False)
        x = self.recurrent(x, sequences=True)
        if self.yes():
            x = self._small(x)
        if kind == "average":
            return layers.GlobalAveragePooling1D()(x)
        if kind == "max":
            return layers.GlobalMaxPooling1D()(x)
        if kind == "last":
            return x[:, -1]
        if kind == "attend":
            return layers.Flatten()(layers.Dot(axes=1)([layers.Softmax(axis=1)(layers.Dense(1)(x)), x]))
        if kind == "crop":
            x = layers.Cropping1D((self.of(0, 1), x.shape[1] - 2))(x)
        return layers.Flatten()(layers.Permute((2, 1))(x) if kind == "permute" else x)


@st.composite
def networks(draw) -> keras.Model:
    """A network with weights that differ from Keras's initial values, so that a lost weight shows."""
    builder = _Builder(draw)
    keras.backend.clear_session()
    keras.utils.set_random_seed(draw(st.integers(0, 1000)))
    x = window = keras.Input((SAMPLES, SIGNALS))
    x = builder.front(x)
    if builder.yes():
        x = builder.recurrent(x, sequences=True)
    x = builder.end(x)
    if builder.yes():
        x = layers.Dense(8, activation=builder.of(*FUNCTIONS))(x)
    return moved(keras.Model(window, layers.Dense(CLASSES)(x)))
