"""Answers of a converted flatbuffer and of its arithmetic, how far they are from others, and its kernels."""

from collections import Counter

import numpy as np
import tensorflow as tf

from convert.lowering.network import Lowered
from convert.quantise.calibration import Ranges
from edge_runtime.model.classifier import Quantiser, dequantise
from edge_runtime.model.interpreters import OperatorCounts, open_model
from tools.int8_arithmetic import Int8Arithmetic


def logits_of(flatbuffer: bytes, windows: np.ndarray, **options) -> np.ndarray:
    """LiteRT's logits for normalised windows `[n, samples, n_signals]`."""
    model = open_model(flatbuffer, "litert", **options)
    prepare = (lambda x: x) if model.input.dtype == "float32" else Quantiser(model.input)
    return np.concatenate([dequantise(model.run(prepare(x[np.newaxis])), model.output).copy() for x in windows])


def int8_logits(network: Lowered, ranges: Ranges, windows: np.ndarray) -> np.ndarray:
    """The logits of the int8 form of `network`, give or take a step, for normalised `windows`."""
    arithmetic = Int8Arithmetic(network, ranges, len(windows))
    rounded = tf.function(lambda x: arithmetic(x, lambda at, y: at.grid.round(y)), autograph=False)
    return rounded(tf.constant(windows)).numpy()


def outside_xnnpack(operators: OperatorCounts) -> Counter[str]:
    """The operators that run in TFLite's own kernels."""
    return Counter(operators.counts) - Counter(operators.xnnpack)


def rms(values: np.ndarray) -> float:
    """The root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))
