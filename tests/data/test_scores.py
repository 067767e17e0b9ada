"""Scores equal scikit-learn's, over all windows and for each person, placement and data set."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn import metrics

from edge_runtime.data import scores
from edge_runtime.data.dataset import Split
from edge_runtime.data.recording import Mounting

PAIRS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(1, 3)), min_size=1, max_size=60)
LABELS = tuple("abcde")


def split(y, subject, mounting=None):
    return Split(np.zeros((len(y), 1, 1), np.float32), np.asarray(y, np.uint8), np.asarray(subject), mounting)


def macro_f1(y, predicted):
    """Of the classes that occur."""
    return metrics.f1_score(y, predicted, labels=np.unique(y), average="macro", zero_division=0)


@given(PAIRS)
@settings(max_examples=25)
def test_scores_equal_those_of_scikit_learn(rows):
    y, predicted, subject = np.array(rows, np.uint8).T
    result = scores.score(split(y, subject), predicted, LABELS)
    assert [*map(list, result.confusion)] == metrics.confusion_matrix(y, predicted, labels=range(5)).tolist()
    assert result.accuracy == pytest.approx(metrics.accuracy_score(y, predicted))
    assert result.macro_f1 == pytest.approx(macro_f1(y, predicted))
    assert result.weighted.f1 == pytest.approx(metrics.f1_score(y, predicted, average="weighted", zero_division=0))
    assert result.windows == result.weighted.windows == len(y)
    for person, accuracy in result.per_subject.items():
        of_person = subject == int(person)
        assert accuracy == pytest.approx(metrics.accuracy_score(y[of_person], predicted[of_person]))
        assert result.per_subject_macro_f1[person] == pytest.approx(macro_f1(y[of_person], predicted[of_person]))
    parts = metrics.precision_recall_fscore_support(y, predicted, labels=range(5), zero_division=0)
    for label, *expected in zip(LABELS, *parts, strict=True):
        of_class = result.per_class[label]
        shares = (of_class.precision, of_class.recall, of_class.f1)
        assert of_class.windows == expected.pop()
        assert shares == (pytest.approx(tuple(expected)) if of_class.windows else (None, None, None))


def test_placements_and_data_sets_are_scored_where_they_are_known():
    mountings = (Mounting("1", "A", "waist"), Mounting("2", "A", "pocket"), Mounting("3", "B"))
    data = split([0, 1, 0, 1, 0, 1], ["x"] * 6, np.array([0, 0, 1, 1, 2, 2], np.int32))
    result = scores.score(data, np.array([0, 1, 0, 0, 1, 0]), ("a", "b"), mountings)
    assert {name: (x.windows, x.accuracy) for name, x in result.per_source.items()} == {"A": (4, 0.75), "B": (2, 0.0)}
    assert {name: x.accuracy for name, x in result.per_placement.items()} == {"waist": 1.0, "pocket": 0.5}
    assert result.per_placement["pocket"].macro_f1 == pytest.approx((2 / 3 + 0) / 2)
    nothing_known = scores.score(split([0, 1], ["x"] * 2), np.array([0, 1]), ("a", "b"))
    assert nothing_known.per_source == nothing_known.per_placement == {}


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20)
def test_the_calibration_error_is_that_of_its_definition(seed):
    random = np.random.default_rng(seed)
    logits, y = 3 * random.standard_normal((40, 4)), random.integers(4, size=40)
    logits[0] = [1000, 0, 0, 0]  # without doubt
    probabilities = softmax(logits, axis=1)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    expected = 0.0
    for i in range(15):
        inside = (confidence > i / 15) & (confidence <= (i + 1) / 15)
        if inside.any():
            expected += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    assert scores.calibration_error(logits, y) == pytest.approx(expected)


def test_the_closed_set_of_a_group_has_the_labels_of_its_own_windows():
    logits = np.array([[2, 1, 3], [1, 3, 2], [2, 3, 1], [0, 1, 2], [1, 2, 3]])  # 2 is never right in A
    y, groups = np.array([0, 1, 0, 1, 2], np.uint8), np.array(["A", "A", "A", "B", "B"])
    result = scores.closed_by_group(logits, y, groups)
    for name, answers in {"A": [0, 1, 1], "B": [2, 2]}.items():
        classes = y[groups == name]
        expected = (len(classes), metrics.accuracy_score(classes, answers), macro_f1(classes, answers))
        assert (result[name].windows, result[name].accuracy, result[name].macro_f1) == pytest.approx(expected)
    assert scores.by_group(y, logits.argmax(axis=1), groups)["A"].accuracy < result["A"].accuracy


@pytest.mark.parametrize(
    ("confusion", "expected"),
    [
        ([[94, 6, 0], [1, 29, 0], [0, 0, 0]], False),
        ([[94, 0, 0], [30, 0, 0], [0, 0, 0]], True),
        ([[0, 9], [9, 0]], True),
    ],
)
def test_answers_that_are_hardly_better_than_a_constant_are_chance(confusion, expected):
    assert scores.is_chance(scores.per_class(np.array(confusion), "abc"[: len(confusion)])) == expected


def test_two_labels_of_one_person_that_are_answered_by_each_other_are_exchanged():
    y = np.repeat([0, 1, 2], 10)
    answers = np.concatenate([np.repeat([1, 0, 2], 10), y])  # of two people
    people = np.repeat(["ann", "ben"], 30)
    assert scores.score(split(np.tile(y, 2), people), answers, "abc").exchanged == {"ann": ("a", "b")}
    assert scores.exchanged(y, np.ones_like(y)) is None
    of_two = y[y < 2]
    assert not scores.score(split(of_two, ["ann"] * 20), 1 - of_two, "ab").exchanged  # the network guesses
