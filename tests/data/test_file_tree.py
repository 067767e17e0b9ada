"""Check which paths a pattern fits, and that zips in zips are bounded together."""

from pathlib import Path

import pytest
from written_recordings import zipped

from edge_runtime.data import file_tree
from edge_runtime.data.file_tree import FileTree, unpacked
from edge_runtime.data.layout import PathPattern, find_layout, shipped_layouts
from edge_runtime.errors import InputError


def test_zips_that_unpack_to_too_much_in_all_are_refused(monkeypatch):
    monkeypatch.setattr(file_tree, "_MOST_UNPACKED", 2500)
    content = {f"{i}.zip": zipped({"a.csv": "1" * 1000}) for i in range(3)}
    assert len(unpacked(FileTree(Path("data"), ("0.zip", "1.zip"), content.get)).names) == 2
    with pytest.raises(InputError, match="zips in data"):
        unpacked(FileTree(Path("data"), tuple(content), content.get))


def test_a_pattern_may_begin_in_any_folder_or_at_the_top():
    anywhere, top = PathPattern("{label}_{trial}/sub_{subject}.csv"), PathPattern("/{subject}.csv")
    assert anywhere.match("a/b/dws_1/sub_12.csv") == {"label": "dws", "trial": "1", "subject": "12"}
    assert anywhere.match("dws_1/SUB_2.CSV") == {"label": "dws", "trial": "1", "subject": "2"}
    assert anywhere.match("dws_1/sub_1/2.csv") is None
    assert top.match("anna.csv") == {"subject": "anna"}
    assert top.match("a/anna.csv") is None
    assert PathPattern("{x}/{x}.csv").match("1/2.csv") is None
    found = PathPattern("p{x}/**/{y}_{z}.csv", "p{x}/**/{y}.csv")
    assert found.match("p1/a/b/c_2.csv") == {"x": "1", "y": "c", "z": "2"}
    assert found.match("q/p1/c.csv") == {"x": "1", "y": "c", "z": ""}


def test_long_names_in_a_zip_do_not_hold_up_a_match():
    """Trying every place would take years."""
    for name in shipped_layouts():
        pattern = find_layout(name).pattern
        for text in ("_", "_csv", "acc_", "s1_"):
            long = (text * 255)[:90]
            for path in (f"proband1/{long}/acc_{long}", f"proband1/a_b_1_csv/acc_{long}", "/".join([long] * 32)):
                assert pattern.match(path + "x") is None
    assert PathPattern("{x}.csv").match("x" * 96 + ".csv")
    assert PathPattern("{x}.csv").match("x" * 97 + ".csv") is None
