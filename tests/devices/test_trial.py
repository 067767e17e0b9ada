"""A model is tried once on a machine, a damaged or endless model every time; the cache may be unusable."""

from dataclasses import replace

import numpy as np
import pytest
import tiny_models
from programs import processes

from edge_runtime.devices import trial
from edge_runtime.errors import DeviceError, HarEdgeError, InputError
from edge_runtime.model.interpreters import load_runtime
from edge_runtime.system.child_processes import run_in_child

DENSE = tiny_models.dense(np.eye(2, dtype=np.float32), (1, 2))


@pytest.fixture
def children(monkeypatch, tmp_path) -> list[str]:
    """The names of the children of all trials, in a cache of their own."""
    names = []
    monkeypatch.setenv("HAR_EDGE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(
        trial, "run_in_child", lambda *args, **more: names.append(args[0]) or run_in_child(*args, **more)
    )
    return names


def test_a_model_is_tried_once_for_each_version_of_a_runtime(children, monkeypatch):
    for content, title in ((DENSE, "a"), (DENSE, "a"), (DENSE, "b"), (DENSE + b"\0", "c"), (DENSE + b"\0", "c")):
        trial.try_model(content, title)
    assert [child[-1] for child in children] == ["a", "c"]
    monkeypatch.setattr(trial, "load_runtime", lambda name: replace(load_runtime(name), version="another"))
    for title in "de":
        trial.try_model(DENSE, title)
    assert [child[-1] for child in children] == ["a", "c", "d"]


@pytest.mark.parametrize(
    ("content", "error", "noun"),
    [
        (DENSE[:60], InputError, ""),
        (tiny_models.crashing((4, 2)), DeviceError, "SIGSEGV"),
        (tiny_models.doubling_loop(3, 2**31 - 1), DeviceError, "2 s"),
    ],
    ids=["cut", "crashing", "endless"],
)
def test_a_harmful_model_is_refused_each_time_and_its_child_ends(content, error, noun, children, monkeypatch):
    monkeypatch.setattr(trial, "LONGEST_S", 2 if noun == "2 s" else 300)
    for n in (1, 2):
        with pytest.raises(HarEdgeError, match=rf"harmful\.tflite.*{noun}") as refused:
            trial.try_model(content, "harmful.tflite")
        assert (type(refused.value), len(children)) == (error, n)
        assert "\n" not in str(refused.value)
        assert not processes("harmful.tflite")


def test_an_unusable_cache_only_costs_another_trial(children, monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "damaged").mkdir()
    (tmp_path / "damaged" / "once").touch()
    for n, cache in enumerate(("file", "file/in", "/proc/in", "damaged", "damaged"), 1):
        monkeypatch.setenv("HAR_EDGE_CACHE", str(tmp_path / cache))
        trial.try_model(DENSE, "a")
        assert len(children) == n
