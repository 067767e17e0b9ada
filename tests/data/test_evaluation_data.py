"""Nobody in the training is scored; a model's windows have its labels, signals and length."""

from dataclasses import replace

import numpy as np
import pytest
import tiny_models
from programs import MODELS

from edge_runtime.data import evaluation_data, loading, uci_har
from edge_runtime.data.evaluation_data import is_other, learnt_from, learnt_placements, scored_people
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card, read_model

CARD = read_model(MODELS["int8"])[1]  # of UCI HAR


def trained_on(name: str, *subjects: object, testing: tuple[object, ...] = (), **more: object) -> Card:
    record = {"data": {"name": name, "sources": name.split(" + ")}, "subjects": [*subjects]}
    return replace(CARD, training=record | {"test_subjects": [*testing]}, **more)


def of(source: str, *subjects: int | str) -> dict[int | str, str]:
    return dict.fromkeys(subjects, source)


@pytest.mark.parametrize(
    ("card", "people", "testing", "scored"),
    [
        (CARD, of("renamed", *range(1, 31)), [1, 2], {*CARD.training["test_subjects"]}),
        (trained_on("mine", "a", "b", testing=("c", "d")), of("mine", "a", "c", "new"), ["a"], {"c", "new"}),
        (trained_on("mine", "a", "b"), of("other", "a", "z"), ["z"], {"a", "z"}),
        (replace(CARD, training={}), of("mine", "a", "b"), ["b"], {"b"}),
    ],
    ids=["renamed data", "a part of the data", "data of another origin", "a card without people"],
)
def test_people_who_are_new_to_a_model_are_scored(card, people, testing, scored):
    assert scored_people([card], people, testing) == scored


@pytest.mark.parametrize(("name", "is_told"), [("her-anna", True), ("her-7", False), ("bert", False)])
def test_a_name_of_the_training_in_other_data_is_told(name, is_told):
    card = trained_on("mine", "anna", "his-7")
    assert bool([*evaluation_data._perhaps_known([card], [name])]) == is_told


def test_several_models_are_scored_on_people_whom_none_of_them_knows():
    one, other = trained_on("mine", "a", "b"), trained_on("else", "c")
    people = of("mine", "a", "b", "c")
    assert scored_people([other, one], people, []) == {"c"}
    with pytest.raises(InputError, match="different test subjects"):
        scored_people([one, trained_on("mine", "a", "c")], people, [])
    with pytest.raises(InputError, match="is new to"):
        scored_people([one], of("mine", "a", "b"), ["b"])


def test_data_is_of_another_origin_if_the_card_names_none_of_its_sources():
    assert not is_other(CARD, [uci_har.NAME, "MotionSense"])
    assert is_other(CARD, ["MotionSense"])
    assert not is_other(replace(CARD, training={}), ["C"])


def test_the_placements_of_a_training_are_known_by_the_card_or_of_uci_har():
    assert learnt_placements(CARD) == ["waist"]
    for data, expected in (
        ({"sources": ["A"], "placements": ["hand", "bag"]}, ["hand", "bag"]),
        ({"sources": ["UCI HAR"], "placements": []}, []),
    ):
        assert learnt_placements(replace(CARD, training={"data": data})) == expected


def test_people_are_found_in_a_card_by_their_data_set_and_name():
    alone = trained_on("mine", "1", "mine-2")
    learners = ["1", "mine-1", "mine-2-1"]
    assert learnt_from(alone, {"1": "mine", "2": "mine", "mine-1": "mine", "mine-2-1": "mine"}) == learners
    assert learnt_from(alone, {"1": "other", "other-1": "other"}) == []
    joined = trained_on("A b + mine + mine", "a-b-1", "mine-2", "mine-2-3")
    assert learnt_from(joined, {1: "A b", 2: "A b"}) == [1]
    assert learnt_from(joined, {"1": "mine", "2": "mine", "3": "mine", "mine-2": "mine"}) == ["2", "3", "mine-2"]
    assert learnt_from(joined, {"A-b-1": "renamed", "1": "renamed"}) == ["A-b-1"]
    assert learnt_from(CARD, {3: uci_har.NAME, 2: uci_har.NAME}) == [3]  # of before cards named sources
    assert learnt_from(replace(CARD, training={}), {3: uci_har.NAME}) == []


def test_data_that_a_run_remembers_is_known_by_its_windows_and_not_by_its_name(few):
    card = tiny_models.card(labels=few.labels, signals=tuple(signal.name for signal in few.signals))
    card = replace(card, training={"data": {"name": few.name, "fingerprint": few.fingerprint}})
    loading.check_unchanged(replace(few, name="renamed"), (), card)
    X = few.train.X.copy()
    X[0, 0, 0] += 1
    with pytest.raises(InputError, match="was not trained on"):
        loading.check_unchanged(replace(few, train=replace(few.train, X=X)), (), card)


def test_windows_of_other_labels_are_left_out(few):
    labels = ("STANDING", "WALKING", "SITTING", "WALKING_DOWNSTAIRS", "WALKING_UPSTAIRS")
    card = tiny_models.card(labels=labels)
    data = replace(few, labels=(*few.labels[:5], "DANCING"))
    scored, left_out = evaluation_data.in_labels_of(card, data)
    kept = few.test.select(few.test.y < 5)
    assert (scored.labels, left_out) == (labels, {"DANCING": len(few.test) - len(kept)})
    assert scored.test.y.tolist() == np.array([1, 4, 3, 2, 0])[kept.y].tolist()
    np.testing.assert_array_equal(scored.test.X, kept.X)
    with pytest.raises(InputError, match="DANCING"):
        evaluation_data.evaluated(card, replace(data, test=few.test.select(few.test.y == 5)))
    with pytest.raises(InputError, match="different labels"):
        evaluation_data.scored_windows([card, tiny_models.card(labels=few.labels)], (), is_remembered=True)


OTHER = [
    ({"labels": ("ROWING", "CYCLING")}, "ROWING"),
    ({"signals": ("body_gyro_x",)}, "body_gyro_x in g"),
    ({"signals": ("ax", "ay", "az")}, "--live"),
]


@pytest.mark.parametrize(("card", "words"), [*OTHER, ({"samples": 64}, "64 .* 128")])
def test_data_of_another_kind_is_refused(few, card, words):
    with pytest.raises(InputError, match=f"UCI HAR.*{words}"):
        evaluation_data.evaluated(tiny_models.card(**{"labels": few.labels} | card), few)
