"""Convert a Keras network with TensorFlow's converter, as it is or with TFLite's own operator for LSTM, and to ONNX.

The converter makes this operator, UNIDIRECTIONAL_SEQUENCE_LSTM, only from Keras 2's LSTM, which tf_keras has. Its state
stays in the interpreter between calls: `edge_runtime.model.interpreters.Model` resets it. tf2onnx makes ONNX's own
operators of Keras 2's LSTM and GRU.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import keras
import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from onnx import ModelProto
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from convert.lowering.cells import IN_FLOAT
from convert.lowering.keras_graph import Call, fold, read
from convert.lowering.network import lower_layer
from convert.lowering.quantisation_points import INPUT, no_observer
from convert.lowering.refusals import refuse
from convert.lowering.sequences import join_steps
from convert.quantise.raw_input import samples_a_row
from edge_runtime.errors import InputError
from edge_runtime.model.classifier import RAW_INPUT
from edge_runtime.signals.normalisation import NO_CLIP, Normalisation
from edge_runtime.system.files import scratch_folder

_OPSET = 18
"""The latest version of ONNX that ONNX Runtime 1.20 reads."""

Prepare: TypeAlias = Callable[[tf.lite.TFLiteConverter], None]
"""Sets options of the converter."""


def in_float(converter: tf.lite.TFLiteConverter) -> None:
    """Leave everything in float32."""


def in_dynamic(converter: tf.lite.TFLiteConverter) -> None:
    """Store weights in int8, the first advice of TensorFlow's guide."""
    converter.optimizations = [tf.lite.Optimize.DEFAULT]


def stock(model: keras.Model, prepare: Prepare) -> bytes:
    """Convert the network as it is, with a batch of one: its loops need a fixed batch."""
    signature = [keras.InputSpec(shape=(1, *model.input_shape[1:]), dtype="float32")]
    with scratch_folder() as folder:
        model.export(folder, input_signature=signature, verbose=False)
        converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
        prepare(converter)
        return bytes(converter.convert())


def fused(model: keras.Model, prepare: Prepare) -> bytes:
    """Convert the network with TFLite's own operator for LSTM layers. Raises `InputError` for other layers."""
    answer, copies = with_keras_2(model, (keras.layers.LSTM,))
    if not copies:
        raise InputError("the network has no recurrent layer")
    module = tf.Module()
    module.function = tf.function(answer, autograph=False)
    module.copies = copies  # to keep their variables alive
    signature = tf.TensorSpec([1, *model.input_shape[1:]], tf.float32, name="windows")
    concrete = module.function.get_concrete_function(signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    prepare(converter)
    return _unclipped(converter.convert())


def with_keras_2(model: keras.Model, kinds: Sequence[type]) -> tuple[Callable[[tf.Tensor], tf.Tensor], dict[str, Any]]:
    """Return a function that answers as `model`, with recurrent layers of Keras 2, and these layers by their names.

    Raises `InputError` for a recurrent layer that is not of `kinds`, or that needs more than their fastest operator.
    """
    calls = fold(read(model))
    copies = {call.name: _keras_2(call, kinds) for call in calls if isinstance(call.layer, keras.layers.RNN)}
    operations = {call.name: lower_layer(call, call.name, call.inputs) for call in calls if call.name not in copies}

    def answer(windows: tf.Tensor) -> tf.Tensor:
        values: dict[str, Any] = {INPUT: windows}
        for call in calls:
            inputs = [values[name] for name in call.inputs]
            if call.name in copies:
                values[call.name] = _run(call, copies[call.name], inputs[0])
            else:
                values[call.name] = join_steps(operations[call.name](inputs, no_observer, IN_FLOAT))
        return values[calls[-1].name]

    return answer, copies


def _run(call: Call, copy: Any, x: tf.Tensor) -> tf.Tensor:
    y = copy(tf.reverse(x, [1]) if call.layer.go_backwards else x)
    return tf.reverse(y, [1]) if call.in_reverse else y


def _keras_2(call: Call, kinds: Sequence[type]) -> Any:
    """Return the recurrent layer of a call as a layer of Keras 2, with its weights."""
    import tf_keras

    layer = call.layer
    kind = type(layer)
    if kind not in kinds or not getattr(layer, "reset_after", True):
        refuse(layer, f"has no operator: only {' and '.join(x.__name__ for x in kinds)} layers have one")
    for option, only in (("activation", "tanh"), ("recurrent_activation", "sigmoid")):
        name = getattr(getattr(layer, option), "__name__", "")
        if name != only:
            refuse(layer, f"has {option}={name}: the operator has only {only}")
    copy = getattr(tf_keras.layers, kind.__name__)(layer.units, return_sequences=layer.return_sequences)
    copy.build((1, *call.shapes[0]))
    weights = layer.get_weights()
    # Without a bias, the converters would keep the layer's loop.
    copy.set_weights([*weights, *map(np.zeros_like, copy.get_weights()[len(weights) :])])
    return copy


def _unclipped(content: bytes) -> bytes:
    """Let cells grow as large as Keras's: the converter makes the fused operator clip them at 10."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(content))
    for operator in model.subgraphs[0].operators:
        if isinstance(operator.builtinOptions, schema.UnidirectionalSequenceLSTMOptionsT):
            operator.builtinOptions.cellClip = 0.0
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def to_onnx(model: keras.Model, normalisation: Normalisation | None = None) -> ModelProto:
    """Write `model` in float32, for one window `[1, samples, signals]`, raw if `normalisation` is given.

    Raises `InputError` for a recurrent layer or option that ONNX's operators do not have.
    """
    network, _ = with_keras_2(model, (keras.layers.LSTM, keras.layers.GRU))

    def answer(x: tf.Tensor) -> tf.Tensor:
        return network(_prepared(x, normalisation) if normalisation else x)

    window = tf.TensorSpec([1, *model.input_shape[1:]], tf.float32, RAW_INPUT if normalisation else "input")
    function = tf.function(answer, autograph=False)
    return tf2onnx.convert.from_function(function, [window], opset=_OPSET, custom_op_handlers={"Erfc": (_erfc, [])})[0]


def to_dynamic(model: ModelProto) -> ModelProto:
    """Return the graph with int8 weights and scales that are computed at run time, by ONNX Runtime's own tool."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    with scratch_folder() as folder:
        quantize_dynamic(model, Path(folder) / "dynamic.onnx", weight_type=QuantType.QInt8)
        return onnx.load_from_string((Path(folder) / "dynamic.onnx").read_bytes())


def _erfc(graph: Any, node: Any, name: str, _: object) -> None:
    """Translate the part of GELU that tf2onnx does not know: 1 - erf(x)."""
    kind, shape = graph.get_dtype(node.output[0]), graph.get_shape(node.output[0])
    graph.remove_node(node.name)
    one, erf = graph.make_const(f"{name}/one", np.ones((), np.float32)), graph.make_node("Erf", node.input)
    inputs = [one.output[0], erf.output[0]]
    graph.make_node("Sub", inputs, name=name, outputs=node.output, shapes=[shape], dtypes=[kind])


def _prepared(x: tf.Tensor, normalisation: Normalisation) -> tf.Tensor:
    """Prepare the window as `Normalisation.apply` does, without steps that change nothing."""
    whole = x.shape
    per_row = samples_a_row(*whole[1:])
    mean, std, clip, gain, bend, knee = (np.tile(row, per_row) for row in normalisation.rows())
    x = tf.reshape(x, [whole[1] // per_row, per_row * whole[2]])
    x = x - mean if mean.any() else x
    x = x / std if (std != 1).any() else x
    x = tf.maximum(tf.minimum(x, clip), -clip) if (clip < NO_CLIP).any() else x
    x = x * gain / (tf.abs(x) * bend + knee) if bend.any() else x
    return tf.reshape(x, whole)
