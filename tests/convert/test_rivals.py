"""Check the rivals of a network: they answer as Keras does, or a sentence says why one is missing."""

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from keras import layers
from programs import MODELS
from small_networks import NETWORKS, SEQUENCE, SIGNALS, network, windows

from convert.conversion import convert
from convert.conversion_input import load_networks
from convert.conversion_job import ConversionJob
from convert.keras_files import load_network
from convert.lowering.network import lower
from convert.parity import relative_difference
from convert.quantise.compaction import read
from convert.quantise.raw_input import take_raw_windows
from convert.quantise.tflite_converter import to_float32
from convert.rivals import rival_job
from convert.rivals.forms import fused, in_dynamic, in_float, stock, to_dynamic, to_onnx
from convert.rivals.rival_job import CARD, FORMS, make_rivals
from convert.rivals.rival_worker import RivalMaker
from edge_runtime.bench import measurement
from edge_runtime.bench.rounds import MeasurementSettings
from edge_runtime.devices.python import PythonDevice
from edge_runtime.errors import InputError
from edge_runtime.model import model_card
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.model_file import ModelFile
from edge_runtime.model.onnx_model import count_operators, open_onnx
from edge_runtime.model.rivals import ONNX, STOCK
from edge_runtime.signals.normalisation import NO_CLIP, Normalisation
from edge_runtime.system.progress import ignore_progress


def difference(model: keras.Model, content: bytes, X: np.ndarray) -> float:
    opened = open_model(content) if content[4:8] == b"TFL3" else open_onnx(content)
    answers = np.concatenate([opened.run(window[np.newaxis]).copy() for window in X])
    return relative_difference(answers, np.asarray(model(X, training=False)))


# Networks with other recurrent layers than the networks before; the others repeat them.
QUICK = ("stacked", "both ways", "backwards", "convolutions")
NO_OPERATOR = ("GRUs of both kinds", "other functions")


@pytest.mark.parametrize(
    "name",
    [pytest.param(x, marks=() if x in QUICK else pytest.mark.long) for x in NETWORKS if x not in NO_OPERATOR],
)
def test_an_onnx_graph_answers_as_keras_does_and_its_dynamic_form_nearly_so(name):
    model, X = network(*NETWORKS[name]), windows()
    graph = to_onnx(model)
    assert difference(model, graph.SerializeToString(), X) < 1e-4
    assert 0 < difference(model, to_dynamic(graph).SerializeToString(), X) < 0.2


def test_each_recurrent_layer_is_one_operator_and_convolutions_include_the_layers_after_them():
    stack = [layers.LSTM(6, **SEQUENCE), layers.GRU(3)]
    model = network(layers.Conv1D(8, 3), layers.BatchNormalization(), layers.ReLU(), *stack)
    content = to_onnx(model).SerializeToString()
    kinds = count_operators(content)
    assert [kinds[kind] for kind in ("Conv", "LSTM", "GRU")] == [1, 1, 1]
    assert not {"Loop", "Scan", "BatchNormalization"} & kinds.keys()
    assert difference(model, content, windows()) < 1e-4


@pytest.mark.long
@pytest.mark.parametrize("name", ["LSTM behind a convolution", "stacked"])
def test_tensorflow_s_forms_answer_as_keras_does_whatever_window_came_before(name):
    model, X = network(*NETWORKS[name]), windows()
    forms = [stock(model, in_float), fused(model, in_float)]
    assert max(difference(model, form, X) for form in forms) < 1e-4
    assert difference(model, stock(model, in_dynamic), X) < 0.2
    options = [operator.builtinOptions for operator in read(forms[1]).subgraphs[0].operators]
    clips = {x.cellClip for x in options if isinstance(x, schema.UnidirectionalSequenceLSTMOptionsT)}
    assert clips == {0.0}  # cells may grow as in Keras


def fused_in_float(model: keras.Model) -> bytes:
    return fused(model, in_float)


@pytest.mark.parametrize(
    ("make", "middle", "word"),
    [
        (fused_in_float, [layers.GRU(4, name="mine")], "'mine'"),
        (fused_in_float, [layers.LSTM(4, activation="relu", name="mine")], "'mine'.*activation"),
        (fused_in_float, [layers.GlobalAveragePooling1D()], "recurrent"),
        (to_onnx, [layers.LSTM(4, recurrent_activation="silu", name="mine")], "'mine'.*recurrent_activation=silu"),
        (to_onnx, [layers.Reshape((5, 4, SIGNALS)), layers.ConvLSTM1D(2, 1, name="mine"), layers.Flatten()], "'mine'"),
    ],
)
def test_a_network_that_has_no_such_rival_is_refused_by_layer_and_option(make, middle, word):
    with pytest.raises(InputError, match=word):
        make(network(*middle))


def test_a_graph_that_prepares_windows_answers_as_the_network_does_to_prepared_windows():
    """Signals may have a mean, a clip and a knee, or not."""
    model, X = network(layers.LSTM(4)), 3 * windows()
    plain = Normalisation((0.0,) * 5, (1.0,) * 5, (NO_CLIP,) * 5, (None,) * 5)
    mean, std = (0.0, 1.0, -2.0, 0.5, 0.0), (1.0, 2.0, 0.5, 1.5, 3.0)
    full = Normalisation(mean, std, (4.0, 4.0, 3.0, 4.0, NO_CLIP), (None, 0.5, 1.0, None, None))
    alike = Normalisation(mean, std, (2.0,) * 5, (0.5,) * 5)
    for normalisation in (plain, full, alike):
        content = to_onnx(model, normalisation).SerializeToString()
        answers = np.concatenate([open_onnx(content).run(window[np.newaxis]) for window in X])
        assert relative_difference(answers, np.asarray(model(normalisation.apply(X), training=False))) < 1e-5


@pytest.fixture
def job(tmp_path):
    """Rivals of a small network for the embedded data's windows."""
    network(layers.AveragePooling1D(16), layers.GRU(4), samples=128, signals=9).save(tmp_path / "mine.keras")
    return ConversionJob(tmp_path / "mine.keras", rivals=True, normalisation="data")


@pytest.mark.long
def test_each_rival_is_there_or_a_sentence_says_why_not_and_float_ones_score_as_har_edge_does(job, tmp_path, few):
    record = convert(job).rivals
    assert [rival.tool for rival in record.rivals] == [STOCK, STOCK, ONNX, ONNX]
    assert record.absent.keys() == {"fused LSTM float32"}
    path = tmp_path / "rivals" / "mine.json"
    assert {file.name for file in path.parent.iterdir()} == {path.name, *(rival.file for rival in record.rivals)}
    card = record.read_card(path)
    assert card.raw_input
    float32 = take_raw_windows(to_float32(lower(load_network(job.source))), card.normalisation)
    models = [ModelFile("mine", model_card.attach(float32, card), card)]
    for rival in record.rivals:
        file = path.with_name(rival.file)
        models.append(ModelFile(rival.name, file.read_bytes(), card, file, rival))
    report = measurement.measure(models, few, PythonDevice(), MeasurementSettings(rounds=1, control=False))
    assert {result.accuracy for result in report.results if result.is_float} == {report.results[0].accuracy}
    assert {result.agreement for result in report.results if result.is_float} == {None, 1.0}
    assert all(result.raw_input and result.agreement > 0.9 for result in report.results[1:])


def test_a_float_rival_may_not_answer_differently_but_a_quantised_rival_may(job, few):
    (conversion,) = load_networks(job, few)
    maker = RivalMaker(conversion)
    float32, dynamic = (form for form in FORMS if form.tool == ONNX)
    maker.check(float32, maker.make(float32))
    kernel, bias = conversion.model.layers[-1].get_weights()
    conversion.model.layers[-1].set_weights([1.01 * kernel, bias])
    other = RivalMaker(conversion).make(float32)
    maker.check(dynamic, other)
    with pytest.raises(InputError, match="differ"):
        maker.check(float32, other)


def test_a_converter_that_hangs_costs_only_its_own_form(tmp_path, monkeypatch):
    """The stand-in for the process makes float forms, refuses the fused form, and hangs at dynamic forms."""
    job = ConversionJob(tmp_path / "mine.keras", rivals=True)
    job.source.write_bytes(b"a network")
    model_card.save(model_card.read_model(MODELS["int8"])[1], tmp_path / CARD)

    def run(name, advice, module, text, scratch, *files, on_progress, on_message, seconds):
        for form in FORMS:
            if form.file not in files:
                continue
            if form.scheme == "dynamic":
                raise TimeoutError
            (tmp_path / form.file).write_bytes(b"content")
            on_message({"rival": form.name, "refusal": "no such layer" if "fused" in form.file else None})

    monkeypatch.setattr(rival_job.child_processes, "run_in_child", run)
    record = make_rivals(job, tmp_path, ignore_progress)
    assert [rival.name for rival in record.rivals] == ["TensorFlow stock float32", "ONNX Runtime float32"]
    assert list(record.absent) == ["TensorFlow stock dynamic", "fused LSTM float32", "ONNX Runtime dynamic"]
    assert "more than" in record.absent["TensorFlow stock dynamic"]
    assert record.absent["fused LSTM float32"] == "no such layer"
