"""The scores of the device are those of scikit-learn."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from edge_runtime import scores

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


def test_rows_are_the_true_classes():
    assert scores.confusion_matrix(np.array([0, 0, 1]), np.array([0, 1, 1]), 3).tolist() == [
        [1, 1, 0],
        [0, 1, 0],
        [0, 0, 0],
    ]


def test_subjects_may_have_names():
    result = scores.accuracy_per_subject(np.array([0, 1, 1]), np.array([0, 1, 0]), np.array(["ann", "bob", "bob"]))
    assert result == {"ann": 1.0, "bob": 0.5}
