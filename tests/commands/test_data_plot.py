"""`har-edge data plot`: what is in the pictures, and what is not drawn."""

import html
import re

import numpy as np
import official_copy
import pytest
from programs import assert_one_sentence, har_edge
from written_recordings import write_subjects

from edge_runtime.data import uci_har
from edge_runtime.errors import ExitCode


def read_picture(path):
    from matplotlib.image import imread

    return imread(path)


def has_colour(picture, rgb, alpha):
    """Whether the picture holds the colour, laid over white with `alpha`."""
    expected = np.array(rgb) / 255 * alpha + (1 - alpha)
    return (np.abs(picture[..., :3] - expected) < 0.02).all(axis=-1).mean() > 0.001


def test_plot_of_a_window_is_a_picture_with_three_lines_a_panel(har_edge_here, tmp_path):
    path = tmp_path / "window.png"
    done = har_edge_here("data", "plot", "--window", 12, "--part", "test", "-o", path)
    assert (done.returncode, done.stdout) == (0, f"wrote {path}\n")
    picture = read_picture(path)
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
    assert_one_sentence(drawn, 2, "pip install 'har-edge[train]'")


def test_an_official_copy_has_no_recordings_to_plot(har_edge_here, tmp_path):
    path = official_copy.write_zip(tmp_path / "har.zip", {"UCI HAR Dataset/train/y_train.txt": b"1\n"})
    done = har_edge_here("data", "plot", "--recording", 0, "-o", tmp_path / "x.png", "--data", path)
    assert_one_sentence(done, 2, path, "windows only")
