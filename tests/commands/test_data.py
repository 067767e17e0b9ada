"""Check `har-edge data`: its table, pictures, exports and refusals."""

import html
import json
from dataclasses import replace

import numpy as np
import official_copy
import pytest
from described_recordings import LAYOUT, write_files_worn_anew, write_layout, write_tree
from programs import MODELS, assert_one_sentence, har_edge, succeeded
from written_recordings import motion, posture, spoil, write, write_subjects

from edge_runtime.data import recording_plots, uci_har
from edge_runtime.errors import ExitCode
from edge_runtime.model.model_card import read_model


def test_without_a_subcommand_it_shows_what_is_embedded(tmp_path):
    shown = succeeded(har_edge("data", cwd=tmp_path, env={"COLUMNS": "80"}))
    assert shown.stderr == ""
    assert "\x1b" not in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    for line in ("WALKING_UPSTAIRS 1,073 471", "LAYING 1,407 537", "all 7,352 2,947"):
        assert line in "\n".join(" ".join(x.split()) for x in shown.stdout.splitlines())
    text = " ".join(shown.stdout.split())
    fingerprint = read_model(MODELS["int8"])[1].training["data"]["fingerprint"]
    for part in (
        "61, 6 h 14 min",
        "9 subjects: 2, 4, 9, 10, 12, 13, 18, 20, 24",
        "CC BY 4.0",
        "body_gyro x y z (rad/s)",
        fingerprint[:16],
    ):
        assert part in text


def test_it_shows_a_users_own_recordings_and_labels_that_look_like_markup_as_they_are(har_edge_here, tmp_path):
    labels = ("walk", "[red]", "[/x]", ":car:")
    done = succeeded(har_edge_here("data", "--data", write_subjects(tmp_path, "abc", labels)))
    for part in (tmp_path.name, *labels, "2 subjects: a, b", "1 subject: c", "3, 1 min 12 s"):
        assert part in done.stdout
    assert "CC BY" not in done.stdout


def test_json_has_the_counts_and_what_fits_with_its_numbers(har_edge_here, tmp_path):
    own = write_tree(tmp_path / "own")
    wrong = write_layout(tmp_path, LAYOUT.replace('unit = "g"', 'unit = "m/s2"'))
    done = succeeded(har_edge_here("data", "--data", own, "--layout", wrong, "--json", "-"))
    assert "Gravity" in done.stderr
    found = json.loads(done.stdout)
    assert found["train"] == {"subjects": ["1", "2"], "windows": {"WALKING": 6, "SITTING": 6}}
    assert found["test"]["subjects"] == ["10"]
    assert (found["recordings"], found["seconds"]) == (9, 54.0)
    by_part = {x["about"]: x for x in found["findings"]}
    gravity, rate = by_part["gravity"], by_part["rate"]
    assert (gravity["fits"], gravity["source"]) == (False, f"{wrong}={own}")
    assert gravity["numbers"]["gravity_g"] == pytest.approx(1 / 9.80665, rel=0.1)
    assert rate["fits"]
    assert rate["numbers"]["median_hz"] == 50
    assert found["untrainable"] is None


def test_json_of_what_no_layout_describes_has_no_findings(har_edge_here, tmp_path):
    np.savez(tmp_path / "w.npz", X=np.random.default_rng(0).normal(size=(60, 8, 1)), y=np.arange(60) % 2)
    for given, windows, recordings in (((), 7352 + 2947, 61), (("--data", tmp_path / "w.npz"), 60, None)):
        found = json.loads(succeeded(har_edge_here("data", *given, "--json", "-")).stdout)
        assert (found["findings"], found["recordings"]) == ([], recordings)
        assert sum(sum(found[x]["windows"].values()) for x in ("train", "test")) == windows


def test_export_writes_the_arrays(har_edge_here, tmp_path):
    path = tmp_path / "new" / "windows.npz"
    done = succeeded(har_edge_here("data", "export", "-o", path))
    assert str(path) in done.stdout
    data = uci_har.load()
    with np.load(path, allow_pickle=False) as arrays:
        for part in ("train", "test"):
            for name in ("X", "y", "subject"):
                assert np.array_equal(arrays[f"{name}_{part}"], getattr(getattr(data, part), name))
        assert tuple(arrays["labels"]) == data.labels
        assert arrays["signals"][8] == "total_acc_z"
    assert list(path.parent.iterdir()) == [path]


def test_of_data_that_cannot_be_trained_on_it_says_why_and_of_what_has_no_frame(har_edge_here, tmp_path):
    (tmp_path / "two").mkdir()
    write(write_subjects(tmp_path / "two", "ab") / "rec-d.csv", *motion(100, 9), ["walk"] * 100, "d")
    done = succeeded(har_edge_here("data", "--data", tmp_path / "two", "--json", "-"))
    assert "subject (d)" in json.loads(done.stdout)["untrainable"]
    layout = write_files_worn_anew(tmp_path / "own")
    succeeded(har_edge_here("data", "--data", tmp_path / "own", "--layout", layout, "--json", tmp_path / "f"))
    found = json.loads((tmp_path / "f").read_text())
    assert (found["motionless"], found["motionless_mountings"]) == ({"STANDING": 15}, 3)


def test_labels_that_look_like_formulas_or_markup_are_drawn_as_they_are(har_edge_here, tmp_path):
    names = (r"$\frac$", "[red]W[/x]", "_u")
    (folder := tmp_path / "$mine$").mkdir()
    write_subjects(folder, ("$a$", "b", "c"), labels=names)
    path = tmp_path / "drawn.svg"
    succeeded(har_edge_here("data", "plot", "--recording", 0, "-o", path, "--data", folder))
    drawn = html.unescape(path.read_text())
    assert all(f"<!-- {x}" in drawn for x in names)
    assert "subject $a$" in drawn


REFUSED = [
    (["--data", "spoiled"], "rec-b.csv"),
    (["--layout", "motionsense"], "--layout"),
    (["--data", "mine.toml=good", "--layout", "motionsense"], "layout"),
    (["--data", "motionsens=good"], "motionsense"),
    (["--data", "motionsense"], "motionsense"),
    (["--data", "good", "--data", "good"], "good"),
    (["--data", "har-edge=good/rec-a.csv", "--json", "good/rec-a.csv"], "rec-a.csv"),
    (["--data", "good", "export", "-o", "x.npz", "--data", "other"], "--data"),
    (["export", "-o", "x.csv"], ".npz"),
    (["export", "-o", "foreign.zip/x.npz", "--data", "good"], "foreign.zip"),
    (["plot", "-o", "x.png"], "--window"),
    (["plot", "--window", 1, "--recording", 1, "-o", "x.png"], "--recording"),
    (["plot", "--window", 1, "-o", "x.docx", "--data", "good"], "x.docx"),
    (["plot", "--window", 8, "-o", "x.png", "--data", "good"], "0 to 7"),
    (["plot", "--window", 4, "--part", "test", "-o", "x.png", "--data", "good"], "0 to 3"),
    (["plot", "--recording", 3, "-o", "x.png", "--data", "good"], "0 to 2"),
]


@pytest.mark.parametrize(("arguments", "noun"), REFUSED)
def test_what_cannot_be_done_is_refused_in_a_sentence_and_nothing_is_written(har_edge_here, tmp_path, arguments, noun):
    for name in ("good", "spoiled"):
        (tmp_path / name).mkdir()
        write_subjects(tmp_path / name, "abc", n=200)
    spoil(tmp_path / "spoiled", 300, "0.1,0", "rec-b.csv")
    official_copy.write_zip(tmp_path / "foreign.zip", {"a.txt": b"x"})
    (tmp_path / "mine.toml").write_text(LAYOUT)
    before = {x: x.read_bytes() for x in tmp_path.rglob("*") if x.is_file()}
    done = har_edge_here("data", *arguments, cwd=tmp_path)
    assert done.returncode == ExitCode.USAGE
    assert noun in done.stderr
    assert "Traceback" not in done.stderr
    assert {x: x.read_bytes() for x in tmp_path.rglob("*") if x.is_file()} == before


@pytest.fixture
def without_gyroscope(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    header = "timestamp[s],ax[g],ay[g],az[g],label,subject"
    for subject in "abc":
        seconds, samples = motion(600)
        write(folder / f"{subject}.csv", seconds, samples[:, :3], ["SITTING"] * 300 + ["LAYING"] * 300, subject, header)
    return folder


@pytest.mark.parametrize(
    "arguments",
    [
        ("evaluate", "edge"),
        ("evaluate", "edge", "--live"),
        ("personalise", "edge", "--evaluate"),
        ("stream", "edge", "--replay", 0),
    ],
)
def test_a_model_that_takes_rotation_refuses_recordings_without_it(har_edge_here, without_gyroscope, arguments):
    assert_one_sentence(har_edge_here(*arguments, "--data", without_gyroscope), 2, "rotation")


@pytest.mark.long
def test_recordings_without_rotation_train_a_network_of_acceleration(without_gyroscope, tmp_path):
    succeeded(har_edge("train", "--data", without_gyroscope, "--epochs", 1, "--out", tmp_path / "run", cwd=tmp_path))
    signals = json.loads((tmp_path / "run" / "card.json").read_text())["signals"]
    assert [x["name"][:-2] for x in signals] == ["body_acc"] * 3 + ["total_acc"] * 3


def test_plot_of_a_recording_shows_its_labels_as_coloured_spans_and_names_them(har_edge_here, tmp_path):
    path = tmp_path / "recording.svg"
    assert har_edge_here("data", "plot", "--recording", 0, "-o", path).returncode == 0
    drawing = path.read_text()
    for span in ("#4c9be8", "#f2b134", "#ef7d57"):  # walking, sitting, standing
        assert f"fill: {span}; opacity: 0.45" in drawing
    for word in (*uci_har.RECORDING_LABELS, "body_acc (g)", "body_gyro (rad/s)", "total_acc (g)", "time (min)"):
        assert f"<!-- {word} -->" in drawing


def test_a_recording_that_begins_midway_is_drawn_as_recognition_takes_it(tmp_path, monkeypatch):
    """Who sits from the first sample on has no body acceleration while the filters start."""
    drawn = []
    monkeypatch.setattr(recording_plots, "save", lambda figure, _: drawn.append(figure.axes[0].lines))
    samples = posture("SITTING", 10)
    sitting = replace(uci_har.recordings()[0], samples=samples, labels=np.zeros(len(samples), np.int8))
    for begins_midway in (True, False):
        shown = replace(sitting, begins_midway=begins_midway)
        recording_plots.plot_recording(tmp_path / "sitting.png", shown, "sitting")
    midway, at_rest = (max(np.abs(x.get_ydata()).max() for x in lines) for lines in drawn)
    assert midway < 0.3  # g: the largest that this person moves
    assert at_rest > 0.6


def test_plot_without_matplotlib_says_what_to_install(tmp_path):
    (tmp_path / "matplotlib.py").write_text("raise ImportError('not here')")
    drawn = har_edge("data", "plot", "--window", 1, "-o", "x.png", cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert_one_sentence(drawn, 2, "pip install matplotlib")
