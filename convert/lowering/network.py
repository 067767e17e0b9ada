"""A Keras network rewritten in operators that TFLite quantises well, with the same weights and the same answers.

Keras's own LSTM becomes a loop that the int8 converter cannot take, or a fused operator whose int8 kernel is slower
than the float one. Here recurrent layers are unrolled over their steps, and each step is written so that int8 loses
little:

* one fully connected product over [x_t, h_t-1] instead of two added ones: it accumulates in int32 and rounds once;
* the gates share products as an `Arrangement` says: in int8 the candidate has its own, and with it its own scale;
* every activation passes through a `Tap`, at a named site. All steps of a layer share their sites, so that they share
  scales and, in the file, biases; a tensor that is concatenated with another shares its site.

Traced to a graph, the names of its operations say where they are: `layer<index>/step<number>/`, and `kept` or `joined`
where one step has several tensors at one site.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import keras
import tensorflow as tf

from convert.lowering.fused_lstm import fuse
from convert.lowering.gate_layout import IN_FLOAT, GateLayout
from convert.lowering.keras_graph import Call, fold, read
from convert.lowering.layers import Operation, keeps_site, lower_layer, shares_site
from convert.lowering.quantisation_points import INPUT, Tap, no_observer
from convert.lowering.sequences import Activation, whole
from convert.lowering.unrolling import check, is_recurrent, unroll
from edge_runtime.errors import InputError


@dataclass(frozen=True)
class Node:
    """One operation of a lowered network: what it takes, by name, and what it does with it."""

    name: str
    inputs: tuple[str, ...]
    operation: Operation


@dataclass(frozen=True)
class Lowered:
    """A network as a graph of functions of TensorFlow tensors; the last has the answer.

    Weights are constants but for the `variables` of fused LSTM layers, which then take windows one by one.
    """

    input_shape: tuple[int, int]
    n_outputs: int
    nodes: tuple[Node, ...]
    n_steps: int = 0
    variables: tuple[Any, ...] = ()

    @property
    def layers(self) -> tuple[str, ...]:
        """The name of each node."""
        return tuple(x.name for x in self.nodes)

    @property
    def is_fused(self) -> bool:
        """Whether LSTM layers are TFLite's own operator."""
        return bool(self.variables)

    def __call__(self, windows: tf.Tensor, tap: Tap = no_observer, arrangement: GateLayout = IN_FLOAT) -> tf.Tensor:
        """Logits `[batch, n_outputs]` of normalised windows `[batch, samples, n_signals]`, `batch` being fixed."""
        values: dict[str, Activation] = {INPUT: tap(INPUT, windows)}
        for index, node in enumerate(self.nodes):
            with tf.name_scope(f"layer{index}"):
                values[node.name] = node.operation([values[x] for x in node.inputs], tap, arrangement)
        return whole(values[self.nodes[-1].name])


def lower(model: keras.Model, fused: bool = False) -> Lowered:
    """Rewrite a network of Keras layers, with recurrent layers unrolled or, if `fused`, as TFLite's LSTM operator.

    Raises `InputError` naming the first layer, and the option of it, that cannot be converted.
    """
    calls = fold(read(model))
    sites = assign_sites(calls)
    variables: list[Any] = []
    nodes = []
    for call in calls:
        if is_recurrent(call.layer):
            check(call.layer)
        if fused and is_recurrent(call.layer):
            operation, variable = fuse(call)
            variables.append(variable)
        else:
            operation = _lower(call, sites)
        nodes.append(Node(call.name, call.inputs, operation))
    shape, answer = model.input_shape, model.output_shape
    if len(shape) != 3 or None in shape[1:]:
        raise InputError(
            f"the network '{model.name}' takes {shape}: it must take windows [batch, samples, signals] of fixed size"
        )
    if len(answer) != 2 or not nodes:
        raise InputError(f"the network '{model.name}' answers {answer}: it must answer logits [batch, classes]")
    n_steps = sum(call.shapes[0][0] for call in calls if is_recurrent(call.layer))
    return Lowered((int(shape[1]), int(shape[2])), int(answer[1]), tuple(nodes), n_steps, tuple(variables))


def _lower(call: Call, sites: dict[str, str]) -> Operation:
    sources = [sites[x] for x in call.inputs]
    if is_recurrent(call.layer):
        return unroll(call, sites[call.name], sources)
    return lower_layer(call, sites[call.name], sources)


def assign_sites(calls: Sequence[Call]) -> dict[str, str]:
    """The site of each call's output, by its name: outputs that meet in one tensor, or pass unchanged, share one.

    A recurrent layer's input and state meet, and what is concatenated. The last of them gives the name. The input has a
    site of its own: where it meets others, it is rounded to theirs.
    """
    sites = {INPUT: INPUT} | {call.name: call.name for call in calls}

    def merge(a: str, b: str) -> None:
        old, new = sites[a], sites[b]
        for name, site in sites.items():
            if site == old:
                sites[name] = new

    for call in calls:
        if keeps_site(call.layer):
            merge(call.name, call.inputs[0])
    for call in calls:
        if is_recurrent(call.layer) or shares_site(call.layer):
            for name in call.inputs:
                if INPUT not in (sites[name], sites[call.name]):
                    merge(name, call.name)
    last = {sites[call.name]: call.name for call in calls}
    return {name: INPUT if site == INPUT else last[site] for name, site in sites.items()}
