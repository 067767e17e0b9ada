"""Steps a second are those taken, however a phone is turned; beats that come twice a step are halved."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from edge_runtime.signals.steps import step_frequency

RATE = 50.0
SECONDS = np.arange(128) / RATE


def walk(steps_hz, second_beat=0.0, size=0.3):
    """Acceleration `[128, 3]` along x that rises and falls `steps_hz` times a second, and twice as often too."""
    angle = 2 * np.pi * steps_hz * SECONDS
    upright = 1 + size * (np.sin(angle) + second_beat * np.sin(2 * angle + 1))
    return np.stack([upright, np.zeros_like(upright), np.zeros_like(upright)], axis=1)


@pytest.mark.parametrize("steps_hz", [1.3, 1.75, 2.2, 2.7, 3.1])
def test_steps_are_counted_however_the_phone_is_turned(steps_hz):
    rotation = Rotation.random(random_state=3).as_matrix()
    assert step_frequency(walk(steps_hz) @ rotation.T, RATE) == pytest.approx(steps_hz, abs=0.06)


@pytest.mark.parametrize("steps_hz", [1.5, 1.8])
def test_a_beat_that_comes_twice_a_step_is_halved(steps_hz):
    assert step_frequency(walk(steps_hz, second_beat=1.8), RATE) == pytest.approx(steps_hz, abs=0.06)


def test_a_runner_whose_left_and_right_differ_a_little_does_not_walk_at_half_the_pace():
    assert step_frequency(walk(1.35, second_beat=3.0), RATE) == pytest.approx(2.7, abs=0.06)


def test_nobody_who_stands_takes_steps_and_one_sample_or_two_show_none():
    noise = np.random.default_rng(0).normal([1, 0, 0], 0.01, (10, 128, 3))
    np.testing.assert_array_equal(step_frequency(noise, RATE), np.zeros(10))
    assert [step_frequency(walk(1.75)[:n], RATE) for n in (1, 2)] == [0, 0]


def test_a_rate_counts_and_windows_together_are_windows_one_by_one():
    assert step_frequency(walk(1.75), 2 * RATE) == pytest.approx(3.5, abs=0.06)
    windows = np.stack([walk(1.4), walk(2.5, 0.3), walk(1.7, 2.0), 0.1 * walk(1.7)])
    np.testing.assert_array_equal(step_frequency(windows, RATE), [step_frequency(window, RATE) for window in windows])
    assert step_frequency(windows[np.newaxis], RATE).shape == (1, 4)


@pytest.mark.parametrize(("beat_hz", "nearest"), [(0.6, 1.2), (5.0, 4.0)])
def test_shaking_that_is_too_slow_or_too_fast_for_steps_gives_the_nearest_number(beat_hz, nearest):
    assert step_frequency(walk(beat_hz), RATE) == pytest.approx(nearest, abs=0.11)


def test_people_who_walk_take_one_and_a_half_to_two_steps_a_second(uci_har):
    walking = uci_har.train.X[uci_har.train.y == 0][..., 6:]
    least, median, most = np.quantile(step_frequency(walking, RATE), [0.05, 0.5, 0.95])
    assert (least, median, most) == pytest.approx((1.55, 1.75, 1.95), abs=0.051)
