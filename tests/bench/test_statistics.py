"""Intervals cover the truth, and agree with SciPy where it has the same interval."""

import numpy as np
import pytest
from scipy import signal, stats

from edge_runtime.bench import statistics


def rounds(
    random: np.random.Generator, n_rounds: int, n: int = 100, between: float = 0.02, shared: np.ndarray | None = None
) -> list[np.ndarray]:
    """Times around 1 with noise that lasts for dozens of samples, and levels that differ between rounds."""
    noise = signal.lfilter([np.sqrt(1 - 0.9**2)], [1, -0.9], random.standard_normal((n_rounds, n + 50)))[:, 50:]
    level = between * random.standard_normal((n_rounds, 1)) + (0 if shared is None else shared[:, np.newaxis])
    return list(np.exp(0.02 * noise + level))


def test_a_summary_covers_the_samples_of_all_rounds():
    summary = statistics.latency([(1.0, 2.0), (3.0,)])
    assert (summary.p50, summary.p90, summary.p95, summary.p99) == (2.0, 2.8, 2.9, 2.98)
    assert (summary.mean, summary.min, summary.max, summary.runs) == (2.0, 1.0, 3.0, 3)
    assert summary.mad == 1.0
    samples = np.random.default_rng(0).lognormal(size=999)
    assert statistics.latency([samples]).mad == pytest.approx(stats.median_abs_deviation(samples), abs=1e-6)
    assert statistics.latency([samples]) == statistics.latency([samples])
    assert statistics.p50_ratio([samples, samples[:9]], [samples, samples[:9]]) == (1, (1, 1))


def test_intervals_of_correlated_rounds_cover_the_truth():
    random = np.random.default_rng(2)
    covered = {"p50": 0, "ratio": 0}
    for _ in range(30):
        shared = 0.05 * random.standard_normal(10)  # a machine that is slow for all in some rounds
        low, high = statistics.latency(rounds(random, 10, 40)).p50_ci95
        covered["p50"] += low <= 1 <= high
        _, (low, high) = statistics.p50_ratio(*(rounds(random, 10, 40, shared=shared) for _ in range(2)))
        covered["ratio"] += low <= 1 <= high
    # 95 % of 30 are 28.5; below 24 is less likely than 1 in 1000.
    assert min(covered.values()) >= 24, covered


def test_few_rounds_widen_the_interval():
    """If only samples were resampled, it would be a tenth as wide; an interval of 90 % 0.96 of the range."""
    parts = rounds(np.random.default_rng(3), 4, n=1000, between=0.05)
    low, high = statistics.latency(parts).p50_ci95
    assert high - low > 0.98 * np.ptp([np.median(part) for part in parts])


def test_pairing_removes_what_the_rounds_share():
    random = np.random.default_rng(4)
    shared = 0.1 * random.standard_normal(10)
    one, other = (rounds(random, 10, between=0.002, shared=shared) for _ in range(2))
    (_, paired), (_, unpaired) = (
        statistics.percentile_ratios(one, other, (50,), paired=is_paired)[0] for is_paired in (True, False)
    )
    assert np.ptp(paired) < np.ptp(unpaired) / 4
    assert statistics.percentile_ratios([[2.0], [2.0]], [[1.0]], (99,), paired=False) == [(2.0, (2.0, 2.0))]


@pytest.mark.parametrize(("right", "windows"), [(0, 10), (2878, 2947)])
def test_accuracy_over_windows_is_wilsons_interval(right, windows):
    expected = stats.binomtest(right, windows).proportion_ci(method="wilson")
    assert statistics.wilson_interval(right, windows) == pytest.approx((expected.low, expected.high), abs=1e-6)


WINDOWS = np.array([302, 317, 288, 294, 320, 327, 364, 354, 381]) // 4  # a quarter of UCI HAR's test subjects'
BOUT = 5  # windows that err together


def people(random: np.random.Generator, mean: float, sd: float) -> tuple[np.ndarray, ...]:
    """Classes, answers and subjects: nine people with error rates of this mean and deviation, skewed as rates are."""
    concentration = mean * (1 - mean) / sd**2 - 1
    subject, rate = np.repeat(np.arange(len(WINDOWS)), WINDOWS), []
    for n in WINDOWS:
        shares = random.beta(mean * concentration, (1 - mean) * concentration)
        bouts = random.beta(np.maximum(9 * shares, 1e-9), 9 * (1 - shares), n // BOUT + 1)
        rate.append(np.repeat(bouts, BOUT)[:n])
    y = random.integers(3, size=len(subject))
    return y, np.where(random.random(len(subject)) < np.concatenate(rate), (y + 1) % 3, y), subject


def test_intervals_over_nine_subjects_contain_the_accuracy_of_all_people():
    random, covered = np.random.default_rng(6), {"accuracy": 0, "macro_f1": 0}
    for _ in range(200):
        for name, (low, high) in zip(
            covered, statistics.intervals_over_subjects(*people(random, 0.09, 0.08), 3), strict=True
        ):
            covered[name] += low <= 0.91 <= high
    # 95 % of 200 are 190; below 182, as percentiles of a bootstrap have it, is less likely than 1 in 100.
    assert min(covered.values()) >= 182, covered
    assert max(covered.values()) < 200, covered


def test_an_interval_stays_within_0_and_1_contains_the_score_and_is_never_a_point():
    y, subject = np.array([0, 1] * 20), np.repeat([1, 2, 3, 4], 10)
    for predicted, score in ((y, 1.0), (1 - y, 0.0)):  # of five labels three are absent, and left out of macro F1
        for low, high in statistics.intervals_over_subjects(y, predicted, subject, 5):
            assert 0 <= low <= score <= high <= 1
            assert high - low > 0.05


def test_a_difference_of_accuracy_is_in_points_over_the_same_windows():
    right, against = np.array([1, 1, 1, 0], bool), np.array([1, 0, 0, 0], bool)
    difference, (low, high) = statistics.accuracy_difference(right, against, np.array([1, 1, 2, 2]))
    assert difference == 50
    assert low == high == 50  # both people gain the same
    difference, interval = statistics.accuracy_difference(right, against, np.array([1, 2, 3, 4]))
    gains = np.array([0.0, 100, 100, 0])  # one window each: Student's t
    assert interval == pytest.approx(stats.t.interval(0.95, 3, gains.mean(), stats.sem(gains)), abs=1e-6)
    assert statistics.accuracy_difference(right, right, np.full(4, 7)) == (0.0, None)  # one person
    assert statistics.intervals_over_subjects(right, right, np.full(4, 7), 2) is None


def test_the_sign_flip_test_counts_all_exchanges_of_the_models_within_subjects():
    subject = np.repeat(np.arange(6), 10)
    against = np.tile([True] * 4 + [False] * 6, 6)
    right = against.copy()
    assert statistics.sign_flip_test(right, against, subject) == 1
    right[4::10] = right[5::10] = True  # two more windows of each subject: 2 of 64 sign patterns are as large
    for pair in ((right, against), (against, right)):
        assert statistics.sign_flip_test(*pair, subject) == 2 / 64
    # The first subject loses two instead: also the 6 patterns with one other sign, and theirs.
    right[[0, 1, 4, 5]] = False
    assert statistics.sign_flip_test(right, against, subject) == 14 / 64
