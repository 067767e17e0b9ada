"""Checks of recordings against their layout, which need no label: each fault is found, and its mend named."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from edge_runtime.data import uci_har
from edge_runtime.data.dataset import Mounting, segments
from edge_runtime.data.recording_checks import findings
from edge_runtime.data.recordings import FoundRecordings
from edge_runtime.data.sensor_checks import gravity_size, gyroscope_hand


@pytest.fixture(scope="module")
def recordings():
    return uci_har.recordings()[:6]


def found(recordings, **facts):
    return findings(FoundRecordings(rates_hz=[50.0], recordings=tuple(recordings), **facts))


def faults(recordings, **facts):
    return [x for x in found(recordings, **facts) if x.is_fault]


def changed(recordings, change):
    return [replace(x, samples=change(x.samples.copy())) for x in recordings]


def resampled(recordings, factor):
    """Recordings as a rate gives them that is `factor` times too high."""

    def of(x):
        places = np.arange(0, len(x.samples) - 1, factor)
        samples = np.stack([np.interp(places, np.arange(len(x.samples)), column) for column in x.samples.T], axis=1)
        return replace(x, samples=samples, labels=x.labels[places.astype(int)])

    return [of(x) for x in recordings]


def test_nothing_is_wrong_with_uci_har(recordings):
    assert faults(recordings) == []
    assert gravity_size(recordings) == pytest.approx(1, abs=0.05)
    hand = gyroscope_hand(recordings)
    assert hand.correlation > 0.7
    assert hand.times == pytest.approx(1, abs=0.15)


RAD = np.pi / 180
WRONG = [
    ([9.80665] * 3 + [1] * 3, "gravity", "unit"),
    ([1 / 9.80665] * 3 + [1] * 3, "gravity", "unit"),
    ([0.5] * 3 + [1] * 3, "gravity", "scale"),
    ([1] * 3 + [-1] * 3, "rotation", "sign"),
    ([1] * 3 + [RAD] * 3, "rotation", "unit"),
    ([1] * 3 + [1 / RAD] * 3, "rotation", "unit"),
    ([1, 1, 1, 1, 0, 1], "still axis", "rotation y"),
]


@pytest.mark.parametrize(("factors", "about", "mend"), WRONG)
def test_a_unit_or_a_sign_that_is_wrong_is_said_with_what_mends_it(recordings, factors, about, mend):
    named = [replace(x, file=f"{i}.csv") for i, x in enumerate(recordings)]
    wrong = faults(changed(named, lambda x: x * factors))
    assert any(x.about == about and mend in x.text for x in wrong), wrong
    assert about != "still axis" or any("0.csv" in x.text for x in wrong)


@pytest.mark.parametrize(("unit", "factor"), [("rad/s", RAD), ("deg/s", 1 / RAD)])
def test_without_walking_the_unit_of_rotation_is_seen_by_gravity(recordings, unit, factor):
    (fault,) = faults(without_labels(changed(recordings, lambda x: x * ([1] * 3 + [factor] * 3))))
    assert unit in fault.text
    assert fault.numbers["times"] == pytest.approx(1 / factor, rel=0.15)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_rate_that_is_wrong_is_seen_by_how_fast_gravity_turns(recordings, factor):
    """Of samples at half or twice the rate that a layout says, so that they become too few or too many."""
    (fault,) = faults(without_labels(resampled(recordings, factor)))
    assert fault.numbers["times"] == pytest.approx(factor, rel=0.15)
    assert "rate" in fault.text


@pytest.mark.parametrize(("factor", "low", "high"), [(10.0, 16, 20), (2.0, 3.2, 4), (25 / 56, 0.7, 0.88)])
def test_a_rate_that_is_wrong_is_seen_by_the_steps_of_people_walking(recordings, factor, low, high):
    bare = [replace(x, has_gyroscope=False) for x in resampled(recordings, factor)]
    (fault,) = faults(bare)
    assert fault.about == "steps"
    assert low <= fault.numbers["steps_hz"] <= high


def test_the_steps_of_one_person_may_seem_twice_as_many(recordings):
    """As one of 68 people shows two beats a step: it cannot be known from one or two people alone."""
    one = [replace(x, has_gyroscope=False) for x in recordings if x.subject == recordings[0].subject]
    assert faults(resampled(one, 2.0)) == []
    (fault,) = faults(resampled(one, 4.0))
    assert fault.about == "steps"


def test_who_walks_for_a_window_alone_tells_nothing_of_the_rate(recordings):
    """Two people with a window of twice the steps each, beside one who walks for long."""
    bare = [replace(x, has_gyroscope=False) for x in recordings]
    long = [x for x in bare if x.subject == bare[0].subject]
    short = []
    for x in {x.subject: x for x in bare if x.subject != bare[0].subject}.values():
        first = next(first for first, _, label in segments(x.labels) if x.label_names[label] == "WALKING") + 100
        short.append(replace(x, samples=x.samples[first : first + 200], labels=x.labels[first : first + 200]))
    assert len(short) == 2
    assert faults([*long, *resampled(short, 2.0)]) == []


@pytest.mark.parametrize("offset", [[2048, 0, 0], [800, 0, 0]])
def test_an_offset_in_the_numbers_is_seen(recordings, offset):
    (fault,) = faults(changed(recordings, lambda x: x + np.array([*offset, 0, 0, 0]) / 400))
    assert "offset" in fault.text


def test_of_several_placements_each_is_judged_and_named(recordings):
    wrist = [
        replace(x, mounting=replace(x.mounting, placement="wrist"), samples=x.samples * ([9.80665] * 3 + [1] * 3))
        for x in recordings[:2]
    ]
    (fault,) = faults([*wrist, *recordings[2:]])
    assert (fault.placement, fault.about) == ("wrist", "gravity")
    means = {x.placement: x.numbers["acceleration_g"] for x in found([*wrist, *recordings[2:]]) if x.about == "axes"}
    assert means["waist"][0] == pytest.approx(0.95, abs=0.06)
    assert means["wrist"][0] == pytest.approx(9.3, abs=0.6)


def test_where_devices_were_worn_is_said(recordings):
    def worn(*placements, device=""):
        of = [replace(x.mounting, placement=y, device=device) for x, y in zip(recordings, placements, strict=True)]
        moved = [replace(x, mounting=y) for x, y in zip(recordings, of, strict=True)]
        return [x for x in found(moved) if x.about == "worn"]

    (finding,) = worn(*["waist"] * 6, device="watch")
    assert finding.numbers == {"placements": 1, "devices": 1}
    assert "watch" in finding.text
    assert worn(*[""] * 6) == []


def test_columns_in_the_wrong_order_are_seen(recordings):
    (fault,) = faults(changed(recordings, lambda x: x[:, [0, 1, 2, 4, 5, 3]]))
    assert "same axes" in fault.text


def test_acceleration_without_gravity_is_seen(recordings):
    def without(x):
        x[:, :3] -= x[:, :3].mean(axis=0)
        return x * [0.3, 0.3, 0.3, 1, 1, 1]

    assert any("gravity" in x.text for x in faults(changed(recordings, without)))


def test_the_sign_of_acceleration_cannot_be_seen(recordings):
    turned = changed(recordings, lambda x: x * [-1, -1, -1, 1, 1, 1])
    assert faults(turned) == []
    assert gyroscope_hand(turned).correlation == pytest.approx(gyroscope_hand(recordings).correlation)
    (axes,) = (x for x in found(turned) if x.about == "axes")
    assert axes.numbers["acceleration_g"][0] < -0.9


def test_what_files_were_like_is_said(recordings):
    facts = FoundRecordings(
        3,
        rates_hz=[20.0, 20.0],
        gaps=2,
        set_back=1,
        without_rotation=["acc/b.txt"],
        without_samples=["acc/c.txt"],
        recordings=tuple(recordings),
    )
    numbers = [x for finding in findings(facts) for x in finding.numbers.items()]
    assert [x for name, x in numbers if name == "files"] == [1, 1]
    assert {("median_hz", 20.0), ("gaps", 2), ("set_back", 1), ("rows", 3)} <= {
        x for x in numbers if x[0] != "acceleration_g"
    }
    assert all(np.asarray(x).dtype.kind in "if" for _, x in numbers)
    text = " ".join(x.text for x in findings(facts))
    assert all(x in text for x in ("acc/b.txt first", "acc/c.txt first", "10 Hz"))
    bare = [replace(x, has_gyroscope=False) for x in recordings]
    assert any("no rotation" in x.text for x in found(bare))


def test_people_that_seem_to_be_files_are_said(recordings):
    alone = [replace(x, subject=f"{i}-f1", labels=np.full_like(x.labels, i % 2)) for i, x in enumerate(recordings)]
    assert any(x.about == "people" and "'0-f1'" in x.text for x in faults(alone))


def test_labels_that_no_file_has_are_said(recordings):
    facts = {"absent_labels": ("stnad",), "unnamed_labels": ("a1", "a2"), "without_labels": ["a/1.csv"]}
    text = " ".join(x.text for x in found(recordings, **facts) if x.about == "labels")
    assert all(x in text for x in ("'stnad'", "'a1', 'a2'", "a/1.csv"))


@pytest.fixture(scope="module")
def pieces():
    """Each activity of four recordings of UCI HAR as a recording, of one mounting those of each."""
    found = []
    for i, x in enumerate(uci_har.recordings()[:4]):
        for first, end, label in segments(x.labels):
            if label >= 0 and end - first > 250:
                mounting = Mounting(f"{i}", placement="waist")
                piece = replace(x, samples=x.samples[first:end], labels=x.labels[first:end], mounting=mounting)
                found.append(replace(piece, file=f"{i}/{first}.csv"))
    return found


def turned(recordings, chosen=lambda _: True):
    random = np.random.default_rng(0)
    found = []
    for i, x in enumerate(recordings):
        turn = Rotation.random(random_state=random).as_matrix() if chosen(i) else np.eye(3)
        found.append(replace(x, samples=np.concatenate([x.samples[:, :3] @ turn.T, x.samples[:, 3:] @ turn.T], axis=1)))
    return found


def without_labels(recordings):
    return [replace(x, labels=np.full_like(x.labels, -1)) for x in recordings]


def mounting(recordings):
    return [x for x in found(recordings) if x.about == "mounting"]


@pytest.mark.parametrize("labelled", [list, without_labels])
def test_devices_that_stay_as_they_are_worn_fit_though_people_lie_down(pieces, labelled):
    assert {"LAYING", "SITTING"} <= {name for x in pieces for name in x.found_labels}
    (finding,) = mounting(labelled(pieces))
    assert not finding.is_fault
    assert finding.numbers["elsewhere"] == 0
    assert finding.numbers["mountings"] == 4
    assert finding.numbers["median_deg"] < 10


@pytest.mark.parametrize("labelled", [list, without_labels])
def test_devices_that_are_turned_between_recordings_do_not_fit(pieces, labelled):
    (finding,) = mounting(labelled(turned(pieces)))
    assert finding.is_fault
    assert finding.placement == "waist"
    assert finding.numbers["elsewhere"] > finding.numbers["walks"] / 2
    assert finding.numbers["median_deg"] > 45
    assert "each file" in finding.text


def test_a_few_recordings_that_point_elsewhere_are_named_and_fit(pieces):
    walks = {x.mounting.name: i for i, x in enumerate(pieces) if x.found_labels == ("WALKING",)}
    first, second = walks["0"], walks["2"]
    (finding,) = mounting(turned(pieces, lambda i: i in (first, second)))
    assert not finding.is_fault
    assert finding.numbers["elsewhere"] == 2
    assert f"{pieces[walks['0']].file} at 0 s first" in finding.text


def test_where_walking_is_labelled_other_movement_does_not_count(pieces):
    """An arm is bent to run and hangs down to walk, as it is worn."""
    names = {"WALKING_UPSTAIRS": "JOGGING", "WALKING_DOWNSTAIRS": "JOGGING"}
    renamed = [replace(x, label_names=tuple(names.get(y, y) for y in x.label_names)) for x in pieces]
    bent = turned(renamed, lambda i: renamed[i].found_labels == ("JOGGING",))
    (finding,) = mounting(bent)
    assert finding.numbers["elsewhere"] == 0
    (finding,) = mounting(without_labels(bent))
    assert finding.is_fault


def test_mountings_that_are_each_file_are_not_compared(pieces):
    assert mounting([replace(x, mounting=Mounting(x.file)) for x in turned(pieces)]) == []


def test_a_device_that_is_put_elsewhere_within_a_recording_is_noticed_with_the_time(pieces):
    standing = next(x for x in pieces if x.found_labels == ("STANDING",)).samples[:250]
    walks = [x for x in pieces if x.mounting.name == "0" and x.found_labels[0].startswith("WALKING")]
    pauses = [replace(x, samples=np.concatenate([standing, x.samples])) for x in walks]
    worn = np.concatenate([x.samples for x in turned(pauses)])
    (finding,) = mounting([replace(walks[0], samples=worn, labels=np.full(len(worn), -1, np.int8), file="all.csv")])
    assert finding.is_fault
    at = float(re.search(r"all\.csv at (\d+) s first", finding.text)[1])
    starts = np.cumsum([5, *(len(x.samples) / 50 for x in pauses)])
    assert np.abs(starts - at).min() < 2


def test_how_devices_point_is_not_asked_where_gravity_does_not_fit(pieces):
    assert mounting([replace(x, samples=x.samples * 9.8) for x in turned(pieces)]) == []
