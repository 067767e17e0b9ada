"""Read a Keras network as a graph of layer calls, with nested networks and wrappers opened."""

import inspect
from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

import keras
from keras import layers

from convert.keras_layers import CONVERTIBLE, does_nothing, form_fault, is_convertible
from convert.lowering.activations import activation_layer
from convert.lowering.keras_operations import Affine, IntoBatch, OutOfBatch, Reversal, Slice, equal_layer
from convert.lowering.quantisation_points import INPUT
from convert.lowering.refusals import refuse, refuse_kind, require_numbers, require_options
from edge_runtime.errors import InputError

_RECURRENT = (layers.LSTM, layers.GRU, layers.SimpleRNN)
# Keras has no public name for the base of all layers that join tensors.
_SEVERAL_INPUTS = (layers.Add.__base__, layers.Attention, layers.MultiHeadAttention)
_MERGES = {"concat": layers.Concatenate, "sum": layers.Add, "ave": layers.Average, "mul": layers.Multiply}
_STEPWISE = (  # layers that do the same to each step of a sequence
    *(layers.Dense, layers.BatchNormalization, layers.LayerNormalization, layers.Rescaling),
    *(layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU),
)
_PRODUCTS = (
    *(layers.Dense, layers.Conv1D, layers.Conv2D, layers.SeparableConv1D, layers.SeparableConv2D),
    *(layers.DepthwiseConv1D, layers.DepthwiseConv2D),
)


@dataclass(frozen=True)
class Call:
    """One use of a layer, with a name that is unique in the network.

    `inputs`: names of the calls whose outputs it takes, or `INPUT` for the window; `shapes`: without the batch.
    `in_reverse`: the output sequence is reversed, as in the backward half of a Bidirectional layer.
    `followers`: normalisation and activation layers that became part of this call.
    """

    name: str
    layer: Any
    inputs: tuple[str, ...]
    shapes: tuple[tuple[int, ...], ...]
    in_reverse: bool = False
    followers: tuple[Any, ...] = ()


def read(model: keras.Model) -> list[Call]:
    """Return the calls of a network, each after its inputs; the last call computes the answer.

    Raises `InputError` if the network does not map a window to logits, or a layer or option cannot be converted.
    """
    if fault := form_fault(model):
        raise InputError(f"the network '{model.name}' {fault}")
    if len(shape := model.input_shape) != 3 or None in shape[1:]:
        raise InputError(f"the network '{model.name}' takes {shape}, not windows [batch, samples, signals] of one size")
    reader = _Reader()
    answer = reader.visit(model.outputs[0], {id(model.inputs[0]): INPUT})
    return _needed(reader.calls, answer)


def _needed(calls: dict[str, Call], answer: str) -> list[Call]:
    needed, names = {INPUT}, [answer]
    while names:
        name = names.pop()
        if name not in needed:
            needed.add(name)
            names += calls[name].inputs
    return [call for name, call in calls.items() if name in needed]


class _Reader:
    def __init__(self) -> None:
        self.calls: dict[str, Call] = {}
        self._prefix = ""  # of the names within a layer that wraps another layer

    def visit(self, tensor: Any, names: dict[int, str]) -> str:
        """Return the name of the call that computes `tensor`; `names` collects the names by the tensors' ids."""
        if id(tensor) not in names:
            history = tensor._keras_history
            node = history.operation._inbound_nodes[history.node_index]
            if history.tensor_index:
                names[id(tensor)] = self._state(node, history.tensor_index, names)
                return names[id(tensor)]
            arguments = _arguments(node)
            inputs = [self.visit(argument, names) for argument in arguments]
            shapes = tuple(tuple(argument.shape[1:]) for argument in arguments)
            layer = node.operation
            if not isinstance(layer, layers.Layer):
                layer = equal_layer(node)
            elif not (isinstance(layer, keras.Model) or is_convertible(layer)):
                layer = None
            if layer is None:
                refuse_kind(node.operation)
            call = Call(self._prefix + node.operation.name, layer, tuple(inputs), shapes)
            names[id(tensor)] = self._open(call)
        return names[id(tensor)]

    def _state(self, node: Any, number: int, names: dict[int, str]) -> str:
        """Return the name of the call that computes a recurrent layer's state h, the last step of its output."""
        layer, output = node.operation, node.output_tensors[0]
        if number > 1 or type(layer) not in _RECURRENT:
            refuse(layer, f"passes on its state number {number}: only h of an LSTM, GRU or SimpleRNN can be converted")
        name = self.visit(output, names)
        if not layer.return_sequences:
            return name
        n_steps, units = output.shape[1:]
        last = Slice(f"{layer.name}.state", (n_steps - 1, slice(0, units, 1)))
        return self._add(Call(self._prefix + last.name, last, (name,), ((n_steps, units),)))

    def _open(self, call: Call) -> str:
        """Add the calls that a layer consists of; return the name of the last call."""
        layer = call.layer
        if isinstance(layer, keras.Model):
            if len(layer.inputs) != 1 or len(layer.outputs) != 1:
                refuse(layer, "is an inner network with several inputs or outputs: give it one of each")
            return self.visit(layer.outputs[0], {id(layer.inputs[0]): call.inputs[0]})
        if isinstance(layer, layers.Layer):
            require_numbers(layer)
            if does_nothing(layer):
                return call.inputs[0]  # no range of its own: one value would have two scales
        if type(layer) is layers.Bidirectional:
            return self._open_both(call)
        if type(layer) is layers.TimeDistributed:
            return self._open_at_every_step(call)
        before = self.calls.get(call.inputs[0])
        if type(layer) is Reversal and before and type(before.layer) in _RECURRENT:
            return self._add(replace(before, name=call.name, in_reverse=not before.in_reverse))
        return self._add(call)

    def _open_at_every_step(self, call: Call) -> str:
        """Open TimeDistributed: each step becomes a window of the batch, and the inner layer becomes a call."""
        inner, (source,), (shape,) = call.layer.layer, call.inputs, call.shapes
        before = self.calls.get(source)
        is_in_batch = before is not None and type(before.layer) is OutOfBatch
        if type(inner) in _STEPWISE and not is_in_batch:
            return self._add(replace(call, layer=inner))
        if not (isinstance(inner, keras.Model) or is_convertible(inner)):
            refuse(call.layer, f"wraps a {type(inner).__name__}, which cannot be converted")
        if before is not None and is_in_batch:
            source = before.inputs[0]
        else:
            source = self._add(replace(call, name=f"{call.name}.into", layer=IntoBatch(call.name)))
        prefix, self._prefix = self._prefix, f"{call.name}."
        inner_call = Call(self._prefix + inner.name, inner, (source,), (shape[1:],))
        answer = self._open(inner_call)
        self._prefix = prefix
        inner_shape = tuple(inner.compute_output_shape((None, *shape[1:]))[1:])
        return self._add(Call(call.name, OutOfBatch(call.name, shape[0]), (answer,), (inner_shape,)))

    def _open_both(self, call: Call) -> str:
        layer = call.layer
        require_options(layer, 1 + len(call.shapes[0]))
        halves, shapes = [], []
        for half, side in ((layer.forward_layer, "forward"), (layer.backward_layer, "backward")):
            if type(half) not in _RECURRENT:
                only = ", ".join(kind.__name__ for kind in _RECURRENT)
                refuse(layer, f"wraps {half.name} ({type(half).__name__}): only {only} can be converted")
            in_reverse = side == "backward" and layer.return_sequences
            halves.append(self._add(replace(call, name=f"{call.name}.{side}", layer=half, in_reverse=in_reverse)))
            shapes.append((call.shapes[0][0], half.units) if layer.return_sequences else (half.units,))
        merge = _MERGES[layer.merge_mode](name=layer.name)
        return self._add(Call(call.name, merge, tuple(halves), tuple(shapes)))

    def _add(self, call: Call) -> str:
        if call.name in self.calls or call.name == INPUT:
            refuse(call.layer, "is used several times, or shares its name: give each use its own layer")
        rank = 1 + len(call.shapes[0])
        if type(call.layer).__name__ in CONVERTIBLE:
            require_options(call.layer, rank)
        self.calls[call.name] = call
        return call.name


def _arguments(node: Any) -> list[Any]:
    """Return the tensors that a layer is called with; attention has query, value and perhaps key.

    Masks are left out. If a mask hides steps, the answers differ from Keras's, and the conversion's check fails.
    """
    layer = node.operation
    masks = {id(tensor) for tensor in node.input_tensors if tensor.dtype == "bool"}
    if not isinstance(layer, _SEVERAL_INPUTS):
        tensors = [tensor for tensor in node.input_tensors if id(tensor) not in masks]
        if len(tensors) > 1 and isinstance(layer, layers.Layer) and is_convertible(layer):
            refuse(layer, f"takes {len(tensors)} tensors, for example an initial state: give it one")
        return tensors
    arguments = inspect.signature(layer.call).bind(*node.arguments.args, **node.arguments.kwargs).arguments
    names = ("query", "value", "key") if isinstance(layer, layers.MultiHeadAttention) else ("inputs",)
    for name, value in arguments.items():
        changes = [x for x in keras.tree.flatten(value) if x is not None and x is not False and id(x) not in masks]
        if changes and name not in (*names, "training"):
            refuse(layer, f"is called with {name}: it can only be converted without this argument")
    return [tensor for tensor in keras.tree.flatten([arguments.get(name) for name in names]) if tensor is not None]


def fold(calls: list[Call]) -> list[Call]:
    """Merge normalisation and activation layers into the convolution or Dense layer before them: fewer roundings."""
    uses = Counter(name for call in calls for name in call.inputs)
    folded: dict[str, Call] = {}
    producer_of: dict[str, str] = {}  # by the name of the call that became part of it
    for call in calls:
        inputs = tuple(producer_of.get(name, name) for name in call.inputs)
        producer = folded.get(inputs[0])
        if producer and uses[call.inputs[0]] == 1 and _can_follow(call.layer, producer):
            folded[producer.name] = replace(producer, followers=(*producer.followers, call.layer))
            producer_of[call.name] = producer.name
        else:
            folded[call.name] = replace(call, inputs=inputs)
    return list(folded.values())


def _can_follow(layer: Any, producer: Call) -> bool:
    """Tell whether `layer` can become part of `producer`, which must be linear so far."""
    if type(producer.layer) not in _PRODUCTS or producer.layer.activation is not keras.activations.linear:
        return False
    if not all(map(_is_linear, producer.followers)):
        return False  # nothing follows an activation function
    return _is_linear(layer) or activation_layer(layer) is not None


def _is_linear(layer: Any) -> bool:
    """Tell whether `layer` scales and shifts each feature by itself."""
    kinds = (layers.BatchNormalization, layers.Rescaling)
    return type(layer) in kinds or (type(layer) is Affine and layer.is_by_channel)
