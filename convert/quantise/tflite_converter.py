"""Convert a lowered network to a TFLite flatbuffer in float32, float16, dynamic-range, mixed or full-integer int8."""

import warnings
from collections.abc import Callable
from dataclasses import replace

import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema

from convert.lowering.cells import IN_FLOAT, IN_INT8, IN_MIXED, GateLayout
from convert.lowering.network import Lowered
from convert.lowering.quantisation_points import Observer, no_observer
from convert.quantise import compaction, integer_values
from convert.quantise.calibration import Ranges, quantised
from edge_runtime.errors import CheckFailedError
from edge_runtime.model.scheme_names import DYNAMIC, FLOAT16, FLOAT32, INT8, MIXED

_PRODUCTS = {  # in int8 even in a mixed model
    *(schema.BuiltinOperator.FULLY_CONNECTED, schema.BuiltinOperator.BATCH_MATMUL),
    *(schema.BuiltinOperator.CONV_2D, schema.BuiltinOperator.DEPTHWISE_CONV_2D),
}


def to_float32(network: Lowered) -> bytes:
    """Return the float model in the form that runs fastest in float: with one product for all gates."""
    return compaction.write(_convert(network, lambda converter: None))


def to_float16(network: Lowered) -> bytes:
    """Return the float model with its larger weights stored in half precision; it computes in float32."""

    def prepare(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    return compaction.write(_convert(network, prepare))


def to_dynamic(network: Lowered) -> bytes:
    """Return the float model with its larger weights in int8; inputs of products are quantised at run time."""

    def prepare(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        # A scale per channel makes FULLY_CONNECTED version 12, which tflite-runtime 2.14 refuses.
        converter._experimental_disable_per_channel_quantization_for_dense_layers = True

    return compaction.write(_convert(network, prepare))


def to_int8(network: Lowered, ranges: Ranges, layout: GateLayout = IN_INT8) -> bytes:
    """Return the full-integer model (with `IN_MIXED` the mixed one), given the activation ranges of the `layout`.

    Raises `CheckFailedError` if the converter left an operator in float or, in a mixed model, a product.
    """

    def prepare(converter: tf.lite.TFLiteConverter) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        converter.inference_input_type = converter.inference_output_type = tf.int8

    model = _convert(network, prepare, quantised(ranges), layout)
    integer_values.keep_integer(model)
    _check_integer(model, layout.float_cell)
    return compaction.write(model)


def _convert(
    network: Lowered,
    prepare: Callable[[tf.lite.TFLiteConverter], None],
    observe: Observer = no_observer,
    layout: GateLayout = IN_FLOAT,
) -> schema.ModelT:
    signature = tf.TensorSpec([1, *network.input_shape], tf.float32, name="windows")
    layout = replace(layout, looped=network.is_looped)
    module = tf.Module()
    module.function = tf.function(lambda windows: network(windows, observe, layout), autograph=False)
    concrete = module.function.get_concrete_function(signature)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    prepare(converter)
    with warnings.catch_warnings():
        # The ranges are in the graph, as fake-quantisation nodes.
        warnings.filterwarnings("ignore", message="Statistics for quantized inputs")
        return compaction.read(converter.convert())


def _check_integer(model: schema.ModelT, float_cell: bool) -> None:
    codes = [code.builtinCode for code in model.operatorCodes]
    may_be_float = {code for code in codes if code not in _PRODUCTS} if float_cell else set()
    for graph in model.subgraphs:
        for operator in graph.operators:
            types = {graph.tensors[i].type for i in (*operator.inputs, *operator.outputs) if i >= 0}
            if schema.TensorType.FLOAT32 in types and codes[operator.opcodeIndex] not in may_be_float:
                raise CheckFailedError("the converter left an operator of the int8 model in float32: report this")


UNCALIBRATED = {FLOAT32: to_float32, FLOAT16: to_float16, DYNAMIC: to_dynamic}
LAYOUTS = {MIXED: IN_MIXED, INT8: IN_INT8}
"""Of the forms that `to_int8` writes."""
