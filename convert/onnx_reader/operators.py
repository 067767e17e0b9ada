"""Read ONNX's operators by name as Keras layers, with weights in Keras's order."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from keras import layers, ops

from convert.onnx_reader.graph import Inputs, Node
from convert.onnx_reader.places import View
from convert.onnx_reader.recurrences import CELLS, read_recurrence


def _move(node: Node, inputs: Inputs) -> list[View]:
    """Read an operator that only moves values, or pads with zeros: ONNX's own operator moves their places."""
    view = inputs[0]
    n_views = len(inputs) if node.op == "Concat" else 1
    if any(isinstance(value, View) != (i < n_views) for i, value in enumerate(inputs) if value is not None):
        node.refuse("takes a constant in place of a tensor of the network, or the reverse: use parts of tensors")
    if node.op == "Pad" and node.option(inputs, "value", 2):
        node.refuse("pads with another value than zero: pad with zeros")
    moved = node.fold([value.places if isinstance(value, View) else value for value in inputs])
    return [view.of(places) for places in moved]


def _layer(make: Callable[[Node], Any]) -> Callable[[Node, Inputs], View]:
    return lambda node, inputs: inputs[0].through(make(node))


def _activation(name: str) -> Callable[[Node, Inputs], View]:
    return _layer(lambda node: layers.Activation(name, name=node.keras_name))


def _clip(node: Node, inputs: Inputs) -> View:
    lowest, highest = node.option(inputs, "min"), node.option(inputs, "max", 2)
    if (lowest, highest) in ((0.0, None), (0.0, 6.0)):
        return _activation("relu6" if highest else "relu")(node, inputs)
    if lowest is None or highest is None:
        node.refuse(f"clips to {lowest} and {highest}: use two limits, or a ReLU")
    middle, half = (highest + lowest) / 2, (highest - lowest) / 2
    clip = layers.Activation("hard_tanh", name=node.keras_name)
    if (lowest, highest) == (-1.0, 1.0):
        return inputs[0].through(clip)
    return inputs[0].through(lambda tensor: clip((tensor - middle) * (1 / half)) * half + middle)


def _hard_sigmoid(node: Node, inputs: Inputs) -> View:
    slope, shift = 6 * node.get("alpha", 0.2), 6 * node.get("beta", 0.5) - 3  # Keras has 1/6 and 0.5
    activation = layers.Activation("hard_sigmoid", name=node.keras_name)
    is_keras_s = np.allclose((slope, shift), (1, 0), atol=1e-6)
    return inputs[0].through(activation if is_keras_s else lambda tensor: activation(tensor * slope + shift))


def _gelu(node: Node, inputs: Inputs) -> View:
    if node.get("approximate", "none") != "none":
        node.refuse("has approximate='tanh': use the exact GELU")
    return _activation("gelu")(node, inputs)


def _calculate(operation: Callable[[Any, Any], Any], layer: type | None = None) -> Callable[[Node, Inputs], View]:
    """Read arithmetic of two tensors as `layer`, with a constant as `operation`."""

    def read(node: Node, inputs: Inputs) -> View:
        place = int(isinstance(inputs[1], View))
        view, other = inputs[place], inputs[1 - place]
        if place and layer is None:
            node.refuse("divides by a tensor: divide by a constant")
        if isinstance(other, View):
            return _join(node, layer, inputs)
        shape = np.broadcast_shapes(view.places.shape, other.shape)
        view, values = view.of(np.broadcast_to(view.places, shape)), np.broadcast_to(other, shape)
        view = view if len(np.unique(view.places)) == view.places.size else view.settled()
        constant = view.constant(values)
        return view.through(lambda tensor: operation(*((constant, tensor) if place else (tensor, constant))))

    return read


def _join(node: Node, layer: Any, inputs: Sequence[View]) -> View:
    shape = np.broadcast_shapes(*(view.places.shape for view in inputs))
    views = [
        view.of(view.places.reshape([*[1] * (len(shape) - view.places.ndim), *view.places.shape])) for view in inputs
    ]
    largest = max(views, key=lambda view: view.places.size)
    axes = largest.of(np.broadcast_to(largest.places, shape)).order
    tensors = [view.tensors.arrange(view.along(axes)) for view in views]
    return largest.seen(layer(name=node.keras_name)(tensors), axes, len(shape))


def _product(node: Node, inputs: Inputs) -> View:
    view, weights, bias = (*inputs, None)[:3]
    if all(isinstance(value, View) for value in inputs) and node.op == "MatMul":
        return _product_of_two(node, *inputs)
    if not isinstance(view, View) or not isinstance(weights, np.ndarray) or weights.ndim != 2 or node.get("transA"):
        node.refuse("multiplies a constant by a tensor: use a linear layer")
    weights = (weights.T if node.get("transB") else weights) * np.float32(node.get("alpha", 1.0))
    tensor, index, seen = view.features_last([view.places.ndim - 1], weights.shape[1])
    layer = layers.Dense(weights.shape[1], use_bias=bias is not None, name=node.keras_name)
    answer, arrays = layer(tensor), [weights[index]]
    if bias is not None:
        arrays.append(np.broadcast_to(np.squeeze(bias) * np.float32(node.get("beta", 1.0)), weights.shape[1:]))
    layer.set_weights(arrays)
    return seen(answer)


def _product_of_two(node: Node, first: View, second: View) -> View:
    tensors, sums, free = [], [], []
    for view, summed, other in ((first, -1, -2), (second, -2, -1)):
        order = [axis - view.places.ndim for axis in view.order]
        if summed not in order or not {*order} <= {summed, other}:
            mend = "use one head, or MultiHeadAttention in Keras"
            node.refuse(f"multiplies tensors of more than two axes, as attention of several heads does: {mend}")
        tensors.append(view.tensors.arrange(view.along(order)))
        sums.append(order.index(summed) + 1)
        free += [axis for axis in order if axis == other]
    rank = max(first.places.ndim, second.places.ndim)
    axes = [rank + axis for axis in free] or [rank - 1]
    return first.seen(layers.Dot(sums, name=node.keras_name)(tensors), axes, rank)


def _slide(node: Node, view: View, kernel: Sequence[int], make: Callable[..., Any]) -> tuple[View, Any]:
    """Return the output of the layer that slides over the view, and the layer: `make` with sizes and options.

    Axes of length 1 are left out. Several windows are parts of one, with the same layer for each.
    """
    n = len(kernel)
    usual = {"strides": [1] * n, "dilations": [1] * n, "pads": [0] * 2 * n}
    strides, dilations, pads = (node.get(key) or value for key, value in usual.items())
    sides, same = [], []
    for i, size in enumerate(view.places.shape[2:]):
        span, (before, after) = (kernel[i] - 1) * dilations[i] + 1, pads[i::n]
        total = max((-(-size // strides[i]) - 1) * strides[i] + span - size, 0)
        same.append((total // 2, total - total // 2))
        more = -(size + before + after - span) % strides[i] if node.get("ceil_mode") else 0
        automatic = {"SAME_UPPER": same[-1], "SAME_LOWER": same[-1][::-1]}
        sides.append(automatic.get(node.get("auto_pad"), (before, after + more)))
    places = np.moveaxis(view.places, 1, -1)
    is_counted = node.op == "AveragePool" and node.get("count_include_pad")
    is_same = np.any(sides) and sides == same and not is_counted
    if np.any(sides) and not is_same:
        if node.op == "AveragePool" and not is_counted:
            node.refuse(f"pads by {sides}, which Keras does not: use no padding, or padding='same'")
        # The value at an edge is in each window beyond the edge, so repeating it changes no maximum.
        places = np.pad(places, [(0, 0), *sides, (0, 0)], "edge" if node.op == "MaxPool" else "constant")
    axes = [i for i in range(n) if places.shape[i + 1] > 1 or kernel[i] > 1] or [0]
    if len(axes) > 2:
        node.refuse("has three axes: use one or two")
    n_windows, *lengths, n_channels = places.shape
    windows = places.reshape(n_windows, *(lengths[i] for i in axes), n_channels)
    options = {"strides": [strides[i] for i in axes], "padding": "same" if is_same else "valid"}
    if node.op == "Conv":
        options["dilation_rate"] = [dilations[i] for i in axes]
    layer = make([kernel[i] for i in axes], name=node.keras_name, **options)
    if n_windows > 1:
        answer = layers.TimeDistributed(layer)(view.tensors.arrange(windows))
    else:
        answer = layer(view.tensors.arrange(windows[0]))
    answers = iter(answer.shape[-1 - len(axes) : -1])
    shape = [n_windows, *(next(answers) if i in axes else 1 for i in range(n)), answer.shape[-1]]
    return view.of(np.moveaxis(view.tensors.add(answer).reshape(shape), -1, 1)), layer


def _convolution(node: Node, inputs: Inputs) -> View:
    view, kernel, bias = (*inputs, None)[:3]
    n_out, n_each, *size = kernel.shape
    groups = node.get("group", 1)
    is_depthwise = groups == view.places.shape[1] > 1

    def make(sizes: list[int], **options: Any) -> Any:
        options |= {"use_bias": bias is not None}
        if is_depthwise:
            kind = layers.DepthwiseConv1D if len(sizes) == 1 else layers.DepthwiseConv2D
            return kind(sizes, depth_multiplier=n_out // groups, **options)
        return (layers.Conv1D if len(sizes) == 1 else layers.Conv2D)(n_out, sizes, groups=groups, **options)

    answer, layer = _slide(node, view, size, make)
    split = (groups, n_out // groups) if is_depthwise else (n_out, n_each)
    weights = np.moveaxis(kernel.reshape(*split, *layer.kernel_size), (0, 1), (-2, -1) if is_depthwise else (-1, -2))
    layer.set_weights([weights, *([] if bias is None else [bias])])
    return answer


def _pool(node: Node, inputs: Inputs) -> View:
    kinds = ((layers.AveragePooling1D, layers.AveragePooling2D), (layers.MaxPooling1D, layers.MaxPooling2D))
    kind = kinds[node.op == "MaxPool"]
    make: Callable[..., Any] = lambda sizes, **options: kind[len(sizes) - 1](sizes, **options)  # noqa: E731
    return _slide(node, inputs[0], node.get("kernel_shape"), make)[0]


def _normalise(node: Node, inputs: Inputs) -> View:
    view, *weights = (values for values in inputs if values is not None)
    options, rank = {"epsilon": node.get("epsilon", 1e-5), "name": node.keras_name}, view.places.ndim
    if node.op == "BatchNormalization":
        _refuse_training(node, node.get("training_mode", 0))
        axes, layer = [1], layers.BatchNormalization(**options)
    else:
        axes = [*range(node.get("axis", -1) % rank, rank)]
        layer = layers.LayerNormalization(center=len(weights) == 2, **options)
    tensor, index, seen = view.features_last(axes)
    answer = layer(tensor)
    layer.set_weights([values.reshape(-1)[index] for values in weights])
    return seen(answer)


def _drop_out(node: Node, inputs: Inputs) -> View:
    _refuse_training(node, len(inputs) > 2 and inputs[2] is not None and np.any(inputs[2]))
    return inputs[0]


def _refuse_training(node: Node, is_training: object) -> None:
    if is_training:
        node.refuse("is in training mode: call eval() on the network before the export")


def _softmax(node: Node, inputs: Inputs) -> View:
    rank = inputs[0].places.ndim
    axis = node.get("axis", 1 if node.opset < 13 else -1) % rank
    tensor, _, seen = inputs[0].features_last([*range(axis, rank)] if node.opset < 13 else [axis])
    return seen(layers.Softmax(name=node.keras_name)(tensor))


def _reduce(node: Node, inputs: Inputs) -> View:
    view, rank, is_global = inputs[0], inputs[0].places.ndim, node.op.startswith("Global")
    axes = {axis % rank for axis in (range(2, rank) if is_global else node.option(inputs, "axes") or range(rank))}
    rest = [axis for axis in view.order if axis not in axes]
    rows = view.along([*(axis for axis in view.order if axis in axes), *rest])
    places = view.places
    if rows.size > (n_rest := prod(view.places.shape[axis] for axis in rest)):
        tensor = view.tensors.arrange(rows.reshape(-1, n_rest))
        pool = layers.GlobalMaxPooling1D if "Max" in node.op else layers.GlobalAveragePooling1D
        answer = ops.sum(tensor, axis=1) if "Sum" in node.op else pool(name=node.keras_name)(tensor)
        places = view.seen(answer, rest, rank, [view.places.shape[axis] for axis in rest]).places
    return view.of(places if is_global or node.get("keepdims", 1) else np.squeeze(places, tuple(axes)))


OPERATORS: dict[str, Callable[[Node, Inputs], View | list[View]]] = {
    **dict.fromkeys(CELLS, read_recurrence),
    **dict.fromkeys(("Identity", "Cast"), lambda node, inputs: inputs[0]),
    "Dropout": _drop_out,
    **dict.fromkeys(("Transpose", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand", "Tile"), _move),
    **dict.fromkeys(("Slice", "Gather", "Split", "Concat", "Pad"), _move),
    **{"Relu": _activation("relu"), "Sigmoid": _activation("sigmoid"), "Tanh": _activation("tanh")},
    "Neg": _layer(lambda node: ops.negative),
    **{"HardSwish": _activation("hard_silu"), "Swish": _activation("silu"), "Gelu": _gelu},
    **{"Clip": _clip, "HardSigmoid": _hard_sigmoid, "Softmax": _softmax},
    "LeakyRelu": _layer(lambda node: layers.LeakyReLU(node.get("alpha", 0.01), name=node.keras_name)),
    "Elu": _layer(lambda node: layers.ELU(node.get("alpha", 1.0), name=node.keras_name)),
    **{"Add": _calculate(ops.add, layers.Add), "Sub": _calculate(ops.subtract, layers.Subtract)},
    **{"Mul": _calculate(ops.multiply, layers.Multiply), "Div": _calculate(ops.divide)},
    **{"Gemm": _product, "MatMul": _product, "Conv": _convolution, "MaxPool": _pool, "AveragePool": _pool},
    **dict.fromkeys(("ReduceMean", "ReduceMax", "ReduceSum", "GlobalAveragePool", "GlobalMaxPool"), _reduce),
    **dict.fromkeys(("BatchNormalization", "LayerNormalization"), _normalise),
}
"""By ONNX's name."""
