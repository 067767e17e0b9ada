"""Run live recognition over whole recordings, to score its decisions."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge_runtime.data.names import natural
from edge_runtime.data.recording import Mounting, Recording
from edge_runtime.errors import InputError
from edge_runtime.live.decider import Decision, Notice, are_still
from edge_runtime.live.recognizer import REFUSED, LiveRecognizer
from edge_runtime.live.stream_scores import NO_DECISION, Track
from edge_runtime.model.alike_labels import labels_of
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_card import WALKING, Card


def worn_alike(recordings: Sequence[Recording]) -> list[list[int]]:
    """Group the indices of recordings by person and mounting, in the order of their trials."""
    groups: dict[tuple[int | str, Mounting], list[int]] = {}
    for i, recording in enumerate(recordings):
        groups.setdefault((recording.subject, recording.mounting), []).append(i)
    return [sorted(indices, key=lambda i: natural(recordings[i].trial)) for indices in groups.values()]


def track_recordings(recordings: Sequence[Recording], classifier: Classifier) -> Iterator[tuple[int, Track]]:
    """Yield the index and the track of each recording; later recordings of a mounting know it once it was found."""
    for indices in worn_alike(recordings):
        recognizer = LiveRecognizer(classifier, placement=recordings[indices[0]].mounting.placement)
        tracks = (track_recording(recordings[i], recognizer) for i in indices)
        yield from zip(indices, without_mounting(tracks, classifier.card), strict=True)


def track_recording(recording: Recording, recognizer: LiveRecognizer) -> Track:
    """Collect every decision about a recording. Raises `InputError` for a window that the model refuses."""
    recognizer.restart(recording.begins_midway)
    events = [*recognizer.push(recording.samples), *recognizer.flush()]
    decisions = [event for event in events if isinstance(event, Decision)]
    notices = [event for event in events if isinstance(event, Notice)]
    if refused := next((notice for notice in notices if notice.kind == REFUSED), None):
        raise InputError(refused.text)
    faults = {x.kind: x.text for x in reversed(notices) if x.kind not in ("mounting", "gap", "clock")}
    return replace(track_of(recording, decisions, recognizer.card), notices=faults)


def track_of(recording: Recording, decisions: Sequence[Decision], card: Card) -> Track:
    """Put the `decisions` about a recording beside its labels."""
    names = list(card.labels)
    all_names = [*names, *dict.fromkeys(name for name in recording.label_names if name not in names)]
    labels = np.array([*map(all_names.index, recording.label_names), NO_DECISION])[recording.labels]
    ends = np.array([round(decision.seconds * recording.rate_hz) + 1 for decision in decisions])
    activities = [decision.activity for decision in decisions]
    shown = _shown(activities, names, labels[np.minimum(ends, len(labels)) - 1])
    answers = np.array([int(decision.window_probabilities.argmax()) for decision in decisions])
    return Track(recording.subject, labels, ends, answers, shown, np.zeros(len(labels), np.bool_))


def without_mounting(tracks: Iterable[Track], card: Card) -> Iterator[Track]:
    """Mark the postures before the first labelled walk in the `tracks` of a mounting that the model has to find."""
    if card.frame == "device":
        yield from tracks
        return
    has_walked, is_still = False, np.flatnonzero(are_still(card))
    for track in tracks:
        walked = has_walked | np.logical_or.accumulate(track.labels == card.labels.index(WALKING))
        has_walked = bool(walked[-1])
        yield replace(track, lacks_mounting=np.isin(track.labels, is_still) & ~walked)


def _shown(activities: Sequence[str], names: Sequence[str], truth: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Find the label `[n]` that each decision counts as; a joined answer counts as its right part or as before."""
    shown = np.full(len(activities), NO_DECISION)
    for i, (activity, true_label) in enumerate(zip(activities, truth.tolist(), strict=True)):
        if members := [names.index(name) for name in labels_of(activity, names) if name in names]:
            before = int(shown[i - 1]) if i else NO_DECISION
            shown[i] = next((label for label in (true_label, before) if label in members), members[0])
    return shown
