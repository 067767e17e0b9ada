"""Check recurrent layers as loops: Keras's answers, the unrolled form's int8 values, integers and XNNPACK inside."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import small_networks
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from keras import layers
from model_answers import logits_of, outside_xnnpack

from convert.lowering.cells import IN_FLOAT
from convert.lowering.network import MOST_UNROLLED, Lowered, lower, select_lowering
from convert.lowering.recurrent_layers import FEWEST_STEPS
from convert.parity import relative_difference, snr_db
from convert.quantise.calibration import observed_ranges
from convert.quantise.compaction import read
from convert.quantise.tflite_converter import to_dynamic, to_float16, to_float32, to_int8
from edge_runtime.errors import InputError
from edge_runtime.model.interpreters import open_model

ALL = {"return_sequences": True}

NETWORKS = {
    "a remainder": (23, [layers.LSTM(6, **ALL), layers.GlobalAveragePooling1D()]),
    "backwards": (20, [layers.LSTM(6, go_backwards=True, **ALL), layers.Flatten()]),
    "stacked": (20, [layers.LSTM(6, **ALL), layers.Dropout(0.5), layers.LSTM(5)]),
    "three stacked, a remainder": (
        21,
        [*(layers.LSTM(n, use_bias=False, **ALL) for n in (3, 7)), layers.LSTM(4, **ALL), layers.Flatten()],
    ),
    "both ways": (20, [layers.Bidirectional(layers.LSTM(5, **ALL)), layers.Bidirectional(layers.LSTM(3))]),
    "both ways, other merge modes": (
        19,
        [
            layers.Bidirectional(layers.LSTM(4, **ALL), merge_mode="mul"),
            layers.Bidirectional(layers.GRU(4, reset_after=False, **ALL), merge_mode="ave"),
            layers.Conv1D(5, 3, strides=2, activation="relu"),
            layers.GRU(3),
        ],
    ),
    "GRU stacked": (20, [layers.GRU(6, **ALL), layers.GRU(5)]),
    "GRU without reset_after": (20, [layers.GRU(6, reset_after=False)]),
    "other functions": (20, [layers.LSTM(6, activation="relu", recurrent_activation="hard_sigmoid")]),
    "simple": (20, [layers.SimpleRNN(6, **ALL), layers.SimpleRNN(5)]),
}


def network(n_steps: int, *middle: layers.Layer) -> keras.Model:
    return small_networks.network(*middle, samples=n_steps, signals=9)


@pytest.fixture(scope="module", params=NETWORKS)
def case(request, windows) -> tuple[keras.Model, Lowered, np.ndarray]:
    n_steps, middle = NETWORKS[request.param]
    model = network(n_steps, *middle)
    return model, lower(model, most_unrolled=0), windows[::5, :n_steps]


@pytest.fixture(scope="module")
def int8(case) -> bytes:
    _, lowered, X = case
    return to_int8(lowered, observed_ranges(lowered, tf.constant(X)))


LOOPED = replace(IN_FLOAT, looped=True)


def test_a_loop_answers_as_keras_does(case):
    model, lowered, X = case
    assert lowered.lowering == "looped"
    assert relative_difference(lowered(tf.constant(X), layout=LOOPED).numpy(), np.asarray(model(X))) < 1e-5


@pytest.mark.long
def test_a_converted_loop_answers_as_keras_does(case):
    model, lowered, X = case
    flatbuffer = to_float32(lowered)
    assert "WHILE" in open_model(flatbuffer).operators.counts
    assert relative_difference(logits_of(flatbuffer, X), np.asarray(model(X, training=False))) < 1e-5


@pytest.mark.long
def test_a_loop_in_int8_has_the_values_of_the_same_steps_written_out(case, int8):
    _, lowered, X = case
    unrolled = replace(lowered, is_looped=False)
    written_out = to_int8(unrolled, observed_ranges(unrolled, tf.constant(X)))
    assert "WHILE" not in open_model(written_out).operators.counts
    np.testing.assert_array_equal(logits_of(int8, X), logits_of(written_out, X))


@pytest.mark.long
def test_a_loop_is_integer_and_has_the_types_and_scales_of_its_body(int8):
    """No operator converts values in a turn or at the loop's border, and XNNPACK takes all steps."""
    model = read(int8)
    integers = {schema.TensorType.INT8, schema.TensorType.INT32, schema.TensorType.BOOL}
    assert {tensor.type for graph in model.subgraphs for tensor in graph.tensors} <= integers
    operators = open_model(int8).operators
    assert "DEQUANTIZE" not in operators.counts
    main = model.subgraphs[0]
    loops = [operator for operator in main.operators if isinstance(operator.builtinOptions, schema.WhileOptionsT)]
    assert loops
    for loop in loops:
        body, condition = (
            model.subgraphs[x] for x in (loop.builtinOptions.bodySubgraphIndex, loop.builtinOptions.condSubgraphIndex)
        )
        borders = ((main, loop.inputs), (main, loop.outputs), (body, body.inputs), (body, body.outputs))
        for tensors in zip(*([graph.tensors[i] for i in indices] for graph, indices in borders), strict=True):
            scales = {
                None if tensor.quantization is None else float(tensor.quantization.scale[0]) for tensor in tensors
            }
            assert len(scales) == len({tensor.type for tensor in tensors}) == 1
        types = [[graph.tensors[i].type for i in graph.inputs] for graph in (condition, body)]
        assert types[0] == types[1]
    # The loop, its counter, the rows of a turn, the sequence from its end; and ReLU in int8.
    others = outside_xnnpack(operators)
    assert set(others) <= {"WHILE", "ADD", "SLICE", "REVERSE_V2", "RELU"}
    assert others["WHILE"] == others["ADD"] == others["SLICE"] == len(loops)


@pytest.mark.parametrize("form", [to_dynamic, to_float16])
def test_forms_with_smaller_weights_have_nearly_the_same_answers(form, windows):
    X = windows[::5, :40]
    model = network(40, layers.LSTM(20, **ALL), layers.LSTM(20))
    flatbuffer = form(lower(model))
    assert open_model(flatbuffer).scheme == form.__name__.removeprefix("to_")
    assert snr_db(logits_of(flatbuffer, X), np.asarray(model(X, training=False))) > 25


def names(model: keras.Model) -> list[str]:
    return [node.name for node in lower(model).nodes]


def test_stacked_layers_and_both_directions_are_merged():
    both = layers.Bidirectional(layers.LSTM(4, **ALL), name="both")
    stack = [layers.LSTM(n, return_sequences=n < 6, name=f"lstm_{n}") for n in (4, 5, 6)]
    assert names(network(40, *stack))[0] == "lstm_4+lstm_5+lstm_6"
    assert names(network(40, both, stack[2]))[:4] == ["both.forward+backward", "both.forward", "both.backward", "both"]


def with_two_readers() -> keras.Model:
    """A network in which two layers read the first."""
    window = keras.Input((20, 9))
    first = layers.LSTM(5, **ALL)(window)
    both = layers.Add()([first, layers.LSTM(5, **ALL)(first)])
    return keras.Model(window, layers.Dense(6)(layers.LSTM(4)(both)))


@pytest.mark.parametrize(
    "middle",
    [
        [layers.LSTM(4, **ALL), layers.LSTM(4, activation="relu")],
        [layers.LSTM(4, **ALL), layers.LSTM(4, go_backwards=True)],
        [layers.LSTM(4, **ALL), layers.GRU(4)],
        [layers.GRU(4, **ALL), layers.GRU(4, reset_after=False)],
        [layers.LSTM(4, **ALL), layers.BatchNormalization(), layers.LSTM(4)],
        [layers.Bidirectional(layers.LSTM(4), backward_layer=layers.LSTM(4, activation="relu", go_backwards=True))],
        [layers.LSTM(80, **ALL), layers.LSTM(80)],
        None,
    ],
)
def test_layers_with_other_equations_or_other_readers_or_of_great_size_are_not_merged(middle, windows):
    model, X = with_two_readers() if middle is None else network(20, *middle), windows[::20, :20]
    lowered = lower(model, most_unrolled=0)
    assert not [node.name for node in lowered.nodes if "+" in node.name]
    assert relative_difference(lowered(tf.constant(X), layout=LOOPED).numpy(), np.asarray(model(X))) < 1e-5


def test_few_steps_are_unrolled_and_many_become_loops_unless_the_option_says_otherwise():
    networks = [select_lowering(network(n, layers.LSTM(3)), "auto")[0] for n in (MOST_UNROLLED, MOST_UNROLLED + 1)]
    assert [x.lowering for x in networks] == ["unrolled", "looped"]
    convolving = network(40, layers.Reshape((40, 9, 1)), layers.ConvLSTM1D(2, 3), layers.Flatten())
    assert select_lowering(convolving, "auto")[0].lowering == "unrolled"
    unrolled, _ = select_lowering(network(MOST_UNROLLED + 1, layers.LSTM(3)), "unrolled")
    looped, _ = select_lowering(network(FEWEST_STEPS, layers.LSTM(3)), "looped")
    assert (unrolled.lowering, looped.lowering) == ("unrolled", "looped")
    with pytest.raises(InputError, match="--lstm looped"):
        select_lowering(network(FEWEST_STEPS - 1, layers.LSTM(3)), "looped")
