"""A run that was really trained and converted, briefly, through the command; made once for all tests."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from programs import MODELS, Finished, har_edge, succeeded

from edge_runtime.bench import measurement
from edge_runtime.bench.aggregation import ModelFile
from edge_runtime.data import dataset, loading
from edge_runtime.model import model_card
from edge_runtime.runs import Run

EPOCHS = 4  # enough for about 94 % on the test subjects


@pytest.fixture(scope="session")
def uci_har() -> dataset.Dataset:
    return loading.load_data(None)


@pytest.fixture(scope="session")
def few(uci_har) -> dataset.Dataset:
    """The data with every 20th test window."""
    test = uci_har.test
    return replace(uci_har, test=dataset.Split(test.X[::20], test.y[::20], test.subject[::20]))


@pytest.fixture(scope="session")
def models() -> list[ModelFile]:
    """The reference models."""
    return [*map(measurement.open_file, MODELS.values())]


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory) -> Run:
    """`har-edge train`, shortened."""
    folder = tmp_path_factory.mktemp("trained")
    succeeded(har_edge("train", "--epochs", EPOCHS, "--out", "runs/short", cwd=folder))
    return Run(folder / "runs" / "short")


@pytest.fixture(scope="session")
def conversion(trained_run) -> Finished:
    """`har-edge convert` of that run in every form, as it ended."""
    folder = trained_run.folder.parent.parent
    return succeeded(har_edge("convert", "--quantize-as", "all", cwd=folder, env={"COLUMNS": "80"}))


@pytest.fixture(scope="session")
def converted_run(trained_run, conversion) -> Run:
    """Convert that run to a model of every form."""
    del conversion
    return trained_run


@pytest.fixture(scope="session")
def trained_network(trained_run):
    import keras

    return keras.models.load_model(trained_run.model)


@pytest.fixture(scope="session")
def normalised_windows(trained_run, uci_har):
    """Real windows of people the network was not trained on, as the network takes them."""
    return model_card.load(trained_run.card).normalisation.apply(uci_har.test.X[::10])


@pytest.fixture(scope="session")
def keras_logits(trained_network, normalised_windows):
    return np.asarray(trained_network(normalised_windows, training=False))


@pytest.fixture(scope="session")
def lowered(trained_network):
    from convert.lowering.network import lower

    return lower(trained_network)


@pytest.fixture(scope="session")
def ranges(lowered, normalised_windows):
    """The calibrated activation ranges of that network."""
    from convert.quantise.calibration import calibrate

    return calibrate(lowered, normalised_windows[::3], lambda done, of: None)


def ruin_in_int8(path: Path) -> None:
    """Make one logit of the network at `path` so large that the others vanish in int8's shared scale."""
    import keras

    network = keras.models.load_model(path)
    dense = network.get_layer("logits")
    dense.set_weights([x * [1e3, 1, 1, 1, 1, 1] for x in dense.get_weights()])
    network.save(path)


def run_card(run: Run) -> dict:
    return json.loads(run.card.read_text())
