"""Compute the answers of flatbuffers, compare them with Keras, and count kernels."""

from collections import Counter

import keras
import numpy as np
import tensorflow as tf

from convert.lowering.cells import IN_INT8
from convert.lowering.network import lower
from convert.parity import relative_difference
from convert.quantise.calibration import observed_ranges, quantised
from convert.quantise.tflite_converter import to_float32, to_int8
from edge_runtime.model.classifier import dequantise, quantise
from edge_runtime.model.interpreters import OperatorCounts, open_model

MOST_EXCESS = 1.5
"""The allowed ratio of int8's error to the error from rounding only the activations."""


def logits_of(flatbuffer: bytes, windows: np.ndarray, **options) -> np.ndarray:
    """Return LiteRT's logits for normalised windows `[n, samples, n_signals]`."""
    model = open_model(flatbuffer, "litert", **options)
    answers = (model.run(quantise(window[np.newaxis], model.input)) for window in windows)
    return np.concatenate([dequantise(answer, model.output).copy() for answer in answers])


def difference_of_lowered(model: keras.Model, windows: np.ndarray) -> float:
    """Return how far the answers of the lowered network are from Keras's."""
    return relative_difference(lower(model)(tf.constant(windows)).numpy(), np.asarray(model(windows, training=False)))


def outside_xnnpack(operators: OperatorCounts) -> Counter[str]:
    """Count the operators that run in TFLite's own kernels."""
    return Counter(operators.counts) - Counter(operators.xnnpack)


def rms(values: np.ndarray) -> float:
    """Compute the root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def assert_answers_as_keras_does(model: keras.Model, seen: np.ndarray, unseen: np.ndarray) -> OperatorCounts:
    """Check that int8 loses no more than by rounding, since `model` is not trained; return int8's operators."""
    lowered, expected = lower(model), np.asarray(model(unseen, training=False))
    assert relative_difference(logits_of(to_float32(lowered), unseen), expected) < 1e-4
    ranges = observed_ranges(lowered, tf.constant(seen))
    flatbuffer = to_int8(lowered, ranges)
    rounded = lowered(tf.constant(unseen), quantised(ranges), IN_INT8).numpy()
    error, converted = rms(rounded - expected), open_model(flatbuffer)
    assert rms(logits_of(flatbuffer, unseen) - expected) <= MOST_EXCESS * error + converted.output.scale
    return converted.operators
