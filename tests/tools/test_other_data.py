"""`make other-data`: groups of people and their training data, without a training."""

from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.data import layout
from edge_runtime.data.dataset import Dataset
from edge_runtime.runs import Run
from tools import other_data


@pytest.fixture(scope="module")
def few(uci_har) -> Dataset:
    """Every fifth window."""
    return replace(uci_har, **{x: getattr(uci_har, x).select(slice(None, None, 5)) for x in ("train", "test")})


def test_everyone_but_the_official_test_subjects_is_measured(few):
    data = other_data.everyone(few)
    assert set(data.test.subject.tolist()) == set(few.train.subject.tolist())


def test_an_activity_that_is_not_learnt_becomes_an_other_label(tmp_path):
    shipped = (layout.FOLDER / "motionsense.toml").read_text()
    (tmp_path / "layout.toml").write_text(other_data.not_a_class(shipped, "WALKING"))
    before, after = (layout.find_layout(x) for x in ("motionsense", str(tmp_path / "layout.toml")))
    assert before.labels == after.labels | after.other_labels
    assert after.other_labels == {"wlk": "WALKING"}
    with pytest.raises(ValueError, match="not enough values"):
        other_data.not_a_class(shipped, "LAYING")


def test_an_existing_run_is_not_converted_again_and_everyone_else_is_trained_on(few, tmp_path, monkeypatch):
    ground = other_data.Ground({"motionsense": "a", "geotec": "b"}, tmp_path, range(1))
    trainings: list[list[str]] = []
    monkeypatch.setattr(other_data, "train", lambda run, seed, options: trainings.append([str(seed), *options]))
    theirs = replace(few, mountings=tuple(replace(mounting, source="MotionSense") for mounting in few.mountings))
    monkeypatch.setattr(other_data, "load_data", lambda paths: few if "uci-har" in paths else theirs)
    for name in ("motionsense", "uci-har"):
        run = Run(tmp_path / f"without-{name}" / "seed-0")
        run.folder.mkdir(parents=True)
        for form in other_data.FORMS:
            run.tflite(form).touch()
        assert ground.without(name, 0).folder == run.folder
    walking = ["--frame", "walking", "--test-subjects"]
    official = ",".join(map(str, np.unique(few.test.subject)))
    assert trainings[0] == ["0", "--data", "uci-har", "--data", "geotec=b", *walking, official]
    assert trainings[1] == ["0", "--data", "motionsense=a", "--data", "geotec=b", *walking, str(few.test.subject[-1])]
