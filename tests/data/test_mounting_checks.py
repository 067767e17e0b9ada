"""Devices that are turned between recordings of a mounting are noticed, without labels too."""

import re
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from edge_runtime.data import uci_har
from edge_runtime.data.dataset import Mounting, segments
from edge_runtime.data.recording_checks import findings
from edge_runtime.data.recording_files import FoundRecordings


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


def found(recordings):
    return [x for x in findings(FoundRecordings(tuple(recordings), (50.0,))) if x.about == "mounting"]


@pytest.mark.parametrize("labelled", [list, without_labels])
def test_devices_that_stay_as_they_are_worn_fit_though_people_lie_down(pieces, labelled):
    assert {"LAYING", "SITTING"} <= {name for x in pieces for name in x.found_labels}
    (finding,) = found(labelled(pieces))
    assert not finding.is_fault
    assert finding.numbers["elsewhere"] == 0
    assert finding.numbers["mountings"] == 4
    assert finding.numbers["median_deg"] < 10
    what = "walking" if labelled is list else "movement"
    assert finding.text.startswith(f"In {finding.numbers['walks']} stretches of {what} devices point as in others of")


@pytest.mark.parametrize("labelled", [list, without_labels])
def test_devices_that_are_turned_between_recordings_do_not_fit(pieces, labelled):
    (finding,) = found(labelled(turned(pieces)))
    assert finding.is_fault
    assert finding.placement == "waist"
    assert finding.numbers["elsewhere"] > finding.numbers["walks"] / 2
    assert finding.numbers["median_deg"] > 45
    assert finding.text.startswith("The device points elsewhere from walk to walk of a mounting, in ")
    assert ' s first. Where it was put on anew for each file write mounting = "each file"' in finding.text


def test_a_few_recordings_that_point_elsewhere_are_named_and_fit(pieces):
    walks = {x.mounting.name: i for i, x in enumerate(pieces) if x.found_labels == ("WALKING",)}
    first, second = walks["0"], walks["2"]
    (finding,) = found(turned(pieces, lambda i: i in (first, second)))
    assert not finding.is_fault
    assert finding.numbers["elsewhere"] == 2
    assert f", {pieces[walks['0']].file} at 0 s first: see how it was worn there" in finding.text


def test_one_of_two_walks_that_points_elsewhere_is_no_misfit(pieces):
    two = [x for x in pieces if x.found_labels == ("WALKING",)][:2]
    assert len(two) == 2
    two = [replace(x, mounting=Mounting("a")) for x in two]
    (finding,) = found(turned(two))
    assert not finding.is_fault
    assert finding.numbers["elsewhere"] == 1


def test_where_walking_is_labelled_other_movement_does_not_count(pieces):
    """An arm is bent to run and hangs down to walk, as it is worn."""
    names = {"WALKING_UPSTAIRS": "JOGGING", "WALKING_DOWNSTAIRS": "JOGGING"}
    renamed = [replace(x, label_names=tuple(names.get(y, y) for y in x.label_names)) for x in pieces]
    bent = turned(renamed, lambda i: renamed[i].found_labels == ("JOGGING",))
    (finding,) = found(bent)
    assert finding.numbers["elsewhere"] == 0
    (finding,) = found(without_labels(bent))
    assert finding.is_fault


def test_mountings_that_are_each_file_are_not_compared(pieces):
    assert found([replace(x, mounting=Mounting(x.file)) for x in turned(pieces)]) == []


def test_parts_of_one_file_that_point_elsewhere_are_to_be_cut(pieces):
    parts = [replace(x, mounting=Mounting(x.file[0]), file=f"{x.file[0]}.csv") for x in turned(pieces)]
    (finding,) = found(parts)
    assert finding.is_fault
    assert '. Cut files where it was put on anew, and write mounting = "each file"' in finding.text


def test_a_device_that_is_put_elsewhere_within_a_recording_is_noticed_with_the_time(pieces):
    standing = next(x for x in pieces if x.found_labels == ("STANDING",)).samples[:250]
    walks = [x for x in pieces if x.mounting.name == "0" and x.found_labels[0].startswith("WALKING")]
    pauses = [replace(x, samples=np.concatenate([standing, x.samples])) for x in walks]
    worn = np.concatenate([x.samples for x in turned(pauses)])
    (finding,) = found([replace(walks[0], samples=worn, labels=np.full(len(worn), -1, np.int8), file="all.csv")])
    assert finding.is_fault
    at = float(re.search(r"all.csv at (\d+) s first. Cut files", finding.text)[1])
    starts = np.cumsum([5, *(len(x.samples) / 50 for x in pauses)])
    assert np.abs(starts - at).min() < 2


def test_how_devices_point_is_not_asked_where_gravity_does_not_fit(pieces):
    assert found([replace(x, samples=x.samples * 9.8) for x in turned(pieces)]) == []
