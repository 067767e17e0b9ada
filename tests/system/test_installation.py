"""Hints on what to install fit the way in which har-edge was installed."""

import json
import sys
import sysconfig

import pytest

from edge_runtime.system.installation import how_to_install

GIT = {"url": "https://h.org/h.git", "vcs_info": {"vcs": "git", "commit_id": "1234"}}


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ({"url": "file:///tmp/h.whl", "archive_info": {}}, "pip install 'har-edge[train] @ file:///tmp/h.whl'"),
        (GIT, "pip install 'har-edge[train] @ git+https://h.org/h.git'"),
        (None, "pip install 'har-edge[train]'"),
    ],
)
def test_an_extra_is_installed_from_the_origin_of_the_package(tmp_path, monkeypatch, origin, expected):
    noted = tmp_path / "har_edge-9.dist-info"
    noted.mkdir()
    (noted / "METADATA").write_text("Metadata-Version: 2.1\nName: har-edge\nVersion: 9\n")
    if origin:
        (noted / "direct_url.json").write_text(json.dumps(origin))
    (tmp_path / "pip").touch(0o755)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert how_to_install("train", tmp_path) == expected


def test_a_clone_is_installed_by_the_pip_of_this_python(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    assert "in a clone" in how_to_install("train", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setenv("PATH", "")
    assert how_to_install("train", tmp_path) == f"{sys.executable} -m pip install --editable '{tmp_path}[train]'"
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.setattr(sysconfig, "get_path", lambda name: tmp_path)
    (tmp_path / "EXTERNALLY-MANAGED").touch()
    assert f"env/bin/pip install --editable '{tmp_path}[train]'" in how_to_install("train", tmp_path)
