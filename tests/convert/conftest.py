"""A small network like `edge`, converted to each form, and real windows."""

import keras
import numpy as np
import pytest
import small_networks
from keras import layers

from convert.lowering.network import Lowered, lower
from convert.quantise.calibration import Ranges, calibrate
from convert.quantise.tflite_converter import UNCALIBRATED, to_int8
from edge_runtime.system.progress import ignore_progress

SAMPLES = 64
"""The small network takes this many samples, and has four steps."""


@pytest.fixture(scope="session")
def windows(uci_har) -> np.ndarray:
    """Real windows `[127, 128, 9]`, normalised and clipped."""
    X = uci_har.train.X[::58]
    return np.clip((X - X.mean((0, 1))) / X.std((0, 1)), -3, 3).astype(np.float32)


@pytest.fixture(scope="session")
def its_windows(windows) -> np.ndarray:
    """The part of the windows that the small network takes."""
    return windows[:, :SAMPLES]


@pytest.fixture(scope="session")
def small() -> keras.Model:
    front = [layers.Conv1D(16, 9, strides=16, use_bias=False), layers.BatchNormalization(), layers.ReLU()]
    return small_networks.network(*front, layers.LSTM(16), samples=SAMPLES, signals=9)


@pytest.fixture(scope="session")
def expected(small, its_windows) -> np.ndarray:
    """Keras's logits for these windows."""
    return np.asarray(small(its_windows, training=False))


@pytest.fixture(scope="session")
def lowered(small) -> Lowered:
    return lower(small)


@pytest.fixture(scope="session")
def ranges(lowered, its_windows) -> Ranges:
    return calibrate(lowered, its_windows[::2], ignore_progress)


@pytest.fixture(scope="session")
def forms(lowered, ranges) -> dict[str, bytes]:
    return {name: write(lowered) for name, write in UNCALIBRATED.items()} | {"int8": to_int8(lowered, ranges)}
