"""Checks of recordings against their layout, which need no label: each fault is found, and its mend named."""

from dataclasses import replace

import numpy as np
import pytest
import written_recordings
from scipy.spatial.transform import Rotation

from edge_runtime.data.layout_recordings import LayoutRecordings
from edge_runtime.data.recording import Mounting, label_runs
from edge_runtime.data.recording_checks import findings, misfits


@pytest.fixture(scope="module")
def recordings():
    return written_recordings.recordings()[:6]


def found(recordings, about=""):
    every = findings(LayoutRecordings(rates_hz=[50.0], recordings=tuple(recordings)))
    return [finding for finding in every if about in ("", finding.about)]


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
    assert numbers(turned)["acceleration_g"][0] == pytest.approx(-seen["acceleration_g"][0], abs=1e-9)


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
    (lambda x: x * [1, 1, 1, 1, 0, 1], "still axis", "rotation y"),
    (lambda x: np.concatenate([x[:9000], x[9000:] * [1, 1, 0, 1, 1, 1]]), "still axis", "acceleration z"),
    (lambda x: x * [1, 1, 1, 0, 0, 0], "still axis", "6 of 6 recordings nothing changes in rotation x, y, z"),
]


@pytest.mark.parametrize(("change", "about", "mend"), WRONG)
def test_a_unit_a_sign_or_an_order_that_is_wrong_is_said_with_what_mends_it(recordings, change, about, mend):
    wrong = faults(changed(recordings, change))
    assert any(x.about == about and mend in x.text for x in wrong), wrong


ODD = [
    (lambda x: x * ([1 / 9.80665] * 3 + [1] * 3), "gravity", "gravity_g", 1 / 9.80665),
    (lambda x: x * ([1] * 3 + [RAD] * 3), "rotation", "times", 1 / RAD),
    (lambda x: x * ([1] * 3 + [-1 / RAD] * 3), "rotation", "times", -RAD),
    (lambda x: x[:, [0, 1, 2, 4, 5, 3]], "rotation", "other_axes", True),
    (lambda x: x[:, [1, 0, 2, 4, 3, 5]] * [-1, 1, 1, -1, 1, 1], "mounting", "elsewhere", 7),
]


@pytest.mark.parametrize(("change", "about", "name", "number"), ODD)
@pytest.mark.parametrize("odd", [2, 3])
def test_a_file_that_is_unlike_all_others_is_named(recordings, odd, change, about, name, number):
    files = [replace(x, file=f"{i}.csv", mounting=Mounting(str(x.subject))) for i, x in enumerate(recordings)]
    still = replace(files[0], file="still.csv", samples=np.tile(files[0].samples[0] * [1, 1, 1, 0, 0, 0], (120, 1)))
    still = replace(still, labels=still.labels[:120])
    assert faults([*files, still]) == []
    files[odd : odd + 1] = changed(files[odd : odd + 1], change)
    (fault,) = faults([*files, still])
    assert (fault.about, fault.numbers[name]) == (about, pytest.approx(number, rel=0.2))
    assert f"{odd}.csv" in fault.text


def test_a_file_in_deg_s_without_slow_turns_is_named(recordings):
    files = [replace(x, file=f"{i}.csv", mounting=Mounting(str(x.subject))) for i, x in enumerate(recordings)]
    walk = np.flatnonzero(files[2].labels == files[2].label_names.index("WALKING"))[:1000]
    files[2] = replace(
        files[2], samples=files[2].samples[walk] * np.repeat([1, 180 / np.pi], 3), labels=files[2].labels[walk]
    )
    assert [(x.about, "2.csv" in x.text) for x in faults(files)] == [("rotation", True)]


def test_files_that_are_off_by_too_much_and_by_too_little_are_told_apart(recordings):
    files = [replace(x, file=f"{i}.csv", mounting=Mounting(str(x.subject))) for i, x in enumerate(recordings)]
    for i, factor in ((2, RAD), (3, 2.5)):
        files[i : i + 1] = changed(files[i : i + 1], lambda x, factor=factor: x * ([1] * 3 + [factor] * 3))
    assert [[name in x.text for name in ("2.csv", "3.csv")] for x in faults(files)] == [[False, True], [True, False]]


def test_a_recording_of_two_people_and_names_that_differ_only_in_case_are_faults(recordings):
    assert not faults(recordings)
    copy = replace(recordings[0], subject="Anna")
    assert [x.about for x in faults([*recordings, copy])] == ["people"]
    assert [x.about for x in faults([copy, replace(recordings[2], subject="anna ")])] == ["people"]
    again = replace(recordings[2], label_names=tuple(x.capitalize() for x in recordings[2].label_names))
    assert {x.about for x in faults([recordings[0], again])} == {"labels"}
    unlabelled = replace(recordings[0], label_names=("None", *recordings[0].label_names[1:]))
    assert [x.about for x in faults([unlabelled])] == ["labels"]


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("LAYING", "STANDING", ["STANDING the device points another way", "LAYING the device points the same way"]),
        ("WALKING", "SITTING", ["SITTING the device moves", "WALKING the device hardly moves"]),
        ("SITTING", "LAYING", ["LAYING the device points the same way"]),
    ],
)
def test_labels_that_movement_or_posture_contradicts_are_named(recordings, one, other, words):
    names = {one: other, other: one}
    renamed = [replace(x, label_names=tuple(names.get(y, y) for y in x.label_names)) for x in recordings]
    texts = [x.text for x in faults(renamed)]
    assert [len([text for text in texts if word in text]) for word in words] == [1] * len(words)
    few = [replace(x, labels=np.where(np.arange(len(x.labels)) < 300, 4, x.labels % 4)) for x in recordings]  # STANDING
    assert not [x for x in faults(few) if "points" in x.text]


def test_the_axis_that_points_up_and_people_who_turned_the_device_over_are_named(recordings):
    people = [replace(x, samples=x.samples[:, [1, 0, 2, 4, 3, 5]] * [-1, 1, 1, -1, 1, 1]) for x in recordings[:4]]
    odd = [replace(recordings[4], subject="odd", samples=people[0].samples * -1, labels=people[0].labels)]
    (axes,) = found([*people, *odd], "axes")
    assert 'axes = "y,-x,z"' in axes.text
    assert axes.numbers["others"] == ["odd"]
    facts = LayoutRecordings((*people, *odd), rates_hz=[50.0])
    (notice,) = misfits([("mine", facts)], is_training=True, frame="device")
    assert "y points up" in notice.text
    assert not [*misfits([("mine", facts)], is_training=True)]
    (axes,) = found(recordings, "axes")
    assert "axes =" not in axes.text
    assert axes.numbers["others"] == []


@pytest.mark.parametrize(("n", "noise"), [(2, 0.2), (6, 0.2), (6, 0.4)])  # few fast turns, enough, and too noisy ones
def test_a_noisy_gyroscope_of_the_right_unit_fits(recordings, n, noise):
    """Its noise makes the slope of slow turns half as large, or hides the turns."""
    random = np.random.default_rng(0)

    def noisy(x):
        added = np.repeat(random.normal(0, noise, (len(x) // 50 + 1, 3)), 50, axis=0)[: len(x)]
        return x + np.pad(added, ((0, 0), (3, 0)))

    assert faults(changed(recordings[:n], noisy)) == []


def test_an_axis_that_is_still_for_less_than_a_window_fits(recordings):
    short = replace(
        recordings[0], samples=np.tile(recordings[0].samples[0], (100, 1)), labels=recordings[0].labels[:100]
    )
    assert faults([*recordings, short]) == []


@pytest.mark.parametrize("factor", [RAD, 1 / RAD, 0.5, 2.0])
def test_without_labels_unit_and_rate_are_seen_by_how_fast_gravity_turns(recordings, factor):
    is_rate = factor in (0.5, 2.0)  # times the rate that a layout says
    in_units = changed(recordings, lambda samples: samples / ([1] * 3 + [factor] * 3))
    (fault,) = faults(without_labels(resampled(recordings, factor) if is_rate else in_units))
    assert fault.about == "rotation"
    assert fault.numbers["times"] == pytest.approx(factor, rel=0.15)


def test_several_placements_are_judged_each_and_named(recordings):
    in_metres = changed(recordings[:2], lambda samples: samples * 9.80665)
    on_wrists = [replace(recording, mounting=Mounting(placement="wrist")) for recording in in_metres]
    (fault,) = faults([*on_wrists, *recordings[2:]])
    assert (fault.placement, fault.about) == ("wrist", "gravity")
    assert fault.numbers["gravity_g"] == pytest.approx(9.8, abs=0.5)


def test_what_to_correct_is_in_the_header_or_in_the_layout(recordings):
    in_metres = changed(recordings, lambda x: x * 9.80665)
    for names_columns, place in ((True, "header"), (False, "[acceleration]")):
        (notice,) = misfits([("mine", LayoutRecordings(tuple(in_metres), 0, [50.0], names_columns=names_columns))])
        assert place in notice.text


def test_what_files_were_like_is_said_and_a_low_rate_matters_in_training_only(recordings):
    facts = LayoutRecordings(tuple(recordings), 3, [20.0, 20.0], gaps=2, set_back=1)
    numbers = [x for finding in findings(facts) for x in finding.numbers.items()]
    for name, number in (("median_hz", 20.0), ("gaps", 2), ("set_back", 1), ("rows", 3)):
        assert [x for y, x in numbers if y == name] == [number]
    for is_training in (False, True):
        notices = misfits([("mine", facts), ("yours", facts)], is_training)
        assert any("10 Hz" in notice.text for notice in notices) == is_training


def test_people_that_seem_to_be_files_are_said(recordings):
    alone = [
        replace(recording, subject=f"{i}-f1", labels=np.full_like(recording.labels, i % 2))
        for i, recording in enumerate(recordings)
    ]
    assert any(fault.about == "people" and "'0-f1'" in fault.text for fault in faults(alone))


def test_a_copy_of_a_file_is_named(recordings):
    copied = [replace(x, file=f"{i}.csv") for i, x in enumerate([*recordings, recordings[0]])]
    (fault,) = (fault for fault in faults(copied) if fault.about == "people")
    assert all(f"{i}.csv" in fault.text for i in (0, len(recordings)))


@pytest.fixture(scope="module")
def pieces(recordings):
    """Each activity of four recordings of UCI HAR as a recording of its own, in the same mounting."""
    every = []
    for i, x in enumerate(recordings[:4]):
        for first, end, label in label_runs(x.labels):
            if label >= 0 and end - first > 250:
                mounting = Mounting(f"{i}", placement="waist")
                piece = replace(x, samples=x.samples[first:end], labels=x.labels[first:end], mounting=mounting)
                every.append(replace(piece, file=f"{i}/{first}.csv"))
    return every


def turned(recordings, chosen=lambda _: True):
    turns = iter(Rotation.random(len(recordings), random_state=0).as_matrix())
    return [
        replace(recording, samples=recording.samples @ np.kron(np.eye(2), next(turns))) if chosen(i) else recording
        for i, recording in enumerate(recordings)
    ]


@pytest.mark.parametrize("labelled", [list, without_labels])
def test_devices_that_stay_as_they_are_worn_fit_though_people_lie_down_and_turned_ones_do_not(pieces, labelled):
    (finding,) = found(labelled(pieces), "mounting")
    assert not finding.is_fault
    assert (finding.numbers["elsewhere"], finding.numbers["mountings"]) == (0, 4)
    assert finding.numbers["median_deg"] < 10
    (finding,) = found(labelled(turned(pieces)), "mounting")
    assert finding.is_fault
    assert finding.placement == "waist"
    assert finding.numbers["elsewhere"] > finding.numbers["walks"] / 2
    assert finding.numbers["median_deg"] > 45


def test_a_few_recordings_that_point_elsewhere_are_named_and_fit(pieces):
    walks = {piece.mounting.name: i for i, piece in enumerate(pieces) if piece.found_labels == ("WALKING",)}
    (finding,) = found(turned(pieces, lambda i: i in (walks["0"], walks["2"])), "mounting")
    assert (finding.is_fault, finding.numbers["elsewhere"]) == (False, 2)
    assert f"{pieces[walks['0']].file} at 0 s" in finding.text


def test_where_walking_is_labelled_other_movement_does_not_count(pieces):
    """An arm is bent to run and hangs down to walk, as it is worn."""
    names = {"WALKING_UPSTAIRS": "JOGGING", "WALKING_DOWNSTAIRS": "JOGGING"}
    renamed = [replace(piece, label_names=tuple(names.get(y, y) for y in piece.label_names)) for piece in pieces]
    bent = turned(renamed, lambda i: renamed[i].found_labels == ("JOGGING",))
    assert found(bent, "mounting")[0].numbers["elsewhere"] == 0
    assert found(without_labels(bent), "mounting")[0].is_fault
    on_arms = [replace(x, mounting=replace(x.mounting, placement="wrist")) for x in without_labels(bent)]
    assert not found(on_arms, "mounting")[0].is_fault


def test_mountings_that_are_each_file_are_said_when_files_agree_and_none_is_compared_without_gravity(pieces):
    for recordings, is_fault in ((pieces, True), (turned(pieces), False)):
        (finding,) = found(
            [replace(recording, mounting=Mounting(recording.file)) for recording in recordings], "mounting"
        )
        assert (finding.is_fault, '"each subject"' in finding.text) == (is_fault, is_fault)
    assert (
        found([replace(recording, samples=recording.samples * 9.8) for recording in turned(pieces)], "mounting") == []
    )
