"""Read LSTM, GRU and RNN operators as Keras layers, each direction with its weights in Keras's order."""

from typing import Any

import numpy as np
from keras import layers

from convert.onnx_reader.graph import Inputs, Node
from convert.onnx_reader.places import View

CELLS: dict[str, tuple[type, tuple[int, ...], tuple[str, ...]]] = {
    # By ONNX's operator: the layer, the places of ONNX's gates in Keras, the options with activation functions.
    "LSTM": (layers.LSTM, (0, 3, 1, 2), ("recurrent_activation", "activation", "activation")),
    "GRU": (layers.GRU, (0, 1, 2), ("recurrent_activation", "activation")),
    "RNN": (layers.SimpleRNN, (0,), ("activation",)),
}
_FUNCTIONS = {"Tanh": "tanh", "Sigmoid": "sigmoid", "Relu": "relu"}
_MODULE = "which Keras's layer does not have: change it in the network and train again"


def read_recurrence(node: Node, inputs: Inputs) -> list[View]:
    """Return the views of Y and Y_h; views of `only_last` have no place for other steps. Raises `InputError`."""
    padded: list[Any] = [*inputs, *[None] * (8 - len(inputs))]
    view, kernels, recurrent, biases, lengths, *states = padded
    tensors = view.tensors
    for value, name in zip(states, ("initial_h", "initial_c", "P"), strict=True):
        if value is not None and (isinstance(value, View) or value.any()):
            node.refuse(f"has {name} that is not zero, {_MODULE}")
    n_steps, n_windows, _ = view.places.shape
    if n_windows > 1 or (lengths is not None and (lengths != n_steps).any()):
        node.refuse("takes several windows or a part of one: export the network for one whole window")
    if any(node.outputs[2:]):
        node.refuse("returns its cells c: let the network take its states h")
    direction, units = node.get("direction", "forward"), recurrent.shape[-1]
    ways = ["forward", "reverse"] if direction == "bidirectional" else [direction]
    rows = view.places[:, 0]
    index = tensors.in_order(rows[0])
    is_turned = len(ways) == 1 and bool((rows[0] > rows[-1]).all())  # the network reads the steps from the end
    made, weights = [], []
    for i, way in enumerate(ways):
        options, its_weights = _half(node, i, kernels[i][:, index], recurrent, biases)
        options |= {"go_backwards": (way == "reverse") != is_turned, "return_sequences": node not in tensors.only_last}
        name = f"{node.keras_name}.{way}" if len(ways) == 2 else node.keras_name
        made.append(CELLS[node.op][0](units, name=name, **options))
        weights += its_weights
    layer = layers.Bidirectional(made[0], backward_layer=made[1], name=node.keras_name) if len(made) == 2 else made[0]
    tensor = layer(tensors.arrange((rows[::-1] if is_turned else rows)[:, index]))
    layer.set_weights(weights)
    ends = [0 if way == "reverse" else -1 for way in ways], range(len(ways))
    if node in tensors.only_last:
        steps = np.full((len(rows), len(ways), units), -1)
        steps[ends] = tensors.add(tensor).reshape(len(ways), units)
    else:
        steps = tensors.add(tensor).reshape(len(rows), len(ways), units)
        steps = steps[::-1] if ways == ["reverse"] else steps  # Keras keeps the order in which it computes
    last = steps[ends]
    tensors.steps[node] = np.setdiff1d(steps, last)
    return [view.of(steps[:, :, np.newaxis]), view.of(last[:, np.newaxis])]


def _half(node: Node, i: int, kernel: Any, recurrent: Any, biases: Any) -> tuple[dict[str, Any], list[Any]]:
    """Return the options and weights of direction `i`."""
    _, gates, names = CELLS[node.op]

    def in_keras(rows: Any) -> Any:
        parts = np.split(rows, len(gates), axis=-1)
        return np.concatenate([parts[gates.index(gate)] for gate in range(len(gates))], axis=-1)

    options: dict[str, Any] = {"use_bias": biases is not None}
    weights = [in_keras(kernel.T), in_keras(recurrent[i].T)]
    if node.op == "GRU":
        options["reset_after"] = bool(node.get("linear_before_reset"))
    if biases is not None:
        both = in_keras(biases[i].reshape(2, -1))
        weights.append(both if options.get("reset_after") else both.sum(0))
    for number, function in enumerate(node.get("activations", ())):
        of_half, option = number // len(names) == i, names[number % len(names)]
        key = _FUNCTIONS.get(function)
        if of_half and (key is None or options.setdefault(option, key) != key):
            node.refuse(f"has the activation functions {node.get('activations')}, {_MODULE}")
    return options, weights
