"""Check that the recogniser in C decides as `LiveRecognizer` does: decisions, reasons, notices and samples left out."""

import numpy as np
import pytest
from c_recognizer import evenly, in_both, infers
from compiled_c import CC
from deliveries import (
    CASES,
    EDGE,
    as_fast_sensors_deliver,
    as_faulty_sensors_deliver,
    as_phones_deliver,
    as_recorded,
    model_of,
    streams_for,
)
from streams import delivered

from edge_runtime.data import embedded_recordings
from edge_runtime.model.classifier import Classifier
from edge_runtime.signals.axes import BACKWARDS_AXES, Axes

pytestmark = pytest.mark.skipif(CC is None, reason="needs a C compiler: apt-get install gcc")


# Each delivery and each kind of model, and all pairs of them.
QUICK = {("walking", as_recorded, ""), ("edge", as_phones_deliver, ""), ("edge-anywhere", as_fast_sensors_deliver, "")}
QUICK |= {("edge", as_faulty_sensors_deliver, ""), ("edge-anywhere", as_recorded, "waist")}


@pytest.mark.parametrize(
    ("kind", "deliver", "placement"),
    [pytest.param(*case, marks=[] if case in QUICK else pytest.mark.long) for case in CASES],
)
def test_decisions_reasons_and_notices_are_pythons(double, tmp_path, kind, deliver, placement):
    classifier = Classifier(model_of(tmp_path, kind))
    reasons, kinds, n_axes = set(), set(), 0
    for times, samples in streams_for(kind, deliver):
        answer = in_both(double, classifier, infers(classifier), samples, times, placement)
        reasons |= {decision.reason for decision in answer.answers}
        kinds |= {notice for _, notice in answer.notices}
        n_axes = max(n_axes, [notice for _, notice in answer.notices].count("rotation axes"))
    assert {"", "uncertain", "posture", "movement"} - reasons <= ({"posture"} if kind == "edge-anywhere" else set())
    assert ("stuck" in reasons) == (deliver is as_faulty_sensors_deliver)
    assert n_axes == (2 if deliver is as_faulty_sensors_deliver else 0)  # of the scale and of the order
    assert ("mounting" in reasons) == (kind != "edge")
    assert kind == "edge" or {"mounting found", "mounting lost"} <= kinds


@pytest.mark.parametrize(("axes", "n"), [(BACKWARDS_AXES, 1), ("-y,x,z", 2)])  # after a while of standing, in a walk
def test_a_device_that_is_worn_otherwise_is_reported_as_by_python(double, axes, n):
    classifier, samples = Classifier(EDGE), Axes(axes)(embedded_recordings.load()[0].samples)
    answer = in_both(double, classifier, infers(classifier), samples, evenly(samples))
    assert [notice for _, notice in answer.notices] == n * ["axes"]


@pytest.mark.long
@pytest.mark.parametrize("rate_hz", [100, 200])
@pytest.mark.parametrize("kind", ["edge", "edge-anywhere"])
def test_an_hour_of_a_fast_sensor_is_recognised_as_by_python(double, tmp_path, kind, rate_hz):
    """With jitter, lost and late samples."""
    classifier, whole = Classifier(model_of(tmp_path, kind)), embedded_recordings.load()
    samples = np.concatenate([recording.samples for recording in whole])[: 3600 * 50]
    rows, seconds = delivered(3600 * rate_hz - 10, rate_hz, seed=1)
    times = np.rint(1e6 * (seconds + 1)).astype(np.int64)
    fast = np.stack([np.interp(rows / rate_hz, np.arange(len(samples)) / 50, axis) for axis in samples.T], axis=1)
    assert len(in_both(double, classifier, infers(classifier), fast, times).answers) > 2700
