"""Recordings of one mounting share it; a joined answer counts as its right part."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from written_recordings import longest, recordings

from edge_runtime.data import uci_har
from edge_runtime.data.recording import Mounting, Recording
from edge_runtime.live.recording_tracks import track_recordings, worn_alike
from edge_runtime.live.stream_scores import NO_DECISION
from edge_runtime.model.alike_labels import IN_A_POCKET
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model

WALKING, _, _, SITTING, STANDING, LAYING = uci_har.LABELS
SUBJECT = 14  # one of the training subjects


@cache
def classifier() -> Classifier:
    return Classifier(reference_model("edge-anywhere", "int8"))


def part(label: str, trial: str, **changes) -> Recording:
    """Make a recording of fourteen seconds of `label`."""
    whole = next(recording for recording in recordings() if recording.subject == SUBJECT)
    samples, labels = np.resize(longest(label, SUBJECT), (700, 6)), np.full(700, whole.label_names.index(label))
    return replace(whole, **{"samples": samples, "labels": labels, "begins_midway": True, "trial": trial} | changes)


def shown(track) -> set[str]:
    return {classifier().card.labels[label] for label in set(track.shown[4:].tolist()) - {NO_DECISION}}


def test_recordings_of_a_mounting_are_in_the_order_of_their_trials():
    a, b = Mounting("a"), Mounting("b")
    parts = [part(STANDING, t, mounting=m) for t, m in (("11", a), ("1", b), ("2", a), ("9", a))]
    assert worn_alike(parts) == [[2, 3, 0], [1]]


@pytest.mark.parametrize("then", [LAYING, STANDING])
def test_a_joined_answer_counts_as_the_true_activity_if_it_contains_it_or_else_as_before(then):
    mounting = Mounting(placement="Trouser pocket")
    laying = part(LAYING, "2", mounting=mounting)
    laying.labels[400:] = laying.label_names.index(then)
    assert shown(dict(track_recordings([part(WALKING, "1", mounting=mounting), laying], classifier()))[1]) == {LAYING}
    assert IN_A_POCKET in classifier().card.alike
