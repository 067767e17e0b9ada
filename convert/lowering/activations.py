"""Activation functions: those that TFLite has an int8 operator for, or that are a few of its operators."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import tensorflow as tf

from convert.lowering.quantisation_points import Tap
from convert.lowering.refusals import refuse, require


@dataclass(frozen=True)
class Function:
    """An activation function as operators; its result has yet to be tapped, unless `has_own_grid`.

    compute : called with the values, a tap, and the site of what it computes on the way.
    is_fused : a part of the operator before it, whose result is rounded only behind the function.
    has_own_grid : TFLite fixes the int8 values that come out of it, as for LOGISTIC and TANH.
    is_even_about_half : f(-x) = 1 - f(x), as a GRU needs it.
    """

    name: str
    compute: Callable[[tf.Tensor, Tap, str], tf.Tensor]
    is_fused: bool = False
    has_own_grid: bool = False
    is_even_about_half: bool = False

    def __call__(self, x: tf.Tensor, tap: Tap, at: str) -> tf.Tensor:
        """The function of the operator's result `x`, which is rounded before it where TFLite needs that."""
        return self.compute(x if self.is_fused else tap(f"{at}/{self.name}_input", x), tap, at)

    def value(self, x: tf.Tensor, tap: Tap, at: str) -> tf.Tensor:
        """The function of `x`, which is rounded already, itself tapped."""
        if self.name == "linear":
            return x
        y = self.compute(x, tap, at)
        return y if self.has_own_grid else tap(f"{at}/{self.name}", y)

    def gate(self, product: tf.Tensor, tap: Tap, at: str, usual: str) -> tf.Tensor:
        """The function of a gate's `product`, tapped; the product's site is `at` if this is the `usual` function."""
        if self.is_fused:
            return tap(f"{at}/{self.name}", self.compute(product, tap, at))
        site = at if self.name == usual else f"{at}/{self.name}_input"
        return self.value(tap(site, product), tap, at)


def _simple(function: Callable[[tf.Tensor], tf.Tensor]) -> Callable[[tf.Tensor, Tap, str], tf.Tensor]:
    return lambda x, tap, at: function(x)


def _hard_sigmoid(x: tf.Tensor, tap: Tap, at: str) -> tf.Tensor:
    return tap(f"{at}/shifted", tf.nn.relu6(x + 3.0)) * (1 / 6)


def _hard_silu(x: tf.Tensor, tap: Tap, at: str) -> tf.Tensor:
    return x * tap(f"{at}/hard_sigmoid", _hard_sigmoid(x, tap, at))


def _elu(x: tf.Tensor, tap: Tap, at: str) -> tf.Tensor:
    # The converter would leave the operator ELU in float.
    above = tap(f"{at}/above", tf.nn.relu(x))
    below = tap(f"{at}/below", x - above)
    return above + tap(f"{at}/saturating", tap(f"{at}/exponential", tf.exp(below)) - 1.0)


def _leaky_relu(slope: float) -> Function:
    return Function("leaky_relu", _simple(partial(tf.nn.leaky_relu, alpha=slope)))


LINEAR = Function("linear", _simple(lambda x: x), is_fused=True)
SIGMOID = Function("sigmoid", _simple(tf.sigmoid), has_own_grid=True, is_even_about_half=True)
TANH = Function("tanh", _simple(tf.tanh), has_own_grid=True)
_RELU = Function("relu", _simple(tf.nn.relu), is_fused=True)
_RELU6 = Function("relu6", _simple(tf.nn.relu6), is_fused=True)
_ELU = Function("elu", _elu)

# By Keras's names.
FUNCTIONS = {
    "linear": LINEAR,
    "relu": _RELU,
    "relu6": _RELU6,
    "tanh": TANH,
    "sigmoid": SIGMOID,
    "hard_sigmoid": Function("hard_sigmoid", _hard_sigmoid, is_even_about_half=True),
    "hard_tanh": Function("hard_tanh", _simple(lambda x: tf.clip_by_value(x, -1.0, 1.0)), is_fused=True),
    "elu": _ELU,
    "leaky_relu": _leaky_relu(0.2),
    "gelu": Function("gelu", _simple(partial(tf.nn.gelu, approximate=False))),
    "silu": Function("silu", lambda x, tap, at: x * tf.sigmoid(x)),
    "hard_silu": Function("hard_silu", _hard_silu),
}


def function_of(layer: Any, option: str = "activation") -> Function:
    """The activation function that `layer` names in `option`. Raises `InputError` when it cannot be converted."""
    value = getattr(layer, option)
    name = str(getattr(value, "__name__", value))
    if name not in FUNCTIONS:
        refuse(layer, f"has {option}={name}: use one of {', '.join(FUNCTIONS)}")
    return FUNCTIONS[name]


def function_layer(layer: Any) -> Function | None:
    """The activation function that `layer` is, if it is one. Raises `InputError` when it cannot be converted."""
    if type(layer) is keras.layers.Activation:
        return function_of(layer)
    if type(layer) is keras.layers.ReLU:
        require(layer, max_value=(None, 6.0), negative_slope=(0.0,), threshold=(0.0,))
        return _RELU if layer.max_value is None else _RELU6
    if type(layer) is keras.layers.LeakyReLU:
        return _leaky_relu(float(layer.negative_slope))
    if type(layer) is keras.layers.ELU:
        require(layer, alpha=(1.0,))
        return _ELU
    return None
