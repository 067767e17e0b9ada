"""Answers of a converted flatbuffer, and how far they are from others."""

import numpy as np

from edge_runtime.model.classifier import Quantiser, dequantise
from edge_runtime.model.interpreters import open_model


def logits_of(flatbuffer: bytes, windows: np.ndarray, **options) -> np.ndarray:
    """LiteRT's logits for normalised windows `[n, samples, n_signals]`."""
    model = open_model(flatbuffer, "litert", **options)
    prepare = (lambda x: x) if model.input.dtype == "float32" else Quantiser(model.input)
    return np.concatenate([dequantise(model.run(prepare(x[np.newaxis])), model.output).copy() for x in windows])


def rms(values: np.ndarray) -> float:
    """The root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))
