"""One step of an LSTM and of a GRU, written so that int8 loses little.

What is carried from step to step begins with zeros. They are multiplied all the same where they meet other weights in
one product: without its recurrent part, the first step's product would need weights of its own in the file.
"""

from typing import Any

import numpy as np
import tensorflow as tf

from convert.lowering.activations import function_of
from convert.lowering.gate_layout import GateLayout, Gates, columns_of, fully_connected
from convert.lowering.quantisation_points import CANDIDATE, CELL, GATES, HELD, JOINED, KEPT, UPDATE, Tap
from convert.lowering.refusals import refuse

Carried = tuple[tf.Tensor, ...]
"""What one step hands to the next: the state `[batch, units]` first."""


class LSTMCell:
    """Carries the state and the cell. Hochreiter and Schmidhuber 1997, with the forget gate of Gers et al. 2000."""

    def __init__(self, layer: Any, name: str, site: str) -> None:
        self._units, self._name, self._site = layer.units, name, site
        self._gates = Gates(layer, name, site)
        self._function = function_of(layer)

    def start(self, batch: int) -> Carried:
        """What the first step is given."""
        zeros = tf.zeros([batch, self._units])
        return zeros, zeros

    def __call__(self, step: tf.Tensor, carried: Carried, is_first: bool, tap: Tap, arrangement: GateLayout) -> Carried:
        """State and cell after `step` `[batch, features]`."""
        state, cell = carried
        # In the first step there is nothing to forget.
        values = self._gates(step, state, "ioc" if is_first else "ifoc", tap, arrangement)
        update = tap(f"{self._name}/{UPDATE}", values["i"] * values["c"])
        if is_first:
            cell = update
        else:
            kept = tap(f"{self._name}/{KEPT}", values["f"] * cell)
            cell = tap(f"{self._name}/{CELL}", kept + update)
        shown = self._function.value(cell, tap, f"{self._name}/shown")
        return tap(self._site, values["o"] * shown), cell


class GRUCell:
    """Carries the state. Cho et al. 2014; `reset_after` as in cuDNN.

    The new state is z h + (1 - z) c. Since 1 - sigmoid(x) = sigmoid(-x), the share of the candidate is one more gate of
    the same product: an open gate then keeps the state as it is, without the rounding that h + (1 - z)(c - h) would
    add at every step. The candidate's products are apart from the gates', in float too: an `Arrangement` says nothing
    about them.
    """

    def __init__(self, layer: Any, name: str, site: str) -> None:
        self._units, self._name, self._site = layer.units, name, site
        self._gate_function = function_of(layer, "recurrent_activation")
        if not self._gate_function.is_even_about_half:
            refuse(layer, f"has recurrent_activation={self._gate_function.name}: use one of sigmoid, hard_sigmoid")
        self._function = function_of(layer)
        self._reset_after = layer.reset_after
        kernel, recurrent, *bias = (np.asarray(x) for x in layer.get_weights())
        both = np.zeros((2, 3 * self._units), np.float32)  # that of the input and that of the state
        if bias and self._reset_after:
            both = bias[0]
        elif bias:
            both[0] = bias[0]
        # Keras stores the gates as z r c, each of `units` columns.
        z, r, self._candidate = zip(*(np.split(x, 3, axis=-1) for x in (kernel, recurrent, both)), strict=True)
        # z, its complement and r, over the input and the state.
        weights, biases = (
            np.concatenate([kernel, -kernel, other], axis=-1)
            for kernel, other in ((np.concatenate(z[:2]), np.concatenate(r[:2])), (z[2].sum(axis=0), r[2].sum(axis=0)))
        )
        self._gates = (weights, biases)

    def start(self, batch: int) -> Carried:
        """What the first step is given."""
        return (tf.zeros([batch, self._units]),)

    def __call__(self, step: tf.Tensor, carried: Carried, is_first: bool, tap: Tap, arrangement: GateLayout) -> Carried:
        """The state after `step` `[batch, features]`."""
        del arrangement
        (state,) = carried
        joined = tap(self._site, tf.concat([step, state], axis=1, name=JOINED))
        at = f"{self._name}/{GATES}"
        gates = self._gate_function.gate(fully_connected(joined, *self._gates), tap, at, "sigmoid")
        # In the first step there is nothing to keep.
        values = columns_of(gates, "zcr", "cr" if is_first else "zcr")
        product = self._candidate_product(step, state, joined, values["r"], is_first, tap)
        candidate = self._function.gate(product, tap, f"{self._name}/{CANDIDATE}", "tanh")
        if is_first:
            return (tap(self._site, values["c"] * candidate),)
        kept = tap(f"{self._site}/{HELD}", values["z"] * state)
        update = tap(f"{self._name}/{UPDATE}", values["c"] * candidate)
        return (tap(self._site, kept + update),)

    def _candidate_product(
        self, step: tf.Tensor, state: tf.Tensor, joined: tf.Tensor, reset: tf.Tensor, is_first: bool, tap: Tap
    ) -> tf.Tensor:
        kernel, recurrent, (bias, recurrent_bias) = self._candidate
        if not self._reset_after:
            if not is_first:
                held = tap(f"{self._site}/{HELD}", reset * state)
                joined = tap(self._site, tf.concat([step, held], axis=1, name=JOINED))
            return fully_connected(joined, np.concatenate([kernel, recurrent]), bias)
        own = tap(f"{self._name}/own", fully_connected(step, kernel, bias))
        if not is_first:
            remembered = tap(f"{self._name}/remembered", fully_connected(state, recurrent, recurrent_bias))
        elif recurrent_bias.any():
            remembered = tap(f"{self._name}/remembered", tf.constant(np.tile(recurrent_bias, (step.shape[0], 1))))
        else:
            return own
        return own + tap(f"{self._name}/reset", reset * remembered)
