"""Compute one step of an LSTM, a GRU or a simple recurrent layer, with products that int8 rounds once.

LSTM (Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000) with gates i, f, o and candidate c:

    i, f, o = sigmoid(W [x_t, h_t-1] + b)
    c       = tanh(W_c [x_t, h_t-1] + b_c)
    cell_t  = f cell_t-1 + i c
    h_t     = o tanh(cell_t)

GRU (Cho et al. 2014) with gates z, r and candidate c:

    z, r = sigmoid(W [x_t, h_t-1] + b)
    c    = tanh(W_c x_t + b_c + r (U_c h_t-1 + b'_c))    reset_after, as in cuDNN
    c    = tanh(W_c [x_t, r h_t-1] + b_c)                otherwise
    h_t  = z h_t-1 + (1 - z) c

Simple recurrent layer (Elman 1990):

    h_t = tanh(W [x_t, h_t-1] + b)

State and cell start at zero, so the first step has no cell or state to gate. Its product still multiplies the zeros:
a product without the recurrent part would need its own weights in the file.
"""

from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np
import tensorflow as tf

from convert.lowering import quantisation_points as names
from convert.lowering.activations import activation_of
from convert.lowering.keras_operations import Array
from convert.lowering.quantisation_points import Observer, no_observer
from convert.lowering.refusals import refuse
from convert.lowering.wavefronts import Wavefront

Carried: TypeAlias = tuple[tf.Tensor, ...]
"""The tensors that one step passes to the next; the first is the state `[batch, units]`."""


@dataclass(frozen=True)
class GateLayout:
    """How to compute the gates of an LSTM step. Layouts differ in operators and rounding, but not in answers.

    `products`: the gates i, f, o and the candidate c, in groups that share a product and, in int8, an output scale.
    `looped`: write loops instead of every step, for layers that are lowered for loops.
    `float_cell`: keep the sum over the steps (an LSTM's cell, a GRU's state) in float, and round it only for products.
    """

    products: tuple[str, ...]
    looped: bool = False
    float_cell: bool = False

    def summed(self, observe: Observer) -> Observer:
        """Return the observer for the sums over the steps."""
        return no_observer if self.float_cell else observe


IN_FLOAT = GateLayout(("ifoc",))
"""The fewest products, which is fastest in float."""

IN_INT8 = GateLayout(("ifo", "c"))
"""Sigmoid gates saturate beyond 6, the candidate's tanh beyond 3.5: each gets the finest scale for its range."""

IN_MIXED = replace(IN_INT8, float_cell=True)
"""Products in int8, the cell in float: a sum over 128 steps needs more than 256 values."""

_PRODUCTS = {"ifoc": names.GATES, "ifo": names.GATES, "c": names.CANDIDATE}
"""The quantisation point of each group of gates."""


class _Cell:
    """Carries tensors `[batch, units]` at the quantisation `points` from step to step; the first is the state."""

    points: tuple[str, ...]
    _n_carried = 1

    def __init__(self, wavefront: Wavefront, point: str) -> None:
        self._units, self._name, self._point = wavefront.units, wavefront.name, point
        self._activation = activation_of(wavefront.layers[0])

    def start(self, batch: int) -> Carried:
        """Return the zeros that the first step starts from."""
        return (tf.zeros([batch, self._units]),) * self._n_carried


class LSTMCell(_Cell):
    """Computes one step of LSTM layers, with the state at the quantisation point `point`; carries state and cell."""

    _n_carried = 2

    def __init__(self, wavefront: Wavefront, point: str) -> None:
        super().__init__(wavefront, point)
        self._gate_activation = activation_of(wavefront.layers[0], "recurrent_activation")
        self._gates = {gate: (weights.joined, weights.bias) for gate, weights in wavefront.gates().items()}
        self.points = (point, f"{self._name}/{names.CELL}")

    def __call__(
        self, step: tf.Tensor, carried: Carried, is_first: bool, observe: Observer, layout: GateLayout
    ) -> Carried:
        """Return state and cell after `step` `[batch, features]`."""
        state, cell = carried
        gates = self._activated(step, state, "ioc" if is_first else "ifoc", observe, layout)
        round_sum = layout.summed(observe)
        update = round_sum(f"{self._name}/{names.UPDATE}", gates["i"] * gates["c"])
        if is_first:
            cell = update
        else:
            gated_cell = round_sum(f"{self._name}/{names.GATED_CELL}", gates["f"] * cell)
            cell = round_sum(f"{self._name}/{names.CELL}", gated_cell + update)
        activated = self._activation.of_rounded(cell, round_sum, f"{self._name}/activated_cell")
        return observe(self._point, gates["o"] * activated), cell

    def _activated(
        self, step: tf.Tensor, state: tf.Tensor, needed: str, observe: Observer, layout: GateLayout
    ) -> dict[str, tf.Tensor]:
        """Return the values `[batch, units]` of the `needed` gates."""
        joined = observe(self._point, tf.concat([step, state], axis=1, name=names.JOINED))
        values: dict[str, tf.Tensor] = {}
        for group in layout.products:
            weights, bias = (np.concatenate(x, axis=-1) for x in zip(*(self._gates[x] for x in group), strict=True))
            product = fully_connected(joined, weights, bias)
            values |= self._activate(product, f"{self._name}/{_PRODUCTS[group]}", group, needed, observe)
        return values

    def _activate(
        self, product: tf.Tensor, point: str, group: str, needed: str, observe: Observer
    ) -> dict[str, tf.Tensor]:
        if group == "c":
            return {"c": self._activation.of_gate(product, observe, point, "tanh")}
        if "c" not in group:
            return _columns_of(self._gate_activation.of_gate(product, observe, point, "sigmoid"), group, needed)
        parts = _columns_of(observe(point, product), group, needed)
        functions = {gate: self._activation if gate == "c" else self._gate_activation for gate in parts}
        return {gate: functions[gate].of_rounded(part, observe, f"{point}/{gate}") for gate, part in parts.items()}


class GRUCell(_Cell):
    """Computes one step of GRU layers, with the state at the quantisation point `point`.

    Carries the state, followed by the float state if the layout keeps one. Since 1 - sigmoid(x) = sigmoid(-x), the
    candidate's share 1 - z is another gate, C, of the same product. An open gate then leaves the state unchanged;
    h + (1 - z)(c - h) would round it at every step.
    """

    def __init__(self, wavefront: Wavefront, point: str) -> None:
        super().__init__(wavefront, point)
        layer = wavefront.layers[0]
        self.points = (point, point)  # of the state and of the float state
        self._gate_activation = activation_of(layer, "recurrent_activation")
        if not self._gate_activation.is_symmetric:
            refuse(layer, f"has recurrent_activation={self._gate_activation.name}: use one of sigmoid, hard_sigmoid")
        self._reset_after = layer.reset_after
        z, r, self._candidate = (wavefront.gates()[gate] for gate in "zrc")
        # z, its complement and r, over the input and the state.
        self._gates = tuple(
            np.concatenate([of_z, -of_z, of_r], axis=-1)
            for of_z, of_r in ((z.joined, r.joined), (z.bias + z.recurrent_bias, r.bias + r.recurrent_bias))
        )

    def __call__(
        self, step: tf.Tensor, carried: Carried, is_first: bool, observe: Observer, layout: GateLayout
    ) -> Carried:
        """Return the state after `step` `[batch, features]`."""
        state, summed = carried[0], carried[-1]
        round_sum = layout.summed(observe)
        joined = observe(self._point, tf.concat([step, state], axis=1, name=names.JOINED))
        product = fully_connected(joined, *self._gates)
        values = self._gate_activation.of_gate(product, observe, f"{self._name}/{names.GATES}", "sigmoid")
        gates = _columns_of(values, "zCr", "Cr" if is_first else "zCr")
        product = self._candidate_product(step, state, joined, gates["r"], is_first, observe)
        candidate = self._activation.of_gate(product, observe, f"{self._name}/{names.CANDIDATE}", "tanh")
        update = gates["C"] * candidate
        if is_first:
            summed = update
        else:
            gated_state = round_sum(f"{self._point}/{names.GATED_STATE}", gates["z"] * summed)
            summed = gated_state + round_sum(f"{self._name}/{names.UPDATE}", update)
        state = observe(self._point, summed)
        return (state, summed) if layout.float_cell else (state,)

    def _candidate_product(
        self, step: tf.Tensor, state: tf.Tensor, joined: tf.Tensor, reset: tf.Tensor, is_first: bool, observe: Observer
    ) -> tf.Tensor:
        weights = self._candidate
        if not self._reset_after:
            if not is_first:
                gated_state = observe(f"{self._point}/{names.GATED_STATE}", reset * state)
                joined = observe(self._point, tf.concat([step, gated_state], axis=1, name=names.JOINED))
            return fully_connected(joined, weights.joined, weights.bias)
        if weights.between.any():
            of_input = fully_connected(joined, np.concatenate([weights.kernel, weights.between]), weights.bias)
        else:
            of_input = fully_connected(step, weights.kernel, weights.bias)
        of_input = observe(f"{self._name}/input_product", of_input)
        at = f"{self._name}/state_product"
        if not is_first:
            of_state = observe(at, fully_connected(state, weights.recurrent, weights.recurrent_bias))
        elif weights.recurrent_bias.any():
            of_state = observe(at, tf.constant(np.tile(weights.recurrent_bias, (step.shape[0], 1))))
        else:
            return of_input
        return of_input + observe(f"{self._name}/reset", reset * of_state)


class SimpleCell(_Cell):
    """Computes one step of SimpleRNN layers, with the state at the quantisation point `point`; carries the state."""

    def __init__(self, wavefront: Wavefront, point: str) -> None:
        super().__init__(wavefront, point)
        self.points = (point,)
        weights = wavefront.gates()["h"]
        self._weights = weights.joined, weights.bias

    def __call__(
        self, step: tf.Tensor, carried: Carried, is_first: bool, observe: Observer, layout: GateLayout
    ) -> Carried:
        """Return the state after `step` `[batch, features]`."""
        joined = observe(self._point, tf.concat([step, carried[0]], axis=1, name=names.JOINED))
        product = fully_connected(joined, *self._weights)
        return (observe(self._point, self._activation(product, observe, self._name)),)


def _columns_of(x: tf.Tensor, group: str, needed: str) -> dict[str, tf.Tensor]:
    if set(group) <= set(needed):
        return dict(zip(group, tf.split(x, len(group), axis=1) if len(group) > 1 else [x], strict=True))
    # Slices, not a split: the converter leaves a split in float if an output is unused.
    units = x.shape[1] // len(group)
    starts = {gate: units * group.index(gate) for gate in group if gate in needed}
    return {gate: x[:, start : start + units] for gate, start in starts.items()}


def fully_connected(x: tf.Tensor, weights: Array, bias: Array) -> tf.Tensor:
    """Return `x @ weights + bias`, with the weights as FULLY_CONNECTED stores them: [out, in]."""
    return tf.nn.bias_add(tf.matmul(x, tf.constant(weights.T.copy()), transpose_b=True), bias)
