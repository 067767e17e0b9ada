"""Check the pictures: a confusion matrix, the curves of a training, a recording."""

import re

from programs import har_edge, succeeded

from edge_runtime.reports import figures


def test_a_confusion_is_drawn_in_shares_of_its_rows_with_labels_as_they_are(tmp_path):
    figures.plot_confusion([[3, 1], [0, 2]], ["McDonald_walk", "a$b$"], "title", tmp_path / "x.svg")
    text = (tmp_path / "x.svg").read_text()
    assert "McDonald_walk" in text
    assert "a$b$" in text.replace("\\", "")
    assert "75.0 %" in text


def test_many_classes_are_drawn_without_numbers_in_a_picture_of_limited_size_with_short_names(tmp_path):
    sizes = []
    for n in (40, 90):
        label = "a long name of a class" * 9
        figures.plot_confusion([[7] * n] * n, [label] * n, "title", tmp_path / "x.svg")
        text = (tmp_path / "x.svg").read_text()
        assert "2.5 %" not in text
        assert label not in text
        sizes.append(float(re.search(r'width="([\d.]+)pt"', text).group(1)))
    assert max(sizes) < 1.2 * min(sizes)


def test_a_picture_is_drawn_whatever_backend_a_notebook_has_set(tmp_path):
    plot = ("data", "plot", "--recording", 0, "-o", "x.png")
    succeeded(har_edge(*plot, cwd=tmp_path, env={"MPLBACKEND": "module://gone"}))
