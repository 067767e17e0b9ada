"""Normalise and compand signals: spread small values, clip large ones, keep order and sign."""

import numpy as np

from edge_runtime.signals.normalisation import Normalisation


def test_normalising_is_what_the_card_says():
    normalisation = Normalisation(mean=(1.0, -1.0), std=(2.0, 0.5), clip=(3.0, 2.0), knee=(None, None))
    values = np.array([[[1.0, -1.0], [5.0, -0.5], [100.0, -100.0]]])
    assert normalisation.apply(values).tolist() == [[[0.0, 0.0], [2.0, 1.0], [3.0, -2.0]]]
    assert normalisation.apply(values).dtype == np.float32


def test_companding_spreads_what_is_small_and_keeps_the_clip_where_it_is():
    normalisation = Normalisation(mean=(1.0, 1.0), std=(2.0, 2.0), clip=(3.0, 3.0), knee=(0.5, None))
    values = np.array([1.0, 1.002, 0.998, 7.0, -5.0, 100.0])  # 0, 0.001, -0.001, 3, -3 and 49.5 standard deviations
    companded, linear = normalisation.apply(np.stack([values, values], axis=-1)).T
    np.testing.assert_allclose(linear, [0, 0.001, -0.001, 3, -3, 3], atol=1e-6)
    np.testing.assert_allclose(companded, [0, 0.006986, -0.006986, 3, -3, 3], atol=1e-6)  # 0.001 * 3.5 / 0.501


def test_what_lies_beyond_any_sensor_is_clipped_too():
    normalisation = Normalisation((0.0,), (1.0,), (3.0,), (0.25,))
    values = np.array([[3.4e38], [-3.4e38], [np.inf]], np.float32)
    np.testing.assert_allclose(normalisation.apply(values), [[3], [-3], [3]], rtol=1e-6)
