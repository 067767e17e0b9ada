"""Rewrite a Keras network in operators that TFLite quantises well: same weights, same answers.

Keras's own LSTM becomes a loop that the int8 converter cannot take, or a fused operator whose int8 kernel is slower
than the float kernel. Here recurrent layers are unrolled, or become loops of a few steps, and each step loses little:

* One fully connected product over [x_t, h_t-1] replaces the sum of two: it accumulates in int32 and rounds once.
* The gates share products as a `GateLayout` says: in int8 the candidate has its own product and scale.
* Every activation passes through an `Observer` at a named quantisation point. All steps of a layer share points, hence
  scales and, in the file, biases; tensors that are concatenated share a point, too.

In the traced graph the names of operations begin with `layer<index>/step<number>/`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import tensorflow as tf

from convert.lowering.activations import activation_layer
from convert.lowering.attention_layers import ATTENTION_LAYERS
from convert.lowering.cells import IN_FLOAT, GateLayout
from convert.lowering.convolutional_lstm import CONVOLUTIONAL_LSTM
from convert.lowering.keras_graph import Call, fold, read
from convert.lowering.merging_layers import KEEP_SCALE, MERGING_LAYERS
from convert.lowering.product_layers import PRODUCT_LAYERS
from convert.lowering.quantisation_points import INPUT, Observer, no_observer
from convert.lowering.rearranging_layers import REARRANGING_LAYERS
from convert.lowering.recurrent_layers import FEWEST_STEPS, lower_direction, lower_wavefront
from convert.lowering.refusals import refuse_kind
from convert.lowering.sequences import Operation, TensorOrSteps, join_steps, map_steps
from convert.lowering.wavefronts import Direction, Wavefront, form_wavefronts
from edge_runtime.errors import InputError

_LOWERINGS = PRODUCT_LAYERS | REARRANGING_LAYERS | MERGING_LAYERS | ATTENTION_LAYERS | CONVOLUTIONAL_LSTM

MOST_UNROLLED = 32
"""Steps of a recurrent layer; with more steps, a loop is smaller and faster."""


@dataclass(frozen=True)
class Node:
    """One operation of a lowered network, and the names of its inputs."""

    name: str
    inputs: tuple[str, ...]
    operation: Operation


@dataclass(frozen=True)
class Lowered:
    """A network as a graph of functions of TensorFlow tensors; the last one computes the answer. Weights are constants.

    `n_steps` is the largest number of steps of a recurrent layer; `loop_steps`, of a layer that may become a loop.
    `at_input` are the points that the windows are rounded to: they need one range, since the converter fails to round
    to one scale and then to another.
    """

    input_shape: tuple[int, int]
    nodes: tuple[Node, ...]
    n_steps: int = 0
    loop_steps: int = 0
    is_looped: bool = True
    at_input: tuple[str, ...] = (INPUT,)

    @property
    def lowering(self) -> str:
        """The form of recurrent layers in converted models."""
        return "looped" if self.is_looped and self.loop_steps else "unrolled"

    def __call__(self, windows: tf.Tensor, observe: Observer = no_observer, layout: GateLayout = IN_FLOAT) -> tf.Tensor:
        """Return logits `[batch, n_classes]` of normalised windows `[batch, samples, n_signals]`; `batch` is fixed."""
        values: dict[str, TensorOrSteps] = {INPUT: observe(INPUT, windows)}
        for index, node in enumerate(self.nodes):
            with tf.name_scope(f"layer{index}"):
                values[node.name] = node.operation([values[name] for name in node.inputs], observe, layout)
        return join_steps(values[self.nodes[-1].name])


def select_lowering(model: keras.Model, form: str) -> tuple[Lowered, str]:
    """Lower `model` to the `form` `auto`, `looped` or `unrolled`; return the reason for the resulting form, too.

    Raises `InputError` if the network cannot have this form.
    """
    network = lower(model, most_unrolled=0 if form == "looped" else MOST_UNROLLED)
    if form == "unrolled":
        network = replace(network, is_looped=False)
    if form == "looped" and not network.loop_steps:
        raise InputError(f"--lstm looped needs a recurrent layer of {FEWEST_STEPS} or more steps, but not a ConvLSTM")
    if form != "auto":
        return network, f"asked for with --lstm {form}"
    if not network.n_steps:
        return network, "there is no recurrent layer"
    if network.loop_steps:
        return network, f"of {network.loop_steps} steps; beyond {MOST_UNROLLED}, a loop is smaller and faster"
    rule = f"up to {MOST_UNROLLED}, they" if network.n_steps <= MOST_UNROLLED else "those of a ConvLSTM always"
    return network, f"of {network.n_steps} steps; {rule} are written out"


def lower(model: keras.Model, most_unrolled: float = MOST_UNROLLED) -> Lowered:
    """Rewrite a network; recurrent layers of more than `most_unrolled` steps may be loops. Raises as `read` does."""
    calls = form_wavefronts(fold(read(model)))
    points = assign_points(calls)
    steps = {call.name: call.shapes[0][0] for call in calls if isinstance(call.layer, Wavefront)}
    loops = {name: n for name, n in steps.items() if n > most_unrolled and n >= FEWEST_STEPS}
    steps |= {call.name: call.shapes[0][0] for call in calls if type(call.layer) in CONVOLUTIONAL_LSTM}
    nodes = []
    for call in calls:
        point, sources = points[call.name], [points[name] for name in call.inputs]
        if isinstance(call.layer, Wavefront):
            operation = lower_wavefront(call, point, sources, call.name in loops)
        elif isinstance(call.layer, Direction):
            operation = lower_direction(call.layer, point)
        else:
            operation = lower_layer(call, point, sources)
        nodes.append(Node(call.name, call.inputs, operation))
    n_steps, loop_steps = (max(counts.values(), default=0) for counts in (steps, loops))
    meeting = [call for call in calls if isinstance(call.layer, Wavefront) or _shares_scale(call.layer)]
    at_input = {INPUT, *(points[call.name] for call in meeting if INPUT in (points[name] for name in call.inputs))}
    return Lowered(
        input_shape=tuple(model.input_shape[1:]),
        nodes=tuple(nodes),
        n_steps=n_steps,
        loop_steps=loop_steps,
        at_input=tuple(sorted(at_input)),
    )


def assign_points(calls: Sequence[Call]) -> dict[str, str]:
    """Return the quantisation point of each call's output, by its name.

    Outputs that meet in one tensor, or pass unchanged, share a point, named after the last of them. A recurrent layer's
    input and state meet, and so do the inputs of a concatenation. The network's input has its own point, and is rounded
    to another point where it meets other tensors. The recurrent layers that take it share a point, since the converter
    fails to round one tensor to two scales.
    """
    points = {INPUT: INPUT} | {call.name: call.name for call in calls}

    def merge(a: str, b: str) -> None:
        old, new = points[a], points[b]
        for name, point in points.items():
            if point == old:
                points[name] = new

    for call in calls:
        if type(call.layer) in (*REARRANGING_LAYERS, *KEEP_SCALE, Direction):
            merge(call.name, call.inputs[0])
    recurrent_on_input: str | None = None
    for call in calls:
        if isinstance(call.layer, Wavefront) or _shares_scale(call.layer):
            for name in call.inputs:
                if INPUT not in (points[name], points[call.name]):
                    merge(name, call.name)
        if isinstance(call.layer, Wavefront) and points[call.inputs[0]] == INPUT:
            if recurrent_on_input is not None:
                merge(recurrent_on_input, call.name)
            recurrent_on_input = call.name
    last = {points[call.name]: call.name for call in calls}
    return {name: INPUT if point == INPUT else last[point] for name, point in points.items()}


def _shares_scale(layer: Any) -> bool:
    """Tell whether all inputs and the output of a layer have one scale."""
    return type(layer) is keras.layers.Concatenate or type(layer) in CONVOLUTIONAL_LSTM


def lower_layer(call: Call, point: str, sources: Sequence[str]) -> Operation:
    """Return the operators of a call, from the quantisation points of its output and inputs."""
    if type(call.layer) in _LOWERINGS:
        return _LOWERINGS[type(call.layer)](call, point, sources)
    function = activation_layer(call.layer)
    if function is None:
        refuse_kind(call.layer)
    return lambda inputs, observe, _: map_steps(inputs[0], lambda x: observe(point, function(x, observe, call.name)))
