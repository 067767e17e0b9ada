"""Build the networks, each in a few lines of Keras; all take normalised windows and answer with logits.

A trial of Optuna suggests the numbers of a network of a family, which is named by its numbers. Keras is imported when
a network is built: its name is enough for the help.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    import keras

Builder: TypeAlias = Callable[[tuple[int, int], int], "keras.Model"]
"""Takes (samples, n_signals) of a window, and the number of classes."""

Family: TypeAlias = Callable[[Any, tuple[int, int], int], "keras.Model"]
"""Takes a trial of Optuna or a `Chosen`, (samples, n_signals) of a window, and the number of classes."""


def edge(input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """Build the default network, a strided convolution, then an LSTM over 8 steps: 48 k parameters.

    The convolution turns 16 samples into one step, and so 128 samples into 8 steps. Its output is bounded (ReLU6),
    because it shares one scale with the LSTM's state in the int8 model.
    """
    return strided("edge", input_shape, n_classes, [(64, 25 / 16)], "lstm", 64, dropout=0.3)


def edge_small(input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """Build `edge` with half as many filters and fewer units: 23 k parameters, for small devices."""
    return strided("edge-small", input_shape, n_classes, [(32, 25 / 16)], "lstm", 48, dropout=0.3)


def edge_tiny(input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """Build two convolutions with stride 4, then an LSTM over 8 steps: 8 k parameters, for the smallest devices."""
    return strided("edge-tiny", input_shape, n_classes, [(16, 2.0), (32, 1.5)], "lstm", 16, dropout=0.1)


def strided(
    name: str,
    input_shape: tuple[int, int],
    n_classes: int,
    convolutions: Sequence[tuple[int, float]],
    cell: str,
    units: int,
    dropout: float,
) -> keras.Model:
    """Build one or two convolutions, and an `lstm` or `gru` over their steps, which are 4 to 16 for any window.

    `convolutions` are their filters, and their kernels in strides.
    """
    import keras
    from keras import layers

    network = [keras.Input(input_shape, name="windows")]
    stride = max(min(16, input_shape[0] // 4), -(-input_shape[0] // 16))
    names = {"steps": stride} if len(convolutions) == 1 else {"steps_1": 4, "steps_2": -(-stride // 4)}
    for (filters, overlap), (layer, step) in zip(convolutions, names.items(), strict=True):
        kernel = round(step * overlap)
        network.append(layers.Conv1D(filters, kernel, strides=step, padding="same", activation="relu6", name=layer))
    recurrent = {"lstm": layers.LSTM, "gru": layers.GRU}[cell](units, unroll=True, name=cell)
    ending = layers.Dropout(dropout, name="dropout"), layers.Dense(n_classes, name="logits")
    return keras.Sequential([*network, recurrent, *ending], name=name)


def stacked_lstm(input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """Build two stacked LSTMs of 32 units over all samples: 17 k parameters.

    The network of G. Chevalier, LSTMs for Human Activity Recognition, 2016 (91 % published). It has no dropout.
    """
    import keras
    from keras import layers

    return keras.Sequential(
        [
            keras.Input(input_shape, name="windows"),
            layers.Dense(32, activation="relu", name="features"),
            layers.LSTM(32, return_sequences=True, name="lstm_1"),
            layers.LSTM(32, name="lstm_2"),
            layers.Dense(n_classes, name="logits"),
        ],
        name="stacked-lstm",
    )


def residual_bidir_lstm(input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """Build three blocks of three bidirectional LSTMs with residual connections, over all samples: 42 k parameters.

    Y. Zhao, R. Yang, G. Chevalier et al., Deep Residual Bidir-LSTM for Human Activity Recognition Using Wearable
    Sensors, 2017 (94 % published): 28 units, half of them in each direction; batch normalisation ends each block.
    """
    import keras
    from keras import layers

    steps = windows = keras.Input(input_shape, name="windows")
    for block in (1, 2, 3):
        for layer in (1, 2, 3):
            lstm = layers.LSTM(14, return_sequences=True, name=f"lstm_{block}_{layer}")
            both = layers.Bidirectional(lstm, name=f"both_ways_{block}_{layer}")(steps)
            steps = both if layer == 1 else layers.Add(name=f"residual_{block}_{layer}")([steps, both])
        steps = layers.BatchNormalization(name=f"normalisation_{block}")(steps)
    last = layers.Cropping1D((input_shape[0] - 1, 0), name="last")(steps)
    answer = layers.Dropout(0.15, name="dropout")(layers.Flatten(name="answer")(last))
    return keras.Model(windows, layers.Dense(n_classes, name="logits")(answer), name="residual-bidir-lstm")


NETWORKS: dict[str, Builder] = {
    "edge": edge,
    "edge-small": edge_small,
    "edge-tiny": edge_tiny,
    "stacked-lstm": stacked_lstm,
    "residual-bidir-lstm": residual_bidir_lstm,
}

_WIDTHS = (8, 16, 32, 48)  # beyond 8, multiples of 16: the C file pads to these


def strided_network(trial: Any, input_shape: tuple[int, int], n_classes: int) -> keras.Model:
    """Build one or two strided convolutions, and an LSTM or GRU over 4 to 16 steps, as `edge` and `edge-tiny`."""
    numbers = range(trial.suggest_int("convolutions", 1, 2))
    filters = [trial.suggest_categorical(f"filters_{i + 1}", _WIDTHS) for i in numbers]
    overlaps = [trial.suggest_float(f"overlap_{i + 1}", 1.0, 2.25, step=0.25) for i in numbers]
    cell, units = trial.suggest_categorical("cell", ("lstm", "gru")), trial.suggest_categorical("units", _WIDTHS)
    dropout = trial.suggest_float("dropout", 0.0, 0.3, step=0.1)
    return strided("strided", input_shape, n_classes, [*zip(filters, overlaps, strict=True)], cell, units, dropout)


FAMILIES: dict[str, Family] = {"strided": strided_network}


def name_of(family: str, numbers: Mapping[str, Any]) -> str:
    """Return the name of a network for `--network`: `FAMILY@NAME=NUMBER,...`."""
    return f"{family}@{','.join(f'{key}={value}' for key, value in numbers.items())}"


class Chosen:
    """Suggests, as a trial does, the numbers in the name of a network."""

    def __init__(self, network: str) -> None:
        self._numbers = dict(pair.partition("=")[::2] for pair in network.partition("@")[2].split(","))

    def suggest_int(self, name: str, *_: Any, **__: Any) -> int:
        """Return the number in the name."""
        return int(self._numbers[name])

    def suggest_float(self, name: str, *_: Any, **__: Any) -> float:
        """Return the number in the name."""
        return float(self._numbers[name])

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        """Return the choice in the name."""
        return {str(choice): choice for choice in choices}[self._numbers[name]]


def short_name(name: str) -> str:
    """Return the name of a network without its module and numbers, for a file's name."""
    return name.partition("@")[0].rpartition(":")[2]
