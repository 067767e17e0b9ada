"""Check whole ONNX networks, in the ways in which people write them: answers, layers, and the way back from Keras."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
from onnx_graphs import RANDOM, OnnxGraph, second
from small_networks import moved

from convert.lowering.network import lower
from convert.onnx_reader.reader import read_proto
from convert.parity import relative_difference
from convert.quantise.tflite_converter import to_float32
from convert.rivals.forms import to_onnx
from train.fit import networks


def two_heads(g: OnnxGraph) -> str:
    heads = [g.add("Relu", g.add("Conv", "windows", g.weights(4, 9, k), pads=[k // 2] * 2)) for k in (3, 7)]
    means = [g.add("Flatten", g.add("GlobalAveragePool", head)) for head in heads]
    states = second(g.recurrent("GRU", g.transpose("windows", 2, 0, 1), 9, 5))
    return g.linear(g.add("Concat", *means, g.at(states, -1), axis=1), 13)


def residual_blocks(g: OnnxGraph) -> str:
    tensor, n_in = "windows", 9
    for _ in range(2):
        first = g.add("Relu", g.norm(g.add("Conv", tensor, g.weights(8, n_in, 3), pads=[1, 1], strides=[2]), 8))
        second = g.norm(g.add("Conv", first, g.weights(8, 8, 3), pads=[1, 1]), 8)
        beside = g.norm(g.add("Conv", tensor, g.weights(8, n_in, 1), strides=[2]), 8)
        tensor, n_in = g.add("Relu", g.add("Add", second, beside)), 8
    return g.linear(g.at(g.sequence("LSTM", g.transpose(tensor, 0, 2, 1), 8, 6), -1, axis=1), 6)


def squeezed_and_excited(g: OnnxGraph) -> str:
    tensor = g.add("Conv", "windows", g.weights(8, 9, 5), strides=[4])
    gate = g.add("Sigmoid", g.linear(g.add("Flatten", g.add("GlobalAveragePool", tensor)), 8, 8))
    tensor = g.add("Mul", tensor, g.axes("Unsqueeze", gate, -1))
    return g.linear(g.add("Flatten", tensor), 8 * 15)


def in_reverse_by_hand(g: OnnxGraph) -> str:
    def turned(tensor: str) -> str:
        return g.add("Slice", tensor, *(g.constant(np.array([value])) for value in (-1, -(2**63), 1, -1)))

    ahead, back = g.sequence("LSTM", "windows", 9, 5), turned(g.sequence("LSTM", turned("windows"), 9, 5))
    return g.linear(g.at(g.sequence("GRU", g.add("Concat", ahead, back, axis=2), 10, 4), -1, axis=1), 4)


def normalised_by_hand(g: OnnxGraph) -> str:
    """LayerNormalization and GELU as the older exporter writes them."""
    tensor = g.sequence("GRU", "windows", 9, 6)
    centred = g.add("Sub", tensor, g.axes("ReduceMean", tensor, -1))
    variance = g.axes("ReduceMean", g.add("Pow", centred, g.constant(2.0)), -1)
    divided = g.add("Div", centred, g.add("Sqrt", g.add("Add", variance, g.constant(1e-5))))
    tensor = g.add("Add", g.add("Mul", divided, g.weights(6)), g.weights(6))
    tensor = g.linear(g.at(tensor, -1, axis=1), 6, 10)
    inner = g.add("Add", g.add("Erf", g.add("Div", tensor, g.constant(2**0.5))), g.constant(1.0))
    tensor = g.add("Mul", g.add("Mul", tensor, inner), g.constant(0.5))
    inner = g.add("Add", g.add("Erf", g.add("Div", tensor, g.constant(2**0.5))), g.constant(1.0))
    return g.linear(g.add("Mul", tensor, g.add("Mul", g.constant(0.5), inner)), 10)


def attention_over_time(g: OnnxGraph) -> str:
    tensor = g.sequence("LSTM", "windows", 9, 6)
    scores = g.add("MatMul", g.add("Tanh", g.add("MatMul", tensor, g.weights(6, 4))), g.weights(4, 1))
    weights = g.add("Softmax", scores, axis=1)
    by_sum = g.axes("ReduceSum", g.add("Mul", tensor, weights), 1, keepdims=0)
    by_product = g.axes("Squeeze", g.add("MatMul", g.transpose(weights, 0, 2, 1), tensor), 1)
    return g.linear(g.add("Concat", by_sum, by_product, axis=1), 12)


def self_attention(g: OnnxGraph) -> str:
    query, key, value = (g.add("MatMul", "windows", g.weights(9, 4)) for _ in range(3))
    scores = g.add("Div", g.add("MatMul", query, g.transpose(key, 0, 2, 1)), g.constant(2.0))
    mixed = g.add("MatMul", g.add("Softmax", scores, axis=-1), value)
    return g.linear(g.add("ReduceMax", mixed, axes=[1], keepdims=0), 4)


def each_quarter(g: OnnxGraph) -> str:
    quarters = g.transpose(g.reshape("windows", -1, 16, 9), 0, 2, 1)
    tensor = g.add("MaxPool", g.add("Conv", quarters, g.weights(5, 9, 3)), kernel_shape=[2], strides=[2])
    return g.linear(g.at(g.sequence("GRU", g.reshape(tensor, -1, 4, 35), 35, 4), -1, axis=1), 4)


def some_signals(g: OnnxGraph) -> str:
    parts = [g.add("Gather", "windows", g.constant(np.array(places)), axis=2) for places in ([0, 1, 2], [3, 5, 8])]
    states = [g.at(second(g.recurrent("LSTM", g.transpose(part, 1, 0, 2), 3, 4, 2)), 1) for part in parts]
    return g.linear(g.add("Concat", *states, axis=1), 8)


def all_states(g: OnnxGraph) -> str:
    below = g.recurrent("GRU", g.transpose("windows", 1, 0, 2), 9, 4, 2)
    above = g.recurrent("GRU", g.reshape(g.transpose(below, 0, 2, 1, 3), 0, 0, -1), 8, 4, 2)
    states = g.add("Concat", second(below), second(above), axis=0)
    return g.linear(g.reshape(g.transpose(states, 1, 0, 2), 1, -1), 16)


CHANNELS_FIRST = (two_heads, residual_blocks, squeezed_and_excited)
CHANNELS_LAST = (
    *(in_reverse_by_hand, normalised_by_hand, attention_over_time, self_attention, each_quarter, some_signals),
    all_states,
)


@pytest.mark.parametrize("write", [*CHANNELS_FIRST, *CHANNELS_LAST])
def test_a_network_keeps_its_answers_and_can_be_converted(write: Callable[[OnnxGraph], str]):
    g = OnnxGraph(*(("n", 9, 64) if write in CHANNELS_FIRST else ("n", 64, 9)), opset=17)
    model, answers = read_proto(g.model(write(g)))
    X = RANDOM.normal(size=(4, *model.input_shape[1:])).astype(np.float32)
    assert relative_difference(np.asarray(model(X)), answers(X)) < 1e-5
    assert not any(isinstance(layer, keras.layers.Permute) for layer in model.layers)
    lower(model)


@pytest.mark.parametrize(
    "name", [pytest.param(x, marks=pytest.mark.long if "lstm" in x else ()) for x in networks.NETWORKS]
)
def test_a_network_of_the_package_is_the_same_network_again(name):
    model = moved(networks.NETWORKS[name]((32, 9), 6))
    model = keras.Model(model.inputs, model.outputs[0])
    again, _ = read_proto(to_onnx(model))
    X = RANDOM.normal(size=(4, 32, 9)).astype(np.float32)
    assert relative_difference(np.asarray(again(X)), np.asarray(model(X))) < 1e-5
    if name not in ("edge-tiny", "residual-bidir-lstm"):  # other names of layers; a product and a sum as normalisation
        assert to_float32(lower(again)) == to_float32(lower(model))
