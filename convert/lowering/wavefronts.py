"""Merge recurrent layers into wavefronts: layers that take their steps together, as one cell with block matrices.

Two arrangements of layers with the same equations are merged:

* **A stack**: in wave s, the first layer does step s, the second step s - 1, and so on. T steps of L layers are
  T + L - 1 waves (Appleyard et al. 2016, "Optimizing performance of recurrent neural networks on GPUs").
* **Both directions** of a sequence: one layer does step s, the other step T - 1 - s.

A wave costs about as much as a step of one layer, since the operators cost more than the computation. The blocks
between unrelated layers are zeros: layers that would need too many zeros stay separate.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from keras import layers

from convert.lowering.keras_graph import Call
from convert.lowering.keras_operations import Array

_GATES = {layers.LSTM: "ifco", layers.GRU: "zrc", layers.SimpleRNN: "h"}
"""In Keras's order."""

MOST_ZEROS = 1 << 14
"""Zero weights that merging may add; a loop's operators take about as many bytes."""


@dataclass(frozen=True)
class GateWeights:
    """The weights of one gate of a wavefront, with all layers side by side.

    `kernel` `[features, units]` is for the sequence, `between` `[units, units]` for the state of the layer below,
    `recurrent` for each layer's own state. Only GRU layers with `reset_after` have a `recurrent_bias` `[units]`.
    """

    kernel: Array
    between: Array
    recurrent: Array
    bias: Array
    recurrent_bias: Array

    @property
    def joined(self) -> Array:
        """The weights `[features + units, units]` for sequence and state, side by side."""
        return np.concatenate([self.kernel, np.where(self.between, self.between, self.recurrent)])


@dataclass(frozen=True)
class Wavefront:
    """Merged recurrent layers: a stack from first to last or, if `both_ways`, the two directions."""

    name: str
    layers: tuple[Any, ...]
    both_ways: bool = False

    @property
    def delay(self) -> int:
        """Waves before the last layer begins."""
        return 0 if self.both_ways else len(self.layers) - 1

    @property
    def units(self) -> int:
        """Units of all layers together."""
        return sum(layer.units for layer in self.layers)

    @property
    def answering(self) -> slice:
        """Columns of the state that are the output: the last layer of a stack, or both directions."""
        return slice(0 if self.both_ways else self.units - self.layers[-1].units, self.units)

    @property
    def columns(self) -> list[slice]:
        """Columns of the state for each layer."""
        ends = np.cumsum([layer.units for layer in self.layers]).tolist()
        return [slice(end - layer.units, end) for layer, end in zip(self.layers, ends, strict=True)]

    def gates(self) -> dict[str, GateWeights]:
        """Return the weights by the gate's letter: i f c o for LSTM layers, z r c for GRU layers, h for SimpleRNN."""
        names = _GATES[type(self.layers[0])]
        return {gate: self._gate(names.index(gate), len(names)) for gate in names}

    def zeros(self) -> int:
        """Return the number of zero weights that merging adds."""
        n_weights = sum(layer.get_weights()[i].size for layer in self.layers for i in (0, 1))
        return sum(gate.joined.size for gate in self.gates().values()) - n_weights

    def _gate(self, index: int, of: int) -> GateWeights:
        # A kernel [features, of * units], a recurrent kernel [units, of * units], and perhaps a bias (GRU: [2, ...]).
        n_features = self.layers[0].get_weights()[0].shape[0]
        kernel = np.zeros((n_features * (1 + self.both_ways), self.units), np.float32)
        between, recurrent = (np.zeros((self.units, self.units), np.float32) for _ in range(2))
        biases = np.zeros((2, self.units), np.float32)
        for number, (layer, columns) in enumerate(zip(self.layers, self.columns, strict=True)):
            of_input, of_state, *bias = (np.split(np.asarray(x), of, axis=-1)[index] for x in layer.get_weights())
            recurrent[columns, columns] = of_state
            if bias:
                biases[: bias[0].ndim, columns] = bias[0]
            if self.both_ways:
                kernel[number * n_features : (number + 1) * n_features, columns] = of_input
            elif number == 0:
                kernel[:, columns] = of_input
            else:
                between[self.columns[number - 1], columns] = of_input
        return GateWeights(kernel, between, recurrent, *biases)


@dataclass(frozen=True)
class Direction:
    """One layer's share of the output of a bidirectional wavefront."""

    columns: slice
    in_reverse: bool


def form_wavefronts(calls: Sequence[Call]) -> list[Call]:
    """Replace recurrent layers with wavefronts of one or several layers."""
    uses = Counter(name for call in calls for name in call.inputs)
    merged: dict[str, Call] = {}
    renamed: dict[str, str] = {}
    waiting = list(calls)
    while waiting:
        call = waiting.pop(0)
        call = replace(call, inputs=tuple(renamed.get(name, name) for name in call.inputs))
        if type(call.layer) not in _GATES:
            merged[call.name] = call
            continue
        below = merged.get(call.inputs[0])
        other = next((later for later in waiting if _is_other_direction(call, later, renamed)), None)
        if below and uses[below.name] == 1 and (stack := _stacked(below, call)):
            # The wavefront takes the place of the last layer: other calls know this layer's name.
            del merged[below.name]
            merged[stack.name] = stack
            renamed[call.name] = stack.name
            uses[stack.name] = uses[call.name]
        elif other and (both := _both_ways(call, other)):
            waiting.remove(other)
            merged |= {share.name: share for share in both}
        else:
            merged[call.name] = replace(call, layer=Wavefront(call.name, (call.layer,)))
    return list(merged.values())


def _alike(first: Any, second: Any) -> bool:
    """Tell whether two layers have the same equations."""
    options = ("activation", "recurrent_activation", "reset_after")
    return type(first) is type(second) and all(getattr(first, x, None) == getattr(second, x, None) for x in options)


def _stacked(below: Call, call: Call) -> Call | None:
    """Return the wavefront `below` with the layer of `call` on top, or None if they do not merge."""
    wavefront, layer = below.layer, call.layer
    if not isinstance(wavefront, Wavefront) or wavefront.both_ways or below.in_reverse:
        return None
    if layer.go_backwards or call.in_reverse or not _alike(wavefront.layers[-1], layer):
        return None
    if not getattr(layer, "reset_after", True):
        return None  # the candidate's product takes only the gated state, without the layer below
    merged = Wavefront(_joined_names([below.name, call.name]), (*wavefront.layers, layer))
    return replace(below, name=merged.name, layer=merged) if merged.zeros() <= MOST_ZEROS else None


def _is_other_direction(call: Call, other: Call, renamed: dict[str, str]) -> bool:
    """Tell whether `other` reads the sequence of `call` from the end, and returns its output in the same order."""
    return (
        type(other.layer) in _GATES
        and tuple(renamed.get(name, name) for name in other.inputs) == call.inputs
        and not (call.layer.go_backwards or call.in_reverse)
        and other.layer.go_backwards
        and call.layer.return_sequences == other.layer.return_sequences == other.in_reverse
        and _alike(call.layer, other.layer)
    )


def _both_ways(call: Call, other: Call) -> list[Call] | None:
    """Return the wavefront of two directions and a call for each direction's share, or None if they do not merge."""
    wavefront = Wavefront(_joined_names([call.name, other.name]), (call.layer, other.layer), both_ways=True)
    if wavefront.zeros() > MOST_ZEROS:
        return None
    shape = call.shapes[0]
    output_shape = (shape[0], wavefront.units) if call.layer.return_sequences else (wavefront.units,)
    shares = [
        Call(half.name, Direction(columns, half.in_reverse), (wavefront.name,), (output_shape,))
        for half, columns in zip((call, other), wavefront.columns, strict=True)
    ]
    return [replace(call, name=wavefront.name, layer=wavefront), *shares]


def _joined_names(names: Iterable[str]) -> str:
    """Join names as `lstm_1+lstm_2`, or as `bidirectional.forward+backward` if they have a common beginning."""
    first, *others = names
    beginning = first.rpartition(".")[0] + "."
    return "+".join([first, *(name.removeprefix(beginning) for name in others)])
