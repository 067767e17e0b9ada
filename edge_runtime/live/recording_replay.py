"""Replay whole recordings through live recognition."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Mounting, Recording
from edge_runtime.data.names import coarse_label, is_coarse, natural
from edge_runtime.errors import InputError
from edge_runtime.live.decider import Decision, Notice, are_still, finds_mounting
from edge_runtime.live.recognizer import REFUSED, LiveRecognizer
from edge_runtime.live.stream_scores import NO_DECISION, Track
from edge_runtime.model.alike_labels import labels_of
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_card import WALKING, Card


def worn_alike(recordings: Sequence[Recording]) -> list[list[int]]:
    """The places of the recordings of each person and mounting, in the order of their trials."""
    found: dict[tuple[int | str, Mounting], list[int]] = {}
    for place, x in enumerate(recordings):
        found.setdefault((x.subject, x.mounting), []).append(place)
    return [sorted(places, key=lambda x: natural(recordings[x].trial)) for places in found.values()]


def replay(recordings: Sequence[Recording], classifier: Classifier) -> Iterator[tuple[int, Track]]:
    """Follow recordings, and give the place and track of each; a mounting once found is known in later ones."""
    for places in worn_alike(recordings):
        recognizer = LiveRecognizer(classifier, placement=recordings[places[0]].mounting.placement)
        tracks = (follow(recordings[place], recognizer) for place in places)
        yield from zip(places, without_mounting(tracks, classifier.card), strict=True)


def follow(recording: Recording, recognizer: LiveRecognizer) -> Track:
    """Collect every decision about a recording. Raises `InputError` for a window that the model does not take."""
    recognizer.restart(recording.begins_midway)
    events = [*recognizer.push(recording.samples), *recognizer.flush()]
    decisions = [x for x in events if isinstance(x, Decision)]
    refusal = next((x for x in events if isinstance(x, Notice) and x.kind == REFUSED), None)
    if refusal:
        raise InputError(refusal.text)
    track = track_of(recording, decisions, recognizer.card)
    return replace(track, finds_mounting=finds_mounting(events))


def track_of(recording: Recording, decisions: Sequence[Decision], card: Card) -> Track:
    """The `decisions` about a recording beside its labels."""
    names = list(card.labels)
    own = [coarse_label(x) if is_coarse(names) else x for x in recording.label_names]
    known = [*names, *dict.fromkeys(x for x in own if x not in names)]
    places = np.array([*map(known.index, own), NO_DECISION])
    labels = places[recording.labels]
    ends = np.array([round(x.seconds * recording.rate_hz) + 1 for x in decisions])
    shown = _shown([x.activity for x in decisions], names, labels[np.minimum(ends, len(labels)) - 1])
    answers = np.array([int(x.window_probabilities.argmax()) for x in decisions])
    return Track(recording.subject, labels, ends, answers, shown)


def without_mounting(tracks: Iterable[Track], card: Card) -> Iterator[Track]:
    """Mark the postures before the first labelled walk in the `tracks` of one mounting, if the model has to find it."""
    if card.frame == "device":
        yield from tracks
        return
    has_walked, is_still = False, np.flatnonzero(are_still(card))
    for track in tracks:
        walked = has_walked | np.logical_or.accumulate(track.labels == card.labels.index(WALKING))
        has_walked = bool(walked[-1])
        yield replace(track, lacks_mounting=np.isin(track.labels, is_still) & ~walked)


def _shown(activities: Sequence[str], names: Sequence[str], truth: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """The label `[n]` that each decision counts as; a joined answer counts as its right part, or else as before."""
    shown = np.full(len(activities), NO_DECISION)
    for i, (name, done) in enumerate(zip(activities, truth.tolist(), strict=True)):
        if members := [names.index(x) for x in labels_of(name, names) if x in names]:
            before = int(shown[i - 1]) if i else NO_DECISION
            shown[i] = next((x for x in (done, before) if x in members), members[0])
    return shown
