"""Lower attention over sequences of fixed length, softmax over any axis, and products of two tensors.

Dot-product attention: Luong et al. 2015; several heads: Vaswani et al. 2017.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from keras import layers

from convert.lowering.cells import fully_connected
from convert.lowering.keras_graph import Call
from convert.lowering.quantisation_points import Observer
from convert.lowering.refusals import refuse
from convert.lowering.sequences import Lowering, Operation, TensorFunction, join_steps, of_whole

_Joining = Callable[[Sequence[tf.Tensor], Observer], tf.Tensor]


def _of_sequences(lower: Callable[[Call, str], _Joining]) -> Lowering:
    def lowering(call: Call, point: str, sources: Sequence[str]) -> Operation:
        compute = lower(call, point)
        return lambda inputs, observe, _: compute([join_steps(x) for x in inputs], observe)

    return lowering


def _softmax(call: Call, point: str) -> TensorFunction:
    layer, rank = call.layer, 1 + len(call.shapes[0])
    axis = layer.axis if isinstance(layer.axis, int) else 0
    if axis % rank == 0:
        refuse(layer, f"has axis={layer.axis}: only a single axis that is not the batch can be converted")
    # TFLite's SOFTMAX works on the last axis.
    others = [i for i in range(rank) if i != axis % rank]
    there, back = [*others, axis % rank], np.argsort([*others, axis % rank]).tolist()
    is_last = axis % rank == rank - 1

    def compute(x: tf.Tensor, observe: Observer) -> tf.Tensor:
        if is_last:
            return observe(point, tf.nn.softmax(x))
        return tf.transpose(observe(point, tf.nn.softmax(tf.transpose(x, there))), back)

    return compute


def _dot(call: Call, point: str) -> _Joining:
    layer = call.layer
    ranks = [1 + len(shape) for shape in call.shapes]
    axes = [layer.axes] * 2 if isinstance(layer.axes, int) else layer.axes
    axes = [axis % rank for axis, rank in zip(axes, ranks, strict=True)]
    if max(ranks) > 3:
        refuse(layer, f"has inputs of shapes {call.shapes}: only vectors and sequences can be converted")
    other_axes = [[i for i in range(1, rank) if i != axis] for axis, rank in zip(axes, ranks, strict=True)]
    shape = [sizes[i - 1] for sizes, others in zip(call.shapes, other_axes, strict=True) for i in others]

    def compute(xs: Sequence[tf.Tensor], observe: Observer) -> tf.Tensor:
        rows = []
        for x, axis, others in zip(xs, axes, other_axes, strict=True):
            in_rows = x if others != [2] else tf.transpose(x, [0, 2, axis])
            rows.append(tf.expand_dims(in_rows, 1) if not others else in_rows)
        products = observe(point, tf.matmul(rows[0], rows[1], transpose_b=True))
        return tf.reshape(products, [products.shape[0], *(shape or [1])])

    return compute


def _attention(call: Call, point: str) -> _Joining:
    layer, name = call.layer, call.name
    scale = None if layer.scale is None else np.asarray(layer.scale)

    def attend(xs: Sequence[tf.Tensor], observe: Observer) -> tf.Tensor:
        query, value, key = xs if len(xs) == 3 else (*xs, xs[1])
        scores = tf.matmul(query, key, transpose_b=True)
        if scale is not None:
            scores = observe(f"{name}/products", scores) * scale
        return observe(point, _weighted(scores, value, name, observe))

    return attend


def _weighted(scores: tf.Tensor, value: tf.Tensor, name: str, observe: Observer) -> tf.Tensor:
    """Return the mean of the values `[..., n_keys, features]` for each query, weighted by the softmax of its scores."""
    return tf.matmul(tf.nn.softmax(observe(f"{name}/scores", scores)), value)


def _multi_head(call: Call, point: str) -> _Joining:
    layer, name = call.layer, call.name
    for option, only in (("use_gate", False), ("sliding_window", None), ("attention_axes", None)):
        value = layer.get_config().get(option, only)
        if value != only and not (option == "attention_axes" and tuple(value) == (1,)):
            refuse(layer, f"has {option}={value!r}: only {only!r} can be converted")
    if {len(shape) for shape in call.shapes} != {2}:
        refuse(layer, f"has inputs of shapes {call.shapes}: only sequences [steps, features] can be converted")
    # Dividing the query's weights by the root of the key's size costs nothing at run time.
    to_query = _projection(layer.query_dense, f"{name}/query", np.sqrt(layer.key_dim))
    to_key, to_value = (
        _projection(dense, f"{name}/{part}") for dense, part in ((layer.key_dense, "key"), (layer.value_dense, "value"))
    )
    kernel, *biases = (np.asarray(weights) for weights in layer.output_dense.get_weights())
    kernel = kernel.reshape(kernel.shape[0] * kernel.shape[1], -1)
    bias = biases[0].reshape(-1) if biases else np.zeros(kernel.shape[-1], np.float32)

    def attend(xs: Sequence[tf.Tensor], observe: Observer) -> tf.Tensor:
        query, value, key = xs if len(xs) == 3 else (*xs, xs[1])
        scores = tf.matmul(to_query(query, observe), to_key(key, observe), transpose_b=True)
        context = observe(f"{name}/context", _weighted(scores, to_value(value, observe), name, observe))
        batch, n_heads, n_queries, n_features = context.shape
        rows = tf.reshape(tf.transpose(context, [0, 2, 1, 3]), [batch * n_queries, n_heads * n_features])
        answers = observe(point, fully_connected(rows, kernel, bias))
        return tf.reshape(answers, [batch, n_queries, kernel.shape[-1]])

    return attend


def _projection(dense: Any, point: str, divisor: float = 1.0) -> TensorFunction:
    """Project queries, keys or values `[batch, n, features]` to `[batch, heads, n, size]`."""
    kernel, *biases = (np.asarray(weights / divisor, np.float32) for weights in dense.get_weights())
    n_features, n_heads, size = kernel.shape
    bias = biases[0].reshape(-1) if biases else np.zeros(n_heads * size, np.float32)

    def project(x: tf.Tensor, observe: Observer) -> tf.Tensor:
        batch, n, _ = x.shape
        rows = fully_connected(tf.reshape(x, [batch * n, n_features]), kernel.reshape(n_features, -1), bias)
        return tf.transpose(tf.reshape(observe(point, rows), [batch, n, n_heads, size]), [0, 2, 1, 3])

    return project


ATTENTION_LAYERS: dict[type, Lowering] = {
    layers.Softmax: of_whole(_softmax),
    layers.Dot: _of_sequences(_dot),
    layers.Attention: _of_sequences(_attention),
    layers.MultiHeadAttention: _of_sequences(_multi_head),
}
