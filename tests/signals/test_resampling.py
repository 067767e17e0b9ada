"""Samples by their timestamps at a fixed rate: the same whatever the chunks, and nothing made up across gaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_runtime.signals.resampling import Piece, Resampler

RATE = 50.0


def pieces(seconds, samples, sizes=(), **options) -> tuple[list[Piece], Resampler]:
    """Resample samples fed in chunks of `sizes`, then the rest."""
    resampler = Resampler(RATE, **options)
    collected: list[Piece] = []
    start = 0
    for size in (*sizes, len(seconds)):
        collected += resampler.push(seconds[start : start + size], samples[start : start + size])
        start += size
    return [*collected, *resampler.flush()], resampler


def whole(found: list[Piece]) -> list[tuple[float, np.ndarray]]:
    """Stretches: the gap before each, and its samples."""
    stretches: list[tuple[float, list[np.ndarray]]] = []
    for piece in found:
        if piece.gap_s is not None:
            stretches.append((piece.gap_s, []))
        stretches[-1][1].append(piece.samples)
    return [(gap, np.concatenate(samples)) for gap, samples in stretches]


@st.composite
def streams(draw):
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    n = draw(st.integers(2, 300))
    steps = draw(st.sampled_from([(0.004, 0.04), (0.002, 0.008)]))  # about 50 and 200 Hz
    seconds = draw(st.sampled_from([0.0, 1.7e9])) + np.cumsum(rng.uniform(*steps, n))
    seconds[n // 2 :] += draw(st.sampled_from([0.0, 1.0]))
    return seconds, rng.normal(size=(n, 6)), draw(st.lists(st.integers(1, 40), max_size=20)), rng


@given(streams())
@settings(max_examples=30)
def test_chunks_of_any_size_give_the_same_numbers(stream):
    seconds, samples, sizes, _ = stream
    at_once, in_chunks = (whole(pieces(seconds, samples, x)[0]) for x in ((), sizes))
    assert [gap for gap, _ in at_once] == [gap for gap, _ in in_chunks]
    for (_, one), (_, other) in zip(at_once, in_chunks, strict=True):
        np.testing.assert_array_equal(one, other)


@given(streams())
@settings(max_examples=30)
def test_samples_that_arrive_a_little_late_find_their_place(stream):
    seconds, samples, sizes, rng = stream
    order = np.argsort(seconds + rng.uniform(0, 0.05, len(seconds)), kind="stable")
    in_order, before = pieces(seconds, samples)
    out_of_order, after = pieces(seconds[order], samples[order], sizes)
    assert before.late == after.late == (seconds[-1] - seconds[-2] > 0.25)  # the last one, where nothing confirms it
    for (_, one), (_, other) in zip(whole(in_order), whole(out_of_order), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_gap_begins_a_new_stretch_on_a_grid_of_its_own():
    seconds = np.concatenate([np.arange(20) / RATE, 1.003 + np.arange(20) / RATE])
    stretches, _ = pieces(seconds, np.ones((40, 1)))
    (before, first), (gap, second) = whole(stretches)
    assert (before, len(first), len(second)) == (0.0, 20, 20)
    assert gap == pytest.approx(1.003 - 0.38)
    assert next(stretch.seconds for stretch in stretches if stretch.gap_s) == 1.003


def test_repeated_samples_count_once():
    seconds, samples = np.arange(50) / RATE, np.random.default_rng(0).normal(size=(50, 2))
    stretches, resampler = pieces(np.repeat(seconds, 2), np.repeat(samples, 2, axis=0))
    np.testing.assert_array_equal(whole(stretches)[0][1], samples)
    assert (resampler.duplicates, resampler.late) == (50, 0)


def test_a_clock_that_was_set_back_begins_a_new_stretch():
    seconds = np.concatenate([100 + np.arange(50) / RATE, np.arange(50) / RATE])
    stretches, resampler = pieces(seconds, np.ones((100, 1)))
    (_, first), (gap, second) = whole(stretches)
    assert (len(first), len(second)) == (50, 50)
    assert gap == pytest.approx(-100.98)
    assert resampler.late == 0


@pytest.mark.parametrize("second", [3.0, 100.5, 1e9])
def test_one_sample_from_long_ago_just_too_late_or_far_ahead_is_left_out_and_changes_nothing(second):
    seconds, samples = 100 + np.arange(100) / RATE, np.random.default_rng(0).normal(size=(100, 6))
    wrong, resampler = pieces(np.insert(seconds, 50, second), np.insert(samples, 50, 7.0, axis=0))
    ((gap, stretch),) = whole(wrong)
    assert (gap, resampler.late) == (0.0, 1)
    np.testing.assert_array_equal(stretch, whole(pieces(seconds, samples)[0])[0][1])


def motion(seconds: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`[n, 2]` at the times `seconds` of what a body does: nothing faster than 15 Hz."""
    waves = [np.sin(2 * np.pi * (f * seconds + rng.random())) for f in rng.uniform(0, 15, 8)]
    return np.stack([sum(waves[:4]), sum(waves[4:])], axis=1)


@given(st.integers(0, 1000), st.sampled_from([75, 100, 104, 200, 400]), st.lists(st.integers(1, 90), max_size=20))
@settings(max_examples=20)
def test_a_fast_sensor_says_what_one_at_the_rate_says(seed, rate, sizes):
    fast, slow = np.arange(4 * rate) / rate, np.arange(200) / RATE
    at_rate = motion(slow, np.random.default_rng(seed))
    ((_, stretch),) = whole(pieces(fast, motion(fast, np.random.default_rng(seed)), sizes)[0])
    # Between samples there are lines, which are the farther from the motion the fewer the samples are.
    assert np.abs(stretch[20:180] - at_rate[20:180]).max() < (0.05 if rate in (100, 200, 400) else 0.5)


@given(st.floats(31, 69), st.sampled_from([100, 200, 400]))
@settings(max_examples=20)
def test_vibration_that_the_rate_cannot_show_is_taken_out(frequency, rate):
    seconds = np.arange(2 * rate) / rate
    vibration = np.sin(2 * np.pi * min(frequency, 0.45 * rate) * seconds)[:, np.newaxis]
    ((_, stretch),) = whole(pieces(seconds, 1 + vibration)[0])
    assert np.abs(stretch[10:90] - 1).max() < 0.02


def test_a_sensor_hardly_faster_than_the_rate_is_not_filtered():
    seconds = np.arange(120) / 60
    samples = np.random.default_rng(0).normal(size=(120, 1))
    ((_, stretch),) = whole(pieces(seconds, samples)[0])
    expected = np.interp(np.arange(len(stretch)) / RATE, np.round(seconds, 6), samples[:, 0])
    np.testing.assert_allclose(stretch[:, 0], expected, atol=1e-12)
