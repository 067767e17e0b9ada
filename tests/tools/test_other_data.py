"""`make other-data`: groups of people and their training data, without a training."""

from dataclasses import replace

import pytest

from edge_runtime.data import layout
from edge_runtime.data.dataset import Dataset
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
