"""Check the app's service and screen in a sandbox on the frameworks of Android 7 and 14.

The tests are in `android_demo/jvm`. This module runs each and compares the files that they write with Python.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import desktop as desktops
import numpy as np
import pictures
import pytest
from programs import har_edge, succeeded
from scipy.spatial.transform import Rotation
from streams import decisions, feed
from tiny_models import card, dense
from written_recordings import longest

from edge_runtime.data import embedded_recordings
from edge_runtime.data.layout import DEFAULT, find_layout
from edge_runtime.data.sample_files import read_series
from edge_runtime.live.decider import UNKNOWN
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals.types import STANDARD_GRAVITY

CLASSES = ("RecognitionServiceTest", "MainActivityTest", "BenchActivityTest")


def names() -> list[str]:
    """List the tests of `CLASSES` as `Class.test`."""
    sources = {name: (desktops.SOURCES / f"haredge/demo/{name}.java").read_text() for name in CLASSES}
    return [f"{name}.{test}" for name in CLASSES for test in re.findall(r"public void (\w+)\(\)", sources[name])]


def damaged() -> bytes:
    model = bytearray(reference_model("edge", "int8").read_bytes())
    model[3000] ^= 1
    return bytes(model)


def without_rotation() -> bytes:
    weights = np.random.default_rng(0).normal(size=(2, 256))
    return cards.attach(dense(weights, (128, 2)), replace(card(signals=("body_acc_x", "total_acc_x")), raw_input=True))


def walk_and_lie() -> np.ndarray:
    """Return 20 s of walking, then 30 s of lying on the back, with the phone askew: `[n, 6]`."""
    parts = [np.resize(longest(label, 14), (n, 6)) for label, n in (("WALKING", 1000), ("LAYING", 1500))]
    askew = Rotation.from_euler("xyz", [40, 130, -75], degrees=True).as_matrix()
    return np.concatenate(parts) @ np.kron(np.eye(2), askew).T


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    """Two and a half minutes `[n, 6]` in g and rad/s."""
    return embedded_recordings.load()[0].samples[:7500]


@pytest.fixture(scope="module")
def sandbox(desktop, apk, samples, tmp_path_factory) -> tuple[Mapping[str, list[str]], Path]:
    """Return the failures of each test, and the folder where the tests wrote files."""
    folder = tmp_path_factory.mktemp("sandbox")
    pictures.write_samples(folder / "samples", samples)
    pictures.write_samples(folder / "walk", walk_and_lie())
    (folder / "damaged.tflite").write_bytes(damaged())
    (folder / "without_rotation.tflite").write_bytes(without_rotation())
    return desktop.sandbox(CLASSES, apk, folder), folder


@pytest.mark.parametrize("name", names())
def test_a_java_test_passes_in_the_sandbox(sandbox, name):
    failures, _ = sandbox
    assert failures[name] == []


def test_the_service_decides_as_python_does_and_its_recording_can_be_streamed(sandbox):
    _, folder = sandbox
    nanoseconds, *sensed = np.fromfile(folder / "samples", "<f8").reshape(-1, 7).T
    ax, ay, az, gx, gy, gz = sensed  # of an upright phone, whose y axis points up
    samples = np.stack([ay, -ax, az, gy, -gx, gz], axis=1)
    samples[:, :3] /= STANDARD_GRAVITY
    recogniser = LiveRecognizer(Classifier(reference_model("edge", "int8")))
    labels = recogniser.card.labels
    expected = [
        [round(1e6 * decision.seconds) / 1e6, -1 if decision.activity == UNKNOWN else labels.index(decision.activity)]
        for decision in decisions(feed(recogniser, samples, nanoseconds / 1e9))
    ]
    actual = np.fromfile(folder / "decisions", "<f8").reshape(-1, 2)
    assert np.array_equal(actual, expected[: len(actual)])
    assert len(expected) - len(actual) <= 1  # the last sample waits for later ones

    path = folder / "recordings/a.csv"
    ((series,), _) = read_series(path.read_bytes(), str(path), find_layout(DEFAULT), "")
    assert {name: {*texts} for name, texts in series.texts.items()} == {"subject": {"s1, left"}, "label": {"SITTING"}}
    assert np.array_equal(series.values.astype(np.float32), samples.astype(np.float32))
    streamed = succeeded(har_edge("stream", "edge", "--csv", path, "--jsonl")).stdout
    assert abs(streamed.count('"type": "decision"') - len(samples) / 64) < 3
