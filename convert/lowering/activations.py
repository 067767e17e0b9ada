"""Compute activation functions with TFLite operators that have an int8 form."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from convert.lowering.quantisation_points import Observer
from convert.lowering.refusals import refuse


@dataclass(frozen=True)
class ActivationFunction:
    """An activation function built from operators. The caller observes its result, unless `has_fixed_grid`.

    `compute` takes the values, an observer, and the prefix for the names of its inner points.
    `is_fused`: the operator before it applies the function, so its result is rounded only after the function.
    `has_fixed_grid`: TFLite fixes the int8 values of the result, as it does for LOGISTIC and TANH.
    `is_symmetric`: f(-x) = 1 - f(x), which a GRU needs.
    """

    name: str
    compute: Callable[[tf.Tensor, Observer, str], tf.Tensor]
    is_fused: bool = False
    has_fixed_grid: bool = False
    is_symmetric: bool = False

    def __call__(self, x: tf.Tensor, observe: Observer, at: str) -> tf.Tensor:
        """Apply the function to an operator's result `x`, which is rounded first if TFLite needs it."""
        return self.compute(x if self.is_fused else observe(f"{at}/{self.name}_input", x), observe, at)

    def of_rounded(self, x: tf.Tensor, observe: Observer, at: str) -> tf.Tensor:
        """Apply the function to `x`, which is already rounded, and observe the result."""
        if self.name == "linear":
            return x
        y = self.compute(x, observe, at)
        return y if self.has_fixed_grid else observe(f"{at}/{self.name}", y)

    def of_gate(self, product: tf.Tensor, observe: Observer, at: str, usual: str) -> tf.Tensor:
        """Apply the function to a gate's `product` and observe it. With the `usual` one, the product is at `at`."""
        if self.is_fused:
            return observe(f"{at}/{self.name}", self.compute(product, observe, at))
        point = at if self.name == usual else f"{at}/{self.name}_input"
        return self.of_rounded(observe(point, product), observe, at)


def _simple(function: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor, Observer, str], tf.Tensor]:
    return lambda x, observe, at: function(x)


def _hard_sigmoid(x: tf.Tensor, observe: Observer, at: str) -> tf.Tensor:
    return observe(f"{at}/shifted", tf.nn.relu6(x + 3.0)) * (1 / 6)


def _hard_silu(x: tf.Tensor, observe: Observer, at: str) -> tf.Tensor:
    return x * observe(f"{at}/hard_sigmoid", _hard_sigmoid(x, observe, at))


def _elu(x: tf.Tensor, observe: Observer, at: str) -> tf.Tensor:
    # The converter would leave the operator ELU in float.
    above = observe(f"{at}/above", tf.nn.relu(x))
    below = observe(f"{at}/below", x - above)
    return above + observe(f"{at}/saturating", observe(f"{at}/exponential", tf.exp(below)) - 1.0)


def _leaky_relu(slope: float) -> ActivationFunction:
    return ActivationFunction("leaky_relu", _simple(partial(tf.nn.leaky_relu, alpha=slope)))


ACTIVATIONS = {
    function.name: function
    for function in (
        ActivationFunction("linear", _simple(lambda x: x), is_fused=True),
        ActivationFunction("relu", _simple(tf.nn.relu), is_fused=True),
        ActivationFunction("relu6", _simple(tf.nn.relu6), is_fused=True),
        ActivationFunction("tanh", _simple(tf.tanh), has_fixed_grid=True),
        ActivationFunction("sigmoid", _simple(tf.sigmoid), has_fixed_grid=True, is_symmetric=True),
        ActivationFunction("hard_sigmoid", _hard_sigmoid, is_symmetric=True),
        ActivationFunction("hard_tanh", _simple(lambda x: tf.clip_by_value(x, -1.0, 1.0)), is_fused=True),
        ActivationFunction("elu", _elu),
        _leaky_relu(0.2),
        ActivationFunction("gelu", _simple(partial(tf.nn.gelu, approximate=False))),
        ActivationFunction("silu", _simple(lambda x: x * tf.sigmoid(x))),
        ActivationFunction("hard_silu", _hard_silu),
        ActivationFunction("softmax", _simple(tf.nn.softmax), has_fixed_grid=True),
    )
}
"""Indexed by Keras's names."""


def activation_of(layer: Any, option: str = "activation") -> ActivationFunction:
    """Return the activation function that `layer` names in `option`. Raises `InputError` if it cannot be converted."""
    value = getattr(layer, option)
    name = str(getattr(value, "__name__", value))
    # A softmax would mix the gates, which are computed side by side.
    choices = [key for key in ACTIVATIONS if option == "activation" or key != "softmax"]
    if name not in choices:
        refuse(layer, f"has {option}={name}: use one of {', '.join(choices)}")
    return ACTIVATIONS[name]


def activation_layer(layer: Any) -> ActivationFunction | None:
    """Return the function of an activation layer, or None for another layer. Raises as `activation_of` does."""
    if type(layer) is keras.layers.Activation:
        return activation_of(layer)
    if type(layer) is keras.layers.ReLU:
        return ACTIVATIONS["relu" if layer.max_value is None else "relu6"]
    if type(layer) is keras.layers.LeakyReLU:
        return _leaky_relu(float(layer.negative_slope))
    return ACTIVATIONS["elu"] if type(layer) is keras.layers.ELU else None
