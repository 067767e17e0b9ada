"""Checks of recordings against their layout, which need no label: each fault is found, and its mend named."""

from dataclasses import replace

import numpy as np
import pytest
import written_recordings

from edge_runtime.data.layout_recordings import LayoutRecordings
from edge_runtime.data.recording_checks import findings, misfits


@pytest.fixture(scope="module")
def recordings():
    return written_recordings.recordings()[:6]


def found(recordings):
    return findings(LayoutRecordings(rates_hz=[50.0], recordings=tuple(recordings)))


def faults(recordings):
    return [x for x in found(recordings) if x.is_fault]


def numbers(recordings):
    return {name: number for finding in found(recordings) for name, number in finding.numbers.items()}


def changed(recordings, change):
    return [replace(recording, samples=change(recording.samples.copy())) for recording in recordings]


def resampled(recordings, factor):
    """Recordings as a rate gives them that is `factor` times too high."""

    def of(x):
        places = np.arange(0, len(x.samples) - 1, factor)
        samples = np.stack([np.interp(places, np.arange(len(x.samples)), column) for column in x.samples.T], axis=1)
        return replace(x, samples=samples, labels=x.labels[places.astype(int)])

    return [of(recording) for recording in recordings]


def without_labels(recordings):
    return [replace(recording, labels=np.full_like(recording.labels, -1)) for recording in recordings]


def test_nothing_is_wrong_with_uci_har_and_the_sign_of_acceleration_cannot_be_seen(recordings):
    seen = numbers(recordings)
    assert seen["gravity_g"] == pytest.approx(1, abs=0.05)
    assert seen["correlation"] > 0.7
    assert seen["times"] == pytest.approx(1, abs=0.15)
    turned = changed(recordings, lambda x: x * [-1, -1, -1, 1, 1, 1])
    assert faults(recordings) == faults(turned) == []
    assert numbers(turned)["correlation"] == pytest.approx(seen["correlation"])


RAD = np.pi / 180
WRONG = [
    (lambda x: x * ([9.80665] * 3 + [1] * 3), "gravity", "unit"),
    (lambda x: x * ([0.5] * 3 + [1] * 3), "gravity", "scale"),
    (lambda x: x + np.array([2, 0, 0, 0, 0, 0]), "gravity", "offset"),
    (lambda x: x - [*x[:, :3].mean(axis=0), 0, 0, 0], "gravity", "gravity"),
    (lambda x: x * ([1] * 3 + [-1] * 3), "rotation", "sign"),
    (lambda x: x * ([1] * 3 + [RAD] * 3), "rotation", "unit"),
    (lambda x: x * ([1] * 3 + [1 / RAD] * 3), "rotation", "unit"),
    (lambda x: x[:, [0, 1, 2, 4, 5, 3]], "rotation", "axes"),
]


@pytest.mark.parametrize(("change", "about", "mend"), WRONG)
def test_a_unit_a_sign_or_an_order_that_is_wrong_is_said_with_what_mends_it(recordings, change, about, mend):
    wrong = faults(changed(recordings, change))
    assert any(x.about == about and mend in x.text for x in wrong), wrong


@pytest.mark.parametrize("n", [2, 6])  # recordings: few fast turns, and enough
def test_a_noisy_gyroscope_of_the_right_unit_fits(recordings, n):
    """Its noise makes the slope of slow turns half as large."""
    random = np.random.default_rng(0)

    def noisy(x):
        noise = np.repeat(random.normal(0, 0.2, (len(x) // 50 + 1, 3)), 50, axis=0)[: len(x)]
        return x + np.pad(noise, ((0, 0), (3, 0)))

    assert faults(changed(recordings[:n], noisy)) == []


@pytest.mark.parametrize("factor", [RAD, 1 / RAD, 0.5, 2.0])
def test_without_labels_unit_and_rate_are_seen_by_how_fast_gravity_turns(recordings, factor):
    if factor in (0.5, 2.0):  # times the rate that a layout says
        (fault,) = faults(without_labels(resampled(recordings, factor)))
    else:
        (fault,) = faults(without_labels(changed(recordings, lambda x: x * ([1] * 3 + [1 / factor] * 3))))
    assert fault.about == "rotation"
    assert fault.numbers["times"] == pytest.approx(factor, rel=0.15)


def test_several_placements_are_judged_each_and_named(recordings):
    wrist = [
        replace(
            recording,
            mounting=replace(recording.mounting, placement="wrist", device="watch"),
            samples=recording.samples * 9.80665,
        )
        for recording in recordings[:2]
    ]
    (fault,) = faults([*wrist, *recordings[2:]])
    assert (fault.placement, fault.about) == ("wrist", "gravity")
    assert fault.numbers["gravity_g"] == pytest.approx(9.8, abs=0.5)


def test_what_files_were_like_is_said_and_a_low_rate_matters_in_training_only(recordings):
    facts = LayoutRecordings(tuple(recordings), 3, [20.0, 20.0], gaps=2, set_back=1)
    numbers = [x for finding in findings(facts) for x in finding.numbers.items()]
    for name, number in (("median_hz", 20.0), ("gaps", 2), ("set_back", 1), ("rows", 3)):
        assert [x for y, x in numbers if y == name] == [number]
    for is_training in (False, True):
        assert any("10 Hz" in notice for notice in misfits([("mine", facts)], is_training)) == is_training


def test_people_that_seem_to_be_files_are_said(recordings):
    alone = [
        replace(recording, subject=f"{i}-f1", labels=np.full_like(recording.labels, i % 2))
        for i, recording in enumerate(recordings)
    ]
    assert any(fault.about == "people" and "'0-f1'" in fault.text for fault in faults(alone))
