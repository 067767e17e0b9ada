"""Scores equal those of scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn import metrics

from edge_runtime.bench import scores

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 3)), min_size=1, max_size=60)


@given(PAIRS)
def test_scores_equal_those_of_scikit_learn(rows):
    y, predicted, subject = np.array(rows, np.uint8).T
    confusion = scores.confusion_matrix(y, predicted, 5)
    assert confusion.tolist() == metrics.confusion_matrix(y, predicted, labels=range(5)).tolist()
    assert scores.accuracy(confusion) == pytest.approx(metrics.accuracy_score(y, predicted))
    assert scores.macro_f1(confusion) == pytest.approx(metrics.f1_score(y, predicted, average="macro"))
    for person, accuracy in scores.accuracy_per_subject(y, predicted, subject).items():
        own = subject == int(person)
        assert accuracy == pytest.approx(metrics.accuracy_score(y[own], predicted[own]))


@given(PAIRS)
def test_scores_per_class_equal_those_of_scikit_learn(rows):
    y, predicted, _ = np.array(rows, np.uint8).T
    labels = list("abcde")
    found = scores.per_class(scores.confusion_matrix(y, predicted, 5), labels)
    parts = metrics.precision_recall_fscore_support(y, predicted, labels=range(5), zero_division=0)
    for label, *expected in zip(labels, *parts, strict=True):
        score = found[label]
        assert (score.precision, score.recall, score.f1, score.windows) == pytest.approx(tuple(expected))


def test_the_calibration_error_is_the_gap_between_confidence_and_accuracy():
    # Ten windows given class 0 with a probability of 0.9, of which six are of class 0.
    logits = np.log(np.tile([0.9, 0.1], (10, 1)))
    assert scores.calibration_error(logits, np.array([0] * 6 + [1] * 4)) == pytest.approx(0.3)
    # Five more with 0.6, three right: no gap, and a bin of their own.
    more = np.concatenate([logits, np.log(np.tile([0.6, 0.4], (5, 1)))])
    y = np.array([0] * 6 + [1] * 4 + [0, 0, 0, 1, 1])
    assert scores.calibration_error(more, y) == pytest.approx(0.3 * 10 / 15)
    assert scores.calibration_error(np.array([[1000.0, 0.0]]), np.array([0])) == 0


@given(st.integers(0, 2**32 - 1))
def test_the_calibration_error_is_that_of_its_definition(seed):
    random = np.random.default_rng(seed)
    logits, y = 3 * random.standard_normal((40, 4)), random.integers(4, size=40)
    probabilities = softmax(logits, axis=1)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    expected = 0.0
    for i in range(15):
        inside = (confidence > i / 15) & (confidence <= (i + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert scores.calibration_error(logits, y) == pytest.approx(expected)


def test_rows_are_the_true_classes():
    assert scores.confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 3).tolist() == [
        [1, 1, 0],
        [0, 1, 0],
        [0, 0, 0],
    ]


def test_subjects_may_have_names():
    result = scores.accuracy_per_subject(np.array([0, 1, 1]), np.array([0, 1, 0]), np.array(["ann", "bob", "bob"]))
    assert result == {"ann": 1.0, "bob": 0.5}
