"""`make other-data`: turns, groups of people, gains and the table, without a training."""

import json
from dataclasses import replace

import numpy as np
import pytest
from programs import MODELS

from edge_runtime.data import layout_file
from edge_runtime.data import uci_har as har
from edge_runtime.data.dataset import Dataset
from edge_runtime.model.classifier import Classifier
from edge_runtime.runs import Run
from tools import RESULTS, other_data
from tools.other_data_document import markdown


@pytest.fixture(scope="module")
def few(uci_har) -> Dataset:
    """Every fifth window."""
    return replace(uci_har, **{part: _every(getattr(uci_har, part), 5) for part in ("train", "test")})


def _every(part, n):
    return part.select(np.arange(len(part)) % n == 0)


def test_everyone_is_measured_but_the_official_test_subjects(few):
    data = other_data.everyone(few)
    assert set(data.test.subject.tolist()) == set(few.train.subject.tolist())


def test_an_activity_that_is_not_learnt_is_one_of_the_other_labels(tmp_path):
    shipped = (layout_file.FOLDER / "motionsense.toml").read_text()
    (tmp_path / "layout.toml").write_text(other_data.not_a_class(shipped, "WALKING"))
    before, after = (layout_file.find(x) for x in ("motionsense", str(tmp_path / "layout.toml")))
    assert before.labels == after.labels | after.other_labels
    assert after.other_labels == {"wlk": "WALKING"}
    with pytest.raises(ValueError, match="not enough values"):
        other_data.not_a_class(shipped, "LAYING")


def test_a_turn_is_one_for_each_mounting_and_costs_a_network_as_worn_its_answers():
    recordings = [x for x in har.recordings() if x.subject in (2, 4)]
    turned = other_data.turned_at_random(recordings, 0)
    rotations = []
    for before, after in zip(recordings, turned, strict=True):
        for sensor in (slice(0, 3), slice(3, 6)):
            rotation, *_ = np.linalg.lstsq(before.samples[:, sensor], after.samples[:, sensor], rcond=None)
            np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-6)
            rotations.append(rotation)
        np.testing.assert_allclose(rotations[-2], rotations[-1], atol=1e-6)
    assert not np.allclose(rotations[0], rotations[-1], atol=0.1)
    for x, y in zip(turned, other_data.turned_at_random(recordings, 0), strict=True):
        np.testing.assert_array_equal(x.samples, y.samples)
    classifier = Classifier(MODELS["int8"])
    before, after = (other_data.live_accuracy(classifier, x) for x in (recordings, turned))
    assert before > 0.9 > after + 0.2


def test_the_closed_set_has_the_labels_that_are_asked_for(few):
    scores = other_data.closed_set(MODELS["int8"], few, other_data.FIVE)
    assert scores.accuracy > 0.9
    assert scores.per_class["LAYING"].windows == 0
    assert all(row[5] == 0 for row in scores.confusion)


def test_labels_mend_what_a_quarter_turn_of_the_phone_costs_and_own_answers_do_not(few):
    """Turned in the plane of its screen, a model of the device's axes is mostly wrong, and so are its answers."""
    x, y, z = np.moveaxis(few.test.X.reshape(len(few.test), -1, 3, 3), -1, 0)
    turned = replace(few, test=replace(few.test, X=np.stack([-y, x, z], -1).reshape(few.test.X.shape)))
    assert other_data.closed_set(MODELS["int8"], turned, other_data.FIVE).macro_f1 < 0.5
    one, six = (other_data._gains(MODELS["int8"], turned, 0, n, unlabelled=False) for n in (1, 6))
    own = other_data._gains(MODELS["int8"], turned, 0, 6, unlabelled=True)
    assert one.shape == six.shape == own.shape == (other_data.DRAWS, 9)
    assert 0.25 < one.mean() < six.mean() - 0.1
    assert (six > 0).mean() > 0.9
    assert abs(own.mean()) < 0.1
    assert own.std() > 0
    assert six.std(axis=0).min() > 0  # other windows in each draw


def test_where_little_is_wrong_little_is_gained(few):
    gains = other_data._gains(MODELS["int8"], few, 0, 1, unlabelled=False)
    assert 0 < gains.mean() < 0.05


def test_a_run_that_is_there_is_not_converted_again_and_everyone_of_the_others_is_trained_on(
    few, tmp_path, monkeypatch
):
    ground = other_data.Ground({"motionsense": "a", "geotec": "b"}, tmp_path, range(1))
    asked: list[list[str]] = []
    monkeypatch.setattr(other_data, "train", lambda run, seed, options: asked.append([str(seed), *options]))
    theirs = replace(few, mountings=tuple(replace(x, source="MotionSense") for x in few.mountings))
    monkeypatch.setattr(other_data, "load_data", lambda paths: few if "uci-har" in paths else theirs)
    for name in ("motionsense", "uci-har"):
        run = Run(tmp_path / f"without-{name}" / "seed-0")
        run.folder.mkdir(parents=True)
        for form in other_data.FORMS:
            run.tflite(form).touch()
        assert ground.without(name, 0).folder == run.folder
    walking = ["--frame", "walking", "--test-subjects"]
    official = ",".join(map(str, np.unique(few.test.subject)))
    assert asked[0] == ["0", "--data", "uci-har", "--data", "geotec=b", *walking, official]
    assert asked[1] == ["0", "--data", "motionsense=a", "--data", "geotec=b", *walking, str(few.test.subject[-1])]


def test_the_table_says_what_was_reached_and_what_int8_loses():
    row = {
        "float32": {"accuracy": [0.80, 0.82], "macro_f1": [0.75, 0.75], "worst_person": [0.5, 0.7]},
        "int8": {"accuracy": [0.80, 0.81], "macro_f1": [0.74, 0.74], "worst_person": [0.5, 0.6]},
        "target": {"accuracy": 0.8, "macro_f1": 0.75},
    }
    lost = {"float32": {"points_lost": [0.4]}, "int8": {"points_lost": [0.6]}, "target": {"points_lost": 0.5}}
    losers = {form: {"lose_more_than_a_point_10_s": [1.0], "people": 7} for form in ("float32", "int8")}
    text = markdown({"without-motionsense": row, "turned": lost, "personalised": losers})
    assert "| people of 7 who lose more than a point by that | 1 | 1.00" in text
    assert "accuracy, % | 2 | 81.00 (80.00 to 82.00) | 80.50 (80.00 to 81.00) | 0.50 | 80 | yes |" in text
    assert "macro F1, % | 2 | 75.00 (75.00 to 75.00) | 74.00 (74.00 to 74.00) | 1.00 | 75 | no |" in text
    assert "macro F1 of the worst person, % | 2 | 60.00 (50.00 to 70.00) | 55.00 (50.00 to 60.00)" in text
    assert "accuracy lost live, points | 1 | 0.40 | 0.60 |  | 0.5 | no |" in text


def test_the_published_table_is_that_of_its_numbers():
    content = json.loads((RESULTS / "other_data.json").read_text())
    assert (RESULTS / "other_data.md").read_text() == markdown(content)
