"""Check that the recogniser in C decides as `LiveRecognizer` does: decisions, reasons, notices and samples left out."""

import numpy as np
import pytest
from c_recognizer import CRecognizer, in_c, in_python, infers
from compiled_c import CC
from deliveries import DELIVERIES, KINDS, as_faulty_sensors_deliver, model_of, streams_for

from edge_runtime.model.classifier import Classifier

pytestmark = pytest.mark.skipif(CC is None, reason="needs a C compiler: apt-get install gcc")


@pytest.mark.parametrize("deliver", DELIVERIES)
@pytest.mark.parametrize("kind", KINDS)
def test_decisions_reasons_and_notices_are_pythons(double, tmp_path, kind, deliver):
    classifier = Classifier(model_of(tmp_path, kind))
    reasons, kinds = set(), set()
    for times, samples in streams_for(kind, deliver):
        answer = in_c(CRecognizer(double, classifier.card, infers(classifier)), samples, times)
        expected = in_python(classifier, samples, times)
        assert answer.answers == expected.answers
        assert np.abs(answer.probabilities - expected.probabilities).max() < 1e-9
        assert sorted(answer.notices) == sorted(expected.notices)
        assert answer.left_out == expected.left_out
        reasons |= {decision.reason for decision in answer.answers}
        kinds |= {notice for _, notice in answer.notices}
    assert {"", "uncertain", "posture", "movement"} - reasons <= ({"posture"} if kind == "edge-anywhere" else set())
    assert ("stuck" in reasons) == ("rotation axes" in kinds) == (deliver is as_faulty_sensors_deliver)
    assert ("mounting" in reasons) == (kind != "edge")
    assert kind == "edge" or {"mounting found", "mounting lost"} <= kinds
