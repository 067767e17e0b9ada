"""Check that each form on each runtime answers as the network does, within the form's precision."""

import sys

import keras
import looped_model
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from model_answers import logits_of, rms
from programs import ROOT, run_program, succeeded

from convert.conversion_job import ConversionJob
from convert.conversion_worker import cannot_be_mixed, int8_or_mixed
from convert.lowering.network import lower
from convert.options import Options
from convert.parity import snr_db
from convert.quantise.calibration import observed_ranges
from convert.quantise.tflite_converter import to_int8
from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.runs import SCHEMES

# The signal-to-noise ratio of the logits against Keras's, in dB: at least what the form promises, and not more than it
# can have, for then it would be another form.
PRECISION = {"float32": (110, 200), "float16": (60, 100), "dynamic": (28, 60), "mixed": (20, 50), "int8": (20, 45)}
RUNTIMES = ("litert", "tflite-runtime", "tensorflow")

CLASSIFY = """
import sys
import numpy as np
from edge_runtime.model.classifier import Classifier
runtime, windows, answers, *models = sys.argv[1:]
X = np.load(windows)
np.save(answers, [Classifier(model, runtime=runtime).logits(X) for model in models])
"""

RUN = """
import sys
import numpy as np
from edge_runtime.model.classifier import Quantiser, dequantise
from edge_runtime.model.interpreters import open_model
windows, answers, path = sys.argv[1:]
model = open_model(open(path, "rb").read(), "tflite-runtime")
prepare = Quantiser(model.input)
logits = [dequantise(model.run(prepare(x[None])), model.output).copy() for x in np.load(windows)]
np.save(answers, np.concatenate(logits))
"""


@pytest.fixture(scope="module")
def keras_logits(converted_run, trained_network, uci_har):
    X = cards.load(converted_run.card).normalisation.apply(uci_har.test.X[::10])
    return np.asarray(trained_network(X, training=False))


@pytest.fixture(scope="module")
def answers(converted_run, uci_har, tflite_runtime_python, tmp_path_factory):
    """Logits by runtime and scheme, each runtime in a process of its own."""
    folder, X = tmp_path_factory.mktemp("answers"), uci_har.test.X[::10]
    np.save(folder / "windows.npy", X)
    loops = looped_model.write(folder / "loops.tflite", X)
    found = {}
    for runtime in RUNTIMES:
        python = tflite_runtime_python if runtime == "tflite-runtime" else sys.executable
        files = (folder / "windows.npy", folder / f"{runtime}.npy", *map(converted_run.tflite, SCHEMES), loops)
        succeeded(run_program(python, "-c", CLASSIFY, runtime, *files, cwd=ROOT))
        found[runtime] = dict(zip((*SCHEMES, "loops"), np.load(folder / f"{runtime}.npy"), strict=True))
    return found


@pytest.mark.long
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_parity_with_keras_and_of_loops_in_tensorflow(answers, keras_logits, runtime, scheme):
    logits = answers[runtime][scheme]
    least, most = PRECISION[scheme]
    assert least < snr_db(logits, keras_logits) < most
    assert np.mean(logits.argmax(1) == keras_logits.argmax(1)) > 0.97
    assert np.array_equal(answers["tensorflow"]["loops"], answers["litert"]["loops"])


@pytest.mark.long
def test_loops_answer_about_alike_in_the_older_runtime(uci_har, tflite_runtime_python, tmp_path):
    """Its own kernels differ by a step here and there, of untrained logits."""
    X = uci_har.train.X[::300]
    X = np.clip((X - X.mean((0, 1))) / X.std((0, 1)), -3, 3).astype(np.float32)[:, :40]
    both = layers.Bidirectional(layers.LSTM(6, return_sequences=True))
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [keras.Input((40, 9)), both, *(layers.LSTM(n, return_sequences=n == 8) for n in (8, 7)), layers.Dense(6)]
    )
    for weight in model.weights:
        weight.assign(weight + 0.2 * keras.random.normal(weight.shape, seed=2))
    lowered = lower(model)
    (tmp_path / "int8.tflite").write_bytes(to_int8(lowered, observed_ranges(lowered, tf.constant(X))))
    np.save(tmp_path / "windows.npy", X)
    files = (tmp_path / "windows.npy", tmp_path / "answers.npy", tmp_path / "int8.tflite")
    succeeded(run_program(tflite_runtime_python, "-c", RUN, *files, cwd=ROOT))
    expected = logits_of((tmp_path / "int8.tflite").read_bytes(), X)
    assert 0 < rms(np.load(tmp_path / "answers.npy") - expected) <= 0.1 * rms(expected)


class Converted:
    """A network whose forms change these shares of the answers."""

    def __init__(self, has_cells: bool = True, **shares: float) -> None:
        self.has_cells = has_cells
        self.made: list[str] = []
        self.share_changed = lambda scheme, job: shares[scheme]
        self.convert = lambda scheme, job, tell: self.made.append(scheme)


@pytest.mark.parametrize(
    ("int8", "mixed", "left_out"),
    [
        ((0.0, 0.01), (0, 0), None),
        ((0.0, 0.011), (0.004, 0.0055), "int8"),
        ((0.03, 0.0), (0.002, 0.016), "mixed"),
        ((0.2, 0.2), (0.05, 0.1), "int8"),
    ],
)
def test_the_network_that_changes_most_decides_for_all(tmp_path, int8, mixed, left_out):
    networks = [Converted(int8=a, mixed=b) for a, b in zip(int8, mixed, strict=True)]
    job = ConversionJob(tmp_path, tmp_path, Options(("int8",), or_mixed=True, max_drop=1))
    found = int8_or_mixed(networks, job, lambda share, text: None)
    assert list(found) == ([left_out] if left_out else [])
    assert {x.made == ["mixed"] for x in networks} == {left_out is not None}


def test_a_network_without_a_cell_is_never_mixed(tmp_path):
    networks = [Converted(has_cells=False, int8=0.5, mixed=0.0)]
    assert not int8_or_mixed(networks, ConversionJob(tmp_path, tmp_path, Options()), lambda share, text: None)
    assert list(cannot_be_mixed(networks, ("mixed", "int8"))) == ["mixed"]
    with pytest.raises(InputError, match="mixed"):
        cannot_be_mixed(networks, ("mixed",))
    assert not cannot_be_mixed([Converted()], ("mixed",))
