"""Live scores, all together and in parts, on streams small enough to count by hand."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score

from edge_runtime.live.scores_by_part import is_transition, per_activity, per_group, reported_during
from edge_runtime.live.stream_scores import NO_DECISION, Track, score

RATE, SAMPLES = 10.0, 10
NAMES = ("SITTING", "STANDING", "sit_to_stand", "DANCING")


def track(labels, decisions, subject="anna"):
    """A recording of `labels` (label, samples) and of `decisions` (end, answer, shown)."""
    ends, answers, shown = (np.array(x) for x in zip(*decisions, strict=True))
    return Track(subject, np.repeat(*map(list, zip(*labels, strict=True))), ends, answers, shown)


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


def test_unknown_between_right_and_wrong_makes_no_change_right():
    found = scores([(0, 3600)], [(10, 0, 0), (50, 1, NO_DECISION), (60, 1, 1), (70, 0, NO_DECISION), (80, 1, 1)])
    assert found.false_changes_per_hour == pytest.approx(10)


def test_a_false_change_about_the_time_before_is_counted_apart():
    found = scores([(NO_DECISION, 1800), (0, 3600)], [(10, 0, 0), (1805, 1, 1)])
    assert (found.false_changes_per_hour, found.false_changes_seen_per_hour) == (pytest.approx(10), 0)


def test_unknown_is_counted_in_activities_and_in_transitions():
    found = scores([(0, 20), (2, 20), (NO_DECISION, 10)], [(10, 0, 0), (15, 0, NO_DECISION), (30, 0, 0)])
    assert found.unknown_in_activities == 0.5
    assert found.unknown_in_transitions == 0.5
    assert found.sample_accuracy == 0.5


def test_an_answer_to_what_the_model_does_not_know_is_false_each_time_it_begins():
    decisions = [(10, 0, 0), (30, 0, 0), (40, 1, 1), (50, 1, NO_DECISION), (60, 1, 1), (70, 1, 1), (3650, 0, 0)]
    found = scores([(0, 20), (2, 3600), (0, 40)], decisions)
    assert found.hours_not_known == pytest.approx(0.1)
    assert found.false_answers_per_hour == pytest.approx(20)  # that of before going on is none, the end is no stranger
    assert np.isnan(scores([(0, 40)], [(10, 0, 0)]).false_answers_per_hour)


def test_novelty_is_judged_by_windows_of_one_activity_and_by_what_is_none():
    decisions = [(10, 0, 0), (20, 0, 0), (25, 0, 0), (30, 0, 0)]
    made = replace(track([(0, 20), (2, 20)], decisions), novelty=np.array([0.1, 0.6, 0.5, 2.0]))
    assert score([made], 2, SAMPLES, RATE).novelty_auroc == pytest.approx(3 / 4)
    assert np.isnan(score([replace(made, novelty=None)], 2, SAMPLES, RATE).novelty_auroc)


def test_postures_before_the_first_walk_are_counted_apart():
    made = track([(0, 40), (1, 40)], [(10, 1, NO_DECISION), (20, 1, NO_DECISION), (50, 1, 1), (80, 1, 1)])
    made = replace(made, lacks_mounting=np.arange(80) < 40)
    found = score([made], 2, SAMPLES, RATE)
    assert found.mounting_not_known == pytest.approx(30 / 70)  # from the first decision on
    assert (found.windows, found.window_accuracy, found.live_accuracy) == (2, 1.0, 1.0)
    assert (found.unknown_in_activities, found.sample_accuracy) == (0.25, 0.75)  # from 40 to 50
    assert per_activity([made], NAMES[:2], SAMPLES).keys() == {"STANDING"}
    assert score([replace(made, lacks_mounting=None)], 2, SAMPLES, RATE).mounting_not_known == 0


def test_several_activities_at_once_are_counted():
    made = track([(0, 40)], [(10, 0, 0), (20, 0, 0), (30, 0, 0), (40, 1, 1)])
    found = score([replace(made, joined=np.array([True, False, False, False]))], 2, SAMPLES, RATE)
    assert found.joined == 0.25


def test_without_activities_there_is_nothing_to_score():
    found = scores([(2, 20)], [(10, 0, 0), (20, 0, 0)])
    assert np.isnan([found.live_accuracy, found.false_changes_per_hour, found.delay_median_s]).all()


TRACKS = [
    track([(0, 20), (2, 10), (1, 10)], [(10, 0, 0), (20, 1, 0), (25, 1, NO_DECISION), (40, 1, 1)]),
    track([(0, 10), (3, 20)], [(10, 0, NO_DECISION), (15, 0, 1), (20, 0, NO_DECISION)], "ben"),
]


def test_each_person_is_scored_by_their_own_windows():
    found = per_group(TRACKS, ["anna", "ben"], 2, SAMPLES)
    assert {name: x.windows for name, x in found.items()} == {"anna": 3, "ben": 1}
    assert (found["anna"].live_accuracy, found["anna"].window_accuracy) == (1.0, 2 / 3)
    assert (found["ben"].live_accuracy, found["ben"].window_accuracy, found["ben"].unknown) == (0.0, 1.0, 1.0)
    # SITTING, of two windows, was answered once right and once STANDING, of which there is one.
    assert (found["anna"].window_f1, found["anna"].live_f1) == (pytest.approx(2 / 3), 1.0)
    assert (found["ben"].window_f1, found["ben"].live_f1) == (1.0, 0.0)
    assert found.keys() == per_group([*TRACKS, TRACKS[0]], ["anna", "ben", ""], 2, SAMPLES).keys()


def test_f1_is_that_of_all_windows_and_unknown_is_wrong():
    found, parts = score(TRACKS, 2, SAMPLES, RATE), per_activity(TRACKS, NAMES[:2], SAMPLES)
    truth, answers, shown = [0, 0, 0, 1], [0, 1, 0, 1], [0, 0, 2, 1]
    for name, part, own in (("window", "window_f1", answers), ("live", "live_f1", shown)):
        each = f1_score(truth, own, labels=[0, 1], average=None, zero_division=0.0)
        assert [getattr(parts[x], part) for x in NAMES[:2]] == pytest.approx(each)
        assert getattr(found, f"{name}_macro_f1") == pytest.approx(each.mean())
    assert np.isnan(scores([(2, 20)], [(10, 0, 0), (20, 0, 0)]).live_macro_f1)


def test_each_activity_is_scored_by_its_own_windows():
    found = per_activity(TRACKS, NAMES[:2], SAMPLES)
    assert {name: x.windows for name, x in found.items()} == {"SITTING": 3, "STANDING": 1}
    assert (found["SITTING"].live_accuracy, found["SITTING"].unknown) == (2 / 3, 1 / 3)


def test_what_is_reported_during_a_transition_adds_up():
    found = reported_during(TRACKS, NAMES, 2, RATE)
    assert (found["sit_to_stand"].times, found["sit_to_stand"].seconds) == (1, 1.0)
    assert found["sit_to_stand"].shares == {"SITTING": 0.5, "STANDING": 0.0, "unknown": 0.5}
    assert found["DANCING"].shares == {"SITTING": 0.0, "STANDING": 0.25, "unknown": 0.75}


def test_only_transitions_count_as_transitions():
    assert [is_transition(x) for x in ("stand_to_sit", "LIE_TO_STAND", "DANCING", "WALKING")] == [1, 1, 0, 0]
    assert score(TRACKS, 2, SAMPLES, RATE, transitions=[2]).unknown_in_transitions == 0.5
    assert score(TRACKS, 2, SAMPLES, RATE).unknown_in_transitions == 20 / 30
