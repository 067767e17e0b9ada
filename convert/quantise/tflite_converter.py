"""Convert a lowered network to a TFLite flatbuffer in float32, float16, dynamic-range or full-integer int8."""

import warnings
from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from convert.lowering.cells import IN_FLOAT, IN_INT8, GateLayout
from convert.lowering.network import Lowered
from convert.lowering.quantisation_points import Observer, no_observer
from convert.quantise import compaction
from convert.quantise.calibration import Ranges, quantised
from edge_runtime.errors import CheckFailedError

_OUTPUT_STATE, _CELL_STATE = 18, 19  # indices of these inputs of a fused LSTM


def to_float32(network: Lowered) -> bytes:
    """Return the float model, in the form that runs fastest in float: one product for all gates."""
    return _tidy(_convert(network, lambda converter: None))


# The gates of the next two are joined as in float32: separate ones would take two products per step instead of one, and
# with dynamic ranges the joined input would be quantised twice as well.


def to_float16(network: Lowered) -> bytes:
    """Return the float model with its larger weights stored in half precision; it computes in float32."""

    def prepare(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    return _tidy(_convert(network, prepare))


def to_dynamic(network: Lowered) -> bytes:
    """Return the float model with its larger weights stored in int8 (dynamic-range quantisation).

    Each product quantises its input with a scale computed at run time. Weights have one scale per product (per channel
    in convolutions).
    """

    def prepare(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        # With a scale per channel the products would be FULLY_CONNECTED version 12, which tflite-runtime 2.14 refuses.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True

    return _tidy(_convert(network, prepare))


def to_int8(network: Lowered, ranges: Ranges, layout: GateLayout = IN_INT8) -> bytes:
    """Return the full-integer model with the given activation ranges, which belong to the `layout`.

    Its input and output are int8 too. Weights are quantised per output channel. Raises `CheckFailedError` when the
    converter left an operator in float.
    """

    def prepare(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.inference_input_type = converter.inference_output_type = tf.int8

    model = _convert(network, prepare, quantised(ranges), layout)
    _requantise_directly(model)
    _check_integer(model)
    return compaction.write(model)


def to_int8_by_samples(network: Lowered, X: npt.NDArray[np.float32]) -> bytes:
    """Return the full-integer model of a network with fused LSTM layers, whose inside the converter calibrates.

    It does so on the normalised windows `X` `[n, samples, n_signals]`.
    """

    def prepare(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([window[np.newaxis]] for window in X)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = tf.int8

    model = _convert(network, prepare)
    _unclip_cells(model)
    _bound_cell_scales(model)
    _align_outputs(model)
    _check_integer(model)
    return compaction.write(model)


def _convert(
    network: Lowered,
    prepare: Callable[[tf.lite.TFLiteConverter], None],
    observe: Observer = no_observer,
    layout: GateLayout = IN_FLOAT,
) -> schema.ModelT:
    signature = tf.TensorSpec([1, *network.input_shape], tf.float32, name="windows")
    module = tf.Module()
    module.function = tf.function(lambda windows: network(windows, observe, layout), autograph=False)
    module.variables_of_layers = network.variables
    concrete = module.function.get_concrete_function(signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    prepare(converter)
    with warnings.catch_warnings():
        # "Statistics for quantized inputs were expected": they are in the graph, as fake-quantisation nodes.
        warnings.filterwarnings("ignore", message="Statistics for quantized inputs")
        return flatbuffer_utils.convert_bytearray_to_object(bytearray(converter.convert()))


def _tidy(model: schema.ModelT) -> bytes:
    _unclip_cells(model)
    return compaction.write(model)


def _unclip_cells(model: schema.ModelT) -> None:
    """Let the cells of fused LSTM layers grow as large as Keras's: the converter clips them at 10."""
    for operator in _fused(model):
        operator.builtinOptions.cellClip = 0.0


def _bound_cell_scales(model: schema.ModelT) -> None:
    """Keep the scales of cells, powers of 2, within those whose tanh the kernel can compute.

    It has 0 to 6 bits before the point; cells that stay below 0.5 would get fewer, and meaningless answers.
    """
    tensors = model.subgraphs[0].tensors
    for operator in _fused(model):
        quantization = tensors[operator.inputs[_CELL_STATE]].quantization
        quantization.scale = np.clip(quantization.scale, 2.0**-15, 2.0**-9)


def _align_outputs(model: schema.ModelT) -> None:
    """Give the output state of a fused LSTM the scale of its output, which holds the same values.

    The converter leaves them different where the output's scale is that of a concatenation.
    """
    tensors = model.subgraphs[0].tensors
    for operator in _fused(model):
        quantization = tensors[operator.outputs[0]].quantization
        tensors[operator.inputs[_OUTPUT_STATE]].quantization = quantization
        tensors[operator.intermediates[-1]].quantization = quantization


def _fused(model: schema.ModelT) -> Iterator[schema.OperatorT]:
    options = schema.UnidirectionalSequenceLSTMOptionsT
    return (x for x in model.subgraphs[0].operators if isinstance(x.builtinOptions, options))


def _requantise_directly(model: schema.ModelT) -> None:
    """Bring int8 values from one scale to another in one operator; the converter sometimes goes by way of float."""
    graph = model.subgraphs[0]
    codes = [x.builtinCode for x in model.operatorCodes]
    float_of = {
        operator.outputs[0]: operator
        for operator in graph.operators
        if codes[operator.opcodeIndex] == schema.BuiltinOperator.DEQUANTIZE
    }
    for operator in graph.operators:
        if codes[operator.opcodeIndex] == schema.BuiltinOperator.QUANTIZE and operator.inputs[0] in float_of:
            operator.inputs = [float_of[operator.inputs[0]].inputs[0]]
    taken = {int(i) for operator in graph.operators for i in operator.inputs} | set(map(int, graph.outputs))
    unread = [operator for output, operator in float_of.items() if int(output) not in taken]
    graph.operators = [x for x in graph.operators if not any(x is y for y in unread)]


def _check_integer(model: schema.ModelT) -> None:
    graph = model.subgraphs[0]
    for operator in graph.operators:
        types = {graph.tensors[i].type for i in (*operator.inputs, *operator.outputs) if i >= 0}
        if schema.TensorType.FLOAT32 in types:
            raise CheckFailedError(
                "the converter left an operator of the int8 model in float32; "
                "report this with the network and the TensorFlow version"
            )
