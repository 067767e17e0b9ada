"""Translate convolutions and pooling to ONNX, whose channels are first and whose padding is numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from convert.rivals.onnx_graph import Shape
from edge_runtime.errors import InputError

if TYPE_CHECKING:
    from convert.rivals.onnx_translation import Translation


@dataclass(frozen=True)
class _Window:
    """What a convolution or a pooling moves over its input: `is_flat` is one over steps alone, of which there is a row.

    `attributes` are ONNX's, but for the size.
    """

    size: Sequence[int]
    attributes: Mapping[str, Any]
    is_flat: bool

    def first(self, shape: Shape) -> Shape:
        """A shape with channels last, as it is with channels first."""
        n, height, width, channels = shape
        return (n, channels, width) if self.is_flat else (n, channels, height, width)


def convolve(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    """Add a convolution, also one with a kernel for each channel; the name of its output `shape`."""
    kernel = t.value(operation.inputs[1])
    n_groups = 1
    if operation.type == "DepthwiseConv2dNative":
        n_groups = kernel.shape[2]
        kernel = kernel.reshape(*kernel.shape[:2], 1, -1)
    window = _window(operation, kernel.shape[:2])
    weights = kernel.transpose(3, 2, 0, 1)
    inputs = [_channels_first(t, operation, window), t.graph.constant(weights[:, :, 0] if window.is_flat else weights)]
    inputs += t.bias_behind(operation.outputs[0])
    y = t.graph.one("Conv", inputs, window.first(shape), group=n_groups, **window.attributes)
    return _channels_last(t, y, shape)


def pool(t: "Translation", operation: tf.Operation, shape: Shape) -> str:
    """Add a pooling, whose mean does not count the padding; the name of its output `shape`."""
    window = _window(operation, operation.get_attr("ksize")[1:3])
    kind = "MaxPool" if operation.type == "MaxPool" else "AveragePool"
    x = _channels_first(t, operation, window)
    y = t.graph.one(kind, [x], window.first(shape), kernel_shape=window.size, **window.attributes)
    return _channels_last(t, y, shape)


def _window(operation: tf.Operation, size: Sequence[int]) -> _Window:
    if operation.get_attr("data_format") != b"NHWC":
        raise InputError(f"TensorFlow's operator {operation.type} with channels first has no translation to ONNX")
    lengths, strides = list(operation.inputs[0].shape[1:3]), operation.get_attr("strides")[1:3]
    has_dilations = any(x.name == "dilations" for x in operation.op_def.attr)
    dilations = operation.get_attr("dilations")[1:3] if has_dilations else [1, 1]
    padding = operation.get_attr("padding")
    if padding == b"EXPLICIT":
        pads = np.reshape(operation.get_attr("explicit_paddings"), (4, 2))[1:3].tolist()
    else:
        reach = [(k - 1) * d + 1 for k, d in zip(size, dilations, strict=True)]
        # TensorFlow's SAME: as many answers as steps of the stride, and an odd zero at the end.
        totals = [max((-(-n // s) - 1) * s + r - n, 0) for n, s, r in zip(lengths, strides, reach, strict=True)]
        pads = [(x // 2, x - x // 2) if padding == b"SAME" else (0, 0) for x in totals]
    is_flat = lengths[0] == size[0] == strides[0] == 1
    axes = [1] if is_flat else [0, 1]
    attributes = {"strides": [strides[i] for i in axes], "pads": [pads[i][side] for side in (0, 1) for i in axes]}
    if max(dilations) > 1:
        attributes["dilations"] = [dilations[i] for i in axes]
    return _Window([size[i] for i in axes], attributes, is_flat)


def _channels_first(t: "Translation", operation: tf.Operation, window: _Window) -> str:
    x = t.name(operation.inputs[0])
    n, _, width, channels = operation.inputs[0].shape
    if window.is_flat:
        return t.graph.transpose(t.graph.reshape(x, (n, width, channels)), (0, 2, 1))
    return t.graph.transpose(x, (0, 3, 1, 2))


def _channels_last(t: "Translation", y: str, shape: Shape) -> str:
    axes = (0, 2, 1) if len(t.graph.shape(y)) == 3 else (0, 2, 3, 1)
    return t.graph.reshape(t.graph.transpose(y, axes), shape)
