"""Hints on what to install fit the way in which har-edge was installed."""

import json
import sys

import pytest

from edge_runtime.system.installation import how_to_install

FILE = {"url": "file:///tmp/h.whl", "archive_info": {}}
GIT = {"url": "https://h.org/h.git", "vcs_info": {"vcs": "git", "commit_id": "1234"}}


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (FILE, "'har-edge[train] @ file:///tmp/h.whl'"),
        (GIT, "'har-edge[train] @ git+https://h.org/h.git'"),
        (None, "'har-edge[train]'"),
    ],
)
def test_an_extra_is_installed_from_the_origin_of_the_package(tmp_path, monkeypatch, origin, expected):
    installed = tmp_path / "har_edge-9.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: har-edge\nVersion: 9\n")
    if origin:
        (installed / "direct_url.json").write_text(json.dumps(origin))
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    assert how_to_install("train", tmp_path) == f"{sys.executable} -m pip install {expected}"


def test_a_clone_is_installed_by_the_pip_of_this_python(tmp_path):
    (tmp_path / "pyproject.toml").touch()
    assert how_to_install("train", tmp_path) == f"{sys.executable} -m pip install --editable '{tmp_path}[train]'"
