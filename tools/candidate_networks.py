"""Networks that were compared with `edge`: other steps, other widths, the LSTM in both directions."""

from functools import partial
from typing import Any

from train.fit.networks import strided_lstm

steps_of_8 = partial(strided_lstm, "steps-of-8", filters=64, kernel=17, stride=8, units=64)
steps_of_10 = partial(strided_lstm, "steps-of-10", filters=64, kernel=21, stride=10, units=64)
kernel_17 = partial(strided_lstm, "kernel-17", filters=64, kernel=17, stride=16, units=64)
kernel_33 = partial(strided_lstm, "kernel-33", filters=64, kernel=33, stride=16, units=64)
units_96 = partial(strided_lstm, "units-96", filters=64, kernel=25, stride=16, units=96)
units_40 = partial(strided_lstm, "units-40", filters=32, kernel=25, stride=16, units=40)


def both_directions(input_shape: tuple[int, int], n_classes: int) -> Any:
    """The LSTM forwards and backwards."""
    from keras import layers

    return _with_recurrence([layers.Bidirectional(layers.LSTM(64, unroll=True))], input_shape, n_classes)


def two_layers(input_shape: tuple[int, int], n_classes: int) -> Any:
    """Two LSTMs, one upon the other."""
    from keras import layers

    recurrence = [layers.LSTM(64, unroll=True, return_sequences=True), layers.LSTM(64, unroll=True)]
    return _with_recurrence(recurrence, input_shape, n_classes)


def _with_recurrence(recurrence: list[Any], input_shape: tuple[int, int], n_classes: int) -> Any:
    """`edge` with other layers in its LSTM's place."""
    import keras

    network = strided_lstm("edge", input_shape, n_classes, filters=64, kernel=25, stride=16, units=64)
    # Made anew: those of a network know the shape of what came before them.
    layers = [
        x
        for layer in network.layers
        for x in (recurrence if layer.name == "lstm" else [type(layer).from_config(layer.get_config())])
    ]
    return keras.Sequential([keras.Input(input_shape), *layers])
