"""`har-edge data`: what it shows, writes and checks, and how it refuses."""

import json
import signal
import sys
import time

import numpy as np
import official_copy
import pytest
from programs import assert_one_sentence, finish, har_edge, python, run_program, start_har_edge, succeeded
from written_recordings import motion, spoil, write, write_subjects

from edge_runtime.data import uci_har
from edge_runtime.errors import ExitCode


@pytest.mark.parametrize("columns", [80, 120])
def test_without_a_subcommand_it_shows_what_is_embedded(tmp_path, columns):
    shown = succeeded(har_edge("data", cwd=tmp_path, env={"COLUMNS": str(columns)}))
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


def test_it_shows_a_users_own_recordings_with_their_classes(har_edge_here, tmp_path):
    done = succeeded(har_edge_here("data", "--data", write_subjects(tmp_path, "abc")))
    for part in (tmp_path.name, "walk", "rest", "2 subjects: a, b", "1 subject: c", "3, 0 min 36 s"):
        assert part in done.stdout
    assert "CC BY" not in done.stdout


def test_a_label_that_looks_like_markup_is_shown_as_it_is(har_edge_here, tmp_path):
    done = succeeded(
        har_edge_here("data", "--data", write_subjects(tmp_path, "abc", labels=("[red]", "[/x]", ":car:")))
    )
    assert "[red]" in done.stdout
    assert "[/x]" in done.stdout
    assert ":car:" in done.stdout


def test_export_writes_the_arrays(har_edge_here, tmp_path):
    path = tmp_path / "new" / "windows.npz"
    done = succeeded(har_edge_here("data", "export", path))
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
    assert har_edge_here("data", "export", tmp_path / "out.npz", "--data", folder).returncode == 0
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        assert set(arrays["subject_test"].tolist()) == {"eve"}


def test_export_to_another_kind_of_file_is_refused(har_edge_here, tmp_path):
    assert_one_sentence(har_edge_here("data", "export", tmp_path / "windows.csv"), 2, "windows.csv", ".npz")
    assert not list(tmp_path.iterdir())


def test_export_into_a_folder_that_cannot_be_made_is_refused_and_changes_nothing(har_edge_here, tmp_path):
    (tmp_path / "file").write_text("kept")
    assert_one_sentence(har_edge_here("data", "export", tmp_path / "file" / "windows.npz"), 2, "cannot write")
    assert (tmp_path / "file").read_text() == "kept"


def test_a_disk_that_fills_up_while_writing_leaves_the_old_file_whole(tmp_path):
    old = tmp_path / "windows.npz"
    old.write_bytes(b"kept")
    limit = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)); import har_edge; har_edge.main()"
    for command in (["export", old], ["plot", "--recording", "0", "-o", tmp_path / "x.png"]):
        assert_one_sentence(run_program(sys.executable, "-c", limit, "data", *command), 2, "cannot write", command[-1])
    assert old.read_bytes() == b"kept"
    assert list(tmp_path.iterdir()) == [old]


@pytest.mark.parametrize("arguments", [["export", "x.npz"], ["plot", "--window", "0", "-o", "x.png"], ["check", "."]])
def test_data_given_before_the_subcommand_is_not_ignored(har_edge_here, tmp_path, monkeypatch, arguments):
    monkeypatch.chdir(tmp_path)
    more = [] if arguments[0] == "check" else ["--data", "other"]
    done = har_edge_here("data", "--data", "mine", *arguments, *more)
    assert done.returncode == ExitCode.USAGE
    assert "--data" in done.stderr
    assert "mine" in done.stderr
    assert not list(tmp_path.iterdir())


def test_an_interrupted_export_leaves_nothing_behind(tmp_path):
    export = start_har_edge("data", "export", tmp_path / "windows.npz", cwd=tmp_path)
    while not any(tmp_path.iterdir()) and export.poll() is None:
        time.sleep(0.01)
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
        assert_one_sentence(har_edge_here("data", "export", output, "--data", path), 2, path)
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
    assert_one_sentence(done, 2, "no rotation", "--sensors accelerometer")


def test_recordings_without_rotation_train_a_network_of_acceleration(without_gyroscope, tmp_path):
    succeeded(har_edge("train", "--data", without_gyroscope, "--epochs", 1, "--out", tmp_path / "run", cwd=tmp_path))
    signals = json.loads((tmp_path / "run" / "card.json").read_text())["signals"]
    assert [x["name"][:-2] for x in signals] == ["body_acc"] * 3 + ["total_acc"] * 3


def test_help_and_the_table_need_neither_tensorflow_nor_matplotlib():
    python(
        "import sys; from edge_runtime.cli import *; run(make_command(DEVICE_COMMANDS), ['data']); "
        "sys.exit(bool({'tensorflow', 'matplotlib', 'sklearn', 'keras'} & set(sys.modules)))"
    )
