"""Replay whole recordings through live recognition."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.data.coarse_labels import coarse_label, is_coarse
from edge_runtime.data.dataset import Recording
from edge_runtime.errors import InputError
from edge_runtime.live.recognizer import REFUSED, Decision, LiveRecognizer, Notice
from edge_runtime.live.stream_scores import NO_DECISION, Track
from edge_runtime.model.classifier import Classifier


def follow(
    recording: Recording,
    classifier: Classifier,
    hop: int | None = None,
    delivered: tuple[npt.NDArray[np.integer], npt.NDArray[np.floating]] | None = None,
) -> Track:
    """Collect every decision about a recording; filters start as for its windows.

    `delivered` are the rows of its samples in the order in which they come, and the times in seconds that they carry;
    None for all of them, in order and at their rate. Raises `InputError` for a recording too short to have a window,
    and when the model does not take one.
    """
    recognizer = LiveRecognizer(classifier, hop, recording.begins_midway, placement=recording.mounting.placement)
    rows, seconds = delivered or (slice(None), None)
    events = [*recognizer.push(recording.samples[rows], seconds), *recognizer.flush()]
    decisions = [x for x in events if isinstance(x, Decision)]
    refusal = next((x for x in events if isinstance(x, Notice) and x.kind == REFUSED), None)
    if refusal:
        raise InputError(refusal.text)
    if not decisions:
        raise InputError(
            f"a recording of subject {recording.subject} is shorter than a window of "
            f"{classifier.card.window.samples} samples: leave it out"
        )
    names = list(classifier.card.labels)
    known = all_labels(recording, names)
    places = np.array([*(known.index(x) for x in _own(recording, names)), NO_DECISION])
    return Track(
        recording.subject,
        places[recording.labels],
        np.array([round(x.seconds * recording.rate_hz) + 1 for x in decisions]),
        np.array([int(x.window_probabilities.argmax()) for x in decisions]),
        np.array([names.index(x.activity) if x.activity in names else NO_DECISION for x in decisions]),
        np.array([x.novelty for x in decisions]),
    )


def all_labels(recording: Recording, names: Sequence[str]) -> list[str]:
    """List the labels that `Track.labels` counts in: `names`, those of a model, then others of the recording."""
    return [*names, *dict.fromkeys(x for x in _own(recording, names) if x not in names)]


def _own(recording: Recording, names: Sequence[str]) -> list[str]:
    return [coarse_label(x) if is_coarse(names) else x for x in recording.label_names]
