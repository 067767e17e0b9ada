"""Check that hints what to install fit how har-edge was installed."""

import sys

from edge_runtime.system.installation import how_to_install


def test_a_clone_is_installed_itself_by_the_pip_of_this_python(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [])
    assert "in a clone" in how_to_install("train", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setenv("PATH", "")
    assert how_to_install("train", tmp_path) == f"{sys.executable} -m pip install --editable '{tmp_path}[train]'"
