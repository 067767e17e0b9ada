"""Check `har-edge data`: its table, pictures, exports and refusals."""

import html
import json
import re
import sys
from dataclasses import replace

import numpy as np
import official_copy
import pytest
from described_recordings import LAYOUT, write_files_worn_anew, write_layout, write_tree
from programs import MODELS, assert_one_sentence, succeeded
from written_recordings import motion, posture, recordings, spoil, write, write_subjects
from written_windows import of_people, two_frequencies, write_windows

from edge_runtime.data import recording_plots, uci_har
from edge_runtime.errors import ExitCode
from edge_runtime.model.model_card import read_model


@pytest.fixture
def shown(har_edge_here):
    """What the command prints, with single blanks between words."""
    return lambda *given: " ".join(succeeded(har_edge_here("data", *given, env={"COLUMNS": "80"})).stdout.split())


def test_without_a_subcommand_it_shows_the_embedded_data(har_edge_here, shown):
    done = succeeded(har_edge_here("data", "--json", "-", env={"COLUMNS": "80"}))
    assert max(map(len, done.stderr.splitlines())) <= 80
    found = json.loads(done.stdout)
    assert (found["recordings"], found["findings"], found["untrainable"]) == (61, [], None)
    assert [sum(found[x]["windows"].values()) for x in ("train", "test")] == [7352, 2947]
    fingerprint = read_model(MODELS["int8"])[1].training["data"]["fingerprint"]
    text = shown()
    for part in (
        *("WALKING_UPSTAIRS 1,073 471", "LAYING 1,407 537", "all 7,352 2,947", "61, 6 h 14 min"),
        *("9 subjects: 2, 4, 9, 10, 12, 13, 18, 20, 24", "CC BY 4.0", "body_gyro_x rad/s", fingerprint[:16]),
    ):
        assert part in text


def test_it_shows_a_users_own_recordings_and_labels_that_look_like_markup_as_they_are(shown, tmp_path):
    labels = ("walk", "[red]", "[/x]", ":car:")
    text = shown("--data", write_subjects(tmp_path, "abc", labels))
    for part in (tmp_path.name, *labels, "2 subjects: a, b", "1 subject: c", "3, 1 min 12 s"):
        assert part in text
    assert "CC BY" not in text


def test_it_shows_windows_of_any_signals(shown, tmp_path):
    path = write_windows(tmp_path / "w.npz", of_people(), rate=20, signals=["ecg [/red]", "x"], labels=["slow", "fast"])
    text = shown("--data", path)
    for part in ("slow 40 10", "fast 40 10", "all 80 20", "64 samples at 20 Hz", "4 subjects: anna, bert, carl, dora"):
        assert part in text
    assert "ecg [/red] unknown unit" in text


def test_json_has_the_counts_and_checks_with_their_numbers(har_edge_here, tmp_path):
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


def test_export_writes_the_arrays(har_edge_here, tmp_path):
    path = tmp_path / "new" / "windows.npz"
    succeeded(har_edge_here("data", "export", "-o", path))
    data = uci_har.load()
    with np.load(path, allow_pickle=False) as arrays:
        for part in ("train", "test"):
            for name in ("X", "y", "subject"):
                assert np.array_equal(arrays[f"{name}_{part}"], getattr(getattr(data, part), name))
        assert tuple(arrays["labels"]) == data.labels
        assert (arrays["signals"][8], arrays["units"][3], arrays["hop"], arrays["rate"]) == (
            *("total_acc_z", "rad/s", 64, 50),
        )
    assert list(path.parent.iterdir()) == [path]


def test_data_that_cannot_be_trained_on_and_windows_without_a_frame_are_named(har_edge_here, tmp_path):
    (tmp_path / "two").mkdir()
    write(write_subjects(tmp_path / "two", "ab") / "rec-d.csv", *motion(100, 9), ["walk"] * 100, "d")
    done = succeeded(har_edge_here("data", "--data", tmp_path / "two", "--json", "-"))
    assert "subject (d)" in json.loads(done.stdout)["untrainable"]
    layout = write_files_worn_anew(tmp_path / "own")
    done = succeeded(har_edge_here("data", "--data", tmp_path / "own", "--layout", layout, "--json", "-"))
    found = json.loads(done.stdout)
    assert (found["motionless"], found["motionless_mountings"]) == ({"STANDING": 15}, 3)


REFUSED = [
    (["--data", "spoiled"], "rec-b.csv"),
    (["--layout", "motionsense"], "--layout"),
    (["--data", "mine.toml=good", "--layout", "motionsense"], "layout"),
    (["--data", "uci-har", "--layout", "mine.toml"], "layout"),
    (["--data", "motionsens=good"], "motionsense"),
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
def test_refused_data_writes_nothing(har_edge_here, tmp_path, arguments, noun):
    for name in ("good", "spoiled"):
        (tmp_path / name).mkdir()
        write_subjects(tmp_path / name, "abc", n=200)
    spoil(tmp_path / "spoiled", 300, "0.1,0", "rec-b.csv")
    official_copy.write_zip(tmp_path / "foreign.zip", {"a.txt": b"x"})
    (tmp_path / "mine.toml").write_text(LAYOUT)
    before = {x: x.read_bytes() for x in tmp_path.rglob("*") if x.is_file()}
    done = har_edge_here("data", *arguments)
    assert done.returncode == ExitCode.USAGE
    assert noun in done.stderr
    assert "Traceback" not in done.stderr
    assert {x: x.read_bytes() for x in tmp_path.rglob("*") if x.is_file()} == before


def drawn(har_edge_here, path, *given) -> str:
    succeeded(har_edge_here("data", "plot", *given, "-o", path))
    return html.unescape(path.read_text())


def test_a_recording_is_drawn_with_its_labels_as_coloured_spans_and_in_words(har_edge_here, tmp_path):
    drawing = drawn(har_edge_here, tmp_path / "recording.svg", "--recording", 0)
    for span in ("#4c9be8", "#f2b134", "#ef7d57"):  # walking, sitting, standing
        assert f"fill: {span}; opacity: 0.45" in drawing
    for word in (*uci_har.RECORDING_LABELS, "body_acc (g)", "body_gyro (rad/s)", "total_acc (g)", "time (min)"):
        assert f"<!-- {word} -->" in drawing
    names = (r"$\frac$", "[red]W[/x]", "_u")  # which look like formulas or markup
    (folder := tmp_path / "$mine$").mkdir()
    drawing = drawn(
        har_edge_here, tmp_path / "own.svg", "--recording", 0, "--data", write_subjects(folder, "abc", names)
    )
    assert all(f"<!-- {x}" in drawing for x in names)


def test_a_window_of_any_signals_is_drawn(har_edge_here, tmp_path):
    X = np.random.default_rng(0).normal(size=(60, 16, 14))
    path = write_windows(tmp_path / "many.npz", two_frequencies(60), X=X)
    texts = re.findall(r"<!-- (.*?) -->", drawn(har_edge_here, tmp_path / "many.svg", "--data", path, "--window", 3))
    assert "12 signals" in " ".join(texts)
    assert "time (samples)" in texts


def test_a_recording_that_begins_midway_is_drawn_as_recognition_takes_it(tmp_path, monkeypatch):
    """A person who sits from the first sample on has no body acceleration while the filters start."""
    lines = []
    monkeypatch.setattr(recording_plots, "save", lambda figure, _: lines.append(figure.axes[0].lines))
    samples = posture("SITTING", 10)
    sitting = replace(recordings()[0], samples=samples, labels=np.zeros(len(samples), np.int8))
    for begins_midway in (True, False):
        shown = replace(sitting, begins_midway=begins_midway)
        recording_plots.plot_recording(tmp_path / "sitting.png", shown, "sitting")
    midway, at_rest = (max(np.abs(x.get_ydata()).max() for x in each) for each in lines)
    assert midway < 0.3  # g: the largest that this person moves
    assert at_rest > 0.6


def test_plot_without_matplotlib_says_how_to_install_it(har_edge_here, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert_one_sentence(har_edge_here("data", "plot", "--window", 1, "-o", "x.png"), 2, "pip install matplotlib")
