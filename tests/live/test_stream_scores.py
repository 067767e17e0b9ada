"""Score streams that are small enough to count by hand."""

from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.live.stream_scores import NO_DECISION, Track, WindowScores, confusion, per_group, score
from edge_runtime.signals.types import Window

SAMPLES = 10
WINDOW = Window(10.0, SAMPLES, SAMPLES)


def track(labels, decisions, subject="anna"):
    """Make the track of `labels` (label, samples) and of `decisions` (end, answer, shown)."""
    ends, answers, shown = map(np.array, zip(*decisions, strict=True))
    label_at = np.repeat(*map(list, zip(*labels, strict=True)))
    return Track(subject, label_at, ends, answers, shown, np.zeros(len(label_at), np.bool_))


def scores(labels, decisions):
    return score([track(labels, decisions)], 2, WINDOW)


def test_windows_wholly_in_one_activity_are_scored_and_unknown_counts_as_wrong():
    result = scores([(0, 20), (1, 20)], [(10, 0, NO_DECISION), (20, 1, 0), (25, 0, 0), (30, 1, 1), (40, 1, 0)])
    assert (result.windows, result.window_accuracy, result.live_accuracy) == (4, 0.75, 0.5)
    assert result.reported_accuracy == pytest.approx(2 / 3)


def test_a_delay_lasts_from_the_first_sample_of_an_activity_until_it_is_reported():
    result = scores([(0, 20), (1, 20), (0, 20)], [(10, 0, 0), (25, 1, 0), (33, 1, 1), (41, 0, 0)])
    assert result.delay_median_s == pytest.approx((1.3 + 0.1) / 2)
    assert result.delay_p90_s == pytest.approx(1.3)
    assert np.isinf(scores([(0, 20), (1, 20)], [(10, 0, 0), (30, 0, 0)]).delay_median_s)


@pytest.mark.parametrize(
    ("decisions", "n"),
    [
        ([(10, 0, 0), (50, 1, 1), (60, 0, 0), (70, 0, NO_DECISION), (80, 0, 0)], 1),
        ([(10, 0, 0), (50, 1, NO_DECISION), (60, 1, 1), (70, 0, NO_DECISION), (80, 1, 1)], 1),
        ([(10, 0, 0), (50, 1, 1), (60, 0, 0), (70, 1, 1)], 2),
        ([(10, 1, 1), (50, 1, 1)], 0),
    ],
)
def test_a_change_to_a_wrong_activity_is_false_and_the_change_back_is_not(decisions, n):
    result = scores([(0, 3600)], decisions)
    assert result.hours == pytest.approx(0.1)
    assert result.false_changes_per_hour == pytest.approx(10 * n)


def test_unknown_is_counted_in_activities():
    result = scores([(0, 20), (2, 20), (NO_DECISION, 10)], [(10, 0, 0), (15, 0, NO_DECISION), (30, 0, 0)])
    assert result.unknown_in_activities == 0.5


def test_an_answer_to_an_unknown_activity_is_false_each_time_it_begins():
    decisions = [(10, 0, 0), (30, 0, 0), (40, 1, 1), (50, 1, NO_DECISION), (60, 1, 1), (70, 1, 1), (3650, 0, 0)]
    result = scores([(0, 20), (2, 3600), (0, 40)], decisions)
    assert result.hours_not_known == pytest.approx(0.1)
    assert result.false_answers_per_hour == pytest.approx(20)  # the first and the last answer are not false
    assert np.isnan(scores([(0, 40)], [(10, 0, 0)]).false_answers_per_hour)


def test_postures_before_the_first_walk_are_left_out():
    posture_first = track([(0, 40), (1, 40)], [(10, 1, NO_DECISION), (20, 1, NO_DECISION), (50, 1, 1), (80, 1, 1)])
    posture_first = replace(posture_first, lacks_mounting=np.arange(80) < 40)
    result = score([posture_first], 2, WINDOW)
    assert result.mounting_not_known == pytest.approx(30 / 70)  # from the first decision on
    assert (result.windows, result.window_accuracy, result.live_accuracy) == (2, 1.0, 1.0)
    assert result.unknown_in_activities == 0.25  # from 40 to 50
    assert per_group([posture_first], ["anna"], 2, SAMPLES)["anna"].windows == 2


def test_each_person_has_scores_and_the_confusion_leaves_out_unknown():
    tracks = [
        track([(0, 20), (2, 10), (1, 10)], [(10, 0, 0), (20, 1, 0), (25, 1, NO_DECISION), (40, 1, 1)]),
        track([(0, 10), (3, 20)], [(10, 0, NO_DECISION), (15, 0, 1), (20, 0, NO_DECISION)], "ben"),
    ]
    groups = per_group([*tracks, tracks[0]], ["anna", "ben", ""], 2, SAMPLES)
    assert groups == {"anna": WindowScores(3, 2 / 3, 1.0, 0.0), "ben": WindowScores(1, 1.0, 0.0, 1.0)}
    assert confusion(tracks, 2, SAMPLES).tolist() == [[2, 0], [0, 1]]
