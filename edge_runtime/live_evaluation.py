"""Live recognition over whole recordings, as if they were lived through again."""

from collections.abc import Sequence

import numpy as np

from edge_runtime.classifier import Classifier
from edge_runtime.dataset import Recording
from edge_runtime.errors import InputError
from edge_runtime.live import Decision, LiveRecognizer
from edge_runtime.live_scores import NOTHING, Track


def follow(recording: Recording, classifier: Classifier, hop: int = 64) -> Track:
    """Every decision about a recording whose filters start as those of the published windows did.

    Raises `InputError` for a recording too short to have a window.
    """
    recognizer = LiveRecognizer(classifier, hop, gentle=False)
    events = [*recognizer.push(recording.samples), *recognizer.flush()]
    decisions = [x for x in events if isinstance(x, Decision)]
    if not decisions:
        raise InputError(
            f"a recording of subject {recording.subject} is shorter than a window of "
            f"{classifier.card.window.samples} samples: leave it out"
        )
    names = list(classifier.card.labels)
    return Track(
        recording.subject,
        _relabelled(recording, names),
        np.array([round(x.seconds * recording.rate_hz) + 1 for x in decisions]),
        np.array([int(x.window_probabilities.argmax()) for x in decisions]),
        np.array([names.index(x.activity) if x.activity in names else NOTHING for x in decisions]),
    )


def _relabelled(recording: Recording, names: Sequence[str]) -> np.ndarray:
    """The recording's labels as places in `names`; what the model does not know comes after them."""
    others = [x for x in recording.label_names if x not in names]
    known = [*names, *others]
    places = np.array([*(known.index(x) for x in recording.label_names), NOTHING])
    return places[recording.labels]
