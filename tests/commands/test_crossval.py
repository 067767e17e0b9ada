"""Check cross-validation over groups of training subjects, on this machine and on a cluster."""

import csv
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from programs import ROOT, Finished, assert_one_sentence, finish, har_edge, start_har_edge, succeeded

from edge_runtime.data.dataset import Split
from edge_runtime.data.scores import score
from edge_runtime.errors import DeviceError, InputError
from train import left_out_data
from train.cross_validation import choose_folds
from train.run.dask_cluster import check_address, connect

OPTIONS = ("--network", "edge-small", "--epochs", 1, "--folds", 2)
LABELS = ("LYING", "RUNNING")


def subjects_with(**classes: list[int]) -> Split:
    """A window of each class given for each subject."""
    y = np.array([k for own in classes.values() for k in own], np.uint8)
    subject = np.array([x for x, own in classes.items() for _ in own])
    return Split(np.zeros((len(y), 1, 1), np.float32), y, subject)


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> tuple[Finished, Path]:
    """A cross-validation on this machine."""
    home = tmp_path_factory.mktemp("here")
    result = succeeded(har_edge("crossval", *OPTIONS, cwd=home))
    (folder,) = (home / "runs").iterdir()
    return result, folder


def test_every_training_subject_is_in_one_fold_and_no_test_subject_in_any(uci_har):
    folds = choose_folds(uci_har.train, uci_har.labels, 4)
    assert sorted(x for fold in folds for x in fold) == np.unique(uci_har.train.subject).tolist()
    assert not {x for fold in folds for x in fold} & set(uci_har.test.subject.tolist())


def test_each_subject_may_be_a_fold(uci_har):
    folds = choose_folds(uci_har.train, uci_har.labels, None)
    assert folds == [[x] for x in np.unique(uci_har.train.subject).tolist()]
    with pytest.raises(InputError, match="2 folds need as many training subjects, and the data has 1"):
        choose_folds(subjects_with(a=[0, 1]), LABELS, None)


def test_more_folds_than_subjects_are_refused():
    with pytest.raises(InputError, match="3 folds need as many training subjects, and the data has 2"):
        choose_folds(subjects_with(a=[0, 1], b=[0, 1]), LABELS, 3)


def test_subjects_who_leave_a_class_empty_are_named():
    only_a_runs = subjects_with(a=[0, 0, 0, 1], b=[0, 0, 0], c=[0])
    with pytest.raises(InputError, match=r"fold \d \(.*a.*\) no window of RUNNING is left"):
        choose_folds(only_a_runs, LABELS, 2)


def test_a_closed_set_of_one_label_is_said_to_be_right_by_construction(capsys):
    windows = subjects_with(a=[0, 0], b=[0])
    closed, open_ = (score(windows, np.array(x), LABELS) for x in ([0, 0, 0], [0, 0, 1]))
    found = left_out_data.LeftOutData("Pockets", ["a", "b"], {}, ["LYING"], closed, open_, "0" * 64, {})
    left_out_data.show([found, replace(found, source="Wrists", labels=[*LABELS])], Path("runs"))
    text = " ".join(capsys.readouterr().out.split())
    assert "Pockets shares LYING alone: its closed set is 100 % by construction." in text
    assert "Wrists shares" not in text


@pytest.mark.long
def test_files_and_table_tell_the_same(here, uci_har):
    result, folder = here
    assert {x.name for x in folder.iterdir()} == {"crossval.json", "crossval.csv", "crossval.png", "confusion.png"}
    content = json.loads((folder / "crossval.json").read_text())
    folds = content["folds"]
    assert sum(x["windows"] for x in folds) == content["scores"]["windows"] == len(uci_har.train)
    accuracies = [x["accuracy"] for x in folds]
    assert content["accuracy"]["mean"] == pytest.approx(np.mean(accuracies))
    assert content["accuracy"]["sd"] == pytest.approx(np.std(accuracies, ddof=1))
    assert content["scores"]["accuracy"] == pytest.approx(
        sum(x["windows"] * x["accuracy"] for x in folds) / len(uci_har.train)
    )
    assert 0.5 < content["accuracy"]["mean"] < 1
    rows = list(csv.DictReader((folder / "crossval.csv").open()))
    assert [float(x["accuracy"]) for x in rows if not x["subject"]] == accuracies
    assert {x["subject"]: float(x["accuracy"]) for x in rows if x["subject"]} == content["scores"]["per_subject"]
    assert all(f"{100 * x:.2f} %" in result.stdout for x in accuracies)
    assert content["data"]["fingerprint"] == uci_har.fingerprint


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--folds", 22], 2, ["22 folds", "21"]),
        (["--folds", "people"], 2, ["--folds", "people", "'subjects'"]),
        (["--folds", "subjects", "--test-subjects", ",".join(map(str, range(2, 31)))], 2, ["2 folds", "1"]),
        (["--network", "absent"], 2, ["absent", "edge"]),
        (["--cluster", "tcp://127.0.0.1:9"], 3, ["no dask scheduler", "tcp://127.0.0.1:9"]),
        (["--cluster", "nonsense"], 2, ["'nonsense'", "tcp://HOST:8786"]),
    ],
)
def test_bad_usage_is_one_sentence_before_any_fit(har_edge_here, tmp_path, arguments, code, words):
    result = har_edge_here("crossval", *arguments)
    assert_one_sentence(result, code, *words)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    "address", ["", "x", "http://x:80", "tcp://x", "tcp://:8786", "x:y", "x:99999", "inproc://a/1/2"]
)
def test_what_is_no_address_of_a_cluster_is_refused_before_it_is_called(address):
    with pytest.raises(InputError, match=re.escape(f"--cluster '{address}' is no address")):
        check_address(address)


def test_an_address_of_a_cluster_needs_its_certificates_if_it_is_encrypted():
    for address in ("x:8786", "tcp://[::1]:8786", "ws://x:1"):
        check_address(address)
    with pytest.raises(InputError, match=r"tls://x:1 needs certificates.*distributed\.comm\.tls"):
        check_address("tls://x:1")


class Cluster:
    """A real scheduler, and workers that are started and ended by name."""

    def __init__(self, home: Path) -> None:
        self.home, self.processes = home, {}
        self.file = home / "scheduler.json"
        self._start("scheduler", "dask_scheduler", "--port", 0, "--scheduler-file", self.file)
        self.address = self.wait(lambda: self.file.exists() and json.loads(self.file.read_text())["address"])

    def start_worker(self, name: str, path: Path = ROOT) -> None:
        """A worker that looks for modules at `path` first."""
        self._start(name, "dask_worker", self.address, "--no-nanny", "--nthreads", 1, "--name", name, path=path)

    def _start(self, name: str, program: str, *arguments: object, path: Path = ROOT) -> None:
        command = [sys.executable, "-m", f"distributed.cli.{program}", "--host", "127.0.0.1", "--no-dashboard"]
        with (self.home / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [*command, *map(str, arguments)],
                cwd=self.home,
                env=os.environ | {"PYTHONPATH": str(path)},
                stdout=log,
                stderr=log,
            )

    def wait(self, condition, seconds: float = 60):
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert time.monotonic() < deadline, "\n".join(x.read_text() for x in self.home.glob("*.log"))
            time.sleep(0.05)
        return found

    def wait_for_workers(self, n: int) -> None:
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            self.wait(lambda: len(client.scheduler_info()["workers"]) == n)

    def is_at_work(self, name: str) -> bool:
        """Tell whether the worker has the process of a fit."""
        pid = self.processes[name].pid
        children = Path(f"/proc/{pid}/task").glob("*/children")
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


def test_a_cluster_without_workers_or_with_one_that_lacks_a_module_is_refused(cluster, tmp_path):
    with pytest.raises(DeviceError, match="has no workers"):
        connect(cluster.address, "edge").__enter__()
    another = tmp_path / "train.py"  # of that name
    another.write_text("raise ValueError('no luck')")
    cluster.start_worker("other", path=tmp_path)
    cluster.wait_for_workers(1)
    with pytest.raises(DeviceError, match=r"the worker tcp://127\.0\.0\.1:\d+ cannot load har-edge \(no luck\)"):
        connect(cluster.address, "edge").__enter__()
    another.write_text("")
    with pytest.raises(DeviceError, match=r"cannot load har-edge \(.*train.*\): install it there with its extras"):
        connect(cluster.address, "edge").__enter__()
    cluster.kill("other")
    cluster.wait_for_workers(0)
    cluster.start_worker("without the module")
    cluster.wait_for_workers(1)
    with pytest.raises(DeviceError, match=r"the worker .* does not find the network .*my_own:network.*No module named"):
        connect(cluster.address, "my_own:network").__enter__()
    (cluster.home / "my_own.py").write_text("def network(input_shape, n_classes): ...")
    with connect(cluster.address, "my_own:network"):
        pass
    cluster.kill("without the module")
    cluster.wait_for_workers(0)


@pytest.mark.long
def test_a_worker_killed_midway_costs_time_alone_and_the_weights_are_those_of_this_machine(cluster, here, tmp_path):
    for name in ("a", "b"):
        cluster.start_worker(name)
    cluster.wait_for_workers(2)
    out = tmp_path / "out"
    arguments = ("crossval", *OPTIONS, "--cluster", cluster.address, "--out", out)
    with start_har_edge(*arguments, cwd=tmp_path) as process:
        cluster.wait(lambda: cluster.is_at_work("a"))
        cluster.kill("a")
        assert not out.exists()
        done = finish(process)
    assert done.returncode == 0, done.stderr
    assert "has 2 workers" in done.stderr
    ours, theirs = (json.loads((x / "crossval.json").read_text()) for x in (here[1], out))
    assert ours == theirs


@pytest.mark.parametrize("folds", ["1", "all"])
def test_folds_of_another_kind_are_refused(har_edge_here, folds):
    assert_one_sentence(
        har_edge_here("crossval", "--folds", folds), 2, f"'{folds}' is neither a number of at least 2 nor 'subjects'"
    )
