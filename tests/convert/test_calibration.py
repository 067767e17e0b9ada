"""Check that windows are drawn evenly, ranges narrowed to the best, and the search ends at the best."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from model_answers import logits_of, rms

from convert.lowering.cells import IN_INT8
from convert.lowering.network import Lowered, lower
from convert.quantise.calibration import (
    ActivationRange,
    LogitLoss,
    Ranges,
    calibrate,
    draw_windows,
    observed_ranges,
    quantised,
)
from convert.quantise.tflite_converter import to_int8
from edge_runtime.errors import InputError
from edge_runtime.system.progress import ignore_progress


def test_windows_are_even_over_activities_and_within_each_over_subjects(uci_har):
    rows = draw_windows(uci_har.train, 504, seed=0)
    assert len(np.unique(rows)) == 504
    for y in range(6):
        of_activity = rows[uci_har.train.y[rows] == y]
        assert len(of_activity) == 84
        counts = np.unique(uci_har.train.subject[of_activity], return_counts=True)[1]
        assert set(counts) == {4}  # 84 windows, 21 subjects


def test_the_draw_depends_on_the_seed_only_and_needs_a_window_of_each_activity(uci_har):
    np.testing.assert_array_equal(draw_windows(uci_har.train, 60, 5), draw_windows(uci_har.train, 60, 5))
    assert (draw_windows(uci_har.train, 60, 5) != draw_windows(uci_har.train, 60, 6)).any()
    with pytest.raises(InputError, match="too few"):
        draw_windows(uci_har.train, 5, 0)


def test_a_range_holds_zero_and_is_cut_where_the_function_behind_a_product_has_saturated(windows):
    """A layer's output is not a product of a gate, whatever the layer's name."""
    conv = layers.Conv1D(4, 3, activation="sigmoid", name="gates")
    dense = layers.Dense(5, activation="tanh", name="c")
    lstm = layers.LSTM(4, name="lstm")
    model = keras.Sequential([keras.Input((8, 9)), conv, lstm, dense, layers.Dense(6, name="candidate")])
    for weight in model.weights:
        weight.assign(50 * weight)
    ranges = observed_ranges(lower(model), tf.constant(windows[:20, :8]))
    assert all(limits.low <= 0 <= limits.high and limits.low < limits.high for limits in ranges.values())
    assert ranges["input"] == ActivationRange(float(windows[:20, :8].min()), float(windows[:20, :8].max()))
    assert (ranges["lstm/gates"].high, ranges["lstm/candidate"].high) == (6.0, 3.5)
    assert ranges["gates/sigmoid_input"] == ActivationRange(-6.0, 6.0)
    assert ranges["c/tanh_input"] == ActivationRange(-3.5, 3.5)
    assert ranges["candidate"].high > 6


def error(network: Lowered, windows: tf.Tensor, ranges: Ranges) -> float:
    rounded = network(windows, quantised(ranges), IN_INT8)
    return float(np.square((rounded - network(windows)).numpy()).mean())


def test_windows_and_the_states_that_meet_them_have_one_range_which_is_searched_too():
    """The converter fails if they have two ranges."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4, 3)), layers.LSTM(4, "relu", name="lstm"), layers.Dense(3)])
    X = np.random.default_rng(0).normal(size=(60, 4, 3)).astype(np.float32)
    X[0, 0, 0] = 30  # an outlier
    network = lower(model)
    assert network.at_input == ("input", "lstm")
    ranges = calibrate(network, X, ignore_progress)
    assert ranges["input"] == ranges["lstm"] != observed_ranges(network, X)["input"]
    assert rms(logits_of(to_int8(network, ranges), X) - np.asarray(model(X, training=False))) < 0.1


def test_the_error_counts_each_window_once_and_is_given_up_at_a_bound(lowered, its_windows):
    X = its_windows[:27]  # the last part has fewer windows
    widest = observed_ranges(lowered, tf.constant(X))
    error_with = LogitLoss(lowered, X, IN_INT8, widest)
    whole = error_with(widest)
    assert whole == pytest.approx(error(lowered, tf.constant(X), widest), rel=1e-3)
    assert (error_with(widest, 1.001 * whole), error_with(widest, whole)) == (whole, np.inf)


def test_the_search_ends_where_no_other_width_of_any_range_is_better(lowered, its_windows, ranges):
    """The first pass narrows some ranges while another range, which it narrows later, is still wide."""
    windows = tf.constant(its_windows[::2])
    widest = observed_ranges(lowered, windows)
    least = error(lowered, windows, ranges)
    searched = [point for point in ranges if point != "input" and not point.endswith(("/gates", "/candidate"))]
    assert len(searched) == len(ranges) - 3
    for point in searched:
        bound = max(-widest[point].low, widest[point].high)
        for share in (1, 0.85, 0.7, 0.55, 0.4, 0.3, 0.2):
            assert error(lowered, windows, {**ranges, point: widest[point].within(share * bound)}) > 0.9999 * least
