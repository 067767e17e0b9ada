"""Checks of recordings against their layout, which need no label: each fault is found, and its mend named."""

from dataclasses import replace

import numpy as np
import pytest

from edge_runtime.data import uci_har
from edge_runtime.data.recording_checks import findings, gravity_size, gyroscope_hand
from edge_runtime.data.recording_files import FoundRecordings


@pytest.fixture(scope="module")
def recordings():
    return uci_har.recordings()[:6]


def faults(recordings, **facts):
    rates = facts.pop("rates_hz", (50.0,))
    return [x.text for x in findings(FoundRecordings(tuple(recordings), rates, **facts)) if x.is_fault]


def changed(recordings, change):
    return [replace(x, samples=change(x.samples.copy())) for x in recordings]


def test_nothing_is_wrong_with_uci_har(recordings):
    assert faults(recordings) == []
    assert gravity_size(recordings) == pytest.approx(1, abs=0.05)
    hand = gyroscope_hand(recordings)
    assert hand.correlation > 0.7
    assert hand.times == pytest.approx(1.1, abs=0.3)


@pytest.mark.parametrize(
    ("factors", "says"),
    [
        ([9.80665] * 3 + [1] * 3, 'write unit = "m/s2" under [acceleration]'),
        ([1 / 9.80665] * 3 + [1] * 3, 'write unit = "g" under [acceleration]'),
        ([0.5] * 3 + [1] * 3, "multiply scale under [acceleration]"),
        ([1] * 3 + [-1] * 3, "turn sign under [rotation]"),
        ([1] * 3 + [np.pi / 180] * 3, 'write unit = "rad/s" under [rotation]'),
        ([1] * 3 + [180 / np.pi] * 3, 'write unit = "deg/s" under [rotation]'),
        ([1, 1, 1, 1, 0, 1], "The axis rotation y never changes in 6 recordings of 6"),
    ],
)
def test_a_unit_or_a_sign_that_is_wrong_is_said_with_the_line_that_mends_it(recordings, factors, says):
    found = faults(changed(recordings, lambda x: x * factors))
    assert any(says in x for x in found), found


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_rate_that_is_wrong_is_seen_by_how_fast_gravity_turns(recordings, factor):
    """Of samples at half or twice the rate that a layout says, so that they become too few or too many."""

    def stretched(x):
        places = np.arange(0, len(x) - 1, factor)
        return np.stack([np.interp(places, np.arange(len(x)), column) for column in x.T], axis=1)

    wrong = [replace(x, samples=stretched(x.samples)) for x in recordings]
    found = faults([replace(x, labels=np.zeros(len(x.samples), np.int8)) for x in wrong])
    assert any("where 1.0 to 1.6 times is usual: see rate or the unit under [time]" in x for x in found), found


def test_columns_in_the_wrong_order_are_seen(recordings):
    found = faults(changed(recordings, lambda x: x[:, [0, 1, 2, 4, 5, 3]]))
    assert any("hardly go with the gyroscope" in x for x in found), found


def test_acceleration_without_gravity_is_seen(recordings):
    def without(x):
        x[:, :3] -= x[:, :3].mean(axis=0)
        return x * [0.3, 0.3, 0.3, 1, 1, 1]

    assert any("it has no gravity" in x for x in faults(changed(recordings, without)))


def test_the_sign_of_acceleration_cannot_be_seen_and_this_is_said(recordings):
    turned = changed(recordings, lambda x: x * [-1, -1, -1, 1, 1, 1])
    assert faults(turned) == []
    assert gyroscope_hand(turned).correlation == pytest.approx(gyroscope_hand(recordings).correlation)
    texts = [x.text for x in findings(FoundRecordings(tuple(turned), (50.0,)))]
    assert any("Numbers alone cannot tell" in x and "x -0.9" in x for x in texts), texts


def test_what_files_were_like_is_said(recordings):
    found = FoundRecordings(tuple(recordings), (20.0, 20.0), 3, 2, 1, ("acc/b.txt",))
    text = " ".join(x.text for x in findings(found))
    for part in ("20 samples a second", "faster than 10 Hz", "2 gaps", "1 time", "3 rows", "acc/b.txt first"):
        assert part in text
    bare = [replace(x, has_gyroscope=False) for x in recordings]
    assert "There is no rotation" in " ".join(x.text for x in findings(FoundRecordings(tuple(bare), (50.0,))))


def test_classes_that_seem_to_be_misspelt_and_labels_that_no_file_has_are_said(recordings):
    others = tuple({"WALKING": "WALKIGN", "SITTING": "sit"}.get(x, x) for x in recordings[0].label_names)
    renamed = tuple(replace(x, label_names=others) for x in recordings)
    found = FoundRecordings(renamed, (50.0,), absent_labels=("stnad",), without_labels=("a/1.csv",))
    text = " ".join(x.text for x in findings(found))
    assert "'WALKIGN' is a class of its own: where WALKING is meant" in text
    assert "'sit' is a class of its own: where SITTING is meant" in text
    assert "STANDING is meant" not in text
    assert "No file has 1 label of the layout: 'stnad'" in text
    assert "1 recording without any label, 'a/1.csv'" in text
