"""Check `har-edge data`: its table, pictures, exports and refusals."""

import html
import json

import numpy as np
import pytest
from described_recordings import LAYOUT, write_layout, write_tree
from programs import MODELS, assert_one_sentence, succeeded
from written_recordings import motion, spoil, write, write_subjects, zipped
from written_windows import of_people, write_windows

from edge_runtime.data import embedded_recordings
from edge_runtime.data.loading import load_recordings
from edge_runtime.errors import ExitCode
from edge_runtime.model.model_card import read_model
from edge_runtime.signals.types import RAW_NAMES


@pytest.fixture
def shown(har_edge_here):
    """What the command prints, with single blanks between words."""
    return lambda *given: " ".join(succeeded(har_edge_here("data", *given, env={"COLUMNS": "80"})).stdout.split())


def test_without_a_subcommand_it_shows_the_embedded_data(har_edge_here, shown):
    done = succeeded(har_edge_here("data", "--json", "-", env={"COLUMNS": "80"}))
    assert max(map(len, done.stderr.splitlines())) <= 80
    content = json.loads(done.stdout)
    assert (content["recordings"], content["findings"], content["untrainable"]) == (61, [], None)
    assert [sum(content[x]["windows"].values()) for x in ("train", "test")] == [7352, 2947]
    fingerprint = read_model(MODELS["int8"])[1].training["data"]["fingerprint"]
    text = shown()
    for part in (
        "WALKING_UPSTAIRS 1,073 21 471 9",
        "all 7,352 21 2,947 9",
        "61, 6 h 14 min",
        "CC BY 4.0",
        fingerprint[:16],
    ):
        assert part in text


def test_it_shows_a_users_own_recordings_and_windows(shown, tmp_path):
    text = shown("--data", write_subjects(tmp_path, "abc"))
    for part in (tmp_path.name, "2 subjects: a, b", "1 subject: c", "Recordings 3, 0 min"):
        assert part in text
    assert "CC BY" not in text
    path = write_windows(tmp_path / "w.npz", of_people(), rate=20, signals=["ecg [/red]", "x"], labels=["slow", "fast"])
    text = shown("--data", path)
    for part in (
        "slow 40 4 10 1",
        "all 80 4 20 1",
        "64 samples at 20 Hz",
        "4 subjects: anna, bert",
        "ecg [/red] unknown unit",
    ):
        assert part in text
    members = of_people()
    members["X"] = np.tile(members["X"], 3) / 10 + [0, 0, 1, 0, 0, 0]
    for rate in (100, None):  # without a rate they cannot stream
        path = write_windows(path, members, rate=rate, signals=RAW_NAMES, units=["g"] * 3 + ["deg/s"] * 3)
        assert ("streams too" in shown("--data", path)) == (rate is not None)


def test_json_has_the_counts_and_checks_with_their_numbers(har_edge_here, tmp_path):
    folder = write_tree(tmp_path / "own")
    wrong = write_layout(tmp_path, LAYOUT.replace('unit = "g"', 'unit = "m/s2"'))
    done = succeeded(har_edge_here("data", "--data", f"{wrong}={folder}", "--json", "-"))
    assert "Gravity" in done.stderr
    content = json.loads(done.stdout)
    assert content["train"] == {"subjects": ["1", "2"], "windows": {"WALKING": 6, "SITTING": 6}}
    assert content["test"]["subjects"] == ["10"]
    assert (content["recordings"], content["seconds"], content["motionless_mountings"]) == (9, 54.0, 0)
    by_part = {x["about"]: x for x in content["findings"]}
    gravity, rate = by_part["gravity"], by_part["rate"]
    assert (gravity["fits"], gravity["source"]) == (False, f"{wrong}={folder}")
    assert gravity["numbers"]["gravity_g"] == pytest.approx(1 / 9.80665, rel=0.1)
    assert rate["fits"]
    assert rate["numbers"]["median_hz"] == 50


def test_data_that_cannot_be_trained_on_is_named(har_edge_here, tmp_path):
    (tmp_path / "two").mkdir()
    write(write_subjects(tmp_path / "two", "ab") / "rec-d.csv", *motion(100, 9), ["walk"] * 100, "d")
    done = succeeded(har_edge_here("data", "--data", tmp_path / "two", "--json", "-"))
    assert "2 subjects" in json.loads(done.stdout)["untrainable"]
    X, y = np.random.default_rng(0).normal(size=(8, 32, 3)), np.array([0, 0, 0, 1, 0, 1, 0, 1])
    np.savez(tmp_path / "split.npz", X=X, y=y, split=y)
    done = succeeded(har_edge_here("data", "--data", tmp_path / "split.npz", "--json", "-"))
    assert "window of '1'" in json.loads(done.stdout)["untrainable"]
    write_subjects(tmp_path / "two", "e", ("walk", "jump"))  # every third is the test part
    done = succeeded(har_edge_here("data", "--data", tmp_path / "two", "--json", "-"))
    content = [load["text"] for load in json.loads(done.stdout)["findings"] if load["about"] == "test group"]
    assert [("training" in x and "jump" in x) or ("test" in x and "rest" in x) for x in content] == [True, True]


REFUSED = [
    (["--data", "spoiled"], "rec-b.csv"),
    (["--data", "motionsens=good"], "motionsense"),
    (["--data", "good", "--data", "good"], "good"),
    (["--data", "har-edge=good/rec-a.csv", "--json", "good/rec-a.csv"], "rec-a.csv"),
    (["export", "-o", "x.csv"], ".npz"),
    (["export", "--recording", 0, "-o", "x.npz"], ".csv"),
    (["export", "-o", "foreign.zip/x.npz", "--data", "good"], "foreign.zip"),
    (["plot", "-o", "x.png"], "--recording"),
    (["plot", "--recording", 1, "-o", "x.docx", "--data", "good"], "x.docx"),
    (["plot", "--recording", 3, "-o", "x.png", "--data", "good"], "0 to 2"),
]


@pytest.mark.parametrize(("arguments", "noun"), REFUSED)
def test_refused_data_writes_nothing(har_edge_here, tmp_path, arguments, noun):
    for name in ("good", "spoiled"):
        (tmp_path / name).mkdir()
        write_subjects(tmp_path / name, "abc", n=200)
    spoil(tmp_path / "spoiled", 300, "0.1,0", "rec-b.csv")
    (tmp_path / "foreign.zip").write_bytes(zipped({"a.txt": b"x"}))
    (tmp_path / "mine.toml").write_text(LAYOUT)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    done = har_edge_here("data", *arguments)
    assert done.returncode == ExitCode.USAGE
    assert noun in done.stderr
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_folder_in_place_of_a_subcommand_is_answered_with_the_option(har_edge_here, tmp_path):
    assert_one_sentence(har_edge_here("data", str(tmp_path)), 2, "--data")
    assert_one_sentence(har_edge_here("data", "plott"), 2, "plot")


def test_an_exported_recording_is_read_back(har_edge_here, tmp_path):
    succeeded(har_edge_here("data", "export", "--recording", 7, "-o", "own/walk.csv"))
    (read,), recording = load_recordings(tmp_path / "own"), load_recordings()[7]
    assert str(read.subject) == str(recording.subject)
    assert np.abs(read.samples[: len(recording.samples)] - recording.samples[: len(read.samples)]).max() < 1e-3
    names = [[x.label_names[i] if i >= 0 else "" for i in x.labels] for x in (recording, read)]
    classes = [name if name in recording.classes else "" for name in names[0]]
    assert np.mean([a == b for a, b in zip(classes, names[1], strict=False)]) > 0.99


def test_a_recording_is_drawn_with_its_labels(har_edge_here, tmp_path):
    succeeded(har_edge_here("data", "plot", "--recording", 0, "-o", "recording.svg"))
    drawing = html.unescape((tmp_path / "recording.svg").read_text())
    for span in ("#4c9be8", "#f2b134", "#ef7d57"):  # walking, sitting, standing
        assert f"fill: {span}; opacity: 0.45" in drawing
    for word in (
        *embedded_recordings.RECORDING_LABELS,
        "body_acc (g)",
        "body_gyro (rad/s)",
        "total_acc (g)",
        "time (min)",
    ):
        assert f"<!-- {word} -->" in drawing
