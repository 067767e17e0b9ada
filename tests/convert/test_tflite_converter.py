"""Check the flatbuffers of the converter: Keras's answers, integer operators, and a compact file."""

import keras
import numpy as np
import pytest
from keras import layers
from model_answers import logits_of, rms
from programs import MODELS
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from convert.lowering.cells import IN_INT8, IN_MIXED
from convert.lowering.network import lower
from convert.parity import relative_difference, snr_db
from convert.quantise import compaction
from convert.quantise.calibration import observed_ranges
from convert.quantise.tflite_converter import to_dynamic, to_float16, to_float32, to_int8
from edge_runtime.model import model_card as cards
from edge_runtime.model.interpreters import open_model

LONG = pytest.mark.long
FORMS = {"float32": to_float32, "float16": to_float16, "dynamic": to_dynamic}


@pytest.fixture(scope="module")
def forms(lowered, ranges) -> dict[str, bytes]:
    return {name: form(lowered) for name, form in FORMS.items()} | {"int8": to_int8(lowered, ranges)}


@pytest.mark.parametrize("xnnpack", [True, False])
def test_float32_equals_keras_on_real_windows(forms, normalised_windows, keras_logits, xnnpack):
    answers = logits_of(forms["float32"], normalised_windows, xnnpack=xnnpack)
    assert relative_difference(answers, keras_logits) < 1e-5


def error(answers: np.ndarray, expected: np.ndarray) -> float:
    """Root mean square difference of the logits, over the greatest logit."""
    return rms(answers - expected) / float(np.abs(expected).max())


LARGEST_ERROR = 0.02
"""A good int8 model of this network stays below; one with a wrong range, as one of a tenth, does not."""


def test_int8_is_close_to_keras_on_real_windows(forms, normalised_windows, keras_logits):
    answers = logits_of(forms["int8"], normalised_windows)
    assert np.mean(answers.argmax(1) == keras_logits.argmax(1)) > 0.97
    assert error(answers, keras_logits) < LARGEST_ERROR


def test_the_state_starts_at_zero_in_every_window(forms, normalised_windows):
    """In another order, each window gets the same answer."""
    for flatbuffer in (forms["float32"], forms["int8"]):
        forwards = logits_of(flatbuffer, normalised_windows[:40])
        backwards = logits_of(flatbuffer, normalised_windows[:40][::-1])
        np.testing.assert_array_equal(forwards, backwards[::-1])


def parse(flatbuffer: bytes) -> schema.ModelT:
    return flatbuffer_utils.convert_bytearray_to_object(bytearray(flatbuffer))


def graph_of(flatbuffer: bytes):
    model = parse(flatbuffer)
    names = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    graph = model.subgraphs[0]
    return graph, [names[model.operatorCodes[x.opcodeIndex].builtinCode] for x in graph.operators]


def test_int8_is_integer_from_input_to_output(forms):
    graph, operators = graph_of(forms["int8"])
    types = {x.type for x in graph.tensors}
    assert types <= {schema.TensorType.INT8, schema.TensorType.INT32}
    assert not {"QUANTIZE", "DEQUANTIZE"} & set(operators)


@pytest.mark.parametrize(
    ("place", "activation"),
    [("Conv1D", "relu6"), ("Conv1D", "tanh"), ("Dense", "sigmoid"), ("Dense", "relu"), ("Activation", "tanh")],
)
def test_int8_knows_every_activation_in_every_place(place, activation, normalised_windows):
    keras.utils.set_random_seed(1)
    first, dense = (activation if x == place else "linear" for x in ("Conv1D", "Dense"))
    middle = [layers.Activation(activation)] if place == "Activation" else []
    before = [keras.Input((16, 9)), layers.Conv1D(8, 3, strides=2, activation=first), *middle]
    model = keras.Sequential([*before, layers.LSTM(6), layers.Dense(12, activation=dense), layers.Dense(6)])
    for weight in model.weights:  # beyond saturation, too
        weight.assign(2 * weight)
    X = normalised_windows[:100, :16]
    expected = np.asarray(model(X, training=False))
    network = lower(model)
    flatbuffer = to_int8(network, observed_ranges(network, X))
    _, operators = graph_of(flatbuffer)
    assert {"tanh": "TANH", "sigmoid": "LOGISTIC"}.get(activation, "CONV_2D") in operators
    assert snr_db(logits_of(flatbuffer, X), expected) > 15


def test_no_product_of_two_activations_falls_halfway_between_two_values(forms):
    """Processors differ in how they round a half: the same bytes come out on all of them when there is none."""
    graph, operators = graph_of(forms["int8"])
    every = np.arange(-128, 128)
    for operator, name in zip(graph.operators, operators, strict=True):
        if name != "MUL":
            continue
        first, second, product = (graph.tensors[x].quantization for x in (*operator.inputs, *operator.outputs))
        a, b = (every - int(x.zeroPoint[0]) for x in (first, second))
        steps = np.outer(a, b) * (float(first.scale[0]) * float(second.scale[0]) / float(product.scale[0]))
        assert np.abs(steps - np.floor(steps) - 0.5).min() > 1e-6


@pytest.mark.parametrize(
    "recurrent",
    [
        lambda: layers.LSTM(6),
        pytest.param(lambda: layers.Bidirectional(layers.LSTM(5, "relu", use_bias=False), "sum"), marks=LONG),
        pytest.param(lambda: layers.GRU(6), marks=LONG),
        lambda: layers.GRU(6, reset_after=False, activation="relu"),
    ],
    ids=["lstm", "lstm-relu-both-ways", "gru", "gru-reset-before"],
)
@pytest.mark.parametrize("lowering", ["unrolled", pytest.param("looped", marks=LONG)])
def test_mixed_computes_only_the_sums_over_steps_in_float_and_answers_more_like_float(
    recurrent, lowering, normalised_windows
):
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((15, 9)), layers.Dense(7, "relu"), recurrent(), layers.Dense(6)])
    X = normalised_windows[:100, :15]
    network = lower(model, most_unrolled=14 if lowering == "looped" else 15)
    assert network.lowering == lowering
    expected = np.asarray(model(X, training=False))
    errors = {}
    for layout in (IN_INT8, IN_MIXED):
        flatbuffer = to_int8(network, observed_ranges(network, X, layout), layout)
        errors[layout] = rms(logits_of(flatbuffer, X) - expected)
    assert errors[IN_MIXED] < errors[IN_INT8]
    opened = open_model(flatbuffer, "litert")
    assert opened.scheme == "mixed"
    # XNNPACK has neither loops nor what counts their turns, and turns no sequence round.
    assert set(opened.operators.left) <= {"WHILE", "SLICE", "ADD", "LESS", "REVERSE_V2"}
    kinds = {value: name for name, value in vars(schema.BuiltinOperator).items() if isinstance(value, int)}
    content = parse(flatbuffer)
    in_float = {
        kinds[content.operatorCodes[x.opcodeIndex].builtinCode]
        for graph in content.subgraphs
        for x in graph.operators
        if schema.TensorType.FLOAT32 in {graph.tensors[i].type for i in (*x.inputs, *x.outputs) if i >= 0}
    }
    assert {"QUANTIZE", "DEQUANTIZE", "MUL", "ADD"} <= in_float
    assert not in_float & {"FULLY_CONNECTED", "CONCATENATION", "LOGISTIC"}


def test_the_same_network_gives_the_same_bytes(forms, lowered, ranges):
    assert to_int8(lowered, ranges) == forms["int8"]
    for name, form in FORMS.items():
        assert form(lowered) == forms[name]


@pytest.mark.parametrize(("scheme", "bytes_per_weight"), [("float32", 4), ("float16", 2), ("dynamic", 1), ("int8", 1)])
def test_steps_share_weights_and_biases(forms, scheme, bytes_per_weight):
    """8 steps, one set of constants: the file holds each weight once."""
    model = parse(forms[scheme])
    constants = sum(len(x.data) for x in model.buffers if x.data is not None)
    n_weights = 9 * 25 * 64 + 128 * 256 + 64 * 6
    n_biases = 64 + 256 + 6
    assert bytes_per_weight * n_weights < constants
    # Small tensors stay in float, and there are a few lists of sizes.
    assert constants < bytes_per_weight * n_weights + 4 * (n_biases + 64 * 6) + 600


def test_dynamic_has_no_operator_version_that_tflite_runtime_2_14_refuses(forms):
    model = parse(forms["dynamic"])
    versions = {x.builtinCode: x.version for x in model.operatorCodes}
    assert versions[schema.BuiltinOperator.FULLY_CONNECTED] <= 11
    assert versions[schema.BuiltinOperator.CONV_2D] <= 8


def test_float16_keeps_its_weights_in_half_precision_and_computes_in_float32(forms):
    graph, operators = graph_of(forms["float16"])
    halves = {i for i, x in enumerate(graph.tensors) if x.type == schema.TensorType.FLOAT16}
    readers = {name for x, name in zip(graph.operators, operators, strict=True) if halves & set(x.inputs)}
    assert halves
    assert readers == {"DEQUANTIZE"}


@pytest.fixture(params=["float32", "int8"])
def model(request):
    """A shipped model's card, and its flatbuffer written by TensorFlow's own code, each part in its own place."""
    flatbuffer, card = cards.read_model(MODELS[request.param])
    return card, flatbuffer_utils.convert_object_to_bytearray(parse(flatbuffer))


@pytest.mark.parametrize("runtime", ["litert", "tensorflow"])
def test_a_compact_model_answers_as_before_in_any_runtime_in_fewer_bytes(model, uci_har, runtime):
    card, plain = model
    small = compaction.write(parse(plain))
    # Most of what is saved is the quantisation of each activation, which is 30 kB of the int8 model.
    assert len(small) < len(plain) * (0.75 if card.quantisation["scheme"] == "int8" else 1)
    before, after = open_model(plain, runtime), open_model(small, runtime)
    for window in uci_har.train.X[::500, np.newaxis]:
        np.testing.assert_array_equal(after.run(window), before.run(window))
    assert after.operators == before.operators


def test_weights_lie_where_the_schema_wants_them(model):
    small = np.frombuffer(compaction.write(parse(model[1])), np.uint8)
    assert compaction.write(parse(small.tobytes())) == small.tobytes()
    tables = schema.Model.GetRootAsModel(small, 0)
    weights = [tables.Buffers(i).DataAsNumpy() for i in range(tables.BuffersLength())]
    offsets = [x.ctypes.data - small.ctypes.data for x in weights if isinstance(x, np.ndarray)]
    assert len(offsets) > 4
    assert not [x for x in offsets if x % 16]


def test_only_the_borders_keep_their_names(model):
    named = parse(model[1])
    for i, tensor in enumerate(named.subgraphs[0].tensors):
        tensor.name = f"StatefulPartitionedCall/sequential/{i}".encode()
    graph = parse(compaction.write(named)).subgraphs[0]
    names = {i: x.name for i, x in enumerate(graph.tensors) if x.name}
    assert names == {graph.inputs[0]: b"windows", graph.outputs[0]: b"logits"}
