"""The gates of one LSTM step: which of them share a product, a scale and an operator, and how they are computed."""

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from convert.sites import CANDIDATE, GATES, JOINED, Tap

Array: TypeAlias = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Arrangement:
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


IN_FLOAT = Arrangement(("ifoc",))
"""Fewest products: fastest in float."""

IN_INT8 = Arrangement(("ifo", "c"))
"""The sigmoid gates saturate beyond 6, the candidate's tanh beyond 3.5: each gets the finest scale its range allows."""

_PRODUCTS = {"ifoc": GATES, "ifo": GATES, "c": CANDIDATE}
"""The names of their sites; in other arrangements a product is named after its gates."""


class Gates:
    """The gates `i f o` and the candidate `c` of one LSTM step."""

    def __init__(self, layer: Any, site: str) -> None:
        self._name, self._site = layer.name, site
        # Keras stores the gates as i f c o, each of `units` columns.
        kernel, recurrent, bias = (np.split(np.asarray(x), 4, axis=-1) for x in layer.get_weights())
        self._columns = {x: columns for x, *columns in zip("ifco", kernel, recurrent, bias, strict=True)}

    def __call__(
        self, step: tf.Tensor, state: tf.Tensor, needed: str, tap: Tap, arrangement: Arrangement
    ) -> dict[str, tf.Tensor]:
        """The values `[batch, units]` of the gates that are `needed`."""
        joined = tap(self._site, tf.concat([step, state], axis=1, name=JOINED)) if arrangement.joined else None
        values: dict[str, tf.Tensor] = {}
        for group in arrangement.products:
            kernel, recurrent, bias = self._weights(group, arrangement.one_sigmoid)
            site = f"{self._name}/{_PRODUCTS.get(group, group)}"
            if joined is not None:
                product = tap(site, fully_connected(joined, np.concatenate([kernel, recurrent]), bias))
            else:
                parts = (fully_connected(step, kernel, bias), fully_connected(state, recurrent, np.zeros_like(bias)))
                product = tap(site, tf.add(*(tap(f"{site}/{x}", y) for x, y in zip("xh", parts, strict=True))))
            values |= self._activate(product, group, needed, tap, arrangement.one_sigmoid)
        return values

    def _weights(self, group: str, one_sigmoid: bool) -> tuple[Array, Array, Array]:
        """Kernel, recurrent weights and bias of a group of gates, side by side."""
        parts = [[2 * x if one_sigmoid and gate == "c" else x for x in self._columns[gate]] for gate in group]
        kernel, recurrent, bias = (np.concatenate(x, axis=-1) for x in zip(*parts, strict=True))
        return kernel, recurrent, bias

    def _activate(
        self, product: tf.Tensor, group: str, needed: str, tap: Tap, one_sigmoid: bool
    ) -> dict[str, tf.Tensor]:
        """The values of a group's gates, by one LOGISTIC for all where that can be."""
        together = one_sigmoid or "c" not in group
        parts = _columns_of(tf.sigmoid(product) if together else product, group, needed)
        if one_sigmoid and "c" in parts:
            doubled = tap(f"{self._name}/doubled", 2 * parts["c"])
            return parts | {"c": tap(f"{self._name}/tanh", doubled - 1)}
        if together:
            return parts
        return {gate: tf.tanh(x) if gate == "c" else tf.sigmoid(x) for gate, x in parts.items()}


def _columns_of(x: tf.Tensor, group: str, needed: str) -> dict[str, tf.Tensor]:
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
