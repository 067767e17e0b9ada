"""Intervals cover what they should, and agree with scipy where it has the same."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal, stats

from edge_runtime.bench import intervals, scores


def rounds(
    random: np.random.Generator, n_rounds: int, n: int = 100, between: float = 0.02, shared: np.ndarray | None = None
) -> list[np.ndarray]:
    """Times around 1 with noise that lasts for dozens of samples, and levels that differ between rounds."""
    noise = signal.lfilter([np.sqrt(1 - 0.9**2)], [1, -0.9], random.standard_normal((n_rounds, n + 50)))[:, 50:]
    level = between * random.standard_normal((n_rounds, 1)) + (0 if shared is None else shared[:, np.newaxis])
    return list(np.exp(0.02 * noise + level))


def test_a_summary_is_of_the_samples_of_all_rounds():
    found = intervals.latency([(1.0, 2.0), (3.0,)])
    assert (found.p50, found.p90, found.p95, found.p99) == (2.0, 2.8, 2.9, 2.98)
    assert (found.mean, found.min, found.max, found.runs) == (2.0, 1.0, 3.0, 3)
    assert found.mad == 1.0
    samples = np.random.default_rng(0).lognormal(size=999)
    assert intervals.latency([samples]).mad == pytest.approx(stats.median_abs_deviation(samples), abs=1e-6)


@given(st.lists(st.lists(st.floats(0.001, 100), min_size=1, max_size=40), min_size=1, max_size=6))
@settings(max_examples=15, deadline=None)
def test_any_samples_have_an_interval_among_them(parts):
    found = intervals.latency(parts)
    low, high = found.p50_ci95
    assert found.min - 1e-5 * found.min - 1e-6 <= low <= high <= found.max + 1e-5 * found.max + 1e-6
    ratio, (low, high) = intervals.p50_ratio(parts, parts)
    assert ratio == low == high == 1


def test_the_same_samples_give_the_same_interval():
    parts = rounds(np.random.default_rng(1), 5)
    assert intervals.latency(parts) == intervals.latency(parts)


def test_intervals_of_correlated_rounds_cover_the_truth():
    random = np.random.default_rng(2)
    covered = {"p50": 0, "ratio": 0}
    for _ in range(60):
        shared = 0.05 * random.standard_normal(10)  # a machine that is slow for all in some rounds
        low, high = intervals.latency(rounds(random, 10)).p50_ci95
        covered["p50"] += low <= 1 <= high
        _, (low, high) = intervals.p50_ratio(rounds(random, 10, shared=shared), rounds(random, 10, shared=shared))
        covered["ratio"] += low <= 1 <= high
    # 95 % of 60 are 57; below 51 is less likely than 1 in 300.
    assert min(covered.values()) >= 51, covered


def test_few_rounds_do_not_pretend_to_know():
    """With samples alone resampled, the interval of four different rounds would be a tenth as wide."""
    random = np.random.default_rng(3)
    parts = rounds(random, 4, n=1000, between=0.05)
    low, high = intervals.latency(parts).p50_ci95
    assert high - low > 0.9 * np.ptp([np.median(part) for part in parts])


def test_pairing_takes_out_what_the_rounds_share():
    random = np.random.default_rng(4)
    shared = 0.1 * random.standard_normal(10)
    one, other = (rounds(random, 10, between=0.002, shared=shared) for _ in range(2))
    (_, paired), (_, unpaired) = (intervals.p50_ratio(one, other, paired=x) for x in (True, False))
    assert np.ptp(paired) < np.ptp(unpaired) / 4


def test_only_equally_many_rounds_can_be_paired():
    with pytest.raises(ValueError, match="2 and 1 rounds cannot be paired"):
        intervals.p50_ratio([[1.0], [1.0]], [[1.0]])
    assert intervals.p50_ratio([[2.0], [2.0]], [[1.0]], paired=False) == (2.0, (2.0, 2.0))


@pytest.mark.parametrize(("right", "windows"), [(0, 10), (2878, 2947), (10, 10), (1, 2)])
def test_accuracy_over_windows_is_wilsons_interval(right, windows):
    z, n, p = stats.norm.ppf(0.975), windows, right / windows
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    assert intervals.accuracy_over_windows(right, windows) == pytest.approx((centre - half, centre + half), abs=1e-6)


def people(random: np.random.Generator, n_people: int, spread: float) -> tuple[np.ndarray, ...]:
    """Classes, predictions and subjects: 60 windows each of people who differ in how well they are recognised."""
    subject = np.repeat(np.arange(n_people), 60)
    errors = np.clip(0.1 + spread * random.standard_normal(n_people), 0, 1)
    y = random.integers(3, size=len(subject))
    wrong = random.random(len(subject)) < errors[subject]
    return y, np.where(wrong, (y + 1) % 3, y), subject


def test_intervals_over_people_are_wider_the_more_people_differ_and_cover_other_people():
    random = np.random.default_rng(6)
    widths, covered = [], 0
    for _ in range(50):
        alike, different = (intervals.over_subjects(*people(random, 9, x), 3)[0] for x in (0.0, 0.06))
        widths.append(np.ptp(different) / np.ptp(alike))
        covered += different[0] <= 0.898 <= different[1]  # the clipping at 0 takes a little from 0.9
    assert np.median(widths) > 1.4
    assert covered >= 42


def test_an_interval_over_people_is_that_of_scipy_but_for_the_expansion():
    y, predicted, subject = people(np.random.default_rng(7), 200, 0.05)
    right = np.array([(y == predicted)[subject == person].mean() for person in range(200)])
    found = intervals.over_subjects(y, predicted, subject, 3)
    expected = stats.bootstrap((right,), np.mean, method="percentile", rng=np.random.default_rng(0)).confidence_interval
    assert found[0] == pytest.approx(tuple(expected), abs=0.002)
    macro = scores.macro_f1(scores.confusion_matrix(y, predicted, 3))
    assert found[1][0] < macro < found[1][1]


def test_one_person_has_no_interval():
    y = np.array([0, 1, 1])
    assert intervals.over_subjects(y, y, np.array(["ann"] * 3), 2) is None
    assert intervals.accuracy_difference(y == 1, y == 1, np.array([7] * 3)) == (0.0, None)


def test_an_absent_class_is_left_out_of_macro_f1():
    y = np.array([0, 1, 0, 1])
    assert intervals.over_subjects(y, y, np.array([1, 1, 2, 2]), 5) == ((1.0, 1.0), (1.0, 1.0))


def test_a_difference_of_accuracy_is_in_points_of_the_same_windows():
    right, against = np.array([1, 1, 1, 0], bool), np.array([1, 0, 0, 0], bool)
    difference, (low, high) = intervals.accuracy_difference(right, against, np.array([1, 1, 2, 2]))
    assert difference == 50
    assert low == high == 50  # both people gain the same
    difference, (low, high) = intervals.accuracy_difference(right, against, np.array([1, 2, 3, 4]))
    assert low == 0 < difference < high == 100


def test_mcnemar_is_the_exact_test():
    assert intervals.mcnemar(0, 0) == 1
    assert intervals.mcnemar(8, 9) == 1
    # Two-sided: twice the probability of at most 1 of 10.
    assert intervals.mcnemar(1, 9) == pytest.approx(2 * 11 / 1024)
    assert intervals.mcnemar(9, 1) == intervals.mcnemar(1, 9)
