"""Write a Keras network as an ONNX graph, with ONNX's own operators for recurrent layers, and in dynamic int8."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers
from onnx import ModelProto, load_from_string

from convert.lowering.cells import IN_FLOAT
from convert.lowering.keras_graph import Call, fold, read
from convert.lowering.layers import lower_layer
from convert.lowering.quantisation_points import INPUT, no_observer
from convert.lowering.refusals import refuse
from convert.lowering.sequences import join_steps
from convert.quantise.raw_input import samples_a_row
from convert.rivals.onnx_graph import OnnxGraph
from convert.rivals.onnx_translation import translate
from edge_runtime.model.classifier import RAW_INPUT
from edge_runtime.signals.normalisation import NO_CLIP, Normalisation
from edge_runtime.system.files import scratch_folder

_CELLS: dict[type, tuple[str, int, str, tuple[str, ...]]] = {
    # ONNX's operator, the number of gates, Keras's order of them in ONNX's, the options of its activation functions
    layers.LSTMCell: ("LSTM", 4, "0312", ("recurrent_activation", "activation", "activation")),
    layers.GRUCell: ("GRU", 3, "012", ("recurrent_activation", "activation")),
    layers.SimpleRNNCell: ("RNN", 1, "0", ("activation",)),
}
_FUNCTIONS: dict[str, tuple[str, float | None, float | None]] = {
    # By Keras's names: ONNX's, and its alpha and beta, if it has them.
    "tanh": ("Tanh", None, None),
    "sigmoid": ("Sigmoid", None, None),
    "hard_sigmoid": ("HardSigmoid", 1 / 6, 0.5),
    "relu": ("Relu", None, None),
    "linear": ("Affine", 1.0, 0.0),
    "elu": ("Elu", 1.0, None),
    "leaky_relu": ("LeakyRelu", 0.2, None),
    "softsign": ("Softsign", None, None),
    "softplus": ("Softplus", None, None),
}


def to_onnx(model: keras.Model, normalisation: Normalisation | None = None) -> ModelProto:
    """Write `model` in float32, for one window `[1, samples, signals]`.

    With a `normalisation` the graph takes windows in physical units and prepares them by itself, as har-edge's models
    do. Raises `InputError` naming the first layer, option or operator that has no translation.
    """
    graph = OnnxGraph(model.input_shape[1:], RAW_INPUT if normalisation else "windows")
    names = {INPUT: _prepare(graph, normalisation) if normalisation else graph.input}
    for call in fold(read(model)):
        inputs = [names[x] for x in call.inputs]
        if isinstance(call.layer, layers.RNN):
            names[call.name] = _recurrent(graph, call, inputs[0])
        elif type(call.layer) is layers.LayerNormalization:
            names[call.name] = _layer_normalisation(graph, call.layer, inputs[0])
        else:
            names[call.name] = translate(_function_of(call), graph, inputs)
    return graph.model(names[call.name])


def to_dynamic(model: ModelProto) -> ModelProto:
    """Return the graph as ONNX Runtime's `quantize_dynamic` makes it: int8 weights, other scales from the values."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with scratch_folder() as folder:
        quantize_dynamic(model, Path(folder) / "dynamic.onnx", weight_type=QuantType.QInt8)
        return load_from_string((Path(folder) / "dynamic.onnx").read_bytes())


def _function_of(call: Call) -> Callable[..., Any]:
    """The float function of a layer that is not recurrent, of TensorFlow tensors."""
    operation = lower_layer(call, call.name, call.inputs)
    return lambda *xs: join_steps(operation(xs, no_observer, IN_FLOAT))


def _prepare(graph: OnnxGraph, normalisation: Normalisation) -> str:
    """The window as the network takes it, calculated as `Normalisation.apply` does, without what changes nothing."""
    whole = graph.shape(graph.input)
    per_row = samples_a_row(*whole[1:])
    rows = (whole[1] // per_row, per_row * whole[2])
    mean, std, clip = (np.array(x, np.float32) for x in (normalisation.mean, normalisation.std, normalisation.clip))
    gain, bend, knee = normalisation.companding()
    x = graph.reshape(graph.input, rows)

    def apply(kind: str, x: str, values: np.ndarray) -> str:
        return graph.one(kind, [x, graph.constant(np.tile(values, per_row))], rows)

    if mean.any():
        x = apply("Sub", x, mean)
    if (std != 1).any():
        x = apply("Div", x, std)
    if (clip == clip[0]).all() and clip[0] < NO_CLIP:
        x = graph.one("Clip", [x, graph.constant(-clip[0]), graph.constant(clip[0])], rows)
    elif (clip < NO_CLIP).any():
        x = apply("Max", apply("Min", x, clip), -clip)
    if bend.any():
        divisor = graph.one("Abs", [x], rows)
        divisor = divisor if bend.all() else apply("Mul", divisor, bend)
        x = graph.one("Div", [apply("Mul", x, gain), apply("Add", divisor, knee)], rows)
    return graph.reshape(x, whole)


def _layer_normalisation(graph: OnnxGraph, layer: Any, x: str) -> str:
    """ONNX's own operator, which is faster than its parts."""
    n = graph.shape(x)[-1]
    gain = np.asarray(layer.gamma) if layer.scale else np.ones(n)
    shift = [graph.constant(np.asarray(layer.beta))] if layer.center else []
    inputs = [x, graph.constant(gain), *shift]
    return graph.one("LayerNormalization", inputs, graph.shape(x), axis=-1, epsilon=layer.epsilon)


def _recurrent(graph: OnnxGraph, call: Call, x: str) -> str:
    """One recurrent operator over all steps, which ONNX has before the batch; of one window, nothing moves."""
    layer = call.layer
    cell = layer.cell
    if type(cell) not in _CELLS:
        refuse(layer, f"has the cell {type(cell).__name__}, for which there is no operator in ONNX")
    kind, n_gates, order, options = _CELLS[type(cell)]
    batch, n_steps, _ = graph.shape(x)
    kernel, recurrent, *bias = (np.asarray(value) for value in layer.get_weights())
    offsets = np.atleast_2d(bias[0]) if bias else np.zeros((1, kernel.shape[1]))
    # ONNX adds a bias of the input and one of the state. Keras has the second in a GRU alone.
    offsets = np.concatenate([offsets, np.zeros_like(offsets)])[:2]
    reorder = [int(i) for i in order]

    def gates(columns: np.ndarray) -> np.ndarray:
        parts = np.split(columns, n_gates, axis=-1)
        return np.concatenate([parts[i] for i in reorder], axis=-1)

    functions = [_function(layer, cell, option) for option in options]
    attributes: dict[str, Any] = {
        "hidden_size": cell.units,
        "direction": "reverse" if layer.go_backwards else "forward",
        "activations": [name for name, _, _ in functions],
        # Each function takes as many as it needs.
        "activation_alpha": [alpha for _, alpha, _ in functions if alpha is not None],
        "activation_beta": [beta for _, _, beta in functions if beta is not None],
    }
    attributes = {key: value for key, value in attributes.items() if value != []}
    if kind == "GRU":
        attributes["linear_before_reset"] = int(cell.reset_after)
    inputs = [
        graph.transpose(x, (1, 0, 2)),
        *(graph.constant(gates(value).T[np.newaxis]) for value in (kernel, recurrent)),
        graph.constant(gates(offsets).reshape(1, -1)),
    ]
    if not layer.return_sequences:
        last = graph.node(kind, inputs, [None, (1, batch, cell.units)], **attributes)[1]
        return graph.reshape(last, (batch, cell.units))
    steps = graph.one(kind, inputs, (n_steps, 1, batch, cell.units), **attributes)
    y = graph.transpose(graph.reshape(steps, (n_steps, batch, cell.units)), (1, 0, 2))
    # ONNX leaves the steps in their order; Keras gives them as they were computed.
    return graph.reverse(y, 1) if bool(layer.go_backwards) != call.in_reverse else y


def _function(layer: Any, cell: Any, option: str) -> tuple[str, float | None, float | None]:
    name = str(getattr(getattr(cell, option), "__name__", ""))
    if name not in _FUNCTIONS:
        refuse(layer, f"has {option}={name}, which no recurrent operator of ONNX has")
    return _FUNCTIONS[name]
