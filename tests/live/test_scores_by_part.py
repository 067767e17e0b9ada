"""Live recognition in parts, on streams small enough to count by hand."""

import numpy as np

from edge_runtime.live.scores_by_part import is_transition, per_activity, per_subject, reported_during
from edge_runtime.live.stream_scores import NO_DECISION, Track, score

RATE, SAMPLES = 10.0, 10
NAMES = ("SITTING", "STANDING", "sit_to_stand", "DANCING")


def track(subject, labels, decisions):
    """A recording of `labels` (label, samples) and of `decisions` (end, answer, shown)."""
    ends, answers, shown = (np.array(x) for x in zip(*decisions, strict=True))
    return Track(subject, np.repeat(*map(list, zip(*labels, strict=True))), ends, answers, shown)


TRACKS = [
    track("anna", [(0, 20), (2, 10), (1, 10)], [(10, 0, 0), (20, 1, 0), (25, 1, NO_DECISION), (40, 1, 1)]),
    track("ben", [(0, 10), (3, 20)], [(10, 0, NO_DECISION), (15, 0, 1), (20, 0, NO_DECISION)]),
]


def test_each_person_is_scored_by_their_own_windows():
    found = per_subject(TRACKS, 2, SAMPLES)
    assert {name: x.windows for name, x in found.items()} == {"anna": 3, "ben": 1}
    assert (found["anna"].live_accuracy, found["anna"].window_accuracy) == (1.0, 2 / 3)
    assert (found["ben"].live_accuracy, found["ben"].window_accuracy, found["ben"].unknown) == (0.0, 1.0, 1.0)


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
