"""Several data sets as one: labels of any, signals of all, distinct people and mountings."""

from pathlib import Path

import numpy as np
import pytest
from written_recordings import motion, recordings, write, write_subjects
from written_windows import of_people, write_windows

from edge_runtime.data import embedded_recordings, loading
from edge_runtime.data.data_sources import DataSource, data_texts, sources
from edge_runtime.data.dataset import Dataset
from edge_runtime.data.loading import prefixes
from edge_runtime.data.recording import label_runs
from edge_runtime.data.uci_har import LABELS
from edge_runtime.errors import InputError
from edge_runtime.signals import frontend
from edge_runtime.signals.types import Window
from train import training_data


@pytest.fixture
def two(tmp_path):
    for name, labels in (("one", ("STANDING", "WALKING")), ("two", ("JOGGING", "WALKING"))):
        (tmp_path / name).mkdir()
        write_subjects(tmp_path / name, "abc", labels)
    return [str(tmp_path / "one"), str(tmp_path / "two")]


def load(*data: str, **options: str) -> tuple[Dataset, str]:
    """Load the data as a training does; also return the notices."""
    notices: list[str] = []
    return training_data.TrainingInput(data=tuple(map(str, data)), **options).load_data(notices.append), " ".join(
        notices
    )


def test_labels_are_the_union_and_people_are_named_after_their_data_set(two):
    data = loading.load_data(two)
    assert (data.name, data.labels) == ("one + two", ("WALKING", "STANDING", "JOGGING"))
    assert sorted(set(data.test.subject.tolist())) == ["one-c", "two-c"]
    parts = [loading.load_data(folder) for folder in two]
    assert np.array_equal(data.train.X, np.concatenate([part.train.X for part in parts]))
    names = [np.array(part.labels)[part.train.y] for part in parts]
    assert np.array_equal(np.array(data.labels)[data.train.y], np.concatenate(names))
    for split in (data.train, data.test):
        worn = [data.mountings[i] for i in split.mounting]
        assert [f"{mounting.source}-{mounting.name}" for mounting in worn] == split.subject.tolist()


def test_a_cross_validation_may_use_everyone_but_not_uci_hars_test_subjects(two, tmp_path):
    data, _ = load(*two, test_subjects=("none",))
    assert (len({*data.train.subject.tolist()}), len(data.test)) == (6, 0)
    windows = write_windows(tmp_path / "train.npz", of_people(), split=[0] * 100)
    assert not len(load(windows, test_subjects=("none",))[0].test)
    with pytest.raises(InputError, match="UCI HAR"):
        load("uci-har", test_subjects=("none",))


def test_a_name_in_training_and_test_is_named(two, tmp_path):
    assert "in another tests" not in load(*two)[1]
    (tmp_path / "three").mkdir()
    write_subjects(tmp_path / "three", "bcd", ("STANDING", "WALKING"))
    assert "c, d in one" not in (notices := load(*two, tmp_path / "three")[1])
    assert "c in one data set trains and in another tests" in notices


def test_recordings_of_several_count_in_the_same_labels(two, monkeypatch):
    first = recordings()[:6]
    monkeypatch.setattr(embedded_recordings, "load", lambda: first)
    together = loading.load_recordings([*two, "uci-har"])
    apart = [*(y for folder in two for y in loading.load_recordings(folder)), *recordings()[:6]]
    assert {recording.label_names for recording in together} == {together[0].label_names}
    assert together[0].classes == (*LABELS, "JOGGING")
    for joint, alone in zip(together, apart, strict=True):
        assert joint.subject in (f"one-{alone.subject}", f"two-{alone.subject}", f"uci-har-{alone.subject}")
        names, own_names = (np.array([*x.label_names, ""]) for x in (joint, alone))
        assert np.array_equal(names[joint.labels], own_names[alone.labels])


def test_official_test_subjects_stay_and_few_people_are_all_learnt_from(tmp_path, uci_har):
    (tmp_path / "few").mkdir()
    write_subjects(tmp_path / "few", "ab", ("WALKING", "JOGGING"))
    data = loading.load_data(["uci-har", str(tmp_path / "few")])
    assert set(data.test.subject.tolist()) == {f"uci-har-{x}" for x in set(uci_har.test.subject.tolist())}
    assert np.array_equal(data.test.X, uci_har.test.X)
    assert len(data.train) == len(uci_har.train) + 12
    assert {data.mountings[i].source for i in data.train.mounting} == {"UCI HAR", "few"}


def test_the_common_signals_of_mixed_sensors_are_taken_and_train_says_so(two, tmp_path):
    (tmp_path / "bare").mkdir()
    for x in "abc":
        seconds, samples = motion(300)
        header = "timestamp[s],ax[g],ay[g],az[g],label,subject"
        write(tmp_path / "bare" / f"{x}.csv", seconds, samples[:, :3], ["WALKING"] * 150 + ["SITTING"] * 150, x, header)
    mixed = two[0], str(tmp_path / "bare")
    data, notices = load(*mixed)
    assert "gyroscope" in notices
    assert [signal.name for signal in data.signals] == [x.name for x in frontend.SIGNALS if not x.is_rotation]
    assert (data.train.X.shape[2], data.without_rotation) == (6, ("bare",))
    assert "gyroscope" not in load(*mixed, sensors="accelerometer")[1]
    assert "gyroscope" not in load(*two)[1]


def test_windows_of_any_length_are_cut_from_all_recordings_and_keep_the_test_subjects(uci_har, two, monkeypatch):
    first = recordings()[:6]
    monkeypatch.setattr(embedded_recordings, "load", lambda: first)
    assert loading.load_data(None, uci_har.window) is uci_har
    samples, hop = 200, 130
    window = Window(50.0, samples, hop)
    data = loading.load_data(["uci-har", two[0]], window)
    assert (data.window, data.train.X.shape[1]) == (window, samples)
    assert {x for x in data.test.subject.tolist() if x.startswith("uci")} == {"uci-har-2"}
    expected = []
    for recording in (recording for recording in recordings() if recording.subject == 1):
        signals = frontend.signals(recording.samples).astype(np.float32)
        for first, end, label in label_runs(recording.labels):
            if 0 <= label < len(LABELS):
                expected += [signals[x : x + samples] for x in range(first, end + 1 - samples, hop)]
    assert np.array_equal(data.train.X[data.train.subject == "uci-har-1"], np.stack(expected))


def test_sources_are_parsed_and_written_the_same(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a=b").mkdir()
    assert sources(None) == sources("uci-har") == sources(["uci-har"]) == ()
    assert DataSource.parse("motionsense=x/y") == DataSource(Path("x/y"), "motionsense")
    assert DataSource.parse("a=b") == DataSource(Path("a=b"))
    chosen = sources(["uci-har", "motionsense=x", "mine.toml=y"])
    assert data_texts(chosen) == ("uci-har", f"motionsense={tmp_path}/x", f"{tmp_path}/mine.toml={tmp_path}/y")
    assert sources(data_texts(chosen))[1].path == tmp_path / "x"
    for wrong in ("=x", "motionsense=", ["x", "x"]):
        with pytest.raises(InputError):
            sources(wrong)
    assert prefixes(["UCI HAR", "mine", "mine", "My data!"]) == ["uci-har-", "mine-", "mine-2-", "my-data-"]
