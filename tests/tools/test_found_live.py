"""Find mountings in recordings of which it is known how soon that is possible."""

from dataclasses import replace

import numpy as np

from edge_runtime.data import uci_har
from edge_runtime.data.dataset import Recording
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from tools.found_live import found_mountings


def walk(trial: str, seconds: float) -> Recording:
    """A training subject who walks."""
    (whole, *_) = [x for x in uci_har.recordings() if x.subject == 14]
    rows = np.flatnonzero(whole.labels == whole.label_names.index("WALKING"))
    rows = np.resize(rows[: 1 + np.flatnonzero(np.diff(rows) > 1)[0]], round(seconds * 50))
    return replace(whole, samples=whole.samples[rows], labels=whole.labels[rows], begins_midway=True, trial=trial)


def test_walking_counts_over_the_recordings_until_the_mounting_is_found():
    classifier = Classifier(reference_model("edge-anywhere", "int8"))
    (alone,) = found_mountings(classifier, [walk("1", 14)])
    assert 5 < alone.walking_s < 10
    assert max(alone.headings) < 30
    (after_a_short_one,) = found_mountings(classifier, [walk("2", 14), walk("1", 4)])
    assert after_a_short_one.walking_s == alone.walking_s + 4
    (never,) = found_mountings(classifier, [walk("1", 4)])
    assert (never.walking_s, never.headings) == (None, ())


def test_a_heading_is_compared_with_the_walk_in_its_own_recording():
    turned_round = walk("2", 30)
    turned_round = replace(turned_round, samples=turned_round.samples * [1, -1, -1, 1, -1, -1])
    stairs = walk("3", 20)
    stairs = replace(stairs, labels=np.full(len(stairs.labels), stairs.label_names.index("WALKING_UPSTAIRS")))
    model = Classifier(reference_model("edge-anywhere", "int8"))
    (found,) = found_mountings(model, [walk("1", 40), turned_round, stairs])
    assert len(found.headings) == 3
    assert found.of_walks == found.headings[:2], "what is not labelled WALKING is no walk"
    assert max(found.of_walks) < 30, "live follows a phone that is put back the other way round after 20 s"
