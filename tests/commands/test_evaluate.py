"""Check `har-edge evaluate` on the test set and on a user's data: other labels, few people, a personal model."""

import json
import re

import numpy as np
import pytest
from described_recordings import write_files_worn_anew
from programs import assert_one_sentence, succeeded
from written_recordings import longest, motion, posture, recordings, write, write_pieces

from edge_runtime.data.scores import accuracy, macro_f1
from edge_runtime.system.quantities import percent

MEASURED = ("--rounds", 1, "--runtime", "litert", "--json", "bench.json")
LAYOUT = 'files = "*.csv"\nsubject = { column = "subject" }\nlabel = { column = "label" }\n'


def people(folder, *pieces, names=("s1", "s2", "s3")):
    """The same pieces of each person."""
    for name in names:
        write_pieces(folder / f"{name}.csv", pieces, name)
    return folder


@pytest.fixture
def evaluate(har_edge_here, tmp_path):
    """The finished command, and its JSON, in which nothing is NaN or infinite."""

    def refuse(name):
        raise AssertionError(f"{name} is no JSON")

    def call(*arguments):
        done = succeeded(har_edge_here("evaluate", *arguments, "--json", "scores.json", env={"COLUMNS": "80"}))
        return done, json.loads((tmp_path / "scores.json").read_text(), parse_constant=refuse)

    return call


@pytest.mark.parametrize(
    ("pieces", "word"),
    [((("RUNNING", 10), ("CYCLING", 10)), "CYCLING"), ((("", 10),), "labels"), ((("SITTING", 2),), "own")],
)
def test_data_that_cannot_be_scored_is_refused(pieces, word, har_edge_here, tmp_path):
    data = people(tmp_path / "own", *((label, posture("SITTING", seconds)) for label, seconds in pieces))
    for command in (["evaluate"], ["evaluate", "--live"], ["bench"]):
        if not (word == "own" and "--live" in command):
            assert_one_sentence(har_edge_here(command[0], "edge", *command[1:], "--data", data), 2, word)


def test_a_score_of_data_that_does_not_fit_says_so_beside_it(evaluate, tmp_path):
    walking = longest("WALKING", 1)
    turned = walking[:, [1, 0, 2, 4, 3, 5]] * [-1, 1, 1, -1, 1, 1]
    people(tmp_path / "turned", ("WALKING", turned))
    assert "worn" in evaluate("edge", "--data", "turned")[0].stdout
    assert "--axes y,-x,z" in evaluate("edge", "--live", "--data", "turned")[0].stderr
    (tmp_path / "turned.toml").write_text(f'axes = "y,-x,z"\n{LAYOUT}')
    assert "worn" not in evaluate("edge", "--data", "turned.toml=turned")[0].stdout
    people(tmp_path / "heavy", ("WALKING", 1.3 * walking))
    for how in ([], ["--live"]):
        assert "does not fit" in evaluate("edge", *how, "--data", "heavy")[0].stdout


def test_bench_scores_the_windows_that_evaluate_does(evaluate, har_edge_here, tmp_path):
    # Only while dancing does anybody move, which shows how the phone is worn.
    data = people(tmp_path / "own", ("SITTING", posture("SITTING", 20)), ("DANCING", posture("WALKING", 20)))
    arguments = ("edge-anywhere", "--data", "uci-har", "--data", data)
    _, scores = evaluate(*arguments)
    succeeded(har_edge_here("bench", *arguments, *MEASURED))
    report = json.loads((tmp_path / "bench.json").read_text())
    assert report["data"]["left_out"] == scores["left_out"] == {"DANCING": scores["left_out"]["DANCING"]}
    # At UCI HAR's waist, tilt changes the scores of evaluate, but not of bench, which scores the network.
    for field in ("per_source", "per_subject"):
        own, measured = (
            {name: x for name, x in scored[field].items() if name.startswith("own")}
            for scored in (scores, report["results"][1])
        )
        assert own == measured != {}
    assert report["results"][1]["frame"] == "walking"
    assert scores["per_source"]["UCI HAR"]["windows"] == 2947  # the published ones


def test_windows_of_mountings_in_which_nobody_moves_are_left_out(evaluate, har_edge_here, tmp_path):
    data = tmp_path / "own"
    arguments = ("--data", f"{write_files_worn_anew(data)}={data}")
    _, scores = evaluate("edge-anywhere", *arguments)
    assert (scores["motionless"], scores["motionless_mountings"], scores["left_out"]) == ({"STANDING": 15}, 3, {})
    assert (scores["windows"], scores["per_class"]["STANDING"]["windows"]) == (30, 0)
    assert scores["closed_set"]["labels"] == ["WALKING", "JOGGING"]
    assert evaluate("edge", *arguments)[1]["motionless"] == {}  # as the device has its axes nobody needs to move
    for path in data.glob("[!S]*.csv"):
        path.unlink()
    for command in ("evaluate", "bench"):
        assert_one_sentence(har_edge_here(command, "edge-anywhere", *arguments), 2, "'mine'", "subject a")


def test_everyone_in_data_of_another_origin_is_scored_closed_and_open(evaluate, tmp_path):
    """The windows of STANDING in which somebody lies are answered with a label that does not occur."""
    for name, sitting_s, standing_s, lying_s in (("s1", 40, 0, 8), ("s2", 20, 10, 10), ("s3", 10, 10, 0)):
        standing = np.concatenate([posture("STANDING", standing_s), posture("LAYING", lying_s)])
        pieces = zip(("SITTING", "STANDING"), (posture("SITTING", sitting_s), standing), strict=True)
        data = people(tmp_path / "theirs", *pieces, names=[name])
    done, found = evaluate("edge", "--data", data, "--plots", "plots", "--format", "svg")
    assert "plots/confusion.svg" in done.stdout.splitlines()
    assert set(found["per_subject_macro_f1"]) == {"s1", "s2", "s3"}
    closed = found["closed_set"]
    assert closed["labels"] == ["SITTING", "STANDING"]
    assert closed["windows"] == found["windows"]
    assert [set(np.flatnonzero(np.sum(x["confusion"], axis=0))) for x in (closed, found)] == [{3, 4}, {3, 4, 5}]
    for scores in (closed, found):
        confusion = np.array(scores["confusion"])
        assert (scores["accuracy"], scores["macro_f1"]) == (accuracy(confusion), macro_f1(confusion))
    assert closed["macro_f1"] != found["macro_f1"] > 0
    assert [min(found[x], key=found[x].get) for x in ("per_subject", "per_subject_macro_f1")] == ["s2", "s1"]
    shares = (percent(found["macro_f1"]), percent(found["per_subject_macro_f1"]["s1"], 1), percent(closed["macro_f1"]))
    assert re.search("{}.* subject s1 .*{}.*{}".format(*shares), done.stdout.replace("\n", " "))


def test_people_of_the_training_are_left_out_of_a_part_of_its_data_and_named(evaluate, har_edge_here, tmp_path):
    pieces = [(x, posture(x, 15)) for x in ("SITTING", "STANDING")]
    # The card of edge-anywhere has motionsense-1 and -16 in its training, -18 among its test subjects, and no -anna.
    folder = people(tmp_path / "MotionSense", *pieces, names=("1", "16", "18", "anna"))
    succeeded(har_edge_here("data", "export", "--data", folder, "-o", "MotionSense.npz"))
    for how in (["--data", folder], ["--live", "--data", folder], ["--data", "MotionSense.npz"]):
        done, scores = evaluate("edge-anywhere", *how)
        assert set(scores["per_subject"]) <= {"18", "anna"}
        assert scores["not_scored"] == ["1", "16"]
        assert " of 2 subjects" in done.stdout
        assert "'edge-anywhere': subject 1, 16.\n" in done.stderr
    assert evaluate("edge", "--data", folder)[1]["not_scored"] == []


def test_live_scores_are_of_all_of_each_person_and_of_each_placement(evaluate, tmp_path):
    recording = recordings()[0]  # of a training subject
    samples, labels = recording.samples[:9000], recording.labels[:9000]
    names = [recording.label_names[x] if x >= 0 else "" for x in labels.tolist()]
    pieces = [(name, samples[i : i + 1]) for i, name in enumerate(names)]
    data = people(tmp_path / "own", *pieces, names=("anna",))
    write_pieces(data / "short.csv", pieces[:127], "anna")
    arguments = []
    for placement in ("waist", "wrist"):
        (tmp_path / f"{placement}.toml").write_text(f'{LAYOUT}placement = "{placement}"\n')
        arguments += ["--data", f"{placement}.toml={data}"]
    done, scores = evaluate("edge", "--live", *arguments, "--plots", "plots")
    assert "2 of 4 recordings" in done.stderr
    assert "wrist" in done.stderr  # where the model was not trained
    assert list(scores["per_subject"]) == ["waist-anna", "wrist-anna"]
    assert list(scores["per_placement"]) == ["waist", "wrist"]
    for groups in (scores["per_subject"], scores["per_placement"]):
        assert sum(group["windows"] for group in groups.values()) == scores["windows"]
        assert [group["live_accuracy"] for group in groups.values()] == [scores["live_accuracy"]] * 2
    assert scores["live_accuracy"] > 0.9
    assert scores["false_answers_per_hour"] > 0  # of transitions
    assert [path.name for path in (tmp_path / "plots").iterdir()] == ["confusion.png"]


def test_activities_that_look_alike_where_the_device_was_worn_count_as_one(evaluate, tmp_path):
    lying = np.concatenate([posture("WALKING", 20), posture("LAYING", 20)])
    data = people(tmp_path / "own", ("WALKING", lying[:1000]), ("SITTING", lying[1000:]), names=("me",))
    for placement, is_one in (("trouser pocket", True), ("waist", False), ("wrist", True)):
        (tmp_path / "mine.toml").write_text(f'{LAYOUT}placement = "{placement}"\n')
        done, scores = evaluate("edge-anywhere", "--data", f"mine.toml={data}")
        assert (scores["per_class"]["SITTING"]["recall"] > 0.9) == is_one  # at a waist, a level device lies
        assert ("wrist" in done.stderr) == (placement == "wrist")  # where the model was not trained


def test_a_model_that_takes_rotation_refuses_recordings_without_it(har_edge_here, tmp_path):
    header = "timestamp[s],ax[g],ay[g],az[g],label,subject"
    for subject in "abc":
        seconds, samples = motion(300)
        write(tmp_path / f"{subject}.csv", seconds, samples[:, :3], ["SITTING"] * 300, subject, header)
    for line in ("evaluate edge", "evaluate edge --live", "personalise edge --subject a -o mine.tflite"):
        assert_one_sentence(har_edge_here(*line.split(), "--data", tmp_path), 2, "rotation")
