"""Check `har-edge personalise`: a stretch of each posture adapts a model, unfit recordings are refused."""

import json

import pytest
from programs import MODELS, assert_one_sentence, succeeded
from written_recordings import posture, write_pieces

from edge_runtime.devices import trial
from edge_runtime.model import model_card as cards

SITTING, STANDING = posture("SITTING"), posture("STANDING")
OWN = ("personalise", "edge", "--data", "own", "-o", "mine.tflite")


@pytest.fixture
def personalise(har_edge_here, tmp_path, monkeypatch):
    """The command, on one recording of labelled pieces."""
    monkeypatch.setattr(trial, "try_model", lambda *_: None)  # the file is not a stranger's

    def run(*pieces):
        write_pieces(tmp_path / "own" / "a.csv", pieces)
        return har_edge_here(*OWN)

    return run


def test_one_stretch_of_each_posture_adapts_the_card_and_not_the_network(har_edge_here, tmp_path, personalise):
    before = MODELS["int8"].read_bytes()
    done = succeeded(personalise(("SITTING", SITTING), ("STANDING", STANDING)))
    flatbuffer, card = cards.read_model(tmp_path / "mine.tflite")
    assert (MODELS["int8"].read_bytes(), flatbuffer) == (before, cards.read_model(MODELS["int8"])[0])
    record = card.personal_correction.record
    assert record["subject"] == "me"
    share = f"{100 * record['held_out']['accuracy']:.2f} %"
    assert share in done.stdout
    shown = har_edge_here("info", "mine.tflite", env={"COLUMNS": "120"}).stdout
    assert all(x in shown for x in ("subject me", "SITTING 48", share))
    assert_one_sentence(har_edge_here("bench", "mine.tflite"), 2, "adapted")
    assert "adapted to subject me" in succeeded(har_edge_here("predict", "mine.tflite", "own/a.csv")).stderr
    assert_one_sentence(har_edge_here(*OWN[:1], "mine.tflite", *OWN[2:4], "-o", "again.tflite"), 2, "mine.tflite")
    write_pieces(tmp_path / "other" / "b.csv", [("STANDING", STANDING)], "another")
    for how in ([], ["--live"]):  # evaluated on that person only
        succeeded(har_edge_here("evaluate", "mine.tflite", *how, "--data", "own", "--json", "scores.json"))
        assert list(json.loads((tmp_path / "scores.json").read_text())["per_subject"]) == ["me"]
        assert_one_sentence(har_edge_here("evaluate", "mine.tflite", *how, "--data", "other"), 2, "subject me")


def slipped(sitting, standing):
    """The phone slips while the person sits: for the last third it hangs as in standing."""
    samples = sitting.copy()
    samples[-1100:, :3] += 1.5 * (standing[:, :3].mean(axis=0) - sitting[:, :3].mean(axis=0))
    return samples


@pytest.mark.parametrize(
    ("labels", "change", "code", "words"),
    [
        (("SITTING", "STANDING"), slipped, 1, ["own", "accuracy"]),
        (("LAYING", "SITTING"), lambda x, _: x, 1, ["own", "throughout"]),
        (("SITTING", "STANDING"), lambda x, _: x * [9.8, 9.8, 9.8, 1, 1, 1], 2, ["a.csv", "SITTING", "m/s2"]),
        (("WALKING", "STANDING"), lambda *_: posture("WALKING") / [1, 1, 1, 60, 60, 60], 2, ["a.csv", "gx[rad/s]"]),
        (("SITTING", "STANDING"), lambda x, _: x[:100], 2, ["only STANDING"]),
        (("", ""), lambda x, _: x, 2, ["none"]),
        (("sit", "stand"), lambda x, _: x, 2, ["sit, stand", "SITTING, STANDING"]),
    ],
    ids=["slipped", "wrong throughout", "units", "rotation", "too short", "no labels", "other labels"],
)
def test_unfit_recordings_are_refused(labels, change, code, words, tmp_path, personalise):
    done = personalise((labels[0], change(SITTING, STANDING)), (labels[1], STANDING))
    assert_one_sentence(done, code, *words)
    assert not (tmp_path / "mine.tflite").exists()


def test_exchanged_labels_are_not_learnt(tmp_path, personalise):
    done = personalise(("SITTING", STANDING), ("STANDING", SITTING), ("LAYING", posture("LAYING")))
    assert_one_sentence(done, 1, "other label")
    assert not (tmp_path / "mine.tflite").exists()


def test_a_model_that_is_no_better_is_written_only_if_told(har_edge_here, tmp_path, personalise):
    done = personalise(("LAYING", posture("LAYING")), ("STANDING", STANDING))
    assert_one_sentence(done, 1, "--anyway")
    assert not (tmp_path / "mine.tflite").exists()
    succeeded(har_edge_here(*OWN, "--anyway"))


def turned(samples):
    """The same samples of a device whose y axis points up in place of x."""
    return samples[:, [1, 0, 2, 4, 3, 5]] * [-1, 1, 1, -1, 1, 1]


@pytest.mark.parametrize("change", [turned, lambda x: x * [1.3, 1.3, 1.3, 1, 1, 1]], ids=["turned", "not 1 g"])
def test_data_that_does_not_fit_is_refused_unless_told(change, har_edge_here, tmp_path, personalise):
    pieces = [(label, change(posture(label))) for label in ("WALKING", "STANDING", "LAYING")]
    assert_one_sentence(personalise(*pieces), 2, "own", "--anyway")
    assert not (tmp_path / "mine.tflite").exists()
    succeeded(har_edge_here(*OWN, "--anyway"))


def test_a_few_seconds_of_each_activity_are_enough_and_are_not_cross_validated(tmp_path, personalise):
    seconds = [STANDING[:600], SITTING[:150], STANDING[:150], STANDING[:150]]  # the first 12 s are left out
    done = succeeded(personalise(*zip(("", "SITTING", "STANDING", "LEANING"), seconds, strict=True)))
    assert "LEANING" in done.stdout
    assert "3 s of SITTING, 3 s of STANDING" in done.stdout
    assert "held_out" not in cards.read_model(tmp_path / "mine.tflite")[1].personal_correction.record


def test_one_of_several_people_has_to_be_chosen(har_edge_here, tmp_path, personalise):
    write_pieces(tmp_path / "own" / "b.csv", [("STANDING", STANDING)], "another")
    assert_one_sentence(personalise(("SITTING", SITTING), ("STANDING", STANDING)), 2, "another, me", "--subject")
    assert_one_sentence(har_edge_here(*OWN, "--subject", "you"), 2, "another, me", "'you'")
    assert not (tmp_path / "mine.tflite").exists()
    succeeded(har_edge_here(*OWN, "--subject", "me"))
    assert cards.read_model(tmp_path / "mine.tflite")[1].personal_correction.record["subject"] == "me"


def test_an_existing_file_is_kept(har_edge_here, tmp_path):
    (tmp_path / "mine.tflite").write_bytes(b"precious")
    assert_one_sentence(har_edge_here(*OWN), 2, "mine.tflite")
    assert (tmp_path / "mine.tflite").read_bytes() == b"precious"
