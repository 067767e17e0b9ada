"""`har-edge data`: what it shows, draws, writes and checks, and how it refuses."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import official_copy
import pytest
from test_csv_recordings import write_subjects

from edge_runtime import dataset, uci_har
from edge_runtime.cli import DEVICE_COMMANDS, make_command, run
from edge_runtime.errors import ExitCode

ROOT = Path(__file__).parent.parent


@pytest.fixture
def har_edge(capsys):
    """Run the command in this process: (exit code, standard output, standard error)."""

    def call(*arguments):
        code = run(make_command(DEVICE_COMMANDS), ["data", *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def process(*arguments, **environment):
    return subprocess.run(
        [sys.executable, ROOT / "har_edge.py", "data", *map(str, arguments)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def assert_refused(result, *words):
    """Exit code 2 and one sentence that holds `words`."""
    code, _, error = result
    assert code == ExitCode.USAGE
    assert error.startswith("Error: ")
    assert error.count("\n") == 1
    assert "Traceback" not in error
    for word in words:
        assert str(word) in error


@pytest.mark.parametrize("columns", [80, 120])
def test_without_a_subcommand_it_shows_what_is_embedded(columns):
    shown = process(COLUMNS=str(columns))
    assert shown.returncode == 0
    assert shown.stderr == ""
    assert "\x1b" not in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= columns
    for line in ("WALKING_UPSTAIRS 1,073 471", "LAYING 1,407 537", "all 7,352 2,947"):
        assert line in "\n".join(" ".join(x.split()) for x in shown.stdout.splitlines())
    text = " ".join(shown.stdout.split())
    for part in (
        "61, 6 h 14 min",
        "9 subjects: 2, 4, 9, 10, 12, 13, 18, 20, 24",
        "CC BY 4.0",
        "body_gyro x y z (rad/s)",
    ):
        assert part in text


def test_it_shows_a_users_own_recordings_with_their_classes(har_edge, tmp_path):
    code, text, _ = har_edge("--data", write_subjects(tmp_path, "abc"))
    assert code == 0
    for part in (tmp_path.name, "walk", "rest", "2 subjects: a, b", "3, 0 min 36 s"):
        assert part in text
    assert "CC BY" not in text


def test_a_label_that_looks_like_markup_is_shown_as_it_is(har_edge, tmp_path):
    code, text, _ = har_edge("--data", write_subjects(tmp_path, "abc", labels=("[red]", "[/x]", ":car:")))
    assert code == 0
    assert "[red]" in text
    assert "[/x]" in text
    assert ":car:" in text


def test_export_writes_the_arrays(har_edge, tmp_path):
    path = tmp_path / "new" / "windows.npz"
    code, text, _ = har_edge("export", path)
    assert code == 0
    assert str(path) in text
    data = uci_har.load()
    with np.load(path, allow_pickle=False) as arrays:
        assert np.array_equal(arrays["X_train"], data.train.X)
        assert np.array_equal(arrays["y_train"], data.train.y)
        assert np.array_equal(arrays["subject_train"], data.train.subject)
        assert np.array_equal(arrays["X_test"], data.test.X)
        assert np.array_equal(arrays["y_test"], data.test.y)
        assert np.array_equal(arrays["subject_test"], data.test.subject)
        assert tuple(arrays["labels"]) == data.labels
        assert arrays["signals"][8] == "total_acc_z"
    assert list(path.parent.iterdir()) == [path]


def test_export_of_a_users_own_recordings_needs_no_pickle(har_edge, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    write_subjects(folder, ["ann", "bob", "eve"])
    assert har_edge("export", tmp_path / "out.npz", "--data", folder)[0] == 0
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        assert set(arrays["subject_test"].tolist()) == {"eve"}


def test_export_to_another_kind_of_file_is_refused(har_edge, tmp_path):
    assert_refused(har_edge("export", tmp_path / "windows.csv"), "windows.csv", ".npz")
    assert not list(tmp_path.iterdir())


def test_export_into_a_folder_that_cannot_be_made_is_refused_and_changes_nothing(har_edge, tmp_path):
    (tmp_path / "file").write_text("kept")
    assert_refused(har_edge("export", tmp_path / "file" / "windows.npz"), "cannot write")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_disk_that_fills_up_while_writing_leaves_the_old_file_whole(tmp_path):
    old = tmp_path / "windows.npz"
    old.write_bytes(b"kept")
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); import har_edge; har_edge.main()"
    for command in (["export", old], ["plot", "--recording", "0", "-o", tmp_path / "x.png"]):
        written = subprocess.run(
            [sys.executable, "-c", limit, "data", *command], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert_refused((written.returncode, written.stdout, written.stderr), "cannot write", command[-1])
    assert old.read_bytes() == b"kept"
    assert list(tmp_path.iterdir()) == [old]


def test_an_interrupted_export_leaves_nothing_behind(tmp_path):
    export = subprocess.Popen(
        [sys.executable, ROOT / "har_edge.py", "data", "export", tmp_path / "windows.npz"],
        stderr=subprocess.PIPE,
        text=True,
    )
    while not any(tmp_path.iterdir()) and export.poll() is None:
        time.sleep(0.01)
    export.send_signal(signal.SIGINT)
    _, error = export.communicate(timeout=60)
    assert export.returncode == ExitCode.INTERRUPTED
    assert error.strip() == "Interrupted."
    assert not list(tmp_path.iterdir())


def read_picture(path):
    from matplotlib.image import imread

    return imread(path)


def has_colour(picture, rgb, alpha):
    """Whether the picture holds the colour, laid over white with `alpha`."""
    expected = np.array(rgb) / 255 * alpha + (1 - alpha)
    return (np.abs(picture[..., :3] - expected) < 0.02).all(axis=-1).mean() > 0.001


def test_plot_of_a_window_is_a_picture_with_three_lines_a_panel(har_edge, tmp_path):
    path = tmp_path / "window.png"
    code, text, _ = har_edge("plot", "--window", 12, "--part", "test", "-o", path)
    assert (code, text) == (0, f"wrote {path}\n")
    picture = read_picture(path)
    assert picture.shape[0] > 500
    for line in ((0, 0x72, 0xB2), (0xD5, 0x5E, 0), (0, 0x9E, 0x73)):
        assert has_colour(picture, line, 1)


def test_plot_of_a_recording_shows_its_labels_as_coloured_spans(har_edge, tmp_path):
    path = tmp_path / "recording.png"
    assert har_edge("plot", "--recording", 0, "-o", path)[0] == 0
    picture = read_picture(path)
    for span in ((0x4C, 0x9B, 0xE8), (0xF2, 0xB1, 0x34), (0xEF, 0x7D, 0x57)):  # walking, sitting, standing
        assert has_colour(picture, span, 0.45)


def test_plot_names_every_label_of_the_recording_in_its_legend(har_edge, tmp_path):
    path = tmp_path / "recording.svg"
    assert har_edge("plot", "--recording", 0, "-o", path)[0] == 0
    drawing = path.read_text()
    for word in (*uci_har.RECORDING_LABELS, "body_acc (g)", "body_gyro (rad/s)", "total_acc (g)", "time (min)"):
        assert f"<!-- {word} -->" in drawing


def test_plot_of_a_users_own_recording(har_edge, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    write_subjects(folder, "abc")
    assert har_edge("--data", folder, "plot", "--recording", 2, "-o", tmp_path / "mine.png")[0] == 0
    assert read_picture(tmp_path / "mine.png").shape[0] > 500


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--window", 7352], ["window 7352", "0 to 7351"]),
        (["--window", 2947, "--part", "test"], ["window 2947", "0 to 2946"]),
        (["--window", -1], ["window -1"]),
        (["--recording", 61], ["recording 61", "0 to 60"]),
    ],
)
def test_plot_of_what_is_not_there_is_refused_with_what_is(har_edge, tmp_path, arguments, words):
    assert_refused(har_edge("plot", *arguments, "-o", tmp_path / "x.png"), *words)
    assert not list(tmp_path.iterdir())


def test_plot_needs_one_thing_to_draw_and_a_kind_of_picture(har_edge, tmp_path):
    for arguments in ([], ["--window", 1, "--recording", 1]):
        code, _, error = har_edge("plot", *arguments, "-o", tmp_path / "x.png")
        assert code == ExitCode.USAGE
        assert "--window N or --recording N" in error
    assert_refused(har_edge("plot", "--window", 1, "-o", tmp_path / "x.docx"), "x.docx", ".png")


def test_plot_without_matplotlib_says_what_to_install(tmp_path):
    (tmp_path / "matplotlib.py").write_text("raise ImportError('not here')")
    drawn = process("plot", "--window", 1, "-o", tmp_path / "x.png", PYTHONPATH=str(tmp_path))
    assert drawn.returncode == ExitCode.USAGE
    assert "pip install 'har-edge[train]'" in drawn.stderr
    assert "Traceback" not in drawn.stderr


def test_check_of_an_equal_copy_passes_and_shows_every_signal(har_edge, tmp_path_factory):
    code, text, _ = har_edge("check", official_copy.zipped(tmp_path_factory.getbasetemp()))
    assert code == 0
    for x in uci_har.load().signals:
        assert x.name in text
    assert "Labels equal, subjects equal" in text


def test_check_of_a_copy_with_other_labels_and_signals_fails_with_exit_code_1(har_edge, tmp_path, tmp_path_factory):
    folder = official_copy.to_spoil(tmp_path_factory.getbasetemp(), tmp_path)
    official_copy.rewrite(folder / "test/y_test.txt", b"1\n" * 2947)
    signal = folder / "test/Inertial Signals/body_gyro_z_test.txt"
    rest = signal.read_bytes().partition(b"\n")[2]
    official_copy.rewrite(signal, official_copy.signal_text(np.full((1, 128), 0.5)) + rest)
    code, text, error = har_edge("check", folder)
    assert code == ExitCode.CHECK_FAILED
    assert "Labels DIFFERENT, subjects equal" in text
    row = next(x.split() for x in text.splitlines() if x.startswith("body_gyro_z"))
    assert row[-2:] == ["128", "128"]
    assert str(folder) in error
    assert "Traceback" not in error


def test_an_official_copy_has_no_recordings_to_plot(har_edge, tmp_path):
    path = official_copy.write_zip(tmp_path / "har.zip", {"UCI HAR Dataset/train/y_train.txt": b"1\n"})
    assert_refused(har_edge("plot", "--recording", 0, "-o", tmp_path / "x.png", "--data", path), path, "windows only")


def bad_inputs(folder):
    """Name -> path of data that is missing, cut short, damaged, foreign or hostile."""
    csv = folder / "csv"
    csv.mkdir()
    write_subjects(csv, "abc")
    broken = csv / "rec-b.csv"
    broken.write_bytes(broken.read_bytes()[:-30])
    text = folder / "text.txt"
    text.write_text("hello")
    half = official_copy.write_zip(folder / "half.zip", {"UCI HAR Dataset/train/y_train.txt": bytes(5000)})
    half.write_bytes(half.read_bytes()[:2500])
    return {
        "missing": folder / "absent",
        "text": text,
        "truncated zip": half,
        "foreign zip": official_copy.write_zip(folder / "foreign.zip", {"a.txt": b"x"}),
        "climbing zip": official_copy.write_zip(folder / "climbing.zip", {"../a.txt": b"x"}),
        "bomb": official_copy.write_bomb(folder / "bomb.zip"),
        "truncated CSV": csv,
    }


def test_bad_data_is_refused_in_one_sentence_by_every_command(har_edge, tmp_path):
    output = tmp_path / "out" / "x.npz"
    for path in bad_inputs(tmp_path).values():
        assert_refused(har_edge("--data", path), path)
        assert_refused(har_edge("export", output, "--data", path), path)
        assert_refused(har_edge("plot", "--window", 0, "-o", output.with_suffix(".png"), "--data", path), path)
        assert_refused(har_edge("check", path), path)
    assert not output.parent.exists()


def test_help_and_the_table_need_neither_tensorflow_nor_matplotlib():
    code = (
        "import sys; from edge_runtime.cli import *; run(make_command(DEVICE_COMMANDS), ['data']); "
        "sys.exit(bool({'tensorflow', 'matplotlib', 'sklearn', 'keras'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_loading_by_path_and_recordings_agree(tmp_path):
    assert dataset.has_recordings(None)
    assert dataset.has_recordings(write_subjects(tmp_path, "abc"))
    assert len(dataset.load_recordings(tmp_path)) == 3
    assert len(dataset.load_recordings(None)) == 61
