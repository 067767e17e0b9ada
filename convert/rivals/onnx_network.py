"""Write a Keras network as an ONNX graph with tf2onnx, which makes ONNX's own operators of Keras 2's LSTM and GRU."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from onnx import ModelProto

from convert.quantise.raw_input import samples_a_row
from convert.rivals.tensorflow_forms import with_keras_2
from edge_runtime.model.classifier import RAW_INPUT
from edge_runtime.signals.normalisation import NO_CLIP, Normalisation
from edge_runtime.system.files import scratch_folder

_OPSET = 18
"""The latest version that ONNX Runtime 1.20 reads."""


def to_onnx(model: keras.Model, normalisation: Normalisation | None = None) -> ModelProto:
    """Write `model` in float32, for one window `[1, samples, signals]`, raw if `normalisation` is given.

    Raises `InputError` for a recurrent layer or option that ONNX's operators do not have.
    """
    network, _ = with_keras_2(model, (keras.layers.LSTM, keras.layers.GRU))

    def answer(x: tf.Tensor) -> tf.Tensor:
        return network(_prepared(x, normalisation) if normalisation else x)

    window = tf.TensorSpec([1, *model.input_shape[1:]], tf.float32, RAW_INPUT if normalisation else "input")
    function = tf.function(answer, autograph=False)
    return tf2onnx.convert.from_function(function, [window], opset=_OPSET, custom_op_handlers={"Erfc": (_erfc, [])})[0]


def to_dynamic(model: ModelProto) -> ModelProto:
    """Return the graph with int8 weights and scales that are computed at run time, by ONNX Runtime's own tool."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with scratch_folder() as folder:
        quantize_dynamic(model, Path(folder) / "dynamic.onnx", weight_type=QuantType.QInt8)
        return onnx.load_from_string((Path(folder) / "dynamic.onnx").read_bytes())


def _erfc(graph: Any, node: Any, name: str, _: object) -> None:
    """Translate the part of GELU that tf2onnx does not know: 1 - erf(x)."""
    kind, shape = graph.get_dtype(node.output[0]), graph.get_shape(node.output[0])
    graph.remove_node(node.name)
    one, erf = graph.make_const(f"{name}/one", np.ones((), np.float32)), graph.make_node("Erf", node.input)
    inputs = [one.output[0], erf.output[0]]
    graph.make_node("Sub", inputs, name=name, outputs=node.output, shapes=[shape], dtypes=[kind])


def _prepared(x: tf.Tensor, normalisation: Normalisation) -> tf.Tensor:
    """Prepare the window as `Normalisation.apply` does, without steps that change nothing."""
    whole = x.shape
    per_row = samples_a_row(*whole[1:])
    mean, std, clip, gain, bend, knee = (np.tile(row, per_row) for row in normalisation.rows())
    x = tf.reshape(x, [whole[1] // per_row, per_row * whole[2]])
    x = x - mean if mean.any() else x
    x = x / std if (std != 1).any() else x
    x = tf.maximum(tf.minimum(x, clip), -clip) if (clip < NO_CLIP).any() else x
    x = x * gain / (tf.abs(x) * bend + knee) if bend.any() else x
    return tf.reshape(x, whole)
