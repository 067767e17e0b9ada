"""Intervals cover the truth, and agree with SciPy where it has the same interval."""

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from edge_runtime.bench import statistics

TRACES = {
    name: np.log(times.astype(np.float64)).transpose(0, 2, 1)
    for name, times in np.load(Path(__file__).with_name("traces.npz")).items()
}
"""Times that an AMD EPYC took, as `turn_times` returns them, `[120 rounds, 16 turns, 4 models]`: float32, int8, int8 as
C, float32 once more. The machine was quiet, loaded now and then by a process on the same CPU, or always busy."""
INT8, AS_C, CONTROL = 1, 2, 3


def median_ratio(times: np.ndarray, model: int) -> float:
    """The ratio of the medians of all times, which the traces advise against."""
    return float(np.exp(np.median(times[..., model]) - np.median(times[..., 0])))


@pytest.mark.parametrize("trace", TRACES)
def test_any_24_rounds_of_a_recorded_run_find_its_ratios_in_true_intervals(trace):
    times, blocks = TRACES[trace], [TRACES[trace][first : first + 24] for first in range(0, 97, 12)]
    for model in (INT8, AS_C, CONTROL):
        whole, _ = statistics.undisturbed_ratio(times, model, 0, 1)
        ratios, intervals = zip(*(statistics.undisturbed_ratio(part, model, 0, 200) for part in blocks), strict=True)
        assert np.ptp(ratios) < 0.04 * whole
        assert np.ptp(ratios) < np.ptp([median_ratio(part, model) for part in blocks])
        assert np.mean([low <= whole <= high for low, high in intervals]) > 0.85
    # Its place in the turn makes the control 0.3 % faster.
    assert abs(whole - 1) < 0.005
    assert np.mean([low <= 1 <= high for low, high in intervals]) > 0.7


@pytest.mark.parametrize("trace", TRACES)
def test_a_processor_that_slows_down_during_a_run_changes_ratios_of_medians_only(trace):
    slowed = TRACES[trace].copy()
    slowed[79, 8:] += np.log(1.6)  # in the middle of a round
    slowed[80:] += np.log(1.6)
    estimates = (lambda times, model: statistics.undisturbed_ratio(times, model, 0, 1)[0], median_ratio)
    undisturbed, medians = (
        max(abs(estimate(slowed, model) / estimate(TRACES[trace], model) - 1) for model in (INT8, AS_C))
        for estimate in estimates
    )
    assert undisturbed < 0.02 < medians


def test_a_summary_covers_the_samples_of_all_rounds():
    summary = statistics.latency([(1.0, 2.0), (3.0,)], (1.5, (1.4, 1.6)))
    assert (summary.p50, summary.p90, summary.p95, summary.p99) == (2.0, 2.8, 2.9, 2.98)
    assert (summary.mean, summary.min, summary.max, summary.runs) == (2.0, 1.0, 3.0, 3)
    assert (summary.undisturbed, summary.undisturbed_ci95) == (1.5, (1.4, 1.6))


def test_times_of_turns_are_medians_of_as_many_turns_as_all_rounds_have():
    one = [np.array([[1, 2, 9], [3, 3, 3], [7, 7, 7]]), np.array([[4, 4, 4], [5, 5, 5]])]
    other = [np.array([[2], [4]]), np.array([[6], [8]])]
    assert np.exp(statistics.turn_times([one, other])) == pytest.approx(
        np.array([[[2, 2], [3, 4]], [[4, 6], [5, 8]]], float)
    )


def test_only_the_quieter_half_of_the_rounds_counts():
    times = np.log([[[2.0, 1.0]] * 4] * 4 + [[[8.0, 2.0]] * 4] * 4)
    assert statistics.undisturbed_ratio(times, 0, 1)[0] == pytest.approx(2)
    assert statistics.undisturbed_time(times, 0)[0] == pytest.approx(2)


def test_intervals_count_how_processes_differ_and_cover_the_truth():
    """Processes of a round differ by 2 %, turns by 2 %, and disturbances of 10 % slow both models alike."""
    random, covered, widths = np.random.default_rng(2), 0, []
    for _ in range(40):
        processes, turns = 0.02 * random.standard_normal((6, 1, 2)), 0.02 * random.standard_normal((6, 40, 2))
        times = processes + turns + 0.1 * random.standard_normal((6, 40, 1))
        _, (low, high) = statistics.undisturbed_ratio(times, 1, 0, 400)
        covered, widths = covered + (low <= 1 <= high), [*widths, high - low]
    # 95 % of 40 are 38; below 32 is less likely than 1 in 1000. Only by turns, it would have a width of 0.01.
    assert covered >= 32
    assert 0.04 < np.median(widths) < 0.2


WINDOWS = np.array([302, 317, 288, 294, 320, 327, 364, 354, 381]) // 4  # a quarter of UCI HAR's test subjects'
BOUT = 5  # windows that err together


def people(random: np.random.Generator, mean: float, sd: float) -> tuple[np.ndarray, ...]:
    """Whether windows are right, and subjects: nine people with error rates of this mean and deviation, skewed."""
    concentration = mean * (1 - mean) / sd**2 - 1
    subject, rate = np.repeat(np.arange(len(WINDOWS)), WINDOWS), []
    for n in WINDOWS:
        shares = random.beta(mean * concentration, (1 - mean) * concentration)
        bouts = random.beta(np.maximum(9 * shares, 1e-9), 9 * (1 - shares), n // BOUT + 1)
        rate.append(np.repeat(bouts, BOUT)[:n])
    return random.random(len(subject)) >= np.concatenate(rate), subject


def test_an_interval_over_nine_subjects_contains_the_accuracy_of_all_people():
    random, covered = np.random.default_rng(6), 0
    for _ in range(200):
        low, high = statistics.accuracy_interval(*people(random, 0.09, 0.08))
        covered += low <= 0.91 <= high
    # 95 % of 200 are 190; below 182, as percentiles of a bootstrap have it, is less likely than 1 in 100.
    assert 182 <= covered < 200


def test_an_interval_stays_within_0_and_1_contains_the_score_and_is_never_a_point():
    for score in (1, 0):
        low, high = statistics.accuracy_interval(np.full(40, bool(score)), np.repeat([1, 2, 3, 4], 10))
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
    assert statistics.accuracy_interval(right, np.full(4, 7)) is None
