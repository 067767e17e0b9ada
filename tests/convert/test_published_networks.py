"""Check that published networks are built as their sources say, and convert as they were published."""

import keras
import numpy as np
import pytest
from model_answers import logits_of

from convert.conversion_input import load_networks
from convert.conversion_job import ConversionJob
from convert.keras_files import load_network
from convert.lowering.network import lower
from convert.network_borders import as_logits
from convert.parity import FLOAT_TOLERANCE, relative_difference
from convert.quantise.tflite_converter import to_float32
from tools.published_networks.networks import CLASSES, NETWORKS

PARAMETERS = {
    **{"brownlee-lstm": 54_706, "brownlee-cnn-lstm": 423_650, "brownlee-convlstm": 249_026, "stacked-lstm": 17_158},
    **{"residual-bidir-lstm": 41_726, "deep-conv-lstm": 555_334, "lstm-cnn": 49_990, "ispl-cnn-lstm": 3_501_830},
    **{"ispl-bilstm": 167_654, "lstm-fcn": 279_126, "mlstm-fcn": 289_366, "icgnet": 163_806, "tinierhar": 9_701},
    **{"cnn-bilstm-attention": 181_510, "gru-trio": 2_040, "transformer": 162_318},
}
each_network = pytest.mark.parametrize("name", NETWORKS)


@each_network
def test_it_has_the_input_the_classes_and_the_size_of_its_source(name):
    network = NETWORKS[name].network()
    assert network.input_shape == (None, *NETWORKS[name].input_shape)
    assert network.output_shape == (None, CLASSES)
    assert network.count_params() == PARAMETERS[name]


@pytest.mark.long
@each_network
def test_it_converts_as_it_was_published(name, uci_har, tmp_path):
    """Its file is converted like a user's, and the answers are Keras's before the softmax."""
    published, path = NETWORKS[name], tmp_path / "network.keras"
    windows = uci_har.train.X[::1500]
    keras.utils.set_random_seed(0)
    network, generator = published.network(), np.random.default_rng(0)
    for weight in network.weights:  # also those that begin as zeros or ones: each part matters
        weight.assign(np.asarray(weight) + np.abs(generator.normal(0, 0.05, weight.shape)))
    network.save(path)
    expected = np.asarray(as_logits(load_network(path))(published.arrange(windows), training=False))
    (conversion,) = load_networks(ConversionJob(path), uci_har)
    assert relative_difference(logits_of(to_float32(lower(conversion.model)), windows), expected) < FLOAT_TOLERANCE
