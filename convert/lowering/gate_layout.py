"""The gates of one LSTM step: which of them share a product, a scale and an operator, and how they are computed."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from convert.lowering.activations import function_of
from convert.lowering.quantisation_points import CANDIDATE, GATES, JOINED, Tap

Array: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True)
class GateLayout:
    """How the gates of an LSTM step are computed; the answers are the same, the operators and the rounding are not.

    products : the gates i, f, o and the candidate c, in groups that share one fully connected product and, in int8,
        one output scale.
    one_sigmoid : compute the candidate's tanh(x) as 2 sigmoid(2x) - 1, so that one LOGISTIC serves a whole group.
    joined : products over [x_t, h_t-1]; otherwise one over x_t and one over h_t-1, which are added.
    row_by_row : cut the steps out of the sequence one by one; otherwise by a tree of splits.
    """

    products: tuple[str, ...]
    one_sigmoid: bool = False
    joined: bool = True
    row_by_row: bool = False


IN_FLOAT = GateLayout(("ifoc",))
"""Fewest products: fastest in float."""

IN_INT8 = GateLayout(("ifo", "c"))
"""The sigmoid gates saturate beyond 6, the candidate's tanh beyond 3.5: each gets the finest scale its range allows."""

_PRODUCTS = {"ifoc": GATES, "ifo": GATES, "c": CANDIDATE}
"""The names of their sites; in other arrangements a product is named after its gates."""


class Gates:
    """The gates `i f o` and the candidate `c` of one LSTM step."""

    def __init__(self, layer: Any, name: str, site: str) -> None:
        self._name, self._site = name, site
        self._function, self._candidate = function_of(layer, "recurrent_activation"), function_of(layer)
        kernel, recurrent, *bias = (np.asarray(x) for x in layer.get_weights())
        weights = (kernel, recurrent, bias[0] if bias else np.zeros(kernel.shape[-1], np.float32))
        # Keras stores the gates as i f c o, each of `units` columns.
        parts = zip("ifco", *(np.split(x, 4, axis=-1) for x in weights), strict=True)
        self._columns = {gate: columns for gate, *columns in parts}

    def __call__(
        self, step: tf.Tensor, state: tf.Tensor, needed: str, tap: Tap, arrangement: GateLayout
    ) -> dict[str, tf.Tensor]:
        """The values `[batch, units]` of the gates that are `needed`."""
        joined = tap(self._site, tf.concat([step, state], axis=1, name=JOINED)) if arrangement.joined else None
        values: dict[str, tf.Tensor] = {}
        for group in arrangement.products:
            kernel, recurrent, bias = self._weights(group, arrangement.one_sigmoid)
            site = f"{self._name}/{_PRODUCTS.get(group, group)}"
            if joined is not None:
                product = fully_connected(joined, np.concatenate([kernel, recurrent]), bias)
            else:
                parts = (fully_connected(step, kernel, bias), fully_connected(state, recurrent, np.zeros_like(bias)))
                product = tf.add(*(tap(f"{site}/{x}", y) for x, y in zip("xh", parts, strict=True)))
            values |= self._activate(product, site, group, needed, tap, arrangement.one_sigmoid)
        return values

    def _weights(self, group: str, one_sigmoid: bool) -> tuple[Array, Array, Array]:
        """Kernel, recurrent weights and bias of a group of gates, side by side."""
        parts = [[2 * x if one_sigmoid and gate == "c" else x for x in self._columns[gate]] for gate in group]
        kernel, recurrent, bias = (np.concatenate(x, axis=-1) for x in zip(*parts, strict=True))
        return kernel, recurrent, bias

    def _activate(
        self, product: tf.Tensor, site: str, group: str, needed: str, tap: Tap, one_sigmoid: bool
    ) -> dict[str, tf.Tensor]:
        """The values of a group's gates, by one operator for all where they have one function."""
        if group == "c" and not one_sigmoid:
            return {"c": self._candidate.gate(product, tap, site, "tanh")}
        if "c" not in group:
            return columns_of(self._function.gate(product, tap, site, "sigmoid"), group, needed)
        if not one_sigmoid:
            parts = columns_of(tap(site, product), group, needed)
            functions = {gate: self._candidate if gate == "c" else self._function for gate in parts}
            return {gate: functions[gate].value(x, tap, f"{site}/{gate}") for gate, x in parts.items()}
        parts = columns_of(tf.sigmoid(tap(site, product)), group, needed)
        if "c" in parts:
            doubled = tap(f"{self._name}/doubled", 2 * parts["c"])
            parts["c"] = tap(f"{self._name}/tanh", doubled - 1)
        return parts


def columns_of(x: tf.Tensor, group: str, needed: str) -> dict[str, tf.Tensor]:
    """The columns of each gate of `group` that is `needed`."""
    if set(group) <= set(needed):
        return dict(zip(group, tf.split(x, len(group), axis=1) if len(group) > 1 else [x], strict=True))
    # Not split: the converter would leave in float a split of which nobody reads one output.
    units = x.shape[1] // len(group)
    starts = {gate: units * group.index(gate) for gate in group if gate in needed}
    return {gate: x[:, start : start + units] for gate, start in starts.items()}


def fully_connected(x: tf.Tensor, weights: Array, bias: Array) -> tf.Tensor:
    """`x @ weights + bias`, with the weights the way FULLY_CONNECTED stores them: [out, in]."""
    return tf.nn.bias_add(tf.matmul(x, tf.constant(weights.T.copy()), transpose_b=True), bias)
