"""Hints on what to install fit the way in which har-edge was installed."""

import json
import sys

import pytest

from convert import tensorflow_setup
from edge_runtime.errors import InputError
from edge_runtime.system.installation import MissingExtraError, how_to_install

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


def test_training_on_a_python_without_tensorflow_names_the_release_to_come(monkeypatch):
    monkeypatch.setattr(tensorflow_setup.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"\[train\]"):
        tensorflow_setup.require_extra("har-edge train", ("tensorflow",))
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    with pytest.raises(InputError, match=r"2\.22.*pip install --pre") as error:
        tensorflow_setup.require_extra("har-edge train", ("tensorflow",))
    assert "[train]" not in str(error.value)
