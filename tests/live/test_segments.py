"""Segments of live decisions: joined while one follows another of its activity, with the mean of what it had."""

from dataclasses import replace

import numpy as np
import pytest
from streams import decision

from edge_runtime.data.uci_har import LABELS
from edge_runtime.live.decider import UNKNOWN
from edge_runtime.live.segments import Segment, segments


def of(*parts) -> list[Segment]:
    """Segments of decisions of `parts`: seconds, activity and its probability."""
    decisions = []
    for seconds, activity, share in parts:
        probabilities = np.full(len(LABELS), (1 - share) / (len(LABELS) - 1))
        if activity != UNKNOWN:
            probabilities[LABELS.index(activity)] = share
        decisions.append(replace(decision(seconds, activity), probabilities=probabilities))
    return list(segments(decisions, 1.0))


def test_decisions_of_one_activity_are_joined():
    first, second = of((1, "STANDING", 0.9), (2.4, "STANDING", 0.7), (3, "WALKING", 1.0))
    assert (first.start, first.end, first.activity, second.start, second.end) == (0, 2.4, "STANDING", 2, 3)
    assert first.probability == pytest.approx(0.8)


@pytest.mark.parametrize("later", [2.5, 9.0, 1.0, 0.2])
def test_a_gap_or_another_clock_ends_a_segment(later):
    assert [x.end for x in of((1, "STANDING", 0.9), (later, "STANDING", 0.9))] == [1, later]


def test_unknown_has_no_probability():
    (found,) = of((1, UNKNOWN, 0.5), (2, UNKNOWN, 0.5))
    assert (found.activity, found.probability) == (UNKNOWN, None)
