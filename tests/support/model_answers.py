"""Answers of a converted flatbuffer and of its calibration, how far they are from others, and its kernels."""

from collections import Counter

import keras
import numpy as np
import tensorflow as tf

from convert.lowering.cells import IN_INT8
from convert.lowering.network import lower
from convert.parity import relative_difference
from convert.quantise.calibration import observed_ranges, quantised
from convert.quantise.tflite_converter import to_float32, to_int8
from edge_runtime.model.classifier import Quantiser, dequantise
from edge_runtime.model.interpreters import OperatorCounts, open_model

MOST_EXCESS = 1.5
"""How much larger int8's error may be than the error from rounding the activations only."""


def logits_of(flatbuffer: bytes, windows: np.ndarray, **options) -> np.ndarray:
    """LiteRT's logits for normalised windows `[n, samples, n_signals]`."""
    model = open_model(flatbuffer, "litert", **options)
    prepare = (lambda x: x) if model.input.dtype == "float32" else Quantiser(model.input)
    return np.concatenate([dequantise(model.run(prepare(x[np.newaxis])), model.output).copy() for x in windows])


def outside_xnnpack(operators: OperatorCounts) -> Counter[str]:
    """The operators that run in TFLite's own kernels."""
    return Counter(operators.counts) - Counter(operators.xnnpack)


def rms(values: np.ndarray) -> float:
    """The root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))


def assert_answers_as_keras_does(model: keras.Model, seen: np.ndarray, unseen: np.ndarray) -> OperatorCounts:
    """Int8 loses no more than its rounding, since `model` was not trained. Returns the operators of int8."""
    lowered, expected = lower(model), np.asarray(model(unseen, training=False))
    assert relative_difference(logits_of(to_float32(lowered), unseen), expected) < 1e-4
    ranges = observed_ranges(lowered, tf.constant(seen))
    flatbuffer = to_int8(lowered, ranges)
    rounded = lowered(tf.constant(unseen), quantised(ranges), IN_INT8).numpy()
    error, converted = rms(rounded - expected), open_model(flatbuffer)
    assert rms(logits_of(flatbuffer, unseen) - expected) <= MOST_EXCESS * error + converted.output.scale
    return converted.operators
