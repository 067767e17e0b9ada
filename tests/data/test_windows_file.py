"""A user's own windows: absent members, the division by people, and crafted files."""

import numpy as np
import pytest
from written_windows import CLASSES, of_people, two_frequencies, write_windows

from edge_runtime.data import loading
from edge_runtime.data.names import blocks
from edge_runtime.errors import InputError
from edge_runtime.signals.types import RAW_NAMES, UNKNOWN_UNIT, Signal, Window

GOOD = of_people()
X = GOOD["X"]


@pytest.fixture
def load(tmp_path):
    return lambda members, **changes: loading.load_data(write_windows(tmp_path / "own.npz", members, **changes))


def test_windows_with_everything_said_and_with_nothing_made_up(load):
    names = {"labels": CLASSES, "signals": ["ecg", "noise"], "units": ["mV", ""]}
    data = load(GOOD, rate=250, hop=32, split=[0] * 60 + [1] * 40, **names)
    assert (data.name, data.labels) == ("own", CLASSES)
    assert data.signals == (Signal("ecg", "mV"), Signal("noise", UNKNOWN_UNIT))
    assert data.window == Window(250.0, 64, 32)
    assert (data.front_end, data.has_people) == (None, True)
    np.testing.assert_array_equal(data.train.X, X[:60].astype(np.float32))
    assert [CLASSES[x] for x in data.test.y] == GOOD["y"][60:].tolist()
    assert data.test.subject.tolist() == GOOD["subject"][60:].tolist()
    bare = load(GOOD)
    assert bare.labels == ("fast", "slow")
    assert bare.signals == (Signal("channel_1", UNKNOWN_UNIT), Signal("channel_2", UNKNOWN_UNIT))
    assert (bare.window.rate_hz, bare.window.hop_s, bare.window.hop) == (None, None, 64)


@pytest.mark.parametrize(
    ("subjects", "testing"),
    [
        (["s2", "s10", "s1", "s20", "s3", "s4"], {"s3", "s20"}),
        ([2, 10, 1, 20, 3, 4], {3, 20}),
        (["a", "b"], {"a", "b"}),  # fewer than a training needs
    ],
)
def test_the_test_part_is_every_third_of_the_people_in_natural_order(load, subjects, testing):
    data = load(two_frequencies(120), subject=np.repeat(subjects, 120 // len(subjects)))
    assert set(data.test.subject.tolist()) == testing
    assert set(data.train.subject.tolist()) == {*subjects} - testing


def test_without_people_blocks_of_windows_that_follow_each_other_stand_for_them(load):
    data = load(two_frequencies(120))
    assert not data.has_people
    assert set(data.test.subject.tolist()) == {f"block-{x}" for x in (9, 10, 11, 12)}
    assert len(data.train) == 80
    # Both classes are in every block, however they are sorted.
    y = np.repeat([0, 1], [500, 7])
    block_names = blocks(y, None)
    assert set(np.unique(block_names[y == 0], return_counts=True)[1].tolist()) == {41, 42}
    assert len(set(block_names[y == 1])) == 7
    split = load(two_frequencies(), split=[0] * 70 + [1] * 30)
    assert len(split.test) == 30
    assert not set(split.train.subject.tolist()) & set(split.test.subject.tolist())


@pytest.mark.parametrize("y", [[3, 5], [-1, 1], [b"a", b"b"], [[2], [0]]], ids=str)
def test_classes_may_be_any_numbers_or_texts_and_count_in_labels(load, y):
    data = load(two_frequencies(), y=np.tile(y, 50 if np.ndim(y) == 1 else (50, 1)))
    assert data.labels == tuple(str(np.ravel(x)[0].astype(str)) for x in np.unique(y))
    assert sorted(np.concatenate([data.train.y, data.test.y]).tolist()) == [0] * 50 + [1] * 50
    named = load(two_frequencies(), y=np.tile([2, 0], 50), labels=["a", "b", "c"])
    assert (named.labels, set(named.train.y.tolist())) == (("a", "b", "c"), {0, 2})


@pytest.mark.parametrize(("dtype", "order"), [("<f8", "F"), (">f4", "C"), ("<f2", "F"), ("<i2", "C"), ("|u1", "F")])
def test_windows_of_any_numbers_in_any_order(load, dtype, order):
    numbers = np.asarray(np.abs(100 * X), dtype, order=order)
    data = load(GOOD, X=numbers, split=[0] * 60 + [1] * 40)
    np.testing.assert_array_equal(np.concatenate([data.train.X, data.test.X]), numbers.astype(np.float32))


def test_what_data_export_writes_comes_back_the_same(har_edge_here, tmp_path):
    source = write_windows(tmp_path / "own.npz", GOOD, rate=50, hop=16, signals=["a", "b"], units=["g", "V"])
    assert har_edge_here("data", "export", "--data", source, "-o", tmp_path / "back.npz").returncode == 0
    data, back = loading.load_data(source), loading.load_data(tmp_path / "back.npz")
    assert (back.fingerprint, back.window, back.signals, back.name) == (
        data.fingerprint,
        data.window,
        data.signals,
        "own",
    )


@pytest.mark.parametrize(
    ("units", "change", "fault"),
    [
        (["m/s2"] * 3 + ["deg/s"] * 3, lambda raw: raw, None),
        (["m/s2"] * 3 + ["deg/s"] * 3, lambda raw: (raw - raw.mean((0, 1))) / raw.std((0, 1)), "normalised"),
        (["m/s2"] * 3 + ["deg/s"] * 3, lambda raw: raw * np.repeat([1, np.pi / 180], 3), "too slow"),
        (["g"] * 3 + ["deg/s"] * 3, lambda raw: raw, "9.8 g"),
        (["m/s2"] * 3 + ["rad/s"] * 3, lambda raw: raw, "rad/s"),
        ([""] * 6, lambda raw: raw / 1000, None),
    ],
)
def test_raw_windows_that_a_person_cannot_have_in_their_units_are_refused(load, units, change, fault):
    raw = np.random.default_rng(0).normal([0, 9.8, 0, 0, 0, 0], [1, 1, 1, 40, 40, 40], (len(X), 64, 6))
    changes = {"X": change(raw), "signals": RAW_NAMES, "units": units}
    if fault is None:
        assert [signal.name for signal in load(GOOD, **changes).signals] == [*RAW_NAMES]
        return
    with pytest.raises(InputError, match=fault):
        load(GOOD, **changes)
    still = np.tile([9.8, 0, 0, 0.01, 0.01, 0.01], (len(X), 64, 1))
    still[0, 30, 0] = 20  # a tap does not show the unit
    assert load(GOOD, X=still, signals=RAW_NAMES, units=["m/s2"] * 3 + ["rad/s"] * 3)


def test_filtered_rotation_that_is_too_fast_for_its_unit_is_refused(load):
    rotation = np.random.default_rng(0).normal(0, 40, (len(X), 64, 3))
    rotation[np.arange(len(X)) % 5 > 0] /= 1000  # four windows of five are at rest
    changes = {"X": rotation, "signals": ["body_gyro_x", "body_gyro_y", "body_gyro_z"]}
    assert load(GOOD, **changes, units=["deg/s"] * 3).signals
    with pytest.raises(InputError, match="rad/s"):
        load(GOOD, **changes, units=["rad/s"] * 3)


def test_channels_before_samples_are_refused_unless_they_are_named(load):
    turned = X.transpose(0, 2, 1)
    with pytest.raises(InputError, match="transpose"):
        load(GOOD, X=turned)
    assert load(GOOD, X=turned, signals=[f"s{i}" for i in range(turned.shape[2])]).window.samples == turned.shape[1]
