"""One stream of another phone, worn otherwise by another person at another rate, each minute.

All but the last minute are of UCI HAR's phone at the waist, that of MotionSense's in a trouser pocket.
"""

from functools import cache
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation
from written_recordings import longest

from edge_runtime.data import dataset, uci_har
from edge_runtime.live.decider import UNKNOWN, Decision, Notice
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals import frontend, mounting
from edge_runtime.signals.frontend import RATE_HZ

NAMES = [x.name for x in frontend.SIGNALS]
WALKING, _, _, SITTING, STANDING, _ = uci_har.LABELS
POCKET = 17
"""Of MotionSense (tests/excerpts/README.md), whom edge-anywhere has not learnt; the others are training subjects."""
PEOPLE = (1, 5, 8, POCKET)
RATES_HZ = (50.0, 200.0, 25.0, 100.0)
WALK_S, STILL_S, MOVED_S = 25, 12.5, 10
MINUTE_S = WALK_S + 2 * STILL_S + MOVED_S


def stretch(subject: int, label: str, seconds: float) -> np.ndarray:
    """The longest stretch of `label`, to and fro, or again where somebody walks."""
    if subject == POCKET:
        return np.load(Path(__file__).with_name("pocket.npz"))[label].astype(float)
    piece = longest(label, subject)
    if label != WALKING:
        piece = np.concatenate([piece, piece[::-1]])
    return np.resize(piece, (round(seconds * RATE_HZ), 6))


def moved_about(rng: np.random.Generator) -> np.ndarray:
    """A phone that is taken off, turned over and over, and put elsewhere."""
    turns = Rotation.from_rotvec(rng.normal(0, 1, (MOVED_S + 1, 3)).repeat(RATE_HZ, axis=0)[: MOVED_S * RATE_HZ] / 15)
    held, orientation = np.empty((MOVED_S * RATE_HZ, 6)), Rotation.identity()
    for i, turn in enumerate(turns):
        orientation = orientation * turn
        held[i] = [*orientation.inv().apply([1, 0, 0]), *turn.as_rotvec() * RATE_HZ]
    held[:, :3] += rng.normal(0, 0.15, (len(held), 3))
    return held


@cache
def streamed():
    """The events of each minute, and how far up and ahead are off at its end, degrees."""
    recognizer, minutes, start = LiveRecognizer(Classifier(reference_model("edge-anywhere", "int8"))), [], 1000.0
    for number, (subject, rate_hz) in enumerate(zip(PEOPLE, RATES_HZ, strict=True)):
        rng = np.random.default_rng(number)
        worn = [stretch(subject, x, s) for x, s in ((WALKING, WALK_S), (STANDING, STILL_S), (SITTING, STILL_S))]
        turn = Rotation.random(random_state=number).as_matrix()
        samples = np.concatenate([moved_about(rng), *worn])
        samples = np.concatenate([samples[:, :3] @ turn.T, samples[:, 3:] @ turn.T], axis=1)
        walk = range((MOVED_S + 4) * RATE_HZ, (MOVED_S + WALK_S - 3) * RATE_HZ, 64)
        windows = dataset.cut(frontend.signals(samples), walk)
        expected = mounting.walking_frame(windows.astype(np.float32), NAMES, RATE_HZ)
        seconds = np.arange(0, MINUTE_S, 1 / rate_hz)
        own = np.stack([np.interp(seconds, np.arange(len(samples)) / RATE_HZ, x) for x in samples.T], axis=1)
        own += rng.normal(0, [0.003] * 3 + [0.01] * 3, own.shape) + np.repeat(rng.normal(0, [0.01, 0.02]), 3)
        events = []
        for first in range(0, len(own), 333):
            rows = slice(first, first + 333)
            events += recognizer.push(own[rows], start + seconds[rows])
        found = recognizer.rotation
        off = None if found is None else np.degrees(np.arccos(np.clip((found * expected).sum(axis=1), -1, 1)))[:2]
        minutes.append((start, events, off))
        start += MINUTE_S
    return minutes


def notices(events, kind):
    return [x.text for x in events if isinstance(x, Notice) and x.kind == kind]


def shown(minute, first_s, end_s):
    start, events, _ = minute
    return [x.activity for x in events if isinstance(x, Decision) and first_s < x.seconds - start <= end_s]


def test_each_mounting_is_found_anew_and_told():
    first, *others = streamed()
    for minute, last in ((first, ["known"]), *((x, ["otherwise", "known"]) for x in others)):
        texts = notices(minute[1], "mounting")
        assert len(texts) == len(last)
        assert all(word in text for word, text in zip(last, texts, strict=True))
        assert max(minute[2]) < 20, "degrees"


def test_next_to_nothing_is_told_of_a_phone_that_is_moved_about_and_all_after_its_first_steps():
    # The answer to what was worn before may stay until the first whole windows of movement.
    moved = [x for minute in streamed() for x in shown(minute, 3, MOVED_S)]
    assert moved.count(UNKNOWN) >= 0.85 * len(moved)
    for subject, minute in zip(PEOPLE, streamed(), strict=True):
        for label, first_s, end_s in (
            (WALKING, MOVED_S + 10, MOVED_S + WALK_S),
            (STANDING, MOVED_S + WALK_S + 4, MOVED_S + WALK_S + STILL_S),
        ):
            assert set(shown(minute, first_s, end_s)) <= {label, UNKNOWN}
            assert shown(minute, first_s, end_s).count(label) >= 3
        # Nobody is seen to sit down here, so that standing may stay for a while.
        sitting = shown(minute, MINUTE_S - STILL_S + 7, MINUTE_S)
        answer = "SITTING or LAYING" if subject == POCKET else SITTING
        assert set(sitting) <= {answer, STANDING, UNKNOWN}
        assert sitting[-2:] == [answer] * 2
