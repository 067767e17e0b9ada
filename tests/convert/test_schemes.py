"""Check that each form on each runtime answers as the network does, within the form's precision."""

import sys

import looped_model
import numpy as np
import pytest
from model_answers import rms
from programs import ROOT, run_program, succeeded

from convert.conversion_worker import cannot_be_mixed, int8_or_mixed
from convert.parity import snr_db
from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.scheme_names import SCHEMES
from edge_runtime.system.progress import ignore_progress

# Limits of the signal-to-noise ratio of the logits against Keras, in dB. Above the upper limit, the file would be
# another form.
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


@pytest.fixture(scope="module")
def keras_logits(converted_run, trained_network, uci_har):
    X = cards.load(converted_run.card).normalisation.apply(uci_har.test.X[::10])
    return np.asarray(trained_network(X, training=False))


@pytest.fixture(scope="module")
def answers(converted_run, uci_har, tflite_runtime_python, tmp_path_factory):
    """Logits by runtime and scheme; each runtime has its own process."""
    folder, X = tmp_path_factory.mktemp("answers"), uci_har.test.X[::10]
    np.save(folder / "windows.npy", X)
    loops = looped_model.write(folder / "loops.tflite", X)
    logits = {}
    for runtime in RUNTIMES:
        python = tflite_runtime_python if runtime == "tflite-runtime" else sys.executable
        files = (folder / "windows.npy", folder / f"{runtime}.npy", *map(converted_run.tflite, SCHEMES), loops)
        succeeded(run_program(python, "-c", CLASSIFY, runtime, *files, cwd=ROOT))
        logits[runtime] = dict(zip((*SCHEMES, "loops"), np.load(folder / f"{runtime}.npy"), strict=True))
    return logits


@pytest.mark.long
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_every_runtime_answers_as_keras_does_and_has_the_same_loops(answers, keras_logits, runtime, scheme):
    logits = answers[runtime][scheme]
    least, most = PRECISION[scheme]
    assert least < snr_db(logits, keras_logits) < most
    assert np.mean(logits.argmax(1) == keras_logits.argmax(1)) > 0.97
    older, newer = answers["tflite-runtime"]["loops"], answers["litert"]["loops"]
    assert np.array_equal(answers["tensorflow"]["loops"], newer)
    assert rms(older - newer) <= 0.2 * rms(newer)  # its own kernels differ by a step here and there


class Converted:
    """A stand-in for a network; each form changes the share of its answers that `shares` gives."""

    def __init__(self, has_cells: bool = True, **shares: float) -> None:
        self.has_cells = has_cells
        self.forms: list[str] = []
        self.share_changed = shares.__getitem__
        self.convert = lambda scheme, on_progress: self.forms.append(scheme)


@pytest.mark.parametrize(
    ("int8", "mixed", "left_out"),
    [
        ((0.0, 0.01), (0, 0), None),
        ((0.0, 0.011), (0.004, 0.0055), "int8"),
        ((0.03, 0.0), (0.002, 0.016), "mixed"),
        ((0.2, 0.2), (0.05, 0.1), "int8"),
    ],
)
def test_the_network_that_changes_most_decides_for_all(int8, mixed, left_out):
    networks = [Converted(int8=a, mixed=b) for a, b in zip(int8, mixed, strict=True)]
    reasons = int8_or_mixed(networks, 1.0, ignore_progress)
    assert list(reasons) == ([left_out] if left_out else [])
    assert [network.forms for network in networks] == [["mixed"] if left_out else []] * 2


def test_a_network_without_a_cell_has_no_mixed_form():
    networks = [Converted(has_cells=False, int8=0.5, mixed=0.0)]
    assert not int8_or_mixed(networks, 1.0, ignore_progress)
    assert list(cannot_be_mixed(networks, ("mixed", "int8"))) == ["mixed"]
    with pytest.raises(InputError, match="mixed"):
        cannot_be_mixed(networks, ("mixed",))
    assert not cannot_be_mixed([Converted()], ("mixed",))
