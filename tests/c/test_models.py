"""Check the recogniser in C with models of other windows, limits, signals and people."""

import ctypes
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from c_recognizer import CRecognizer, evenly, in_both, in_c, in_python, infers
from compiled_c import CC
from written_recordings import recordings

from edge_runtime.model import model_card as cards
from edge_runtime.model.alike_labels import IN_A_POCKET
from edge_runtime.model.classifier import Classifier, softmax
from edge_runtime.model.model_card import Card
from edge_runtime.model.model_paths import reference_model
from edge_runtime.model.novelty import TypicalSteps
from edge_runtime.model.personal_correction import PersonalCorrection
from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.signals.types import RAW_NAMES, Signal, Window

CARD = cards.read_model(reference_model("edge", "int8"))[1]
LIMITS = CARD.live.novelty
NEAR = 0.03  # of probabilities in float

pytestmark = pytest.mark.skipif(CC is None, reason="needs a C compiler: apt-get install gcc")


def limited(**changes: object) -> Card:
    """The card of `edge` with other limits of novelty."""
    return replace(CARD, live=replace(CARD.live, novelty=replace(LIMITS, **changes)))


ONLY_ACCELERATION = {
    "movement": tuple(replace(x, mean=x.mean[:1], precision=((x.precision[0][0],),)) for x in LIMITS.movement),
    "rest": None,
    "steps": None,
}
ANY_MOVEMENT = tuple(replace(limits, unusual=1e6, novel=1e6) for limits in LIMITS.movement)
ACCELERATION = (*SIGNALS[6:], *SIGNALS[:3])
RAW = tuple(Signal(name, "m/s2" if name[0] == "a" else "deg/s") for name in RAW_NAMES)
OTHERS = {
    "a short hop": replace(CARD, window=Window(50.0, 100, 13)),
    "windows apart": replace(CARD, window=Window(50.0, 128, 200)),
    "acceleration": replace(limited(**ONLY_ACCELERATION), signals=ACCELERATION),
    "acceleration, worn any way": replace(limited(**ONLY_ACCELERATION), signals=ACCELERATION, frame="walking"),
    "no limits": replace(CARD, signals=SIGNALS[2:7], live=replace(CARD.live, novelty=None)),
    "alike": replace(CARD, live=replace(CARD.live, novelty=None), frame="walking", alike=(IN_A_POCKET,)),
    "unusual postures": limited(posture=tuple(replace(x, unusual=x.unusual / 8) for x in LIMITS.posture)),
    "unusual movement": limited(movement=tuple(replace(x, unusual=x.unusual / 3) for x in LIMITS.movement)),
    "quick steps": limited(steps=TypicalSteps(1.7, 0.05), movement=ANY_MOVEMENT),
    "slower steps": limited(steps=TypicalSteps(1.3, 0.105), movement=ANY_MOVEMENT),
    "rest": limited(rest=0.05),
    "raw": replace(CARD, signals=RAW, window=Window(25.0, 64, 32)),
    "raw acceleration": replace(limited(**ONLY_ACCELERATION), signals=RAW[:3], window=Window(100.0, 200, 100)),
}


def knocking(share: float) -> np.ndarray:
    """20 s `[n, 6]` of a beat at 2.8 Hz, with this share of it at half the frequency."""
    angle = 2 * np.pi * 1.4 * np.arange(1000) / 50
    size = 1 + 0.3 * np.sin(2 * angle) + 0.3 * share * np.sin(angle)
    return size[:, np.newaxis] * [1, 0.1, 0.1, 0.5, 0.5, 0.5]


def resting() -> np.ndarray:
    """Rest `[n, 6]` of two minutes and a half in three pieces, none of them steady, and then as long in one."""
    rest = np.tile(np.repeat([0.05, 0.02], 300), 13)[:7500]  # rad/s
    size = np.concatenate([*[np.ones(300), rest[:2500]] * 3, np.ones(300), rest])
    turn = size * np.sin(2 * np.pi * np.arange(len(size)) / 25)
    return np.array([1, 0, 0, 0, 0, 0]) + np.outer(turn, [0.1, 0.1, 0.1, 1, 1, 1])


def leaning() -> np.ndarray:
    """60 s `[n, 6]` that tilt from upright to level, to one side and the other, and turn about x."""
    tilt, side = np.linspace(0, np.pi / 2, 3000), 1.5 * np.sin(np.linspace(0, 60, 3000))
    turn = np.sin(2 * np.pi * np.arange(3000) / 50)
    level = [np.sin(tilt) * np.cos(side), np.sin(tilt) * np.sin(side)]
    return np.stack([np.cos(tilt), *level, 3 * turn, 0.1 * turn, 0.1 * turn], axis=1)


def made_up(card: Card) -> SimpleNamespace:
    """A model whose labels have the power of the signals as logits."""

    def logits(window: np.ndarray) -> np.ndarray:
        power = 3 * np.square(window, dtype=np.float64).mean(axis=0)
        return power[np.arange(len(card.labels)) % len(card.signals)].astype(np.float32)

    def probabilities(windows: np.ndarray) -> np.ndarray:
        return np.stack([softmax(logits(window), card.temperature) for window in windows])

    return SimpleNamespace(card=card, probabilities=probabilities, logits=logits)


@pytest.mark.parametrize("name", OTHERS)
def test_a_model_of_other_windows_limits_or_signals_is_followed_as_by_python(double, single, name):
    model = made_up(OTHERS[name])
    knocks = () if model.card.frame == "walking" else (0.4, 0.5, 0.7)  # they have no heading, but rounding does
    parts = [recordings()[0].samples[:9000], *map(knocking, knocks), leaning()]
    samples = np.concatenate([*parts, resting()] if name == "rest" else parts)
    expected = in_both(double, model, model.logits, samples, evenly(samples))
    assert len(expected.answers) > 50
    near = in_c(CRecognizer(single, model.card, model.logits, is_float=True), samples, evenly(samples))
    assert near.probabilities == pytest.approx(expected.probabilities, abs=NEAR)
    pairs = zip(near.answers, expected.answers, strict=True)
    assert sum(one != other for one, other in pairs) <= 0.01 * len(expected.answers)


def test_a_personal_correction_changes_the_answers_as_in_python(double, tmp_path):
    flatbuffer, card = cards.read_model(reference_model("edge", "int8"))
    weights = tuple(map(tuple, np.random.default_rng(0).normal(0, 0.3, (6, 45)).tolist()))
    correction = PersonalCorrection((1.0,) + (0.0,) * 44, weights, (-3.0,) * 6, (2.0,) * 6)
    cards.write_model(tmp_path / "mine.tflite", flatbuffer, replace(card, personal_correction=correction))
    classifier, samples = Classifier(tmp_path / "mine.tflite"), recordings()[0].samples[:6000]
    expected = in_both(double, classifier, infers(classifier), samples, evenly(samples))
    without = in_python(Classifier("edge"), samples, evenly(samples))
    assert np.abs(without.probabilities - expected.probabilities).max() > 0.1


def test_a_reset_forgets_everything_and_values_that_are_not_measurements_are_left_out(double):
    model = made_up(CARD)
    walked, rested = (recording.samples[:1500] for recording in recordings()[:2])
    expected = in_c(CRecognizer(double, CARD, model.logits), walked, evenly(walked))
    stream = CRecognizer(double, CARD, model.logits)
    stream.push(rested, evenly(rested))
    stream.reset()
    places = [0, 300, 301]
    wrong = np.insert(walked, places, [[np.nan] * 6, [0, 101, 0, 0, 0, 0], [0, 0, 1, 0, np.inf, 0]], axis=0)
    again = in_c(stream, wrong, np.insert(evenly(walked), places, 0))
    assert again.answers == expected.answers
    assert again.probabilities.tobytes() == expected.probabilities.tobytes()
    assert [kind for _, kind in again.notices] == ["invalid"] * 3
    assert again.left_out == 3


def test_counts_are_worth_their_scale(double):
    model, samples = made_up(CARD), recordings()[0].samples[:2000]
    counts = np.rint(samples / np.repeat([4 / 32768, 0.001], 3)).astype(np.int16)
    scaled = counts * np.repeat([4 / 32768, 0.001], 3)
    expected = in_c(CRecognizer(double, CARD, model.logits), scaled, evenly(scaled))
    stream = CRecognizer(double, CARD, model.logits)
    double.har_push_counts.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p, *[ctypes.c_double] * 2]
    for row, us in zip(counts, evenly(counts).tolist(), strict=True):
        double.har_push_counts(stream.memory, us, row.ctypes.data, 4 / 32768, 0.001)
        stream.take()
    stream.flush()
    assert stream.events().probabilities.tobytes() == expected.probabilities.tobytes()
