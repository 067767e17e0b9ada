"""Check that hints what to install fit how har-edge was installed."""

import json
import sys

import pytest

from edge_runtime.system.installation import how_to_install

CLONE = {"dir_info": {"editable": True}, "url": "file:///home/ada/har%20edge"}
GIT = {"url": "https://h.org/h.git", "vcs_info": {"vcs": "git", "commit_id": "1234"}}


@pytest.mark.parametrize(
    ("origin", "is_clone", "expected"),
    [
        (CLONE, False, "--editable '/home/ada/har edge[train]'"),
        (CLONE, True, "--editable '{folder}[train]'"),
        ({"url": "file:///tmp/h.whl", "archive_info": {}}, False, "'/tmp/h.whl[train]'"),
        ({"url": "https://h.org/h.whl", "archive_info": {}}, False, "'har-edge[train] @ https://h.org/h.whl'"),
        (GIT, False, "'har-edge[train] @ git+https://h.org/h.git'"),
        (None, False, "'har-edge[train]'"),
    ],
)
@pytest.mark.parametrize("own_pip", [True, False])
def test_an_extra_comes_from_where_the_package_came_by_the_pip_of_this_python(
    tmp_path, monkeypatch, origin, is_clone, expected, own_pip
):
    noted = tmp_path / "har_edge-9.dist-info"
    noted.mkdir()
    (noted / "METADATA").write_text("Metadata-Version: 2.1\nName: har-edge\nVersion: 9\n")
    if origin:
        (noted / "direct_url.json").write_text(json.dumps(origin))
    if is_clone:
        (tmp_path / "pyproject.toml").touch()
    (tmp_path / "pip").touch(0o755)
    program = tmp_path / ("python" if own_pip else "venv/python")
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "executable", str(program))
    monkeypatch.setenv("PATH", str(tmp_path))
    pip = "pip" if own_pip else f"{program} -m pip"
    assert how_to_install("train", tmp_path) == f"{pip} install {expected.format(folder=tmp_path)}"


def test_where_the_packages_were_copied_alone_a_clone_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    assert "clone" in how_to_install("train", tmp_path)
