"""Write a model of long recurrent layers, for the runtimes and devices that have to run its loops."""

from pathlib import Path

import numpy as np
from programs import MODELS

from edge_runtime.model import model_card as cards
from edge_runtime.model.interpreters import open_model


def write(path: Path, X: np.ndarray) -> Path:
    """Write an untrained int8 model of stacked and bidirectional layers, calibrated on the windows `X`.

    It has a reference model's card, and takes UCI HAR's windows.
    """
    import keras
    from keras import layers

    from convert.lowering.network import lower
    from convert.quantise.calibration import observed_ranges
    from convert.quantise.raw_input import take_raw_windows
    from convert.quantise.tflite_converter import to_int8

    _, card = cards.read_model(MODELS["int8"])
    keras.utils.set_random_seed(0)
    both = layers.Bidirectional(layers.LSTM(6, return_sequences=True))
    stack = [layers.LSTM(8, return_sequences=True), layers.LSTM(8)]
    network = lower(keras.Sequential([keras.Input((128, 9)), both, *stack, layers.Dense(6)]))
    int8 = to_int8(network, observed_ranges(network, card.normalisation.apply(X)))
    cards.write_model(path, take_raw_windows(int8, card.normalisation) if card.raw_input else int8, card)
    assert "WHILE" in open_model(cards.read_model(path)[0]).operators.counts
    return path
