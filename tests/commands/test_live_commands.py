"""`har-edge evaluate` and `har-edge personalise`, as a user calls them."""

import json

import pytest
from programs import assert_one_sentence, har_edge

from edge_runtime.data import loading, uci_har
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import reference_model

SUBJECTS = {4: (6, 7), 2: (2, 3)}
HEADER = "timestamp[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s],label,subject"


@pytest.fixture(scope="module")
def recordings():
    return uci_har.recordings()


def write(folder, recordings, subject, kept=uci_har.LABELS):
    """The recordings of one subject as CSV, labelled only with the activities `kept`."""
    for number in SUBJECTS[subject]:
        found = recordings[number]
        labels = [found.label_names[x] if x >= 0 else "" for x in found.labels]
        rows = [
            f"{i / 50:.2f},{','.join(f'{value:.7g}' for value in sample)},{label if label in kept else ''},{subject}"
            for i, (sample, label) in enumerate(zip(found.samples, labels, strict=True))
        ]
        (folder / f"{number}.csv").write_text("\n".join([HEADER, *rows]) + "\n")


@pytest.fixture
def own(tmp_path, recordings):
    """A folder with the postures of one person."""
    folder = tmp_path / "own"
    folder.mkdir()
    write(folder, recordings, 4, ("SITTING", "STANDING"))
    return folder


def test_the_windows_of_the_test_set_are_scored_as_everywhere(tmp_path):
    done = har_edge("evaluate", "edge", "--json", "scores.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "scores.json").read_text())
    test = loading.load_data(None).test
    predicted = Classifier(reference_model("edge", "int8")).logits(test.X).argmax(axis=1)
    assert found["accuracy"] == (predicted == test.y).mean()
    assert f"{100 * found['accuracy']:.2f} % of 2947 windows of 9 people" in done.stdout


@pytest.mark.parametrize("columns", [80, 120])
def test_live_it_follows_the_recordings_and_draws_them(columns, tmp_path, recordings):
    (tmp_path / "people").mkdir()
    for subject in SUBJECTS:
        write(tmp_path / "people", recordings, subject)
    for path in list((tmp_path / "people").iterdir()):  # a third person, since a third of them is the test part
        text = path.read_text()
        path.with_name(f"9{path.name}").write_text(text.replace(",2\n", ",1\n").replace(",4\n", ",1\n"))
    done = har_edge(
        *("evaluate", "edge", "--live", "--data", "people", "--plots", "plots", "--json", "live.json"),
        cwd=tmp_path,
        env={"COLUMNS": str(columns)},
    )
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= columns
    found = json.loads((tmp_path / "live.json").read_text())
    assert (found["subjects"], found["recordings"]) == (1, 2)
    assert found["live_accuracy"] > 0.9
    assert found["delay_median_s"] < 4
    pictures = sorted((tmp_path / "plots").iterdir())
    assert len(pictures) == 2
    assert all(x.read_bytes().startswith(b"\x89PNG") for x in pictures)


def test_plots_are_of_live_recognition(tmp_path):
    assert_one_sentence(har_edge("evaluate", "edge", "--plots", "x", cwd=tmp_path), 2, "give --live too")


def test_a_model_is_adapted_to_a_person_and_stays_as_it_was(own, tmp_path):
    before = reference_model("edge", "int8").read_bytes()
    done = har_edge("personalise", "edge", "--data", own, "-o", "mine.tflite", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "adapted to subject 4 from" in done.stdout
    assert reference_model("edge", "int8").read_bytes() == before
    flatbuffer, card = cards.read_model(tmp_path / "mine.tflite")
    assert flatbuffer == cards.read_model(reference_model("edge", "int8"))[0]
    assert [card.labels[x] for x in card.posture_correction.rows] == ["SITTING", "STANDING"]
    assert card.posture_correction.record["subject"] == "4"
    test = loading.load_data(None).test
    mine = test.subject == 4
    plain, adapted = (
        (Classifier(x).logits(test.X[mine]).argmax(axis=1) == test.y[mine]).mean()
        for x in (reference_model("edge", "int8"), tmp_path / "mine.tflite")
    )
    assert adapted >= plain


def test_an_adapted_model_is_not_benched_on_other_people(own, tmp_path):
    assert har_edge("personalise", "edge", "--data", own, "-o", "mine.tflite", cwd=tmp_path).returncode == 0
    assert_one_sentence(har_edge("bench", "mine.tflite", cwd=tmp_path), 2, "adapted to one person")
    again = har_edge("personalise", "mine.tflite", "--data", own, "-o", "again.tflite", cwd=tmp_path)
    assert_one_sentence(again, 2, "adapted to a person already")


def test_gains_are_shown_person_by_person(tmp_path):
    done = har_edge("personalise", "edge", "--evaluate", "--json", "gains.json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / "gains.json").read_text())
    assert [x["subject"] for x in found["gains"]] == [2, 4, 9, 10, 12, 13, 18, 20, 24]
    assert all(x["after"] >= x["before"] - 0.01 for x in found["gains"])


def test_one_posture_alone_teaches_nothing(tmp_path, recordings):
    (tmp_path / "own").mkdir()
    write(tmp_path / "own", recordings, 4, ("SITTING", "LAYING_DOWN"))
    done = har_edge("personalise", "edge", "--data", "own", "-o", "mine.tflite", cwd=tmp_path)
    assert_one_sentence(done, 2)
    assert not (tmp_path / "mine.tflite").exists()


def test_recordings_of_several_people_are_refused(own, tmp_path, recordings):
    write(own, recordings, 2, ("SITTING", "STANDING"))
    done = har_edge("personalise", "edge", "--data", own, "-o", "mine.tflite", cwd=tmp_path)
    assert_one_sentence(done, 2, "give those of one person")


def test_what_is_to_be_adapted_and_written_has_to_be_said(tmp_path):
    assert_one_sentence(har_edge("personalise", "edge", cwd=tmp_path), 2, "--data", "-o")
