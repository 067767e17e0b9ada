"""Check recurrent layers as loops: Keras's answers, the unrolled form's int8 values, integers and XNNPACK inside."""

from dataclasses import replace

import keras
import numpy as np
import pytest
import small_networks
import tensorflow as tf
from keras import layers
from model_answers import logits_of
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from convert.lowering.cells import IN_FLOAT
from convert.lowering.network import MOST_UNROLLED, Lowered, lower, select_lowering
from convert.lowering.recurrent_layers import FEWEST_STEPS
from convert.parity import relative_difference, snr_db
from convert.quantise.calibration import observed_ranges
from convert.quantise.tflite_converter import to_dynamic, to_float16, to_float32, to_int8
from edge_runtime.errors import InputError
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.operator_costs import count

NETWORKS = {
    "one layer": (20, [layers.LSTM(6)]),
    "a remainder": (23, [layers.LSTM(6, return_sequences=True), layers.GlobalAveragePooling1D()]),
    "backwards": (20, [layers.LSTM(6, return_sequences=True, go_backwards=True), layers.Flatten()]),
    "stacked": (20, [layers.LSTM(6, return_sequences=True), layers.Dropout(0.5), layers.LSTM(5)]),
    "three stacked, a remainder": (
        21,
        [
            *(layers.LSTM(n, return_sequences=True, use_bias=False) for n in (3, 7)),
            layers.LSTM(4, return_sequences=True),
            layers.Flatten(),
        ],
    ),
    "both ways": (20, [layers.Bidirectional(layers.LSTM(n, return_sequences=n > 3)) for n in (5, 4, 3)]),
    "both ways, joined otherwise": (
        19,
        [
            layers.Bidirectional(layers.LSTM(4, return_sequences=True), merge_mode="mul"),
            layers.Bidirectional(layers.GRU(4, return_sequences=True, reset_after=False), merge_mode="ave"),
            layers.Conv1D(5, 3, strides=2, activation="relu"),
            layers.GRU(3),
        ],
    ),
    "GRU stacked": (20, [layers.GRU(6, return_sequences=True), layers.GRU(5)]),
    "GRU without reset_after": (
        20,
        [layers.GRU(6, return_sequences=True, reset_after=False), layers.GRU(5, reset_after=False)],
    ),
    "other functions": (20, [layers.LSTM(6, activation="relu", recurrent_activation="hard_sigmoid")]),
    "simple": (20, [layers.SimpleRNN(6, return_sequences=True), layers.SimpleRNN(5)]),
}


def network(n_steps: int, *middle: layers.Layer) -> keras.Model:
    return small_networks.network(*middle, samples=n_steps, signals=9)


@pytest.fixture(scope="module")
def windows(uci_har):
    X = uci_har.train.X[::300]
    return np.clip((X - X.mean((0, 1))) / X.std((0, 1)), -3, 3).astype(np.float32)


@pytest.fixture(scope="module", params=NETWORKS)
def case(request, windows) -> tuple[keras.Model, Lowered, np.ndarray]:
    n_steps, middle = NETWORKS[request.param]
    model = network(n_steps, *middle)
    return model, lower(model, most_unrolled=0), windows[:, :n_steps]


@pytest.fixture(scope="module")
def int8(case) -> bytes:
    _, lowered, X = case
    return to_int8(lowered, observed_ranges(lowered, tf.constant(X)))


def test_a_loop_answers_as_keras_does(case):
    model, lowered, X = case
    assert lowered.lowering == "looped"
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
def test_a_loop_is_integer_and_is_given_and_gives_what_its_body_has_inside(int8):
    """No operator converts at a turn, nor at the loop's border."""
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(int8))
    integers = {schema.TensorType.INT8, schema.TensorType.INT32, schema.TensorType.BOOL}
    assert {x.type for graph in model.subgraphs for x in graph.tensors} <= integers
    assert "DEQUANTIZE" not in open_model(int8).operators.counts
    main = model.subgraphs[0]
    loops = [x for x in main.operators if isinstance(x.builtinOptions, schema.WhileOptionsT)]
    assert loops
    for loop in loops:
        body, condition = (
            model.subgraphs[x] for x in (loop.builtinOptions.bodySubgraphIndex, loop.builtinOptions.condSubgraphIndex)
        )
        borders = ((main, loop.inputs), (main, loop.outputs), (body, body.inputs), (body, body.outputs))
        for tensors in zip(*([graph.tensors[i] for i in x] for graph, x in borders), strict=True):
            scales = {None if x.quantization is None else float(x.quantization.scale[0]) for x in tensors}
            assert len(scales) == len({x.type for x in tensors}) == 1
        assert [x.type for x in (condition.tensors[i] for i in condition.inputs)] == [
            body.tensors[i].type for i in body.inputs
        ]


@pytest.mark.long
def test_xnnpack_takes_all_of_the_steps(int8):
    operators = open_model(int8).operators
    n_loops = operators.counts["WHILE"]
    # The loop, its counter, the rows of a turn, the sequence from its end; and ReLU, left in int8.
    assert set(operators.left) <= {"WHILE", "ADD", "SLICE", "REVERSE_V2", "RELU"}
    assert operators.left["WHILE"] == operators.left["ADD"] == operators.left["SLICE"] == n_loops


@pytest.mark.parametrize("form", [to_dynamic, to_float16])
def test_forms_with_smaller_weights_answer_about_the_same(form, windows):
    X = windows[:, :100]
    model = network(100, layers.LSTM(20, return_sequences=True), layers.LSTM(20))
    flatbuffer = form(lower(model))
    assert open_model(flatbuffer).scheme == form.__name__.removeprefix("to_")
    assert snr_db(logits_of(flatbuffer, X), np.asarray(model(X, training=False))) > 25


def test_a_file_does_not_grow_with_the_number_of_turns():
    sizes = {len(to_float32(lower(network(2 + 6 * n_turns, layers.LSTM(6))))) for n_turns in (8, 16)}
    assert max(sizes) - min(sizes) <= 16


def test_the_work_of_a_loop_is_counted_for_each_turn():
    short, long = (open_model(to_float32(lower(network(2 + 6 * n, layers.LSTM(6))))) for n in (8, 16))
    assert [sorted(y.turns for y in x.graphs) for x in (short, long)] == [[0, 1, 8], [0, 1, 16]]
    macs = [count(x.graphs)["FULLY_CONNECTED"].macs for x in (short, long)]
    assert macs == [n * 24 * (9 + 6) + 36 for n in (2 + 48, 2 + 96)]


def names(model: keras.Model) -> list[str]:
    return [x.name for x in lower(model).nodes]


def assert_not_merged(model: keras.Model, X: np.ndarray) -> None:
    assert not [x for x in names(model) if "+" in x]
    looped = replace(IN_FLOAT, looped=True)
    assert relative_difference(lower(model)(tf.constant(X), layout=looped).numpy(), np.asarray(model(X))) < 1e-5


def test_layers_that_stand_on_each_other_and_both_directions_are_merged():
    both = layers.Bidirectional(layers.LSTM(4, return_sequences=True), name="both")
    stack = [layers.LSTM(n, return_sequences=n < 6, name=f"lstm_{n}") for n in (4, 5, 6)]
    assert names(network(40, *stack))[0] == "lstm_4+lstm_5+lstm_6"
    assert names(network(40, both, stack[2]))[:4] == ["both.forward+backward", "both.forward", "both.backward", "both"]


@pytest.mark.parametrize(
    "middle",
    [
        [layers.LSTM(4, return_sequences=True), layers.LSTM(4, activation="relu")],
        [layers.LSTM(4, return_sequences=True), layers.LSTM(4, go_backwards=True)],
        [layers.LSTM(4, return_sequences=True), layers.GRU(4)],
        [layers.GRU(4, return_sequences=True), layers.GRU(4, reset_after=False)],
        [layers.LSTM(4, return_sequences=True), layers.BatchNormalization(), layers.LSTM(4)],
        [layers.Bidirectional(layers.LSTM(4), backward_layer=layers.LSTM(4, activation="relu", go_backwards=True))],
        [layers.Bidirectional(layers.LSTM(4), backward_layer=layers.GRU(4, go_backwards=True))],
        [layers.LSTM(80, return_sequences=True), layers.LSTM(80)],
    ],
    ids=["functions", "backwards", "kinds", "reset", "between", "functions of directions", "directions", "large"],
)
def test_what_has_other_equations_or_stands_apart_or_is_large_is_not_merged(middle, windows):
    assert_not_merged(network(40, *middle), windows[:, :40])


def test_a_sequence_that_others_take_too_is_not_merged_away(windows):
    x = keras.Input((40, 9))
    first = layers.LSTM(5, return_sequences=True)(x)
    y = layers.Add()([first, layers.LSTM(5, return_sequences=True)(first)])
    model = keras.Model(x, layers.Dense(6)(layers.LSTM(4)(y)))
    assert_not_merged(model, windows[:, :40])


def test_few_steps_are_written_out_and_many_become_loops():
    chosen = {n: select_lowering(network(n, layers.LSTM(3)), "auto") for n in (MOST_UNROLLED, MOST_UNROLLED + 1)}
    assert [x.lowering for x, _ in chosen.values()] == ["unrolled", "looped"]
    assert [str(n) in reason for n, (_, reason) in chosen.items()] == [True, True]
    convolving = network(40, layers.Reshape((40, 9, 1)), layers.ConvLSTM1D(2, 3), layers.Flatten())
    assert select_lowering(convolving, "auto")[0].lowering == "unrolled"


def test_the_form_that_was_asked_for_is_taken():
    short, long = (network(n, layers.LSTM(3)) for n in (FEWEST_STEPS, 100))
    for model, wanted in ((short, "looped"), (long, "unrolled")):
        chosen, _ = select_lowering(model, wanted)
        assert chosen.lowering == wanted
        found = open_model(to_float32(chosen)).operators.counts
        assert ("WHILE" in found) == (wanted == "looped")
    with pytest.raises(InputError, match="--lstm looped"):
        select_lowering(network(FEWEST_STEPS - 1, layers.LSTM(3)), "looped")
