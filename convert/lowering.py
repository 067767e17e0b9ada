"""A Keras network rewritten in operators that TFLite quantises well, with the same weights and the same answers.

Keras's own LSTM becomes a loop that the int8 converter cannot take, or a fused operator whose int8 kernel is slower
than the float one. Here each LSTM is unrolled over its few steps, and each step is written so that int8 loses little:

* one fully connected product over [x_t, h_t-1] instead of two added ones: it accumulates in int32 and rounds once;
* the gates share products as an `Arrangement` says: in int8 the candidate has its own, and with it its own scale;
* every activation passes through a `Tap`, at a named site. All steps of a layer share their sites, so that they share
  scales and, in the file, biases; a tensor that is concatenated with another shares its site.

Traced to a graph, the names of its operations say where they are: `layer<index>/step<number>/`, and `kept` or `joined`
where one step has several tensors at one site.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import keras
import numpy as np
import tensorflow as tf

from convert.gates import IN_FLOAT, Arrangement, Array, Gates, fully_connected
from convert.sites import CELL, INPUT, KEPT, SIGMOID_INPUT, TANH_INPUT, UPDATE, Tap, no_tap
from edge_runtime.errors import InputError

Activation: TypeAlias = tf.Tensor | list[tf.Tensor]
"""What one layer hands to the next: a tensor, or a sequence as a list of its steps."""


Operation: TypeAlias = Callable[[Activation, Tap, Arrangement], Activation]

_ACTIVATIONS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "linear": lambda x: x,
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "tanh": tf.tanh,
    "sigmoid": tf.sigmoid,
}
# These are operators of their own, before which a product is rounded; the others are part of the product's.
_INPUTS = {"tanh": TANH_INPUT, "sigmoid": SIGMOID_INPUT}
_IDENTITY_LAYERS = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.GaussianNoise,
    keras.layers.GaussianDropout,
)


@dataclass(frozen=True)
class Lowered:
    """A network as a chain of functions of TensorFlow tensors, with constants for weights."""

    input_shape: tuple[int, int]
    n_outputs: int
    operations: tuple[Operation, ...]
    layers: tuple[str, ...]

    def __call__(self, windows: tf.Tensor, tap: Tap = no_tap, arrangement: Arrangement = IN_FLOAT) -> tf.Tensor:
        """Logits `[batch, n_outputs]` of normalised windows `[batch, samples, n_signals]`, `batch` being fixed."""
        x = tap(INPUT, windows)
        for index, operation in enumerate(self.operations):
            with tf.name_scope(f"layer{index}"):
                x = operation(x, tap, arrangement)
        return x


def lower(model: keras.Model) -> Lowered:
    """Rewrite a chain of Keras layers.

    Supported: Conv1D, LSTM, Dense, ReLU, Activation and the layers that do nothing outside training. Raises
    `InputError` naming the first layer, and the option of it, that is not supported.
    """
    chain = [x for x in _chain(model) if not _does_nothing(x)]
    sites = _sites(chain)
    operations = [_lower_layer(layer, site) for layer, site in zip(chain, sites, strict=True)]
    shape = model.input_shape
    if len(shape) != 3 or None in shape[1:]:
        raise InputError(
            f"the network '{model.name}' takes {shape}: it must take windows [batch, samples, signals] of fixed size"
        )
    if len(model.output_shape) != 2:
        raise InputError(
            f"the network '{model.name}' answers {model.output_shape}: it must answer logits [batch, classes]"
        )
    names = tuple(layer.name for layer in chain)
    return Lowered((int(shape[1]), int(shape[2])), int(model.output_shape[1]), tuple(operations), names)


def _chain(model: keras.Model) -> list[keras.layers.Layer]:
    """The layers in order; refuses a network that is not a single chain."""
    layers = [x for x in model.layers if not isinstance(x, keras.layers.InputLayer)]
    if not isinstance(model, keras.Sequential):
        for layer in layers:
            if len(layer._inbound_nodes) != 1 or len(layer._inbound_nodes[0].parent_nodes) > 1:
                raise InputError(
                    f"layer '{layer.name}' has several inputs or uses: only a chain of layers can be converted"
                )
    return layers


def _does_nothing(layer: keras.layers.Layer) -> bool:
    """Whether a layer has no operator, and so must have no range either: it would be one value with two scales."""
    linear = type(layer) is keras.layers.Activation and _activation_name(layer, "activation") == "linear"
    return linear or isinstance(layer, _IDENTITY_LAYERS)


def _sites(chain: Sequence[keras.layers.Layer]) -> list[str]:
    """The site of each layer's output: an LSTM's input and state meet in one tensor, so its producer takes its site."""
    sites: list[str] = []
    consumer: keras.layers.Layer | None = None
    for layer in reversed(chain):
        sites.append(sites[-1] if isinstance(consumer, keras.layers.LSTM) else layer.name)
        consumer = layer
    return sites[::-1]


def _lower_layer(layer: keras.layers.Layer, site: str) -> Operation:
    if type(layer) is keras.layers.Conv1D:
        return _lower_conv(layer, site)
    if type(layer) is keras.layers.LSTM:
        return _lower_lstm(layer, site)
    if type(layer) is keras.layers.Dense:
        return _lower_dense(layer, site)
    if type(layer) is keras.layers.ReLU:
        _require(layer, max_value=(None, 6.0), negative_slope=(0.0,), threshold=(0.0,))
        relu = tf.nn.relu if layer.max_value is None else tf.nn.relu6
        return lambda x, tap, _: tap(site, relu(_tensor(x)))
    if type(layer) is keras.layers.Activation:
        activation = _activation(layer, "activation")
        return lambda x, tap, _: tap(site, activation(_tensor(x)))
    raise InputError(
        f"layer '{layer.name}' ({type(layer).__name__}) cannot be converted: "
        "use Conv1D, LSTM, Dense, ReLU, Activation or Dropout"
    )


def _lower_conv(layer: Any, site: str) -> Operation:
    _require(layer, data_format=("channels_last",), groups=(1,), padding=("same", "valid", "causal"))
    kernel, bias = _weights(layer)
    activate = _after_product(layer)
    stride, dilation = layer.strides[0], layer.dilation_rate[0]
    causal = layer.padding == "causal"

    def convolve(x: Activation, tap: Tap, _: Arrangement) -> Activation:
        x = _tensor(x)
        if causal:
            x = tf.pad(x, [[0, 0], [(len(kernel) - 1) * dilation, 0], [0, 0]])
        padding = "VALID" if causal else layer.padding.upper()
        product = tf.nn.bias_add(tf.nn.conv1d(x, kernel, stride, padding, dilations=dilation), bias)
        return tap(site, activate(product, tap))

    return convolve


def _lower_dense(layer: Any, site: str) -> Operation:
    kernel, bias = _weights(layer)
    activate = _after_product(layer)
    if len(layer.input.shape) != 2:
        raise InputError(
            f"layer '{layer.name}' (Dense) is applied at every step: use a Conv1D of kernel size 1 for that"
        )
    return lambda x, tap, _: tap(site, activate(fully_connected(x, kernel, bias), tap))


def _lower_lstm(layer: Any, site: str) -> Operation:
    _require(layer, stateful=(False,), return_state=(False,), use_bias=(True,))
    for option, expected in (("activation", "tanh"), ("recurrent_activation", "sigmoid")):
        name = _activation_name(layer, option)
        if name != expected:
            raise InputError(f"layer '{layer.name}' (LSTM) has {option}={name}: only {expected} can be converted")
    gates = Gates(layer, site)

    def unroll(x: Activation, tap: Tap, arrangement: Arrangement) -> Activation:
        steps = list(x) if isinstance(x, list) else _steps(x, arrangement.row_by_row)
        if layer.go_backwards:
            steps.reverse()
        state = cell = tf.zeros([steps[0].shape[0], layer.units])
        states: list[tf.Tensor] = []
        for step in _in_turn(steps):
            # In the first step there is nothing to forget. Its state of zeros is multiplied all the same: without the
            # recurrent weights it would need weights of its own in the file.
            values = gates(step, state, "ifoc" if states else "ioc", tap, arrangement)
            update = tap(f"{layer.name}/{UPDATE}", values["i"] * values["c"])
            if states:
                kept = tap(f"{layer.name}/{KEPT}", values["f"] * cell)
                cell = tap(f"{layer.name}/{CELL}", kept + update)
            else:
                cell = update
            state = tap(site, values["o"] * tf.tanh(cell))
            states.append(state)
        return states if layer.return_sequences else state

    return unroll


def _in_turn(steps: Sequence[tf.Tensor]) -> Iterator[tf.Tensor]:
    """Each step; until the next one is asked for, operations are named as being of this one."""
    for number, step in enumerate(steps, 1):
        with tf.name_scope(f"step{number}"):
            yield step


def _steps(x: tf.Tensor, row_by_row: bool) -> list[tf.Tensor]:
    """The steps `[batch, features]` of a sequence `[batch, n_steps, features]`.

    Cut as rows, by operators that XNNPACK takes; UNPACK it would leave to slower kernels.
    """
    batch, n_steps, features = x.shape
    # With a batch of one, as in the converted model, the rows are in order already.
    in_order = x if batch == 1 else tf.transpose(x, [1, 0, 2])
    return _cut(tf.reshape(in_order, [n_steps * batch, features]), n_steps, row_by_row)


def _cut(rows: tf.Tensor, n_steps: int, row_by_row: bool) -> list[tf.Tensor]:
    """`n_steps` equal parts of `rows`: by a tree of splits into 2 to 4, the most that XNNPACK's split takes."""
    if n_steps == 1:
        return [rows]
    parts = next((x for x in (4, 3, 2) if n_steps % x == 0), None)
    if parts is None or row_by_row:
        size = rows.shape[0] // n_steps
        return [rows[step * size : (step + 1) * size] for step in range(n_steps)]
    return [step for part in tf.split(rows, parts, axis=0) for step in _cut(part, n_steps // parts, row_by_row)]


def _tensor(x: Activation) -> tf.Tensor:
    return tf.stack(x, axis=1) if isinstance(x, list) else x


def _weights(layer: Any) -> tuple[Array, Array]:
    kernel, *bias = (np.asarray(x) for x in layer.get_weights())
    return kernel, bias[0] if bias else np.zeros(kernel.shape[-1], np.float32)


def _activation_name(layer: Any, option: str) -> str:
    return str(getattr(getattr(layer, option), "__name__", getattr(layer, option)))


def _activation(layer: Any, option: str) -> Callable[[tf.Tensor], tf.Tensor]:
    name = _activation_name(layer, option)
    if name not in _ACTIVATIONS:
        raise InputError(
            f"layer '{layer.name}' ({type(layer).__name__}) has {option}={name}: use one of {', '.join(_ACTIVATIONS)}"
        )
    return _ACTIVATIONS[name]


def _after_product(layer: Any) -> Callable[[tf.Tensor, Tap], tf.Tensor]:
    """The activation of a layer that multiplies."""
    activation = _activation(layer, "activation")
    part = _INPUTS.get(_activation_name(layer, "activation"))
    if part is None:
        return lambda product, _: activation(product)
    return lambda product, tap: activation(tap(f"{layer.name}/{part}", product))


def _require(layer: Any, **allowed: tuple[Any, ...]) -> None:
    for option, values in allowed.items():
        if getattr(layer, option) not in values:
            raise InputError(
                f"layer '{layer.name}' ({type(layer).__name__}) has {option}={getattr(layer, option)!r}: "
                f"only {' or '.join(map(repr, values))} can be converted"
            )
