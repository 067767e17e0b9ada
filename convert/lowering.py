"""A Keras network rewritten in operators that TFLite quantises well, with the same weights and the same answers.

Keras's own LSTM becomes a loop that the int8 converter cannot take, or a fused operator whose int8 kernel is slower
than the float one. Here each LSTM is unrolled over its few steps, and each step is written so that int8 loses little:

* one fully connected product over [x_t, h_t-1] instead of two added ones: it accumulates in int32 and rounds once;
* the three sigmoid gates share one product and one LOGISTIC operator, the candidate has its own: the sigmoid gates
  saturate beyond 6 and the candidate's tanh beyond 3.5, and each gets the finest scale its range allows;
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
import numpy.typing as npt
import tensorflow as tf

from edge_runtime.errors import InputError

Tap: TypeAlias = Callable[[str, tf.Tensor], tf.Tensor]
"""Called with each activation and the name of its site; returns what the network goes on with."""

Array = npt.NDArray[np.float32]

Activation: TypeAlias = tf.Tensor | list[tf.Tensor]
"""What one layer hands to the next: a tensor, or a sequence as a list of its steps."""

Operation: TypeAlias = Callable[[Activation, Tap, bool], Activation]

# Sites; those of an LSTM come after its name and a slash.
INPUT = "input"
GATES = "gates"
CANDIDATE = "candidate"
UPDATE = "update"
CELL = "cell"
# Names of operations.
KEPT = "kept"
JOINED = "joined"

_ACTIVATIONS: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "linear": lambda x: x,
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "tanh": tf.tanh,
    "sigmoid": tf.sigmoid,
}
_IDENTITY_LAYERS = (
    keras.layers.Dropout,
    keras.layers.SpatialDropout1D,
    keras.layers.GaussianNoise,
    keras.layers.GaussianDropout,
)


def no_tap(site: str, tensor: tf.Tensor) -> tf.Tensor:
    """Leave every activation as it is: the float network."""
    del site
    return tensor


@dataclass(frozen=True)
class Lowered:
    """A network as a chain of functions of TensorFlow tensors, with constants for weights."""

    input_shape: tuple[int, int]
    n_outputs: int
    operations: tuple[Operation, ...]
    layers: tuple[str, ...]

    def __call__(self, windows: tf.Tensor, tap: Tap = no_tap, separate_gates: bool = False) -> tf.Tensor:
        """Logits `[batch, n_outputs]` of normalised windows `[batch, samples, n_signals]`, `batch` being fixed.

        With `separate_gates` the candidate has its own product, as the quantised model needs it; without, one product
        serves all four gates, which is the faster form in float.
        """
        x = tap(INPUT, windows)
        for index, operation in enumerate(self.operations):
            with tf.name_scope(f"layer{index}"):
                x = operation(x, tap, separate_gates)
        return x


def lower(model: keras.Model) -> Lowered:
    """Rewrite a chain of Keras layers.

    Supported: Conv1D, LSTM, Dense, ReLU, Activation and the layers that do nothing outside training. Raises
    `InputError` naming the first layer, and the option of it, that is not supported.
    """
    chain = [x for x in _chain(model) if not isinstance(x, _IDENTITY_LAYERS)]
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
    activation = _activation(layer, "activation")
    stride, dilation = layer.strides[0], layer.dilation_rate[0]
    causal = layer.padding == "causal"

    def convolve(x: Activation, tap: Tap, _: bool) -> Activation:
        x = _tensor(x)
        if causal:
            x = tf.pad(x, [[0, 0], [(len(kernel) - 1) * dilation, 0], [0, 0]])
        padding = "VALID" if causal else layer.padding.upper()
        return tap(site, activation(tf.nn.bias_add(tf.nn.conv1d(x, kernel, stride, padding, dilations=dilation), bias)))

    return convolve


def _lower_dense(layer: Any, site: str) -> Operation:
    kernel, bias = _weights(layer)
    activation = _activation(layer, "activation")
    if len(layer.input.shape) != 2:
        raise InputError(
            f"layer '{layer.name}' (Dense) is applied at every step: use a Conv1D of kernel size 1 for that"
        )
    return lambda x, tap, _: tap(site, activation(_product(x, kernel, bias)))


def _lower_lstm(layer: Any, site: str) -> Operation:
    _require(layer, stateful=(False,), return_state=(False,), use_bias=(True,))
    for option, expected in (("activation", "tanh"), ("recurrent_activation", "sigmoid")):
        name = _activation_name(layer, option)
        if name != expected:
            raise InputError(f"layer '{layer.name}' (LSTM) has {option}={name}: only {expected} can be converted")
    kernel, recurrent, bias = (np.asarray(x) for x in layer.get_weights())
    # The first step's state is zero: it needs neither the recurrent weights nor the forget gate.
    first = _Gates(kernel, bias, "io", layer.name)
    later = _Gates(np.concatenate([kernel, recurrent]), bias, "ifo", layer.name)

    def unroll(x: Activation, tap: Tap, separate_gates: bool) -> Activation:
        steps = list(x) if isinstance(x, list) else _steps(x)
        if layer.go_backwards:
            steps.reverse()
        in_turn = _in_turn(steps)
        gates, candidate = first(next(in_turn), tap, separate_gates)
        cell = tap(f"{layer.name}/{UPDATE}", gates["i"] * candidate)
        states = [tap(site, gates["o"] * tf.tanh(cell))]
        for step in in_turn:
            joined = tap(site, tf.concat([step, states[-1]], axis=1, name=JOINED))
            gates, candidate = later(joined, tap, separate_gates)
            kept = tap(f"{layer.name}/{CELL}", tf.multiply(gates["f"], cell, name=KEPT))
            cell = tap(f"{layer.name}/{CELL}", kept + tap(f"{layer.name}/{UPDATE}", gates["i"] * candidate))
            states.append(tap(site, gates["o"] * tf.tanh(cell)))
        return states if layer.return_sequences else states[-1]

    return unroll


def _in_turn(steps: Sequence[tf.Tensor]) -> Iterator[tf.Tensor]:
    """Each step; until the next one is asked for, operations are named as being of this one."""
    for number, step in enumerate(steps, 1):
        with tf.name_scope(f"step{number}"):
            yield step


class _Gates:
    """The gates of one LSTM step: `names` of `i f o`, and the candidate, from one joined tensor."""

    def __init__(self, weights: Array, bias: Array, names: str, layer: str) -> None:
        # Keras stores the gates as i f c o, each of `units` columns.
        columns = {gate: (w, b) for gate, w, b in zip("ifco", np.split(weights, 4, 1), np.split(bias, 4), strict=True)}
        self._names, self._layer = names, layer
        self._sigmoid, self._candidate, self._all = (_join(columns, x) for x in (names, "c", names + "c"))

    def __call__(self, joined: tf.Tensor, tap: Tap, separate: bool) -> tuple[dict[str, tf.Tensor], tf.Tensor]:
        if separate:
            product = tap(f"{self._layer}/{GATES}", _product(joined, *self._sigmoid))
            values = tf.split(tf.sigmoid(product), len(self._names), axis=1)
            candidate = tap(f"{self._layer}/{CANDIDATE}", _product(joined, *self._candidate))
        else:
            *parts, candidate = tf.split(_product(joined, *self._all), len(self._names) + 1, axis=1)
            values = [tf.sigmoid(x) for x in parts]
        return dict(zip(self._names, values, strict=True)), tf.tanh(candidate)


def _join(columns: dict[str, tuple[Array, Array]], names: str) -> tuple[Array, Array]:
    weights, biases = zip(*(columns[x] for x in names), strict=True)
    return np.concatenate(weights, axis=1), np.concatenate(biases)


def _product(x: tf.Tensor, weights: Array, bias: Array) -> tf.Tensor:
    """`x @ weights + bias`, with the weights the way FULLY_CONNECTED stores them: [out, in]."""
    return tf.nn.bias_add(tf.matmul(x, tf.constant(weights.T.copy()), transpose_b=True), bias)


def _steps(x: tf.Tensor) -> list[tf.Tensor]:
    """The steps `[batch, features]` of a sequence `[batch, n_steps, features]`.

    Cut as rows: XNNPACK takes that, while it leaves UNPACK to slower kernels.
    """
    batch, n_steps, features = x.shape
    # With a batch of one, as in the converted model, the rows are in order already.
    in_order = x if batch == 1 else tf.transpose(x, [1, 0, 2])
    rows = tf.reshape(in_order, [n_steps * batch, features])
    return [rows[step * batch : (step + 1) * batch] for step in range(n_steps)]


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


def _require(layer: Any, **allowed: tuple[Any, ...]) -> None:
    for option, values in allowed.items():
        if getattr(layer, option) not in values:
            raise InputError(
                f"layer '{layer.name}' ({type(layer).__name__}) has {option}={getattr(layer, option)!r}: "
                f"only {' or '.join(map(repr, values))} can be converted"
            )
