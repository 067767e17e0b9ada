"""Check the converter's flatbuffers: Keras's answers, integer operators, and a compact file."""

import copy

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from keras import layers
from model_answers import logits_of, outside_xnnpack, rms
from programs import MODELS
from tensorflow.lite.tools import flatbuffer_utils

from convert.lowering.cells import IN_INT8, IN_MIXED
from convert.lowering.network import lower
from convert.quantise import tflite_converter
from convert.quantise.calibration import observed_ranges
from convert.quantise.compaction import read, write
from convert.quantise.tflite_converter import to_dynamic, to_float16, to_float32, to_int8
from edge_runtime.errors import CheckFailedError
from edge_runtime.model import model_card as cards
from edge_runtime.model.interpreters import open_model

LONG = pytest.mark.long
KINDS = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
INT8, INT32, FLOAT16, FLOAT32 = (getattr(schema.TensorType, x) for x in ("INT8", "INT32", "FLOAT16", "FLOAT32"))


def operators_of(flatbuffer: bytes) -> list[tuple[str, list, list]]:
    """Return the kind of each operator of all graphs, its inputs and its outputs."""
    model, operators = read(flatbuffer), []
    for graph in model.subgraphs:
        for operator in graph.operators:
            inputs, outputs = ([graph.tensors[i] for i in x if i >= 0] for x in (operator.inputs, operator.outputs))
            operators.append((KINDS[model.operatorCodes[operator.opcodeIndex].builtinCode], inputs, outputs))
    return operators


def test_int8_is_close_to_keras_on_windows_that_did_not_calibrate(forms, its_windows, expected):
    """With a tenth of the range, for example, it would not be."""
    answers, expected = logits_of(forms["int8"], its_windows[1::2]), expected[1::2]
    assert rms(answers - expected) < 0.02 * np.abs(expected).max()
    assert np.mean(answers.argmax(1) == expected.argmax(1)) > 0.9


def test_int8_is_integer_from_input_to_output(forms):
    assert {tensor.type for tensor in read(forms["int8"]).subgraphs[0].tensors} <= {INT8, INT32}
    assert not {"QUANTIZE", "DEQUANTIZE"} & {kind for kind, *_ in operators_of(forms["int8"])}


def test_an_operator_that_stayed_in_float_is_refused(forms, lowered, ranges, monkeypatch):
    model = read(forms["int8"])
    (graph,), first = model.subgraphs, model.subgraphs[0].operators[0]
    for tensor in (first.inputs[0], first.outputs[0], graph.outputs[0]):
        graph.tensors[tensor].type = FLOAT32
        monkeypatch.setattr(tflite_converter, "_convert", lambda *_: copy.deepcopy(model))
        with pytest.raises(CheckFailedError):
            to_int8(lowered, ranges)
        graph.tensors[tensor].type = INT8


def test_no_product_of_two_activations_falls_halfway_between_two_values(forms):
    """Processors round halves differently; without halves, all processors have the same answers."""
    every = np.arange(-128, 128)
    products = [(*inputs, *outputs) for kind, inputs, outputs in operators_of(forms["int8"]) if kind == "MUL"]
    assert products
    for tensors in products:
        first, second, product = (tensor.quantization for tensor in tensors)
        factors = (every - int(quantisation.zeroPoint[0]) for quantisation in (first, second))
        steps = np.outer(*factors) * (float(first.scale[0]) * float(second.scale[0]) / float(product.scale[0]))
        assert np.abs(steps - np.floor(steps) - 0.5).min() > 1e-6


@pytest.mark.parametrize(
    ("n_steps", "recurrent"),
    [
        (7, lambda: layers.LSTM(6)),
        pytest.param(7, lambda: layers.GRU(6, reset_after=False, activation="relu"), marks=LONG),
        pytest.param(15, lambda: layers.LSTM(6), marks=LONG),
        pytest.param(15, lambda: layers.Bidirectional(layers.LSTM(5, "relu", use_bias=False), "sum"), marks=LONG),
    ],
    ids=["lstm", "gru-reset-before", "loop-lstm", "loop-relu-both-ways"],
)
def test_mixed_has_only_the_sums_over_steps_in_float_and_is_nearer_to_float(n_steps, recurrent, windows):
    keras.utils.set_random_seed(2)
    model = keras.Sequential([keras.Input((n_steps, 9)), layers.Dense(7, "relu"), recurrent(), layers.Dense(6)])
    X = windows[:, :n_steps]
    network = lower(model, most_unrolled=14)
    assert network.lowering == ("looped" if n_steps > 14 else "unrolled")
    keras_logits, errors = np.asarray(model(X, training=False)), {}
    for layout in (IN_INT8, IN_MIXED):
        flatbuffer = to_int8(network, observed_ranges(network, X, layout), layout)
        errors[layout] = rms(logits_of(flatbuffer, X) - keras_logits)
    assert errors[IN_MIXED] < errors[IN_INT8]
    opened = open_model(flatbuffer, "litert")
    assert opened.scheme == "mixed"
    # XNNPACK has no loops, does not count their turns, and does not reverse sequences.
    assert set(outside_xnnpack(opened.operators)) <= {"WHILE", "SLICE", "ADD", "LESS", "REVERSE_V2"}
    operators = operators_of(flatbuffer)
    in_float = {kind for kind, inputs, outputs in operators if FLOAT32 in {x.type for x in (*inputs, *outputs)}}
    assert {"QUANTIZE", "DEQUANTIZE", "MUL", "ADD"} <= in_float
    assert not in_float & {"FULLY_CONNECTED", "CONCATENATION", "LOGISTIC"}


def test_the_same_network_has_the_same_bytes(forms, lowered, ranges):
    assert to_int8(lowered, ranges) == forms["int8"]
    for name, form in {"float32": to_float32, "float16": to_float16, "dynamic": to_dynamic}.items():
        assert form(lowered) == forms[name]


@pytest.mark.parametrize(("scheme", "size"), [("float32", 4), ("float16", 2), ("dynamic", 1), ("int8", 1)])
def test_steps_share_weights_and_biases(forms, scheme, size):
    """There are four steps, and the file has each weight only once."""
    constants = sum(len(buffer.data) for buffer in read(forms[scheme]).buffers if buffer.data is not None)
    n_weights, n_biases = 9 * 9 * 16 + 32 * 64 + 16 * 6, 16 + 64 + 6
    assert size * n_weights < constants
    # Small tensors stay in float, and there are a few lists of sizes.
    assert constants < size * n_weights + 4 * (n_biases + 16 * 6) + 600


@pytest.fixture(params=["float32", "int8"])
def plain(request):
    """A shipped model that TensorFlow's own code has written, without shared parts."""
    return bytes(flatbuffer_utils.convert_object_to_bytearray(read(cards.read_model(MODELS[request.param])[0])))


@pytest.mark.parametrize("runtime", ["litert", "tensorflow"])
def test_a_compact_model_answers_as_before_in_any_runtime_in_fewer_bytes(plain, uci_har, runtime):
    small = write(read(plain))
    before, after = open_model(plain, runtime), open_model(small, runtime)
    # Most of the difference is the quantisation of each activation: 30 kB in the int8 model.
    assert len(small) < len(plain) * (0.75 if after.scheme == "int8" else 1)
    for window in uci_har.train.X[::500, np.newaxis]:
        np.testing.assert_array_equal(after.run(window), before.run(window))
    assert after.operators == before.operators


def test_weights_have_the_alignment_of_the_schema(plain):
    content = write(read(plain))
    small = np.frombuffer(content, np.uint8)
    assert write(read(content)) == content
    tables = schema.Model.GetRootAsModel(small, 0)
    weights = [tables.Buffers(i).DataAsNumpy() for i in range(tables.BuffersLength())]
    offsets = [array.ctypes.data - small.ctypes.data for array in weights if isinstance(array, np.ndarray)]
    assert len(offsets) > 4
    assert not [offset for offset in offsets if offset % 16]
