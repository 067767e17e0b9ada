"""What live scores mean, on streams small enough to count by hand."""

import numpy as np
import pytest

from edge_runtime.live.stream_scores import NO_DECISION, Track, score

RATE, SAMPLES = 10.0, 10


def track(labels, decisions):
    """A recording of `labels` (label, samples) and of `decisions` (end, answer, shown)."""
    ends, answers, shown = (np.array(x) for x in zip(*decisions, strict=True))
    return Track(1, np.repeat(*map(list, zip(*labels, strict=True))), ends, answers, shown)


def scores(labels, decisions):
    return score([track(labels, decisions)], 2, SAMPLES, RATE)


def test_windows_wholly_in_one_activity_are_scored_alone_and_as_shown():
    found = scores([(0, 20), (1, 20)], [(10, 0, NO_DECISION), (20, 1, 0), (25, 0, 0), (30, 1, 1), (40, 1, 0)])
    assert found.windows == 4
    assert found.window_accuracy == 0.75
    assert found.live_accuracy == 0.5
    assert found.reported_accuracy == pytest.approx(2 / 3)


def test_unknown_is_wrong_or_left_out():
    found = scores([(0, 40)], [(10, 0, 0), (20, 0, NO_DECISION), (30, 0, NO_DECISION), (40, 0, 0)])
    assert (found.live_accuracy, found.reported_accuracy) == (0.5, 1.0)


def test_a_delay_is_from_the_first_sample_of_an_activity_until_it_is_shown():
    found = scores([(0, 20), (1, 20), (0, 20)], [(10, 0, 0), (25, 1, 0), (33, 1, 1), (41, 0, 0)])
    assert (found.activities, found.missed) == (2, 0)
    assert found.delay_median_s == pytest.approx((1.3 + 0.1) / 2)


def test_an_activity_that_is_never_shown_is_missed():
    found = scores([(0, 20), (1, 20)], [(10, 0, 0), (30, 0, 0)])
    assert found.missed == 1
    assert np.isinf(found.delay_p90_s)


def test_a_change_to_what_nobody_does_is_false_and_one_back_is_not():
    found = scores([(0, 3600)], [(10, 0, 0), (50, 1, 1), (60, 0, 0), (70, 0, NO_DECISION), (80, 0, 0)])
    assert found.hours == pytest.approx(0.1)
    assert found.false_changes_per_hour == pytest.approx(10)
    assert found.false_changes_seen_per_hour == pytest.approx(10)


def test_a_false_change_about_the_time_before_is_counted_apart():
    found = scores([(NO_DECISION, 1800), (0, 3600)], [(10, 0, 0), (1805, 1, 1)])
    assert (found.false_changes_per_hour, found.false_changes_seen_per_hour) == (pytest.approx(10), 0)


def test_unknown_is_counted_in_activities_and_in_transitions():
    found = scores([(0, 20), (2, 20), (NO_DECISION, 10)], [(10, 0, 0), (15, 0, NO_DECISION), (30, 0, 0)])
    assert found.unknown_in_activities == 0.5
    assert found.unknown_in_transitions == 0.5
    assert found.sample_accuracy == 0.5


def test_without_activities_there_is_nothing_to_score():
    found = scores([(2, 20)], [(10, 0, 0), (20, 0, 0)])
    assert np.isnan([found.live_accuracy, found.false_changes_per_hour, found.delay_median_s]).all()
