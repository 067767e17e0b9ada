"""Check that an ONNX file becomes the Keras network that a person would have written, with the same answers."""

import itertools
from collections.abc import Callable

import keras
import numpy as np
import pytest
from onnx import ModelProto, TensorProto, numpy_helper, save
from onnx.backend.test.case.node import collect_testcases
from onnx.external_data_helper import convert_model_to_external_data
from onnx_graphs import RANDOM, OnnxGraph, conv_gru, second

from convert.lowering.network import lower
from convert.onnx_reader.reader import read, read_proto
from convert.onnx_reader.recurrences import CELLS
from convert.parity import relative_difference
from edge_runtime.errors import InputError


def kinds(model: keras.Model) -> list[str]:
    return [type(call).__name__ for call in model.operations[1:]]


def checked(proto: ModelProto) -> keras.Model:
    """Read a model, and compare its answers to a few windows with the file's own."""
    model, answers = read_proto(proto)
    X = RANDOM.normal(size=(5, *model.input_shape[1:])).astype(np.float32)
    assert relative_difference(np.asarray(model(X)).reshape(5, -1), answers(X)) < 1e-5
    return model


NODE_TESTS = {
    test.name: test
    for test in collect_testcases(None)
    if test.model.graph.node[0].op_type in CELLS and "batchwise" not in test.name  # which ONNX Runtime does not take
}


@pytest.mark.parametrize("name", NODE_TESTS)
def test_onnx_s_own_tests_of_recurrent_operators_pass_but_for_peepholes(name):
    """The weights become constants, the batch is of one window, and the cells are left out."""
    test, proto = NODE_TESTS[name], ModelProto()
    proto.CopyFrom(test.model)
    graph, (inputs, outputs) = proto.graph, test.data_sets[0]
    for value, array in list(zip(graph.input, inputs, strict=True))[1:]:
        graph.initializer.append(numpy_helper.from_array(array, value.name))
    del graph.input[1:]
    graph.input[0].type.tensor_type.shape.dim[1].dim_value = 1
    del graph.output[1:]
    if "peepholes" in name:
        with pytest.raises(InputError, match="has P"):
            read_proto(proto)
        return
    X = np.moveaxis(inputs[0], 1, 0)
    model, _ = read_proto(proto)
    answers = model(X.reshape(len(X), *model.input_shape[1:]))
    expected = np.moveaxis(outputs[0], 2 if graph.output[0].name == "Y" else 1, 0).reshape(len(X), -1)
    np.testing.assert_allclose(np.asarray(answers).reshape(len(X), -1), expected, atol=1e-5)


# What a PyTorch user takes of an output `y` [n, steps, features] with its states `h` [ways, n, units], and the layers.
TAKEN: dict[str, tuple[int, Callable[[OnnxGraph, str, str], str], list[str]]] = {
    "y[:, -1]": (1, lambda g, y, h: g.at(y, -1, axis=1), []),
    "h[-1]": (1, lambda g, y, h: g.at(h, -1), []),
    "y[:, -1] of both": (2, lambda g, y, h: g.at(y, -1, axis=1), ["GetItem"]),
    "h[-1] of both": (2, lambda g, y, h: g.at(h, -1), ["GetItem"]),
    "cat(h[0], h[1])": (2, lambda g, y, h: g.add("Concat", g.at(h, 0), g.at(h, 1), axis=1), []),
    "y.mean(1)": (2, lambda g, y, h: g.axes("ReduceMean", y, 1, keepdims=0), ["GlobalAveragePooling1D"]),
    "y[:, 3]": (2, lambda g, y, h: g.at(y, 3, axis=1), ["GetItem"]),
    "y.max(1) + h[0]": (
        1,
        lambda g, y, h: g.add("Add", g.add("ReduceMax", y, axes=[1], keepdims=0), g.at(h, 0)),
        ["GlobalMaxPooling1D", "GetItem", "Add"],
    ),
}


@pytest.mark.parametrize(("taken", "op"), zip(TAKEN, itertools.cycle(("LSTM", "GRU", "GRU")), strict=False))
def test_each_part_of_a_recurrent_output_has_its_meaning(op, taken):
    ways, take, after = TAKEN[taken]
    g = OnnxGraph("n", 12, 4, opset=13)
    y = g.recurrent(op, g.add("Transpose", "windows", perm=(1, 0, 2)), 4, 5, ways)
    steps = g.add("Reshape", g.add("Transpose", y, perm=(2, 0, 1, 3)), g.constant(np.array([0, 0, -1])))
    part = take(g, steps, second(y))
    n_features = 5 if "h[-1]" in taken or ways == 1 else 10
    model = checked(g.model(g.linear(part, n_features)))
    assert kinds(model) == [op if ways == 1 else "Bidirectional", *after, "Dense"]


def test_a_stack_s_states_are_joined_and_cut_without_a_layer():
    """As the older exporter writes `h[-2]` and `h[-1]` of two layers."""
    g = OnnxGraph(1, 12, 4)
    below = g.recurrent("LSTM", g.add("Transpose", "windows", perm=(1, 0, 2)), 4, 5, ways=2)
    steps = g.add("Reshape", g.add("Transpose", below, perm=(0, 2, 1, 3)), g.constant(np.array([12, 1, 10])))
    states = g.add("Concat", second(below), second(g.recurrent("LSTM", steps, 10, 5, ways=2)), axis=0)
    last = g.add("Concat", g.at(states, -2), g.at(states, -1), axis=1)
    assert kinds(checked(g.model(g.linear(last, 10)))) == ["Bidirectional", "Bidirectional", "Dense"]


@pytest.mark.parametrize("window", [("n", 128, 9), (1, 128, 9), ("n", 9, 128)])
def test_channels_first_become_last_without_moving_a_value(window):
    model = checked(conv_gru(window))
    assert model.input_shape == (None, 128, 9)
    assert kinds(model) == ["ZeroPadding1D", "Conv1D", "Activation", "Bidirectional", "Dense"]


@pytest.mark.parametrize("window", [("n", 1, 128, 9), (128, "n", 9), (128, 1, 9)])
def test_windows_of_other_arrangements_are_windows_of_samples_and_signals(window):
    g = OnnxGraph(*window)
    if len(window) == 4:
        x = g.add("Relu", g.add("Conv", "windows", g.weights(3, 1, 5, 1), strides=[4, 1]))
        x = g.add("Transpose", x, perm=(2, 0, 1, 3))
        x = g.add("Reshape", x, g.constant(np.array([31, -1, 27])))
    y = g.recurrent("LSTM", "windows" if len(window) == 3 else x, 9 if len(window) == 3 else 27, 5)
    model = checked(g.model(g.linear(g.at(g.axes("Squeeze", y, 1), -1), 5)))
    assert model.input_shape == (None, 128, 9)
    assert "Permute" not in kinds(model)


def c(*values):
    return lambda g: g.constant(np.array(values))


# Operators on [n, 6, 20] in channels-first order, with their inputs; they keep or shorten the steps.
OPERATORS: dict[str, Callable[[OnnxGraph], str]] = {
    "strides and dilations": lambda g: g.add("Conv", "windows", g.weights(4, 6, 3), dilations=[2], strides=[1]),
    "same": lambda g: g.add("Conv", "windows", g.weights(4, 6, 4), auto_pad="SAME_UPPER"),
    "same lower": lambda g: g.add("Conv", "windows", g.weights(4, 6, 4), auto_pad="SAME_LOWER", strides=[3]),
    "depthwise": lambda g: g.add("Conv", "windows", g.weights(12, 1, 3), g.weights(12), group=6),
    "max pool": lambda g: g.add("MaxPool", "windows", kernel_shape=[3], strides=[2], pads=[0, 1]),
    "padded max pool": lambda g: g.add("MaxPool", "windows", kernel_shape=[3], strides=[2], pads=[1, 1]),
    "average pool": lambda g: g.add("AveragePool", "windows", kernel_shape=[3], pads=[1, 1], count_include_pad=1),
    "norm": lambda g: g.add("BatchNormalization", "windows", *(g.constant(RANDOM.uniform(0.5, 1, 6)) for _ in "1234")),
    "leaky": lambda g: g.add("LeakyRelu", "windows", alpha=0.2),
    "hard": lambda g: g.add("HardSigmoid", g.add("HardSigmoid", "windows", alpha=1 / 6), alpha=2.0, beta=-0.3),
    "clip": lambda g: g.add(
        "Clip", g.add("Clip", "windows", *map(g.constant, (0.0, 6.0))), *map(g.constant, (-0.5, 1.5))
    ),
    "arithmetic": lambda g: g.add("Div", g.add("Sub", g.constant(1.0), "windows"), g.weights(6, 1)),
    "gate": lambda g: g.add("Mul", "windows", g.add("Sigmoid", g.add("GlobalAveragePool", "windows"))),
    "softmax": lambda g: g.add("Mul", "windows", g.add("Softmax", "windows", axis=2)),
    "part": lambda g: g.add("Slice", "windows", c(-3)(g), c(2**62)(g), c(1)(g)),
    "pad": lambda g: g.add("Conv", g.add("Pad", "windows", c(0, 0, 2, 0, 0, 1)(g)), g.weights(4, 6, 3)),
    "expand": lambda g: g.add("Expand", g.add("GlobalMaxPool", "windows"), c(1, 6, 20)(g)),
    "every step": lambda g: g.linear(
        g.add("Reshape", g.add("Transpose", "windows", perm=(0, 2, 1)), c(-1, 6)(g)), 6, 3
    ),
}


@pytest.mark.parametrize("opset", [11, 18])
@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_answers_as_in_onnx_and_can_be_converted(name, opset):
    g = OnnxGraph("n", 6, 20, opset=opset)
    lower(checked(g.model(g.add("Flatten", OPERATORS[name](g), axis=0))))


def test_probabilities_at_the_end_become_logits():
    model = conv_gru()
    model.graph.node.add(op_type="LogSoftmax", input=[model.graph.output[0].name], output=["end"])
    model.graph.output[0].name = "end"
    assert kinds(checked(model))[-1] == "Dense"


def test_operators_of_newer_opsets_are_read():
    g = OnnxGraph("n", 6, 20, opset=20)
    norm = g.add("LayerNormalization", g.add("Transpose", "windows", perm=(0, 2, 1)), g.weights(6), g.weights(6))
    layers = kinds(checked(g.model(g.linear(g.add("Flatten", g.add("Gelu", norm)), 120))))
    assert layers == ["LayerNormalization", "Activation", "Flatten", "Dense"]


REFUSED: dict[str, tuple[str, Callable[[OnnxGraph], str]]] = {
    "If": ("control flow", lambda g: g.add("If", "windows")),
    "DequantizeLinear": ("before quantising", lambda g: g.add("DequantizeLinear", "windows", g.constant(1.0))),
    "ConvTranspose": ("use LSTM", lambda g: g.add("ConvTranspose", "windows", g.weights(6, 4, 3))),
    "LSTM": ("initial_h", lambda g: g.recurrent("LSTM", "windows", 20, 4, 1, "", g.weights(1, 1, 4))),
    "MatMul": ("one head", lambda g: g.add("MatMul", *[g.axes("Unsqueeze", g.reshape("windows", 2, 3, 20), 0)] * 2)),
    "Dropout": (r"eval\(\)", lambda g: g.add("Dropout", "windows", g.constant(0.5), g.constant(True))),
    "BatchNormalization": (
        r"eval\(\)",
        lambda g: g.add("BatchNormalization", "windows", *(g.weights(6) for _ in range(4)), training_mode=1),
    ),
    "AveragePool": ("pads", lambda g: g.add("AveragePool", "windows", kernel_shape=[3], strides=[2], pads=[1, 1])),
}


@pytest.mark.parametrize("op", REFUSED)
def test_a_refusal_names_the_operator_and_its_place(op):
    (reason, add), g = REFUSED[op], OnnxGraph(1, 6, 20)
    with pytest.raises(InputError, match=rf"'/{op}_\d' \({op}\).*{reason}"):
        read_proto(g.model(add(g)))


def test_dynamic_steps_and_several_inputs_are_refused():
    with pytest.raises(InputError, match="steps"):
        read_proto(conv_gru(("n", 9, "steps")))
    model = conv_gru()
    model.graph.input.add(name="second").type.tensor_type.elem_type = TensorProto.FLOAT
    with pytest.raises(InputError, match="2 inputs"):
        read_proto(model)


def test_weights_are_read_from_beside_the_file_only(tmp_path):
    model, (folder, path) = conv_gru(), (tmp_path / "in", tmp_path / "in" / "mine.onnx")
    folder.mkdir()
    convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    save(model, path)
    assert kinds(read(path))[-1] == "Dense"
    (folder / "weights.bin").rename(tmp_path / "weights.bin")
    path.write_bytes(path.read_bytes().replace(b"weights.bin", b"../ghts.bin"))
    (tmp_path / "ghts.bin").write_bytes((tmp_path / "weights.bin").read_bytes())
    with pytest.raises(InputError, match=r"mine\.onnx"):
        read(path)
