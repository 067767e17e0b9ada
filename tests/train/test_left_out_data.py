"""Leave-one-data-set-out: who is scored, which windows are left out, closed and open sets, and the files."""

from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.data import uci_har as embedded
from edge_runtime.data.dataset import Dataset, Mounting, Split
from edge_runtime.data.uci_har import LABELS
from edge_runtime.errors import InputError
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.system.dataclass_json import to_text
from train import left_out_data
from train.fit.fit_job import FitOutcome, Key, plan_fit
from train.fit.recipe import Recipe


@pytest.fixture(scope="module")
def data(uci_har) -> Dataset:
    """UCI HAR, and a set of two people who sit, stand, walk and jog; the second is kept for the test."""
    mountings = (*uci_har.mountings, Mounting("1", "Pockets", "trouser pocket"))
    parts = []
    for part, person in ((uci_har.train, "p1"), (uci_har.test, "p2")):
        y = np.repeat(np.array([0, 3, 4, 6], np.uint8), 5)
        other = Split(part.X[:20], y, np.full(20, person), np.full(20, len(uci_har.mountings), np.int32))
        parts.append(replace(part, subject=part.subject.astype(np.str_)).joined(other))
    return replace(uci_har, labels=(*LABELS, "JOGGING"), train=parts[0], test=parts[1], mountings=mountings)


def test_everyone_is_scored_but_the_official_or_the_named_test_subjects(data, uci_har):
    folds = left_out_data.choose_data_sets(left_out_data.with_everyone(data, None))
    official = {str(x) for x in np.unique(uci_har.test.subject)}
    assert folds["Pockets"] == ["p1", "p2"]
    assert set(folds[embedded.NAME]) == {str(x) for x in range(1, 31)} - official
    kept = data.with_test(["1", "p1"])
    folds = left_out_data.choose_data_sets(left_out_data.with_everyone(kept, ("1", "p1")))
    assert folds["Pockets"] == ["p2"]
    assert "1" not in folds[embedded.NAME]


def test_one_data_set_is_not_enough_and_a_stranger_is_named(uci_har, data):
    with pytest.raises(InputError, match="two data sets"):
        left_out_data.choose_data_sets(uci_har)
    rows = (data.train.mounting < len(data.mountings) - 1) | (data.train.y == 6)
    with pytest.raises(InputError, match="has no label that another data set has"):
        left_out_data.choose_data_sets(replace(data, train=data.train.select(rows)))


def test_windows_that_nobody_else_has_are_left_out_and_answers_are_closed_and_open(data, tmp_path):
    whole = left_out_data.with_everyone(data, None)
    people = left_out_data.choose_data_sets(whole)["Pockets"]
    job = plan_fit("fold-1", "fit", whole, Recipe(), Key(0, 0), tmp_path, people)
    y = whole.train.y[np.isin(whole.train.subject, people)]
    logits = np.eye(7, dtype=np.float32)[y]
    logits[y == 3, 5] = 2  # someone who sits seems to lie, which nobody here does
    logits[:, 6] += 5  # jogging was not learnt, whatever its logit
    np.save(job.logits, logits)
    outcome = FitOutcome(Normalisation((), (), (), ()), [], "0" * 64, 1, [], {})
    job.outcome.write_text(to_text(outcome))
    (found,) = left_out_data.summarise({"Pockets": job}, whole)
    assert found.left_out == {"JOGGING": 10}
    assert found.labels == ["WALKING", "SITTING", "STANDING"]
    assert (found.closed_set.accuracy, found.closed_set.macro_f1) == (1, 1)
    assert found.open_set.accuracy == pytest.approx(2 / 3)
    assert found.open_set.per_class["SITTING"].recall == 0
    assert found.open_set.macro_f1 == pytest.approx(2 / 3)

    header, *rows = left_out_data.rows([found])
    assert [x[1] for x in rows] == ["", "p1", "p2"]
    assert rows[0][header.index("open_macro_f1")] == found.open_set.macro_f1
