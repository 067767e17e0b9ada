"""Check that hints what to install fit how har-edge was installed."""

import json
import sys
from pathlib import Path

import pytest

from edge_runtime.system.installation import how_to_install

CLONE = {"dir_info": {"editable": True}, "url": "file:///home/ada/har%20edge"}


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Pretend an installation without a clone that pip noted `origin` of; give the hint for the extra train."""

    def hint(origin: dict | None) -> str:
        noted = tmp_path / "har_edge-9.dist-info"
        noted.mkdir()
        (noted / "METADATA").write_text("Metadata-Version: 2.1\nName: har-edge\nVersion: 9\n")
        if origin:
            (noted / "direct_url.json").write_text(json.dumps(origin))
        monkeypatch.setattr(sys, "path", [str(tmp_path)])
        return how_to_install("train", tmp_path)

    (tmp_path / "pip").write_text("")
    (tmp_path / "pip").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setenv("PATH", str(tmp_path))
    return hint


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        (CLONE, "pip install --editable '/home/ada/har edge[train]'"),
        ({"url": "file:///tmp/h.whl", "archive_info": {}}, "pip install '/tmp/h.whl[train]'"),
        ({"url": "https://h.org/h.whl", "archive_info": {}}, "pip install 'har-edge[train] @ https://h.org/h.whl'"),
        (
            {"url": "https://h.org/h.git", "vcs_info": {"vcs": "git", "commit_id": "1234"}},
            "pip install 'har-edge[train] @ git+https://h.org/h.git'",
        ),
        (None, "pip install 'har-edge[train]'"),
    ],
)
def test_an_extra_comes_from_where_the_package_came(installed, origin, expected):
    assert installed(origin) == expected


def test_in_a_clone_pip_is_given_the_clone(installed, tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").touch()
    assert installed(CLONE) == f"pip install --editable '{tmp_path}[train]'"
    monkeypatch.chdir(tmp_path)
    assert how_to_install("sensors", tmp_path) == "pip install --editable '.[sensors]'"


def test_where_the_packages_were_copied_alone_a_clone_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    assert how_to_install("train", tmp_path) == "pip install '.[train]' in a clone of har-edge"


def test_another_pip_on_the_path_is_not_meant(installed, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv/bin/python"))
    assert installed(None) == f"{Path(sys.executable)} -m pip install 'har-edge[train]'"
