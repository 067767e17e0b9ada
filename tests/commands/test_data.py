"""Check `har-edge data`: its table, pictures, exports, checks and refusals."""

import html
import json
import re
import signal
import sys
from dataclasses import replace

import numpy as np
import official_copy
import pytest
from described_recordings import LAYOUT, write_files_worn_anew, write_layout, write_tree
from programs import MODELS, assert_one_sentence, finish, har_edge, run_program, start_har_edge, succeeded, wait_until
from written_recordings import motion, posture, spoil, write, write_few, write_pieces, write_subjects

from edge_runtime.data import recording_plots, uci_har
from edge_runtime.errors import ExitCode
from edge_runtime.model.model_card import read_model


@pytest.mark.parametrize("columns", [80, 120])
def test_without_a_subcommand_it_shows_what_is_embedded(tmp_path, columns):
    shown = succeeded(har_edge("data", cwd=tmp_path, env={"COLUMNS": str(columns)}))
    assert shown.stderr == ""
    assert "\x1b" not in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= columns
    for line in ("WALKING_UPSTAIRS 1,073 471", "LAYING 1,407 537", "all 7,352 2,947"):
        assert line in "\n".join(" ".join(x.split()) for x in shown.stdout.splitlines())
    text = " ".join(shown.stdout.split())
    fingerprint = read_model(MODELS["int8"])[1].training["data"]["fingerprint"]
    for part in (
        "61, 6 h 14 min",
        "9 subjects: 2, 4, 9, 10, 12, 13, 18, 20, 24",
        "CC BY 4.0",
        "body_gyro x y z (rad/s)",
        f"{fingerprint[:16]}, as in the cards of models trained on it as it is",
    ):
        assert part in text


def test_it_shows_a_users_own_recordings_and_labels_that_look_like_markup_as_they_are(har_edge_here, tmp_path):
    labels = ("walk", "[red]", "[/x]", ":car:")
    done = succeeded(har_edge_here("data", "--data", write_subjects(tmp_path, "abc", labels)))
    for part in (tmp_path.name, *labels, "2 subjects: a, b", "1 subject: c", "3, 1 min 12 s"):
        assert part in done.stdout
    assert "CC BY" not in done.stdout


@pytest.mark.parametrize(
    ("people", "labels", "shown", "says"),
    [
        ("a", ("walk", "sit"), "1 subject: a Recordings 1, 0 min 12 s", "1 subject; at least 3 are needed"),
        ("abc", ("walk",), "2 subjects: a, b", "1 different labels; at least 2 are needed"),
    ],
)
def test_recordings_that_cannot_be_trained_on_are_shown_and_checked(
    har_edge_here, tmp_path, people, labels, shown, says
):
    folder = write_subjects(tmp_path, people, labels)
    text = " ".join(succeeded(har_edge_here("data", "--data", folder)).stdout.split())
    for part in (shown, f"labels {', '.join(sorted(labels))}", "Files have 50 samples a second."):
        assert part in text
    assert re.search(rf"It cannot be trained on as it is: .*{says}", text)
    assert_one_sentence(har_edge_here("data", "export", "-o", tmp_path / "x.npz", "--data", folder), 2, says)


def test_people_without_windows_are_named(har_edge_here, tmp_path):
    folder = write_subjects(tmp_path, "abc")
    write(folder / "rec-d.csv", *motion(100, 9), ["walk"] * 100, "d")
    text = " ".join(succeeded(har_edge_here("data", "--data", folder)).stdout.split())
    assert "No windows 1 subject: d" in text
    assert "no test subject (d) has 2.56 s of one label in one piece" in text


@pytest.mark.parametrize(("size", "fits"), [(1.0, True), (9.80665, False)])
def test_of_recordings_without_a_layout_it_advises_what_such_data_has(har_edge_here, tmp_path, size, fits):
    for name in "abc":
        pieces = [(x, posture(x, 10) * ([size] * 3 + [1] * 3)) for x in ("SITTING", "STANDING")]
        write_pieces(tmp_path / "own" / f"{name}.csv", pieces, name)
    text = " ".join(succeeded(har_edge_here("data", "--data", tmp_path / "own")).stdout.split())
    assert "Files have 50 samples a second." in text
    assert ("Does not fit. Gravity has a size of 9." in text) != fits
    assert ("They are read without a layout: correct their header, or write one (docs/data.md)." in text) != fits


def test_phones_that_are_turned_between_a_persons_own_recordings_are_told_to_need_a_layout(har_edge_here, tmp_path):
    turns = np.array([np.eye(3), [[0, 1, 0], [0, 0, 1], [1, 0, 0]], [[-1, 0, 0], [0, -1, 0], [0, 0, 1]]])
    for place, turn in enumerate(turns):
        for name in "abc":
            pieces = [(x, (posture(x, 10).reshape(-1, 2, 3) @ turn.T).reshape(-1, 6)) for x in ("WALKING", "STANDING")]
            write_pieces(tmp_path / "own" / f"{name}{place}.csv", pieces, name)
    text = " ".join(succeeded(har_edge_here("data", "--data", tmp_path / "own")).stdout.split())
    assert "Does not fit. The device points elsewhere from walk to walk of a mounting, in 6 of 9" in text
    assert "They are read without a layout: correct their header, or write one (docs/data.md)." in text


def test_the_sign_of_acceleration_is_to_be_seen_to_by_a_layout_of_ones_own_alone(har_edge_here, tmp_path):
    own, theirs = write_tree(tmp_path / "own"), write_few(tmp_path / "few")
    asked = (
        ("--data", own, "--layout", write_layout(tmp_path, LAYOUT)),
        ("--data", theirs),
        ("--data", theirs, "--layout", "har-edge"),
    )
    shown = [" ".join(succeeded(har_edge_here("data", *x)).stdout.split()) for x in asked]
    said = ["turn sign under [acceleration] round" in x for x in shown]
    assert said == [True, False, False]


def test_json_has_the_counts_and_what_fits_with_its_numbers(har_edge_here, tmp_path):
    own = write_tree(tmp_path / "own")
    wrong = write_layout(tmp_path, LAYOUT.replace('unit = "g"', 'unit = "m/s2"'))
    done = succeeded(har_edge_here("data", "--data", own, "--layout", wrong, "--json", "-"))
    assert "Does not fit. Gravity" in " ".join(done.stderr.split())
    found = json.loads(done.stdout)
    assert found["train"] == {"subjects": ["1", "2"], "windows": {"WALKING": 6, "SITTING": 6}}
    assert found["test"]["subjects"] == ["10"]
    assert (found["recordings"], found["seconds"]) == (9, 54.0)
    by_part = {x["about"]: x for x in found["findings"]}
    gravity, rate = by_part["gravity"], by_part["rate"]
    assert (gravity["fits"], gravity["source"]) == (False, f"{wrong}={own}")
    assert gravity["text"].startswith("Gravity has a size of 0.1")
    assert gravity["numbers"]["gravity_g"] == pytest.approx(1 / 9.80665, rel=0.1)
    assert rate["fits"]
    assert rate["numbers"]["median_hz"] == 50
    assert found["untrainable"] is None


def test_windows_without_a_walking_frame_are_said(har_edge_here, tmp_path):
    layout = write_files_worn_anew(tmp_path / "own")
    done = succeeded(
        har_edge_here("data", "--data", tmp_path / "own", "--layout", layout, "--json", tmp_path / "f.json")
    )
    said = "Windows that --frame walking leaves out: 15 of STANDING, in 3 mountings in which nobody moves."
    assert said in " ".join(done.stdout.split())
    found = json.loads((tmp_path / "f.json").read_text())
    assert (found["motionless"], found["motionless_mountings"]) == ({"STANDING": 15}, 3)


def test_json_says_why_data_cannot_be_trained_on(har_edge_here, tmp_path):
    two = write_subjects(tmp_path, "ab")
    succeeded(har_edge_here("data", "--data", two, "--json", tmp_path / "new" / "data.json"))
    found = json.loads((tmp_path / "new" / "data.json").read_text())
    assert "recordings of 2 subjects; at least 3 are needed" in found["untrainable"]


@pytest.mark.parametrize("source", ["embedded", "windows"])
def test_json_of_what_no_layout_describes_has_no_findings(har_edge_here, tmp_path, source):
    np.savez(tmp_path / "w.npz", X=np.random.default_rng(0).normal(size=(60, 8, 1)), y=np.arange(60) % 2)
    given = ("--data", tmp_path / "w.npz") if source == "windows" else ()
    found = json.loads(succeeded(har_edge_here("data", *given, "--json", "-")).stdout)
    assert found["findings"] == []
    windows = {x: sum(found[x]["windows"].values()) for x in ("train", "test")}
    if source == "windows":
        assert sum(windows.values()) == 60
        assert found["recordings"] is None
    else:
        assert windows == {"train": 7352, "test": 2947}
        assert found["recordings"] > 0


def test_json_is_of_the_command_without_a_subcommand(har_edge_here, tmp_path):
    done = har_edge_here("data", "--json", tmp_path / "x.json", "export", "-o", tmp_path / "x.npz")
    assert_one_sentence(done, 2, "--json is of 'har-edge data' without a subcommand")
    assert not list(tmp_path.glob("x.*"))
    data = write_subjects(tmp_path, "abc") / "rec-a.csv"
    one = har_edge_here("data", "--data", data, "--layout", "har-edge", "--json", data)
    assert_one_sentence(one, 2, "--json would overwrite")


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


def test_export_of_a_users_own_recordings_needs_no_pickle(har_edge_here, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    write_subjects(folder, ["ann", "bob", "eve"])
    assert har_edge_here("data", "export", "-o", tmp_path / "out.npz", "--data", folder).returncode == 0
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        assert set(arrays["subject_test"].tolist()) == {"eve"}


@pytest.mark.parametrize(
    ("output", "words"), [("windows.csv", ["windows.csv", ".npz"]), ("file/windows.npz", ["cannot write"])]
)
def test_export_where_it_cannot_be_written_is_refused_and_changes_nothing(har_edge_here, tmp_path, output, words):
    (tmp_path / "file").write_text("mine")
    assert_one_sentence(har_edge_here("data", "export", "-o", tmp_path / output), 2, *words)
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]
    assert (tmp_path / "file").read_text() == "mine"


def test_a_disk_that_fills_up_while_writing_leaves_the_old_file_whole(tmp_path):
    old = tmp_path / "windows.npz"
    old.write_bytes(b"kept")
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); import har_edge; har_edge.main()"
    for command in (["export", "-o", old], ["plot", "--recording", "0", "-o", tmp_path / "x.png"]):
        assert_one_sentence(run_program(sys.executable, "-c", limit, "data", *command), 2, "cannot write", command[-1])
    assert old.read_bytes() == b"kept"
    assert list(tmp_path.iterdir()) == [old]


@pytest.mark.parametrize(
    "arguments", [["export", "-o", "x.npz"], ["plot", "--window", "0", "-o", "x.png"], ["check", "."]]
)
def test_data_given_before_the_subcommand_is_not_ignored(har_edge_here, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    more = [] if arguments[0] == "check" else ["--data", "other"]
    done = har_edge_here("data", "--data", "mine", *arguments, *more)
    assert done.returncode == ExitCode.USAGE
    assert "--data" in done.stderr
    assert "mine" in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_interrupted_export_leaves_nothing_behind(tmp_path):
    export = start_har_edge("data", "export", "-o", tmp_path / "windows.npz", cwd=tmp_path)
    wait_until(lambda: any(tmp_path.iterdir()) or export.poll() is not None)
    export.send_signal(signal.SIGINT)
    done = finish(export)
    assert done.returncode == ExitCode.INTERRUPTED
    assert done.stderr.strip() == "Interrupted."
    assert not list(tmp_path.iterdir())


def test_check_of_an_equal_copy_passes_and_shows_every_signal(har_edge_here, tmp_path_factory):
    done = succeeded(har_edge_here("data", "check", official_copy.zipped(tmp_path_factory.getbasetemp())))
    for x in uci_har.load().signals:
        assert x.name in done.stdout
    assert "Labels equal, subjects equal" in done.stdout


def test_check_of_a_copy_with_other_labels_and_signals_fails_with_code_1(har_edge_here, tmp_path, tmp_path_factory):
    folder = official_copy.to_spoil(tmp_path_factory.getbasetemp(), tmp_path)
    official_copy.rewrite(folder / "test/y_test.txt", b"1\n" * 2947)
    signal = folder / "test/Inertial Signals/body_gyro_z_test.txt"
    rest = signal.read_bytes().partition(b"\n")[2]
    official_copy.rewrite(signal, official_copy.signal_text(np.full((1, 128), 0.5)) + rest)
    done = har_edge_here("data", "check", folder)
    assert done.returncode == ExitCode.CHECK_FAILED
    assert "Labels DIFFERENT, subjects equal" in done.stdout
    row = next(x.split() for x in done.stdout.splitlines() if x.startswith("body_gyro_z"))
    assert row[-2:] == ["128", "128"]
    assert str(folder) in done.stderr
    assert "Traceback" not in done.stderr


def test_bad_data_is_refused_in_one_sentence_by_every_command(har_edge_here, tmp_path):
    folder, output = tmp_path / "csv", tmp_path / "out" / "x.npz"
    folder.mkdir()
    spoil(write_subjects(folder, "abc"), 600, "0.1,0", "rec-b.csv")
    for path in (tmp_path / "absent", folder, official_copy.write_zip(tmp_path / "foreign.zip", {"a.txt": b"x"})):
        assert_one_sentence(har_edge_here("data", "--data", path), 2, path)
        assert_one_sentence(har_edge_here("data", "export", "-o", output, "--data", path), 2, path)
        assert_one_sentence(
            har_edge_here("data", "plot", "--window", 0, "-o", output.with_suffix(".png"), "--data", path), 2, path
        )
        assert_one_sentence(har_edge_here("data", "check", path), 2, path)
    assert not output.parent.exists()


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
    done = har_edge_here(*arguments, "--data", without_gyroscope)
    assert_one_sentence(done, 2, "no rotation", "'har-edge train --sensors accelerometer --frame walking --data ...'")


@pytest.mark.long
def test_recordings_without_rotation_train_a_network_of_acceleration(without_gyroscope, tmp_path):
    succeeded(har_edge("train", "--data", without_gyroscope, "--epochs", 1, "--out", tmp_path / "run", cwd=tmp_path))
    signals = json.loads((tmp_path / "run" / "card.json").read_text())["signals"]
    assert [x["name"][:-2] for x in signals] == ["body_acc"] * 3 + ["total_acc"] * 3


def has_colour(picture, rgb, alpha):
    """Tell whether the picture holds the colour, laid over white with `alpha`."""
    expected = np.array(rgb) / 255 * alpha + (1 - alpha)
    return (np.abs(picture[..., :3] - expected) < 0.02).all(axis=-1).mean() > 0.001


def test_plot_of_a_window_is_a_picture_with_three_lines_a_panel(har_edge_here, tmp_path):
    from matplotlib.image import imread

    path = tmp_path / "window.png"
    done = har_edge_here("data", "plot", "--window", 12, "--part", "test", "-o", path)
    assert (done.returncode, done.stdout) == (0, f"wrote {path}\n")
    picture = imread(path)
    assert picture.shape[0] > 500
    for line in ((0, 0x72, 0xB2), (0xD5, 0x5E, 0), (0, 0x9E, 0x73)):
        assert has_colour(picture, line, 1)


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


def test_labels_that_look_like_formulas_or_markup_are_drawn_as_they_are(har_edge_here, tmp_path):
    names = (r"$\frac$", r"5\$", "[red]W[/x]", "_u")
    folder = tmp_path / "$mine$"
    folder.mkdir()
    write_subjects(folder, ("$a$", "b", "c"), labels=names)
    for what, said in (("--recording", names), ("--window", names[:1])):
        path = tmp_path / f"{what}.svg"
        done = har_edge_here("data", "plot", what, 0, "-o", path, "--data", folder)
        assert (done.returncode, done.stderr) == (0, "")
        drawn = html.unescape(path.read_text())
        assert "subject $a$" in drawn
        for name in said:
            assert re.search(rf"<!-- {re.escape(name)}( ·.*)? -->", drawn)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--window", 7352], ["window 7352", "0 to 7351"]),
        (["--window", 2947, "--part", "test"], ["window 2947", "0 to 2946"]),
        (["--window", -1], ["window -1"]),
        (["--recording", 61], ["recording 61", "0 to 60"]),
    ],
)
def test_plot_of_what_is_not_there_is_refused_with_what_is(har_edge_here, tmp_path, arguments, words):
    assert_one_sentence(har_edge_here("data", "plot", *arguments, "-o", tmp_path / "x.png"), 2, *words)
    assert not list(tmp_path.iterdir())


def test_plot_needs_one_thing_to_draw_and_a_kind_of_picture(har_edge_here, tmp_path):
    for arguments in ([], ["--window", 1, "--recording", 1]):
        done = har_edge_here("data", "plot", *arguments, "-o", tmp_path / "x.png")
        assert done.returncode == ExitCode.USAGE
        assert "--window N or --recording N" in done.stderr
    assert_one_sentence(har_edge_here("data", "plot", "--window", 1, "-o", tmp_path / "x.docx"), 2, "x.docx", ".png")


@pytest.mark.parametrize(
    "command",
    [
        ("data", "plot", "--window", 1, "-o", "x.png"),
        ("data", "plot", "--recording", 1, "-o", "x.png"),
        ("evaluate", "edge", "--live", "--plots", "pictures"),
    ],
)
def test_plot_without_matplotlib_says_what_to_install(command, tmp_path):
    (tmp_path / "matplotlib.py").write_text("raise ImportError('not here')")
    drawn = har_edge(*command, cwd=tmp_path, env={"PYTHONPATH": str(tmp_path)})
    assert_one_sentence(drawn, 2, "pip install matplotlib")


def test_an_official_copy_has_no_recordings_to_plot(har_edge_here, tmp_path):
    path = official_copy.write_zip(tmp_path / "har.zip", {"UCI HAR Dataset/train/y_train.txt": b"1\n"})
    done = har_edge_here("data", "plot", "--recording", 0, "-o", tmp_path / "x.png", "--data", path)
    assert_one_sentence(done, 2, path, "windows only")
