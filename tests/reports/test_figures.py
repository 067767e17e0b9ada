"""Check the pictures: a confusion matrix, the curves of a training, a recording."""

from programs import har_edge, succeeded

from edge_runtime.reports import figures


def test_a_confusion_is_drawn_in_shares_of_its_rows_with_labels_as_they_are(tmp_path):
    figures.plot_confusion([[3, 1], [0, 2]], ["McDonald_walk", "a$b$"], "title", tmp_path / "x.svg")
    text = (tmp_path / "x.svg").read_text()
    assert "McDonald_walk" in text
    assert "a$b$" in text.replace("\\", "")
    assert "75.0 %" in text


def test_a_picture_is_drawn_whatever_backend_a_notebook_has_set(tmp_path):
    plot = ("data", "plot", "--recording", 0, "-o", "x.png")
    succeeded(har_edge(*plot, cwd=tmp_path, env={"MPLBACKEND": "module://gone"}))
