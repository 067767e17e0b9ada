"""Check TFLite's fused LSTM: Keras's answers, no memory of other windows, and the choice of `auto`."""

import keras
import numpy as np
import pytest
from keras import layers
from model_answers import logits_of

from convert.lowering.network import lower
from convert.lowering_selection import FEW_STEPS, select_lowering
from convert.parity import relative_difference, snr_db
from convert.quantise.tflite_converter import to_float32, to_int8_by_samples
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.system.progress import ignore_progress

pytestmark = pytest.mark.long

STEPS = 36
FORMS = {
    "one": [layers.LSTM(5)],
    "stacked": [layers.LSTM(5, return_sequences=True), layers.LSTM(4, use_bias=False)],
    "backwards": [layers.LSTM(5, go_backwards=True)],
    "both ways": [layers.Bidirectional(layers.LSTM(4, return_sequences=True)), layers.Bidirectional(layers.LSTM(3))],
}


@pytest.fixture(scope="module")
def windows(uci_har):
    X = uci_har.train.X[::300, :STEPS]
    return np.clip((X - X.mean((0, 1))) / X.std((0, 1)), -3, 3).astype(np.float32)


def network(*recurrent: layers.Layer) -> keras.Model:
    keras.utils.set_random_seed(1)
    copies = [x.__class__.from_config(x.get_config()) for x in recurrent]
    return keras.Sequential([keras.Input((STEPS, 9)), *copies, layers.Dense(6)])


def remembering() -> keras.Model:
    """A network whose gates are all open, so that its cells go beyond 10, where the converter would clip them."""
    model = network(layers.LSTM(5))
    kernel, recurrent, bias = model.layers[0].get_weights()
    model.layers[0].set_weights([np.abs(kernel), np.zeros_like(recurrent), np.full_like(bias, 4)])
    model.layers[-1].set_weights([x + 0.3 for x in model.layers[-1].get_weights()])
    return model


@pytest.mark.parametrize("form", FORMS)
def test_the_answers_are_those_of_keras_whatever_windows_came_before(form, windows):
    model = network(*FORMS[form])
    expected = np.asarray(model(windows, training=False))
    flatbuffer = to_float32(lower(model, fused=True))
    assert relative_difference(logits_of(flatbuffer, windows), expected) < 1e-5
    backwards = logits_of(flatbuffer, windows[::-1])[::-1]
    assert np.array_equal(backwards, logits_of(flatbuffer, windows))


@pytest.mark.parametrize("form", FORMS)
def test_the_int8_form_answers_about_the_same_however_small_its_cells_are(form, windows):
    model = network(*FORMS[form])
    expected = np.asarray(model(windows, training=False))
    answers = logits_of(to_int8_by_samples(lower(model, fused=True), windows), windows)
    assert snr_db(answers, expected) > 16


def test_cells_may_be_as_large_as_in_keras(windows):
    model = remembering()
    state = layers.LSTM(5, return_state=True)
    state.build(windows.shape)
    state.set_weights(model.layers[0].get_weights())
    assert np.abs(np.asarray(state(windows)[2])).max() > 12
    expected = np.asarray(model(windows, training=False))
    assert relative_difference(logits_of(to_float32(lower(model, fused=True)), windows), expected) < 1e-5


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (layers.GRU(4, name="mine"), "no fused operator"),
        (layers.LSTM(4, activation="relu", name="mine"), "activation=relu"),
        (layers.LSTM(4, recurrent_activation="hard_sigmoid", name="mine"), "recurrent_activation=hard_sigmoid"),
    ],
)
def test_what_the_operator_cannot_do_is_refused_by_layer_and_option(layer, words):
    with pytest.raises(InputError, match=rf"'mine'.*{words}.*--lstm unrolled"):
        lower(network(layer), fused=True)


def test_few_steps_are_unrolled_unmeasured(windows):
    short = keras.Sequential([keras.Input((STEPS, 9)), layers.AveragePooling1D(2), layers.LSTM(3), layers.Dense(6)])
    chosen = select_lowering(short, "auto", "int8", 10**7, windows, ignore_progress)
    assert chosen.lowering == "unrolled"
    assert chosen.reason == f"of 18 recurrent steps; up to {FEW_STEPS}, that is the faster form"


def test_of_many_steps_the_faster_form_that_is_small_enough_is_taken_and_the_reason_has_both(windows):
    model = network(*FORMS["one"])
    free = select_lowering(model, "auto", "float32", 10**7, windows, ignore_progress)
    assert "unrolled" in free.reason
    assert "fused" in free.reason
    assert free.reason.count("µs as float32") == 2
    small = select_lowering(model, "auto", "float32", 10_000, windows, ignore_progress)
    assert small.lowering == "fused"
    assert "more than --max-size 10" in small.reason


def test_of_very_many_steps_the_unrolled_form_is_not_tried(windows, monkeypatch):
    monkeypatch.setattr("convert.lowering_selection.MANY_STEPS", STEPS - 1)
    chosen = select_lowering(network(*FORMS["one"]), "auto", "float32", 10**7, windows, ignore_progress)
    assert chosen.lowering == "fused"
    assert f"unrolled cannot be used: {STEPS} recurrent steps, more than the {STEPS - 1}" in chosen.reason


def test_a_network_of_which_no_form_is_small_enough_is_refused_with_both_sizes(windows):
    with pytest.raises(CheckFailedError, match=r"unrolled .* kB.*fused .* kB.*--max-size"):
        select_lowering(network(*FORMS["one"]), "auto", "float32", 1000, windows, ignore_progress)
