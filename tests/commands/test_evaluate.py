"""Check `har-edge evaluate` on the test set and on a user's data: other labels, few people, a personal model."""

import json

import numpy as np
import pytest
from described_recordings import write_files_worn_anew
from programs import MODELS, assert_one_sentence, har_edge, succeeded
from written_recordings import posture, recordings, write_pieces

from edge_runtime.data import loading
from edge_runtime.model.classifier import Classifier

MEASURED = ("--runs", 1, "--no-control", "--json", "bench.json")


def people(folder, *pieces, names=("s1", "s2", "s3")):
    """The same pieces of each person."""
    for name in names:
        write_pieces(folder / f"{name}.csv", pieces, name)
    return folder


def evaluate(folder, *arguments):
    return har_edge("evaluate", *arguments, "--json", "scores.json", cwd=folder.parent, env={"COLUMNS": "80"})


def scores(folder):
    """The JSON, in which nothing is NaN or infinite."""

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    return json.loads((folder.parent / "scores.json").read_text(), parse_constant=refuse)


def test_the_windows_of_the_test_set_are_scored_as_everywhere(tmp_path):
    done = succeeded(evaluate(tmp_path / "none", "edge"))
    test = loading.load_data(None).test
    predicted = Classifier(MODELS["int8"]).logits(test.X).argmax(axis=1)
    assert scores(tmp_path / "none")["accuracy"] == (predicted == test.y).mean()
    assert " of 2,947 windows of 9 subjects" in done.stdout
    rows = done.stdout.splitlines()[1:7]
    assert all(f" {n} " in row for row, n in zip(rows, np.bincount(test.y), strict=True))


def test_the_confusion_matrix_is_drawn_in_the_format_that_is_asked_for(tmp_path):
    data = people(tmp_path / "me", *((x, posture(x)) for x in ("SITTING", "STANDING")), names=("me",))
    done = succeeded(evaluate(data, "edge", "--data", data, "--plots", "plots", "--format", "svg"))
    assert done.stdout.splitlines()[-1] == "plots/confusion.svg"
    assert "1 subject)" in (tmp_path / "plots" / "confusion.svg").read_text()


def test_an_option_of_another_is_refused_alone(har_edge_here):
    assert_one_sentence(har_edge_here("evaluate", "edge", "--hop", 5), 2, "--hop", "--live")
    assert_one_sentence(har_edge_here("evaluate", "edge", "--format", "pdf"), 2, "--format", "--plots")


@pytest.mark.parametrize(
    ("pieces", "words"),
    [
        ((("RUNNING", 10), ("CYCLING", 10)), ["CYCLING, RUNNING"]),
        ((("", 10),), ["predict"]),
        ((("SITTING", 2),), ["own"]),
    ],
    ids=["labels that the model lacks", "no labels", "no whole window"],
)
def test_data_that_cannot_be_scored_is_refused(pieces, words, har_edge_here, tmp_path):
    data = people(tmp_path / "own", *((label, posture("SITTING", seconds)) for label, seconds in pieces))
    for command in (["evaluate"], ["evaluate", "--live"], ["bench"]):
        done = har_edge_here(command[0], "edge", *command[1:], "--data", data)
        if not (pieces[0][1] == 2 and "--live" in command):
            assert_one_sentence(done, 2, *words)


def test_windows_of_labels_that_the_model_lacks_are_left_out_and_counted(tmp_path):
    data = people(tmp_path / "own", ("SITTING", posture("SITTING", 20)), ("DANCING", posture("STANDING", 20)))
    done = succeeded(evaluate(data, "edge", "--data", data))
    found = scores(data)
    assert list(found["left_out"]) == ["DANCING"]
    assert found["left_out"]["DANCING"] > 5
    assert f"{found['left_out']['DANCING']} of DANCING" in done.stdout
    assert sum(map(sum, found["confusion"])) == found["windows"]
    sitting = list(found["per_class"]).index("SITTING")
    assert sum(found["confusion"][sitting]) == found["windows"]
    for part in (found, found["closed_set"]):
        assert part["per_class"]["LAYING"] == {"precision": None, "recall": None, "f1": None, "windows": 0}


def test_bench_scores_the_windows_that_evaluate_does(tmp_path):
    # Only while dancing does anybody move, by which the way in which the phone is worn is found.
    data = people(tmp_path / "own", ("SITTING", posture("SITTING", 20)), ("DANCING", posture("WALKING", 20)))
    for model, where in (("edge-anywhere", [data]), ("edge", ["uci-har", data])):
        given = [x for path in where for x in ("--data", path)]
        succeeded(evaluate(data, model, *given))
        own = scores(data)
        succeeded(har_edge("bench", model, *given, *MEASURED, cwd=tmp_path))
        report = json.loads((tmp_path / "bench.json").read_text())
        assert report["data"]["left_out"] == own["left_out"] == {"DANCING": own["left_out"]["DANCING"]}
        fields = ("confusion", "per_class", "per_source", "per_subject")
        assert {x: report["results"][1][x] for x in fields} == {x: own[x] for x in fields}
    assert own["per_source"]["UCI HAR"]["windows"] == 2947  # the published ones


@pytest.mark.long
def test_windows_of_mountings_in_which_nobody_moves_are_left_out_of_evaluate_and_bench(tmp_path):
    data = tmp_path / "own"
    given = ("--data", f"{write_files_worn_anew(data)}={data}")
    succeeded(evaluate(data, "edge-anywhere", *given))
    own = scores(data)
    assert (own["motionless"], own["motionless_mountings"], own["left_out"]) == ({"STANDING": 15}, 3, {})
    assert (own["windows"], own["per_class"]["STANDING"]["windows"]) == (30, 0)
    assert own["closed_set"]["labels"] == ["WALKING", "JOGGING"]
    succeeded(har_edge("bench", "edge-anywhere", *given, *MEASURED, cwd=tmp_path))
    report = json.loads((tmp_path / "bench.json").read_text())
    assert {x: report["data"][x] for x in ("windows", "left_out", "motionless", "motionless_mountings")} == {
        x: own[x] for x in ("windows", "left_out", "motionless", "motionless_mountings")
    }
    assert report["results"][1]["confusion"] == own["confusion"]
    # As the device has its axes nobody needs to move.
    succeeded(evaluate(data, "edge", *given))
    assert (scores(data)["motionless"], scores(data)["left_out"]) == ({}, {"JOGGING": 15})
    assert scores(data)["per_class"]["STANDING"]["windows"] == 15
    for path in data.glob("[!S]*.csv"):
        path.unlink()
    for command in ("evaluate", "bench"):
        done = har_edge(command, "edge-anywhere", *given, cwd=tmp_path)
        assert_one_sentence(done, 2, "'mine'", "subject a")


def test_everyone_in_data_of_another_origin_is_scored_closed_and_open(tmp_path):
    data = people(tmp_path / "own", *((x, posture(x, 10)) for x in ("SITTING", "STANDING")))
    done = succeeded(evaluate(data, "edge", "--data", data))
    assert " of 3 subjects; " in done.stdout  # not the last third alone
    found = scores(data)
    assert set(found["per_subject_macro_f1"]) == {"s1", "s2", "s3"}
    closed = found["closed_set"]
    assert closed["labels"] == ["SITTING", "STANDING"]
    assert closed["windows"] == found["windows"]
    assert closed["macro_f1"] >= found["macro_f1"] > 0
    answered = np.sum(closed["confusion"], axis=0)
    assert set(np.flatnonzero(answered)) <= {3, 4}


@pytest.mark.long
def test_people_of_the_training_are_left_out_of_a_part_of_its_data_and_named(tmp_path):
    pieces = [(x, posture(x, 15)) for x in ("SITTING", "STANDING")]
    # The card of edge-anywhere has motionsense-1 and -16 in its training, -17 among its test subjects, and no -anna.
    folder = people(tmp_path / "MotionSense", *pieces, names=("1", "16", "17", "anna"))
    succeeded(har_edge("data", "export", "--data", folder, "-o", "MotionSense.npz", cwd=tmp_path))
    said = "training of 'edge-anywhere': subject 1, 16.\n"
    for how in (["--data", folder], ["--live", "--data", folder], ["--data", "MotionSense.npz"]):
        done = succeeded(evaluate(folder, "edge-anywhere", *how))
        assert set(scores(folder)["per_subject"]) <= {"17", "anna"}
        assert scores(folder)["not_scored"] == ["1", "16"]
        assert " of 2 subjects" in done.stdout
        assert said in done.stderr
    assert "Not scored" not in succeeded(evaluate(folder, "edge", "--data", folder)).stderr
    for model, scored in (("edge-anywhere", {"17", "anna"}), ("edge", {"1", "16", "17", "anna"})):
        done = succeeded(har_edge("bench", model, "--data", folder, *MEASURED, cwd=tmp_path))
        assert done.stderr.count(said) == (model == "edge-anywhere")  # once for both forms of it
        found = json.loads((tmp_path / "bench.json").read_text())
        assert [{*x["per_subject"]} for x in found["results"]] == [scored] * 2
        assert found["data"]["not_scored"] == [x for x in ("1", "16", "17", "anna") if x not in scored]


@pytest.mark.parametrize("command", [["evaluate"], ["evaluate", "--live"], ["personalise", "--evaluate"], ["bench"]])
def test_data_of_training_subjects_alone_is_refused(command, tmp_path, har_edge_here):
    pieces = [(x, posture(x, 10)) for x in ("SITTING", "STANDING")]
    folder = people(tmp_path / "MotionSense", *pieces, names=map(str, range(1, 8)))
    done = har_edge_here(*command, "edge-anywhere", "--data", folder)
    assert_one_sentence(done, 2, "'edge-anywhere'")


def test_live_scores_are_of_all_of_each_person_and_of_each_placement(tmp_path):
    recording = recordings()[0]  # of a training subject
    samples, labels = recording.samples[:9000], recording.labels[:9000]
    pieces = [
        (recording.label_names[label] if label >= 0 else "", samples[i : i + 1])
        for i, label in enumerate(labels.tolist())
    ]
    data = people(tmp_path / "own", *pieces, names=("anna",))
    layout = 'files = "*.csv"\nsubject = { column = "subject" }\nlabel = { column = "label" }\n'
    given = []
    for placement in ("waist", "wrist"):
        (tmp_path / f"{placement}.toml").write_text(f'{layout}placement = "{placement}"\n')
        given += ["--data", f"{placement}.toml={data}"]
    done = succeeded(evaluate(data, "edge", "--live", *given, "--plots", "plots"))
    assert max(map(len, done.stdout.splitlines())) <= 80
    found = scores(data)
    assert list(found["per_subject"]) == ["waist-anna", "wrist-anna"]
    assert list(found["per_placement"]) == ["waist", "wrist"]
    for groups in (found["per_subject"], found["per_placement"]):
        assert sum(x["windows"] for x in groups.values()) == found["windows"]
        assert [x["live_accuracy"] for x in groups.values()] == [found["live_accuracy"]] * 2
    assert found["live_accuracy"] > 0.9
    assert found["false_answers_per_hour"] > 0  # of transitions
    plots = {x.name: x.read_bytes()[:4] for x in (tmp_path / "plots").iterdir()}
    assert plots == dict.fromkeys(("recording-0.png", "recording-1.png", "confusion.png"), b"\x89PNG")


def test_each_data_set_has_a_closed_set_of_its_own(tmp_path):
    lying = [(x, posture("LAYING", 20)) for x in ("SITTING", "STANDING")]  # which neither is to be taken for
    people(tmp_path / "still", *lying, names=("me",))
    people(tmp_path / "walks", *((x, posture(x, 20)) for x in ("WALKING", "LAYING")), names=("me",))
    succeeded(evaluate(tmp_path / "still", "edge", "--data", "still", "--data", "walks"))
    found = scores(tmp_path / "still")
    assert found["per_source"]["still"]["accuracy"] == found["closed_set"]["per_subject"]["still-me"] == 0
    closed = found["closed_set"]["per_source"]["still"]
    assert closed["accuracy"] == 0.5  # one is answered for both


@pytest.mark.long
def test_a_personal_model_is_evaluated_on_its_person(har_edge_here, tmp_path):
    data = people(tmp_path / "me", *((x, posture(x)) for x in ("SITTING", "STANDING")), names=("me",))
    assert har_edge_here("personalise", "edge", "--data", data, "-o", "m.tflite").returncode == 0
    for how in ([], ["--live"]):
        succeeded(evaluate(data, "m.tflite", *how, "--data", data))
        assert list(scores(data)["per_subject"]) == ["me"]
        assert_one_sentence(evaluate(data, "m.tflite", *how), 2, "adapted to subject me")


@pytest.mark.parametrize(("placement", "is_said"), [("trouser pocket", True), ("", True), ("waist", False)])
def test_activities_that_look_alike_are_told_where_they_were_taken_for_each_other(tmp_path, placement, is_said):
    lying = np.concatenate([posture("WALKING", 20), posture("LAYING", 20)])
    data = people(tmp_path / "own", ("WALKING", lying[:1000]), ("SITTING", lying[1000:]), names=("me",))
    layout = 'files = "*.csv"\nsubject = { column = "subject" }\nlabel = { column = "label" }\n'
    (tmp_path / "mine.toml").write_text(layout + f'placement = "{placement}"\n' * bool(placement))
    done = succeeded(evaluate(data, "edge-anywhere", "--data", f"mine.toml={data}"))
    assert ("SITTING or LAYING" in done.stdout) == is_said
