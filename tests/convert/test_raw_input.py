"""A model that takes raw windows gives the numbers of the one behind it, whose operators and constants it keeps."""

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from keras import layers
from model_answers import logits_of
from programs import MODELS
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

from convert.lowering.network import lower
from convert.quantise.calibration import ActivationRange, observed_ranges
from convert.quantise.raw_input import take_raw_windows
from convert.quantise.tflite_converter import to_dynamic, to_float16, to_float32, to_int8
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import RAW_INPUT, Preparation, dequantise
from edge_runtime.model.interpreters import open_model
from edge_runtime.signals.normalisation import NO_CLIP, Normalisation
from tools import golden

KINDS = {number: name for name, number in vars(schema.BuiltinOperator).items() if isinstance(number, int)}
PLAIN = Normalisation((0.0,) * 3, (1.0,) * 3, (NO_CLIP,) * 3, (None,) * 3)


@pytest.fixture(scope="module")
def normalisation(trained_run) -> Normalisation:
    return cards.load(trained_run.card).normalisation


@pytest.fixture(scope="module")
def forms(lowered, ranges) -> dict[str, bytes]:
    direct = {"float32": to_float32, "float16": to_float16, "dynamic": to_dynamic}
    return {name: form(lowered) for name, form in direct.items()} | {"int8": to_int8(lowered, ranges)}


def kinds_of(flatbuffer: bytes) -> list[str]:
    model = flatbuffer_utils.convert_bytearray_to_object(bytearray(flatbuffer))
    return [KINDS[model.operatorCodes[x.opcodeIndex].builtinCode] for x in model.subgraphs[0].operators]


def answers_of(flatbuffer: bytes, normalisation: Normalisation, X: np.ndarray, **options) -> np.ndarray:
    """The logits of a model of prepared windows, for windows in physical units."""
    model = open_model(flatbuffer, **options)
    prepare = Preparation(normalisation, model.input)
    return np.concatenate([dequantise(model.run(prepare(window)), model.output).copy() for window in X])


@pytest.mark.parametrize(("runtime", "xnnpack"), [("litert", True), ("litert", False), ("tensorflow", True)])
@pytest.mark.parametrize("scheme", ["float32", "float16", "dynamic", "int8"])
def test_answers_are_those_of_prepared_windows(forms, normalisation, uci_har, scheme, xnnpack, runtime):
    raw, X = take_raw_windows(forms[scheme], normalisation), uci_har.test.X[::10]
    model = open_model(raw, runtime, xnnpack=xnnpack)
    assert (model.input.name, model.input.dtype, model.output.dtype) == (RAW_INPUT, "float32", "float32")
    assert model.operators.taken == (model.operators.total if xnnpack else 0)
    answers = np.concatenate([model.run(window[np.newaxis]).copy() for window in X])
    assert answers.tobytes() == answers_of(forms[scheme], normalisation, X, runtime=runtime, xnnpack=xnnpack).tobytes()


def test_every_int8_value_is_numpys(uci_har):
    """Inside the shipped graph, by TFLite's own kernels, whose tensors can be read."""
    flatbuffer, card = cards.read_model(MODELS["int8"])
    tensor = golden.quantised_windows(open_model(flatbuffer))
    prepare = Preparation(card.normalisation, tensor)
    interpreter = Interpreter(
        model_content=flatbuffer,
        experimental_preserve_all_tensors=True,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    for window in uci_har.test.X[::5]:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], window[np.newaxis])
        interpreter.invoke()
        found = interpreter.get_tensor(tensor.index).reshape(window.shape)
        assert np.array_equal(found, prepare(window)[0])


def network(samples: int, signals: int, *front: layers.Layer) -> keras.Model:
    """A network with other layers in front, from a seed."""
    keras.utils.set_random_seed(3)
    return keras.Sequential([keras.Input((samples, signals)), *front, layers.Flatten(), layers.Dense(4)])


@pytest.mark.parametrize(
    ("samples", "front", "normalisation"),
    [
        (200, "flat", PLAIN),
        (200, "flat", Normalisation((0.5, 0.0, -9.0), (1.0,) * 3, (NO_CLIP,) * 3, (None,) * 3)),
        (7, "lstm", Normalisation((0.0,) * 3, (2.0, 1.0, 0.1), (3.0, NO_CLIP, 2.0), (None,) * 3)),
        (60, "convolution", Normalisation((0.1, 0.2, 0.3), (2.0, 1.0, 0.5), (3.0,) * 3, (0.25, None, 2.0))),
        (128, "pool", Normalisation((0.1, 0.2, 0.3), (2.0, 1.0, 0.5), (3.0,) * 3, (0.25,) * 3)),
    ],
)
def test_windows_of_any_length_and_networks_of_any_layers(samples, front, normalisation):
    first = {
        "lstm": [layers.LSTM(5, return_sequences=True)],
        "convolution": [layers.Conv1D(4, 3)],
        "pool": [layers.MaxPooling1D(4), layers.GRU(3)],
        "flat": [],
    }[front]
    lowered = lower(network(samples, 3, *first))
    X = (np.random.default_rng(1).normal(size=(12, samples, 3)) * [0.2, 2, 20]).astype(np.float32)
    ranges = observed_ranges(lowered, normalisation.apply(X))
    for flatbuffer in (to_float32(lowered), to_int8(lowered, ranges)):
        raw = take_raw_windows(flatbuffer, normalisation)
        for xnnpack in (True, False):
            answers = logits_of(raw, X, xnnpack=xnnpack)
            expected = answers_of(flatbuffer, normalisation, X, xnnpack=xnnpack)
            assert answers.tobytes() == expected.tobytes()


def test_values_are_cut_at_the_clip_where_int8_reaches_beyond_it():
    """As where windows share the range of states that are larger."""
    lowered = lower(network(20, 3))
    normalisation = Normalisation((0.0,) * 3, (1.0,) * 3, (3.0, 3.0, 2.0), (None,) * 3)
    X = 6 * np.random.default_rng(1).normal(size=(12, 20, 3)).astype(np.float32)
    ranges = observed_ranges(lowered, normalisation.apply(X)) | {"input": ActivationRange(-8.0, 7.0)}
    int8 = to_int8(lowered, ranges)
    answers = logits_of(take_raw_windows(int8, normalisation), X)
    assert answers.tobytes() == answers_of(int8, normalisation, X).tobytes()
    assert (answers != logits_of(take_raw_windows(int8, PLAIN), X)).any()


def test_nothing_is_put_in_front_of_a_network_of_physical_units():
    lowered = lower(network(20, 3))
    float32, int8 = to_float32(lowered), to_int8(lowered, observed_ranges(lowered, np.ones((2, 20, 3), np.float32)))
    assert kinds_of(take_raw_windows(float32, PLAIN)) == kinds_of(float32)
    front, *body, back = kinds_of(take_raw_windows(int8, PLAIN))
    assert (front, body, back) == ("QUANTIZE", kinds_of(int8), "DEQUANTIZE")
