"""A model is tried once on a machine, a damaged or endless model every time; the cache may be unusable."""

import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from programs import finish, processes, start_har_edge, wait_until
from written_windows import write_windows

from edge_runtime.devices import trial
from edge_runtime.errors import DeviceError, HarEdgeError, InputError
from edge_runtime.model import model_card as cards
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


def test_ctrl_c_ends_a_model_that_is_endless_after_its_trial(tmp_path):
    model = tmp_path / "looped.tflite"
    cards.write_model(model, tiny_models.endless_but_in_trials((4, 2)), tiny_models.card(samples=4))
    signals, split = {"signals": ["total_acc_x", "total_acc_y"], "units": ["g", "g"]}, np.arange(20) > 9
    members = {"X": np.ones((20, 4, 2)), "y": ["SITTING", "WALKING"] * 10, "split": split, "rate": 50}
    data = write_windows(tmp_path / "ones.npz", members, **signals)
    evaluate = start_har_edge("evaluate", model, "--data", data)

    def is_in_the_loop() -> bool:
        """Tell whether another thread than the first has run for a second."""
        threads = Path(f"/proc/{evaluate.pid}/task").glob("*/stat")
        main_thread = f"{evaluate.pid} "
        return any(
            int(stat.split()[13]) > 100
            for stat in (path.read_text() for path in threads)
            if not stat.startswith(main_thread)
        )

    wait_until(is_in_the_loop)
    evaluate.send_signal(signal.SIGINT)
    assert finish(evaluate, seconds=10).returncode == 130
