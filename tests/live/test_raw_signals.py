"""Recognise raw acceleration and rotation without filters, at the rate and in the units of the model."""

from dataclasses import replace

import numpy as np
import pytest
from streams import decisions, feed
from tiny_models import card, dense
from written_recordings import posture, write_pieces

from edge_runtime.data.data_sources import DataSource
from edge_runtime.data.embedded_recordings import at_rate
from edge_runtime.data.loading import DataReader
from edge_runtime.errors import InputError
from edge_runtime.live.decider import UNCERTAIN, UNKNOWN
from edge_runtime.live.recognizer import LiveRecognizer, check_live
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals.types import STANDARD_GRAVITY, Signal, Window

# Rotation comes first: a card may have any order.
SIGNALS = tuple(Signal(f"g{axis}", "deg/s") for axis in "xyz") + tuple(Signal(f"a{axis}", "m/s^2") for axis in "xyz")
CARD = replace(card(200, signals=["any"] * 6), signals=SIGNALS, window=Window(100.0, 200, 100), front_end=None)
WALK = posture("WALKING", 40)


def open_raw(tmp_path, **changes) -> Classifier:
    """A classifier with random weights, made for 100 Hz."""
    weights = np.random.default_rng(0).normal(0, 0.02, (2, 1200)).astype(np.float32)
    cards.write_model(tmp_path / "raw.tflite", dense(weights, (200, 6)), replace(CARD, **changes))
    return Classifier(tmp_path / "raw.tflite")


@pytest.mark.parametrize("sizes", [[], [1, 7, 400]])
def test_windows_are_the_samples_at_the_rate_and_in_the_units_of_the_card(tmp_path, sizes):
    classifier = open_raw(tmp_path)
    seconds, grid = np.arange(len(WALK)) / 50, np.arange(2 * len(WALK) - 1) / 100
    samples = np.stack([np.interp(grid, seconds, axis) for axis in WALK.T], axis=1)
    in_units = samples[:, [3, 4, 5, 0, 1, 2]] * ([180 / np.pi] * 3 + [STANDARD_GRAVITY] * 3)
    windows = np.stack([in_units[i : i + 200] for i in range(0, len(samples) - 199, 100)])
    made = decisions(feed(LiveRecognizer(classifier), WALK, seconds, sizes))
    expected = classifier.probabilities(windows)
    assert len(made) == len(windows)
    np.testing.assert_allclose([x.window_probabilities for x in made], expected, atol=1e-4)
    assert [x.seconds for x in made] == pytest.approx([i + 1.99 for i in range(len(made))])
    assert not any(x.warming_up for x in made)
    assert {x.reason for x in made if x.activity == UNKNOWN} <= {UNCERTAIN}


def test_motion_beyond_the_limits_of_the_training_data_is_unknown(tmp_path):
    """The limits of `edge` come from its training; upside down the phone was never worn."""
    novelty = Classifier(reference_model("edge", "int8")).card.live.novelty
    limits = replace(novelty, posture=novelty.posture[3:5], movement=novelty.movement[3:5])
    classifier = open_raw(tmp_path, live=replace(CARD.live, novelty=limits), labels=("SITTING", "STANDING"))
    standing = posture("STANDING", 30)
    events = feed(LiveRecognizer(classifier), standing * ([-1, -1, 1] * 2), np.arange(len(standing)) / 50)
    reasons = {x.reason for x in decisions(events) if x.activity == UNKNOWN}
    assert any("orientation" in reason for reason in reasons)


@pytest.mark.parametrize(
    "change",
    [{"signals": (*SIGNALS[:5], Signal("az", "unknown unit"))}, {"window": Window(None, 200, 100)}],
    ids=["no unit", "no rate"],
)
def test_a_card_without_units_or_rate_is_not_live(change):
    with pytest.raises(InputError, match="az"):
        check_live(replace(CARD, **change))


def test_recordings_are_read_at_the_rate_of_the_model(tmp_path):
    folder = write_pieces(tmp_path / "mine" / "a.csv", [("WALKING", WALK)])
    (recording,) = DataReader((DataSource(folder),), 25.0).recordings
    assert (recording.rate_hz, len(recording.samples)) == (25.0, len(WALK) // 2)
    (native,) = DataReader((DataSource(folder),)).recordings
    halved = at_rate(native, 25.0)
    assert len(halved.labels) == len(halved.samples) == len(recording.samples)
    np.testing.assert_allclose(halved.samples, recording.samples, atol=1e-9)
