"""Check cross-validation over groups of training subjects, on this machine and on a cluster."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from programs import ROOT, Finished, assert_one_sentence, finish, har_edge, start_har_edge, succeeded, wait_until
from training_fixtures import TINY, har_edge_within
from written_windows import of_people, write_windows

from edge_runtime.data.dataset import Split
from edge_runtime.errors import DeviceError, InputError
from train.cross_validation import choose_folds
from train.run.dask_cluster import run_on_cluster

LABELS = ("LYING", "RUNNING")
PEOPLE = [*(f"s{i}" for i in range(1, 11)), "test"]


def subjects_with(**classes: list[int]) -> Split:
    """A window of each class given for each subject."""
    y = np.array([k for own in classes.values() for k in own], np.uint8)
    subject = np.array([x for x, own in classes.items() for _ in own])
    return Split(np.zeros((len(y), 1, 1), np.float32), y, subject)


@pytest.fixture(scope="module")
def windows(tmp_path_factory) -> Path:
    """Windows of s1 to s10, who train, and of one for the test."""
    path = tmp_path_factory.mktemp("data") / "own.npz"
    return write_windows(path, of_people(220), subject=np.repeat(PEOPLE, 20), split=[0] * 200 + [1] * 20)


@pytest.fixture(scope="module")
def here(tmp_path_factory, windows) -> tuple[Finished, Path]:
    """A cross-validation on this machine."""
    home = tmp_path_factory.mktemp("here")
    options = ("--network", TINY, "--epochs", 1, "--folds", 2, "--data", windows)
    result = succeeded(har_edge_within("crossval", *options, cwd=home))
    (folder,) = (home / "runs").iterdir()
    return result, folder


def test_every_training_subject_is_in_one_fold_and_no_test_subject_in_any(uci_har):
    folds = choose_folds(uci_har.train, uci_har.labels, 4)
    assert sorted(x for fold in folds for x in fold) == np.unique(uci_har.train.subject).tolist()
    assert not {x for fold in folds for x in fold} & set(uci_har.test.subject.tolist())
    folds = choose_folds(uci_har.train, uci_har.labels, None)
    assert folds == [[x] for x in np.unique(uci_har.train.subject).tolist()]


@pytest.mark.parametrize(
    ("windows", "n_folds", "words"),
    [
        (subjects_with(a=[0, 1]), None, "2 folds"),
        (subjects_with(a=[0, 1], b=[0, 1]), 3, "3 folds"),
        (subjects_with(a=[0, 0, 0, 1], b=[0, 0, 0], c=[0]), 2, "RUNNING"),
    ],
)
def test_folds_that_cannot_be_are_refused(windows, n_folds, words):
    with pytest.raises(InputError, match=words):
        choose_folds(windows, LABELS, n_folds)


def test_files_and_table_tell_the_same(here):
    result, folder = here
    assert {x.name for x in folder.iterdir()} == {"crossval.json", "crossval.csv", "crossval.png", "confusion.png"}
    content = json.loads((folder / "crossval.json").read_text())
    folds = content["folds"]
    assert [x["windows"] for x in folds] == [100, 100]
    assert sorted(x for fold in folds for x in fold["subjects"]) == sorted(PEOPLE[:-1])
    assert all(x["subjects"] == sorted(x["subjects"], key=PEOPLE.index) for x in folds), "s2 before s10"
    accuracies = [x["accuracy"] for x in folds]
    assert content["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
    assert content["accuracy"]["sd"] == pytest.approx(np.std(accuracies, ddof=1))
    assert content["scores"]["windows"] == 200
    assert content["scores"]["accuracy"] == pytest.approx(np.mean(accuracies))
    rows = list(csv.DictReader((folder / "crossval.csv").open()))
    assert [float(x["accuracy"]) for x in rows if not x["subject"]] == accuracies
    assert {x["subject"]: float(x["accuracy"]) for x in rows if x["subject"]} == content["scores"]["per_subject"]
    assert all(f"{100 * x:.2f} %" in result.stdout for x in accuracies)
    *_, last = result.stdout.partition("all windows")
    shown = [x for x in last.split() if x in PEOPLE]
    assert shown == PEOPLE[:-1], "s2 before s10"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--folds", "people"], 2, ["--folds", "people"]),
        (["--folds", "datasets"], 2, ["--data"]),
        (["--cluster", "tcp://127.0.0.1:9"], 3, ["tcp://127.0.0.1:9"]),
    ],
)
def test_bad_usage_is_one_sentence_before_any_fit(har_edge_here, tmp_path, arguments, code, words):
    assert_one_sentence(har_edge_here("crossval", *arguments), code, *words)
    assert not (tmp_path / "runs").exists()


class Cluster:
    """A real scheduler, and workers that are started and ended by name."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        file = home / "scheduler.json"
        self._start("scheduler", "dask_scheduler", "--port", 0, "--scheduler-file", file)
        wait_until(file.exists)
        self.address = json.loads(file.read_text())["address"]

    def start_worker(self, name: str, path: Path = ROOT) -> None:
        """A worker that looks for modules at `path` first."""
        self._start(name, "dask_worker", self.address, "--no-nanny", "--nthreads", 1, "--name", name, path=path)

    def _start(self, name: str, program: str, *arguments: object, path: Path = ROOT) -> None:
        command = [sys.executable, "-m", f"distributed.cli.{program}", "--host", "127.0.0.1", "--no-dashboard"]
        environment = os.environ | {"PYTHONPATH": str(path)}
        self.processes[name] = subprocess.Popen(
            [*command, *map(str, arguments)],
            cwd=self.home,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def wait_for_workers(self, n: int) -> None:
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            wait_until(lambda: len(client.scheduler_info()["workers"]) == n)

    def is_at_work(self, name: str) -> bool:
        """Tell whether the worker has the process of a fit."""
        children = Path(f"/proc/{self.processes[name].pid}/task").glob("*/children")
        return any(x.read_text().strip() for x in children)

    def kill(self, name: str) -> None:
        self.processes[name].kill()
        self.processes.pop(name).wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    cluster = Cluster(tmp_path_factory.mktemp("cluster"))
    yield cluster
    for name in list(cluster.processes):
        cluster.kill(name)


def test_a_cluster_without_workers_or_with_one_of_another_har_edge_is_refused(cluster, uci_har, tmp_path):
    with pytest.raises(DeviceError, match="no workers"):
        run_on_cluster([], uci_har, cluster.address, lambda job: None)
    (tmp_path / "train.py").write_text("raise ValueError('no luck')")  # another of that name
    cluster.start_worker("other", path=tmp_path)
    cluster.wait_for_workers(1)
    with pytest.raises(DeviceError, match=r"tcp://127\.0\.0\.1:\d+.*no luck"):
        run_on_cluster([], uci_har, cluster.address, lambda job: None)
    cluster.kill("other")
    cluster.wait_for_workers(0)


@pytest.mark.long
def test_a_worker_killed_midway_costs_only_time_and_the_weights_are_those_of_this_machine(cluster, windows, tmp_path):
    options = ("crossval", "--network", "edge-small", "--epochs", 1, "--folds", 2, "--data", windows)
    succeeded(har_edge(*options, "--out", "here", cwd=tmp_path))
    for name in ("a", "b"):
        cluster.start_worker(name)
    cluster.wait_for_workers(2)
    out = tmp_path / "out"
    with start_har_edge(*options, "--cluster", cluster.address, "--out", out, cwd=tmp_path) as process:
        wait_until(lambda: cluster.is_at_work("a"))
        cluster.kill("a")
        assert not out.exists()
        done = finish(process)
    assert done.returncode == 0, done.stderr
    ours, theirs = (json.loads((x / "crossval.json").read_text()) for x in (tmp_path / "here", out))
    assert ours == theirs
