"""Check that calibration windows are drawn evenly, and that narrowed ranges lower the error."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
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
from edge_runtime.data.dataset import Split
from edge_runtime.errors import InputError
from edge_runtime.system.progress import ignore_progress


def split_of(y: list[int], subject: list[int]) -> Split:
    return Split(np.zeros((len(y), 4, 3), np.float32), np.array(y, np.uint8), np.array(subject, np.uint8))


def test_windows_are_even_over_activities_and_within_each_over_subjects(uci_har):
    rows = draw_windows(uci_har.train, 504, seed=0)
    assert len(np.unique(rows)) == 504
    for y in range(6):
        own = rows[uci_har.train.y[rows] == y]
        assert len(own) == 84
        assert set(np.unique(uci_har.train.subject[own], return_counts=True)[1]) == {4}  # 84 windows, 21 subjects


@given(
    windows=st.lists(st.tuples(st.integers(0, 3), st.integers(1, 4)), min_size=8, max_size=80),
    wanted=st.integers(4, 60),
    seed=st.integers(0, 3),
)
def test_no_subject_is_drawn_twice_more_often_than_another_that_has_windows_left(windows, wanted, seed):
    y, subject = map(list, zip(*windows, strict=True))
    split = split_of(y, subject)
    rows = draw_windows(split, wanted, seed)
    assert len(np.unique(rows)) == len(rows) <= wanted
    for label in set(y):
        there = {s: sum(a == label and b == s for a, b in windows) for s in set(subject)}
        drawn = {s: int(((split.y[rows] == label) & (split.subject[rows] == s)).sum()) for s in set(subject)}
        most = max(drawn.values())
        assert all(drawn[s] >= min(there[s], most - 1) for s in there)


def test_the_draw_depends_on_the_seed_alone(uci_har):
    np.testing.assert_array_equal(draw_windows(uci_har.train, 60, 5), draw_windows(uci_har.train, 60, 5))
    assert (draw_windows(uci_har.train, 60, 5) != draw_windows(uci_har.train, 60, 6)).any()


def test_fewer_windows_than_activities_are_refused(uci_har):
    with pytest.raises(InputError, match="too few"):
        draw_windows(uci_har.train, 5, 0)


def test_ranges_hold_what_was_seen_and_zero(lowered, normalised_windows):
    seen = observed_ranges(lowered, tf.constant(normalised_windows))
    assert seen["input"] == ActivationRange(-3.0, 3.0)
    assert all(x.low <= 0 <= x.high and x.low < x.high for x in seen.values())
    assert seen["lstm/gates"].high <= 6
    assert seen["lstm/candidate"].high <= 3.5


def test_a_product_is_cut_where_the_function_behind_it_has_saturated_and_nothing_else_is():
    """Whatever a layer is called, its output is not the product of a gate."""
    conv = layers.Conv1D(4, 3, activation="sigmoid", name="gates")
    dense = layers.Dense(5, activation="tanh", name="c")
    model = keras.Sequential([keras.Input((8, 3)), conv, layers.LSTM(4), dense, layers.Dense(6, name="candidate")])
    for weight in model.weights:
        weight.assign(50 * weight)
    X = np.random.default_rng(0).uniform(-3, 3, (20, 8, 3)).astype(np.float32)
    seen = observed_ranges(lower(model), tf.constant(X))
    assert seen["gates/sigmoid_input"] == ActivationRange(-6.0, 6.0)
    assert seen["c/tanh_input"] == ActivationRange(-3.5, 3.5)
    assert seen["candidate"].high > 6


def error(network: Lowered, windows: tf.Tensor, ranges: Ranges) -> float:
    rounded = network(windows, quantised(ranges), IN_INT8)
    return float(np.square((rounded - network(windows)).numpy()).mean())


@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_windows_and_the_states_that_meet_them_have_one_range_which_is_searched_too(activation):
    """The converter fails where they have two."""
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((14, 3)), layers.LSTM(4, activation, name="lstm"), layers.Dense(3)])
    X = np.random.default_rng(0).normal(size=(60, 14, 3)).astype(np.float32)
    X[0, 0, 0] = 30  # one value is far out
    network = lower(model)
    assert network.at_input == ("input", "lstm")
    found = calibrate(network, X, ignore_progress)
    assert found["input"] == found["lstm"] != observed_ranges(network, X)["input"]
    assert rms(logits_of(to_int8(network, found), X) - np.asarray(model(X, training=False))) < 0.1


def test_narrowing_brings_the_int8_answers_closer_on_windows_it_did_not_see(lowered, normalised_windows):
    seen, unseen = normalised_windows[::2], tf.constant(normalised_windows[1::2])
    found = calibrate(lowered, seen, ignore_progress)
    assert error(lowered, unseen, found) < error(lowered, unseen, observed_ranges(lowered, tf.constant(seen)))


def test_the_error_counts_each_window_once_and_is_given_up_at_a_bound(lowered, normalised_windows):
    X = normalised_windows[:27]  # the last part has fewer
    widest = observed_ranges(lowered, tf.constant(X))
    error_with = LogitLoss(lowered, X, IN_INT8, widest)
    whole = error_with(widest)
    assert whole == pytest.approx(error(lowered, tf.constant(X), widest), rel=1e-3)
    assert (error_with(widest, 1.001 * whole), error_with(widest, whole)) == (whole, np.inf)


def test_giving_up_early_changes_no_range(lowered, normalised_windows, monkeypatch):
    X = normalised_windows[::8]
    found, whole = calibrate(lowered, X, ignore_progress), LogitLoss.__call__
    monkeypatch.setattr(LogitLoss, "__call__", lambda loss, ranges, bound=np.inf: whole(loss, ranges))
    assert calibrate(lowered, X, ignore_progress) == found


def test_a_network_of_many_multiplications_is_searched_on_fewer_windows(lowered, normalised_windows):
    few = normalised_windows[:126]
    X = np.stack([few, np.broadcast_to(few[:1], few.shape)], axis=1).reshape(252, *few.shape[1:])
    found = calibrate(lowered, X, ignore_progress, macs=100_000_000)
    assert found == calibrate(lowered, few, ignore_progress)
    assert found != calibrate(lowered, X, ignore_progress, macs=1_000_000)


def test_the_search_ends_where_no_other_width_of_any_range_is_better(lowered, normalised_windows):
    """The first pass alone leaves ranges that were narrowed beside a wider one, which was narrowed later."""
    X = normalised_windows[::4]
    windows = tf.constant(X)
    found, widest = calibrate(lowered, X, ignore_progress), observed_ranges(lowered, windows)
    least = error(lowered, windows, found)
    tried = 0
    for point in set(found) - {"input", "lstm/gates", "lstm/candidate"}:
        bound = max(-widest[point].low, widest[point].high)
        for other in (widest[point], *(widest[point].within(x * bound) for x in (0.85, 0.7, 0.55, 0.4, 0.3, 0.2))):
            assert error(lowered, windows, {**found, point: other}) > 0.9999 * least
            tried += other != found[point]
    assert tried == 6 * (len(found) - 3)
