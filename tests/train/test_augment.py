"""Check augmentation: windows at any offset are cut from their recordings, and no activity changes."""

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from edge_runtime.data import embedded_recordings
from edge_runtime.data.dataset import Split, cut
from edge_runtime.data.uci_har import read_table
from edge_runtime.signals import frontend, mounting
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.signals.types import STANDARD_GRAVITY
from train.fit.augment import Shifts, augment, find_continuations
from train.fit.recipe import Recipe
from train.fit.signal_normalisation import measure_normalisation

HOP = 64
NAMES = [x.name for x in frontend.SIGNALS]
STILL = Recipe(gain=0, noise=0, rotation=0, turn=0, intensity=0)


def test_shifted_windows_are_cut_from_the_recording(uci_har):
    """The training windows of the first recording in the table."""
    number, runs = next(iter(read_table()["train"].items()))
    starts = np.concatenate([first + HOP * np.arange(count) for _, first, count in runs])
    split, rows = uci_har.train.select(np.arange(len(starts))), np.arange(len(starts))
    shifts = Shifts(split, HOP)
    offsets = shifts.draw(rows, np.random.default_rng(0))
    continued = np.concatenate([np.arange(count) < count - 1 for _, _, count in runs])
    assert (offsets[~continued] == 0).all()
    assert (offsets.min(), offsets.max()) == (0, HOP - 1)
    signals = frontend.signals(embedded_recordings.load()[number].samples)
    np.testing.assert_allclose(shifts.cut(rows, offsets), cut(signals, starts + offsets), atol=1e-6)


def test_nothing_is_cut_across_classes_or_subjects():
    signal = np.arange(256, dtype=np.float32).reshape(-1, 1)
    X = np.stack([signal[start : start + 128] for start in (0, 64, 128)])
    same, other = np.ones(3, np.uint8), np.array([1, 1, 2], np.uint8)
    assert find_continuations(Split(X, same, same), HOP).tolist() == [True, True, False]
    for y, subject in ((other, same), (same, other)):
        assert find_continuations(Split(X, y, subject), HOP).tolist() == [True, False, False]
    assert not find_continuations(Split(X[::2], same[:2], same[:2]), HOP).any()


@pytest.fixture(scope="module")
def few(uci_har) -> np.ndarray:
    return uci_har.train.X[::100]


def augmented(X: np.ndarray, recipe: Recipe, normalisation: Normalisation | None = None, names=NAMES) -> np.ndarray:
    n = X.shape[-1]
    normalisation = normalisation or Normalisation((0.0,) * n, (1.0,) * n, (1e9,) * n, (None,) * n)  # changes nothing
    return augment(tf.constant(X), tf.constant([1, 2]), recipe, normalisation, names).numpy()


def test_augmentation_rotates_the_three_triads_alike_and_keeps_their_lengths(few):
    X = few[:8]
    turned = augmented(X, replace(STILL, turn=0.5, rotation=0.3))
    assert np.abs(turned - X).max() > 0.05
    lengths = (np.linalg.norm(windows.reshape(8, 128, 3, 3), axis=-1) for windows in (turned, X))
    np.testing.assert_allclose(*lengths, atol=1e-5)
    # One rotation matrix per window explains all three triads.
    for before, after in zip(X, turned, strict=True):
        matrix = np.linalg.lstsq(before.reshape(-1, 3), after.reshape(-1, 3), rcond=None)[0]
        np.testing.assert_allclose(before.reshape(-1, 3) @ matrix, after.reshape(-1, 3), atol=1e-4)


def test_training_normalises_as_the_device_does(few):
    normalisation = measure_normalisation(few, STILL, NAMES)
    assert normalisation.knee == (STILL.knee,) * 6 + (None,) * 3
    np.testing.assert_allclose(augmented(few, STILL, normalisation), normalisation.apply(few), atol=2e-6)
    assert (np.abs(few - normalisation.mean) > np.multiply(normalisation.clip, normalisation.std)).any(), "not clipped"


def test_moving_more_briskly_scales_all_but_gravity(few):
    X = augmented(few, replace(STILL, intensity=0.3))
    np.testing.assert_allclose(X[..., 6:] - X[..., :3], few[..., 6:] - few[..., :3], atol=1e-5)
    factors = np.linalg.norm(X[..., :6], axis=(1, 2)) / np.linalg.norm(few[..., :6], axis=(1, 2))
    np.testing.assert_allclose(X[..., :6], factors[:, None, None] * few[..., :6], atol=1e-5)
    assert 0.1 < np.log(factors).std() < 0.6


@pytest.mark.parametrize(
    ("what", "is_scaled"), [({"swing": 0.3}, ["gyro" in x for x in NAMES]), ({"gain": 0.3}, [True] * 9)]
)
def test_a_step_that_turns_more_and_a_sensor_that_shows_more_scale_whole_windows(few, what, is_scaled):
    """A swing has one factor for each window, a gain one for each window and signal."""
    X = augmented(few, replace(STILL, **what))
    factors = (X * few).sum(axis=1) / (few**2).sum(axis=1)
    np.testing.assert_allclose(X, factors[:, np.newaxis] * few, atol=1e-5)
    np.testing.assert_array_equal(X[..., np.invert(is_scaled)], few[..., np.invert(is_scaled)])
    changed = factors[:, is_scaled]
    assert 0.15 < changed.std(axis=0).min() < changed.std(axis=0).max() < 0.6
    assert ((changed.std(axis=1) > 1e-4) == ("gain" in what)).all()


def test_turning_about_the_upright_axis_leaves_its_signals_alone(few):
    X = augmented(few, replace(STILL, turn=0.5))
    np.testing.assert_allclose(X[..., ::3], few[..., ::3], atol=1e-5)
    assert np.abs(X - few).max() > 0.1


def test_a_mirror_exchanges_left_and_right(few):
    X = augmented(few, replace(STILL, mirror=1.0))
    vector, pseudovector = [1, 1, -1], [-1, -1, 1]
    np.testing.assert_array_equal(X, few * np.float32([*vector, *pseudovector, *vector]))
    accelerations = [i for i, x in enumerate(NAMES) if "gyro" not in x]
    names = [NAMES[i] for i in accelerations]
    without_gyroscope = augmented(few[..., accelerations], replace(STILL, mirror=1.0), names=names)
    np.testing.assert_array_equal(without_gyroscope, X[..., accelerations])
    changed = (few != augmented(few, replace(STILL, mirror=0.25))).any(axis=1)[:, [2, 3, 4, 8]]
    assert (changed == changed[:, :1]).all()
    assert 0.1 < changed[:, 0].mean() < 0.4


def test_a_window_at_another_pace_keeps_its_middle_and_gravity_and_moves_as_fast():
    ramp = np.linspace(-1, 1, 128, dtype=np.float32)
    X = np.tile((np.repeat([1, 1, 3], 3) * ramp[:, np.newaxis]).astype(np.float32), (400, 1, 1))
    played = augmented(X, replace(STILL, pace=0.12))
    np.testing.assert_allclose(played[:, 63] + played[:, 64], 0, atol=1e-6)
    slopes = (played[:, 64] - played[:, 63]) / (ramp[64] - ramp[63])
    pace = (slopes[:, 6] - slopes[:, 0]) / 2  # of gravity, which only time changes
    np.testing.assert_allclose(slopes[:, [3, 0]], np.stack([pace**2, pace**3], axis=1), rtol=1e-4)
    assert np.log(pace).std() == pytest.approx(0.12, rel=0.15)
    assert np.abs((played[..., 6] - played[..., 0]) / 2).max() <= 1


def test_a_made_turn_pushes_to_its_inner_side(few):
    X = augmented(few, replace(STILL, turning=0.5))
    np.testing.assert_array_equal(X, augmented(few, replace(STILL, turning=0.5)))
    np.testing.assert_allclose(X[..., 6:] - X[..., :3], few[..., 6:] - few[..., :3], atol=1e-6)  # gravity stays
    change = (X - few)[..., :6]
    assert not change[..., [0, 4, 5]].any()  # up, and rotation about other axes
    is_turned, moves = change.any(axis=(1, 2)), mounting.is_moving(few, NAMES)
    assert not is_turned[~moves].any()
    assert is_turned[moves].mean() == pytest.approx(0.5, abs=0.2)
    ahead, aside, rate = (change[is_turned][..., i] for i in (1, 2, 3))
    speed = aside[np.abs(rate) > 0.1] / rate[np.abs(rate) > 0.1] * STANDARD_GRAVITY
    assert 0 <= speed.min() < 0.2  # m/s
    assert 0.7 < speed.max() < 1.001
    angle = rate.sum(axis=1) / frontend.RATE_HZ
    assert 2 < np.abs(angle).max() < 6.29
    assert 0.2 < (angle > 0).mean() < 0.8
    assert 0.01 < np.abs(ahead).max() < np.abs(aside).max() < 0.4
    from_middle = np.arange(128) - np.abs(rate).argmax(axis=1, keepdims=True)
    for slows, pushed in ((from_middle < -1, -ahead), (from_middle > 1, ahead)):
        assert pushed[slows].min() > -1e-6
        assert pushed[slows].max() > 0.01


def test_hidden_signals_are_0_after_normalisation_and_the_others_stay(few):
    normalisation = measure_normalisation(few, STILL, NAMES)
    X, plain_X = augmented(few, replace(STILL, hidden=0.2), normalisation), augmented(few, STILL, normalisation)
    is_hidden = (X == 0).all(axis=1)
    assert 0.1 < is_hidden.mean() < 0.3
    assert (is_hidden[:, 0] & ~is_hidden[:, 1]).mean() > 0.05
    np.testing.assert_array_equal(np.swapaxes(X, 1, 2)[~is_hidden], np.swapaxes(plain_X, 1, 2)[~is_hidden])


def test_only_axes_of_one_quantity_are_rotated_in_other_signals(few):
    X = few[:8, :, :5]
    names = ["heart", "mag x", "mag y", "mag z", "step_x"]
    turned = augmented(X, replace(STILL, rotation=0.3, turn=9, intensity=9), names=names)
    np.testing.assert_array_equal(turned[..., [0, 4]], X[..., [0, 4]])
    assert np.abs(turned[..., 1:4] - X[..., 1:4]).max() > 0.05
    lengths = [np.linalg.norm(windows[..., 1:4], axis=-1) for windows in (turned, X)]
    np.testing.assert_allclose(*lengths, atol=1e-5)
    np.testing.assert_array_equal(augmented(X, replace(STILL, rotation=0.3), names=list("abcde")), X)


def test_other_signals_are_clipped_beyond_nearly_all_values():
    generator = np.random.default_rng(0)
    X = generator.normal(2, 1, (50, 100, 3)).astype(np.float32)
    X[..., 1] += 20 * (generator.random((50, 100)) < 0.01)  # rare peaks, of 8 standard deviations
    X[..., 2] = generator.uniform(-1, 1, (50, 100))
    normalisation = measure_normalisation(X, Recipe(), ["noise", "beats", "even"])
    assert normalisation.knee == (None,) * 3
    assert normalisation.clip[0] == pytest.approx(3.3, abs=0.2)
    assert 8 < normalisation.clip[1] < 10
    assert normalisation.clip[2] == Recipe().clip
