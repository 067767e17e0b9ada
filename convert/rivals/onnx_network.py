"""Write a Keras network as an ONNX graph: recurrent layers as ONNX's own operators, everything else by tf2onnx."""

import itertools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
import onnx
import onnx.compose
import tensorflow as tf
import tf2onnx
from keras import layers
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

from convert.lowering.cells import IN_FLOAT
from convert.lowering.keras_graph import Call, fold, read
from convert.lowering.network import lower_layer
from convert.lowering.quantisation_points import INPUT, no_observer
from convert.lowering.refusals import refuse
from convert.lowering.sequences import join_steps
from convert.onnx_reader.recurrences import CELLS
from convert.quantise.raw_input import samples_a_row
from edge_runtime.model.classifier import RAW_INPUT
from edge_runtime.signals.normalisation import NO_CLIP, Normalisation
from edge_runtime.system.files import scratch_folder

_OPSET, _IR_VERSION = 18, 9
"""The latest versions that ONNX Runtime 1.20 reads."""

_FUNCTIONS: dict[str, tuple[str, float | None, float | None]] = {
    # By Keras's name: ONNX's name, and alpha and beta if the function has them.
    "tanh": ("Tanh", None, None),
    "sigmoid": ("Sigmoid", None, None),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
    "relu": ("Relu", None, None),
    "linear": ("Affine", 1.0, 0.0),
    "elu": ("Elu", 1.0, None),
    "leaky_relu": ("LeakyRelu", 0.2, None),
}

_Part: TypeAlias = tuple[list[NodeProto], list[TensorProto]]
"""Nodes with their constants; tensors between layers have the names of the calls."""


def to_onnx(model: keras.Model, normalisation: Normalisation | None = None) -> ModelProto:
    """Write `model` in float32, for one window `[1, samples, signals]`, raw if `normalisation` is given.

    Raises `InputError` with the name of the first recurrent layer or option that ONNX's operators do not have.
    """
    calls = fold(read(model))
    window, answer = RAW_INPUT if normalisation else INPUT, calls[-1].name
    shapes = {window: (1, *model.input_shape[1:])}
    parts = []
    if normalisation:
        parts.append(_translated(lambda x: [_prepared(x, normalisation)], [window], [INPUT], shapes))
    for is_recurrent, group in itertools.groupby(_in_order(calls), _is_recurrent):
        members = list(group)
        if is_recurrent:
            parts += [_recurrent(call, shapes) for call in members]
        else:
            needed = {answer, *(name for call in calls if call not in members for name in call.inputs)}
            answers = [call.name for call in members if call.name in needed]
            inputs = sorted({name for call in members for name in call.inputs} - {call.name for call in members})
            parts.append(_translated(_function_of(members, inputs, answers), inputs, answers, shapes))
    graph = helper.make_graph(
        [node for nodes, _ in parts for node in nodes],
        "network",
        [helper.make_tensor_value_info(window, TensorProto.FLOAT, shapes[window])],
        [helper.make_tensor_value_info(answer, TensorProto.FLOAT, shapes[answer])],
        [constant for _, constants in parts for constant in constants],
    )
    proto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", _OPSET)], ir_version=_IR_VERSION)
    onnx.checker.check_model(proto)
    return proto


def to_dynamic(model: ModelProto) -> ModelProto:
    """Return the graph with int8 weights and scales that are computed at run time, by ONNX Runtime's own tool."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with scratch_folder() as folder:
        quantize_dynamic(model, Path(folder) / "dynamic.onnx", weight_type=QuantType.QInt8)
        return onnx.load_from_string((Path(folder) / "dynamic.onnx").read_bytes())


def _is_recurrent(call: Call) -> bool:
    return isinstance(call.layer, layers.RNN)


def _in_order(calls: Sequence[Call]) -> list[Call]:
    """Sort the calls by the number of recurrent layers before them: calls between two are translated together."""
    depth = {INPUT: 0}  # odd for recurrent layers, even for other layers
    for call in calls:
        before = max(depth[name] for name in call.inputs)
        depth[call.name] = before + before % 2 + _is_recurrent(call)
    return sorted(calls, key=lambda call: depth[call.name])


def _function_of(calls: Sequence[Call], inputs: Sequence[str], answers: Sequence[str]) -> Callable[..., Any]:
    """Return the float function of calls that are not recurrent, from TensorFlow tensors to the list of answers."""
    operations = {call.name: lower_layer(call, call.name, call.inputs) for call in calls}

    def run(*tensors: tf.Tensor) -> list[tf.Tensor]:
        values: dict[str, Any] = dict(zip(inputs, tensors, strict=True))
        for call in calls:
            values[call.name] = operations[call.name]([values[name] for name in call.inputs], no_observer, IN_FLOAT)
        return [join_steps(values[name]) for name in answers]

    return run


def _translated(
    function: Callable[..., Any], inputs: Sequence[str], answers: Sequence[str], shapes: dict[str, tuple[int, ...]]
) -> _Part:
    """Translate `function`, and add the shapes of the `answers` to `shapes`, which has the shapes of the `inputs`."""
    signature = [tf.TensorSpec(shapes[name], tf.float32) for name in inputs]
    traced = tf.function(lambda *xs: [tf.identity(y) for y in function(*xs)], autograph=False)
    concrete = traced.get_concrete_function(*signature)
    shapes |= {name: tuple(tensor.shape) for name, tensor in zip(answers, concrete.outputs, strict=True)}
    model, _ = tf2onnx.convert.from_function(traced, signature, opset=_OPSET, custom_op_handlers={"Erfc": (_erfc, [])})
    graph = onnx.compose.add_prefix(model, f"{answers[0]}/").graph
    names = dict(zip((tensor.name for tensor in graph.input), inputs, strict=True))
    names |= zip((tensor.name for tensor in graph.output), answers, strict=True)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    return list(graph.node), list(graph.initializer)


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


def _recurrent(call: Call, shapes: dict[str, tuple[int, ...]]) -> _Part:
    """Return one recurrent operator over all steps; in ONNX, the steps come before the batch."""
    layer, name = call.layer, call.name
    cell = layer.cell
    kind = next((name for name, (its_layer, *_) in CELLS.items() if type(layer) is its_layer), None)
    if kind is None:
        refuse(layer, f"has the cell {type(cell).__name__}, for which ONNX has no operator")
    _, order, options = CELLS[kind]
    batch, n_steps, _ = shapes[call.inputs[0]]
    kernel, recurrent, *bias = (np.asarray(value) for value in layer.get_weights())
    offsets = np.atleast_2d(bias[0]) if bias else np.zeros((1, kernel.shape[1]))
    # ONNX adds a bias for the input and another for the state. Keras has the second only in a GRU.
    offsets = np.concatenate([offsets, np.zeros_like(offsets)])[:2]

    def gates(columns: np.ndarray) -> np.ndarray:
        parts = np.split(columns, len(order), axis=-1)
        return np.concatenate([parts[i] for i in order], axis=-1)

    functions = [_function(layer, cell, option) for option in options]
    attributes: dict[str, Any] = {
        "hidden_size": cell.units,
        "direction": "reverse" if layer.go_backwards else "forward",
        "activations": [function for function, _, _ in functions],
        # Each function takes as many values as it needs.
        "activation_alpha": [alpha for _, alpha, _ in functions if alpha is not None],
        "activation_beta": [beta for _, _, beta in functions if beta is not None],
    }
    attributes = {key: value for key, value in attributes.items() if value != []}
    if kind == "GRU":
        attributes["linear_before_reset"] = int(cell.reset_after)
    arrays = {
        "W": gates(kernel).T[np.newaxis],
        "R": gates(recurrent).T[np.newaxis],
        "B": gates(offsets).reshape(1, -1),
        **{key: np.array([value]) for key, value in (("first", 0), ("second", 1), ("last", -1))},
        "before": np.array([np.iinfo(np.int64).min]),
    }
    steps, states, state, sequence = (f"{name}/{part}" for part in ("steps", "states", "state", "sequence"))
    w, r, b, first, second, last, before = (f"{name}/{key}" for key in arrays)
    nodes = [helper.make_node("Transpose", [call.inputs[0]], [steps], perm=(1, 0, 2))]
    if layer.return_sequences:
        shapes[name] = (batch, n_steps, cell.units)
        # ONNX returns the steps in their order, Keras in the order of computation.
        is_turned = bool(layer.go_backwards) != call.in_reverse
        nodes += [
            helper.make_node(kind, [steps, w, r, b], [states], **attributes),
            helper.make_node("Squeeze", [states, second], [state]),
            helper.make_node("Transpose", [state], [sequence if is_turned else name], perm=(1, 0, 2)),
        ]
        if is_turned:
            nodes.append(helper.make_node("Slice", [sequence, last, before, second, last], [name]))
    else:
        shapes[name] = (batch, cell.units)
        nodes += [
            helper.make_node(kind, [steps, w, r, b], ["", state], **attributes),
            helper.make_node("Squeeze", [state, first], [name]),
        ]
    constants = [
        numpy_helper.from_array(array if array.dtype == np.int64 else array.astype(np.float32), f"{name}/{key}")
        for key, array in arrays.items()
    ]
    return nodes, constants


def _function(layer: Any, cell: Any, option: str) -> tuple[str, float | None, float | None]:
    name = str(getattr(getattr(cell, option), "__name__", ""))
    if name not in _FUNCTIONS:
        refuse(layer, f"has {option}={name}, which ONNX's recurrent operators do not have")
    return _FUNCTIONS[name]
