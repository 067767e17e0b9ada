"""Read a Keras network as a graph of layer calls, with nested networks and wrappers opened."""

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import keras

from convert.lowering.activations import activation_layer
from convert.lowering.quantisation_points import INPUT
from convert.lowering.refusals import refuse, refuse_kind, require_numbers, require_options
from edge_runtime.errors import InputError
from edge_runtime.host.keras_layers import does_nothing, is_convertible

_RECURRENT = (keras.layers.LSTM, keras.layers.GRU)
_MERGE = keras.layers.Add.__base__  # of all layers that join tensors; Keras has no public name for it
_MERGES = {
    "concat": keras.layers.Concatenate,
    "sum": keras.layers.Add,
    "ave": keras.layers.Average,
    "mul": keras.layers.Multiply,
}
# The operations that `x + y`, `x * y` and `x - y` of a functional network are.
_OPERATORS = {"Add": keras.layers.Add, "Multiply": keras.layers.Multiply, "Subtract": keras.layers.Subtract}


@dataclass(frozen=True)
class Call:
    """One use of a layer.

    name : unique in the network.
    inputs : names of the calls whose outputs it takes; `INPUT` is the window.
    shapes : of these inputs, without the batch.
    in_reverse : the output sequence is turned round, as the backward half of a Bidirectional layer does.
    followers : layers that are computed as a part of this one: normalisation, activation.
    """

    name: str
    layer: Any
    inputs: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    in_reverse: bool = False
    followers: tuple[Any, ...] = ()


def read(model: keras.Model) -> list[Call]:
    """Return the calls of a network of one input and one output, each after its inputs; the last gives the answer.

    Layers that do nothing outside training are left out. Raises `InputError` for a network that is no graph of layers,
    and for the first layer, or option of one, that cannot be converted.
    """
    try:
        inputs, outputs = model.inputs, model.outputs
    except AttributeError as error:
        raise InputError(
            f"the network '{model.name}' is no graph of layers: build it with keras.Sequential or the functional API"
        ) from error
    if len(inputs) != 1 or len(outputs) != 1:
        raise InputError(
            f"the network '{model.name}' has {len(inputs)} inputs and {len(outputs)} outputs: it must have one of each"
        )
    reader = _Reader()
    reader.visit(outputs[0], {id(inputs[0]): INPUT})
    return list(reader.calls.values())


class _Reader:
    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}

    def visit(self, tensor: Any, known: dict[int, str]) -> str:
        """The name of the call that gives `tensor`; `known` has those of other tensors, and is added to."""
        if id(tensor) not in known:
            history = tensor._keras_history
            node = history.operation._inbound_nodes[history.node_index]
            inputs = [self.visit(x, known) for x in node.input_tensors]
            shapes = tuple(tuple(x.shape[1:]) for x in node.input_tensors)
            known[id(tensor)] = self._open(history.operation, tuple(inputs), shapes)
        return known[id(tensor)]

    def _open(self, layer: Any, inputs: tuple[str, ...], shapes: tuple[tuple[int, ...], ...]) -> str:
        """Add the calls that `layer` consists of; the name of the one that gives its output."""
        if not isinstance(layer, keras.layers.Layer):
            kind = type(layer).__name__
            if len(inputs) == 2 and kind in _OPERATORS:
                layer = _OPERATORS[kind](name=layer.name)
            return self._add(Call(layer.name, layer, inputs, shapes))  # others are refused when they are lowered
        if not (isinstance(layer, keras.Model) or is_convertible(layer)):
            refuse_kind(layer)
        if len(inputs) > 1 and not isinstance(layer, _MERGE):
            refuse(layer, f"is given {len(inputs)} tensors, as with an initial state or a mask: give it one")
        if isinstance(layer, keras.Model):
            if len(layer.inputs) != 1 or len(layer.outputs) != 1:
                refuse(layer, "is a network of several inputs or outputs within the network")
            return self.visit(layer.outputs[0], {id(layer.inputs[0]): inputs[0]})
        require_numbers(layer)
        if does_nothing(layer):
            return inputs[0]  # without a range of its own: it would be one value with two scales
        call = Call(layer.name, layer, inputs, shapes)
        if type(layer) is keras.layers.Bidirectional:
            return self._open_both(call)
        if type(layer) is keras.layers.TimeDistributed and type(layer.layer) is keras.layers.Dense:
            # A Dense layer is applied to each step anyway.
            return self._add(replace(call, layer=layer.layer))
        return self._add(call)

    def _open_both(self, call: Call) -> str:
        layer = call.layer
        require_options(layer, 1 + len(call.shapes[0]))
        halves, shapes = [], []
        for half, side in ((layer.forward_layer, "forward"), (layer.backward_layer, "backward")):
            if type(half) not in _RECURRENT:
                refuse(layer, f"wraps {half.name} ({type(half).__name__}): only LSTM and GRU can be converted")
            in_reverse = side == "backward" and layer.return_sequences
            halves.append(self._add(replace(call, name=f"{layer.name}.{side}", layer=half, in_reverse=in_reverse)))
            shapes.append((call.shapes[0][0], half.units) if layer.return_sequences else (half.units,))
        merge = _MERGES[layer.merge_mode](name=layer.name)
        return self._add(Call(layer.name, merge, tuple(halves), tuple(shapes)))

    def _add(self, call: Call) -> str:
        if call.name in self.calls or call.name == INPUT:
            refuse(call.layer, "is used several times, or shares its name: give each use a layer of its own")
        rank = 1 + len(call.shapes[0])
        if is_convertible(call.layer):
            require_options(call.layer, rank)
        if type(call.layer) is keras.layers.TimeDistributed and is_convertible(call.layer.layer):
            require_options(call.layer.layer, rank - 1)
        self.calls[call.name] = call
        return call.name


def fold(calls: list[Call]) -> list[Call]:
    """Let convolutions and Dense layers take over the normalisation and the activation function behind them.

    That is the same network in fewer operators, and in int8 with fewer roundings. An output that other layers take as
    well stays as it is.
    """
    uses = Counter(name for call in calls for name in call.inputs)
    folded: dict[str, Call] = {}
    producer_of: dict[str, str] = {}  # by the name of a call that was taken over
    for call in calls:
        inputs = tuple(producer_of.get(x, x) for x in call.inputs)
        producer = folded.get(inputs[0])
        if producer and uses[call.inputs[0]] == 1 and _can_follow(call.layer, producer):
            folded[producer.name] = replace(producer, followers=(*producer.followers, call.layer))
            producer_of[call.name] = producer.name
        else:
            folded[call.name] = replace(call, inputs=inputs)
    return list(folded.values())


def _can_follow(layer: Any, producer: Call) -> bool:
    """Tell whether `layer` can be a part of `producer`: both linear, or an activation behind a linear one."""
    product = type(producer.layer) in (keras.layers.Conv1D, keras.layers.Dense)
    if not product or producer.layer.activation is not keras.activations.linear:
        return False
    if any(type(x) is not keras.layers.BatchNormalization for x in producer.followers):
        return False  # a function is the last
    return type(layer) is keras.layers.BatchNormalization or activation_layer(layer) is not None
