"""Checks of recordings against their layout, which need no label: each fault is found, and its mend named."""

import re
from dataclasses import replace

import numpy as np
import pytest
from described_recordings import LAYOUT, layout, write_tree

from edge_runtime.data import recording_files, sensor_checks, uci_har
from edge_runtime.data.dataset import segments
from edge_runtime.data.recording_checks import findings
from edge_runtime.data.recording_files import FoundRecordings
from edge_runtime.data.sensor_checks import GyroscopeHand, gravity_size, gyroscope_hand


@pytest.fixture(scope="module")
def recordings():
    return uci_har.recordings()[:6]


def faults(recordings, **facts):
    rates = facts.pop("rates_hz", (50.0,))
    return [x.text for x in findings(FoundRecordings(tuple(recordings), rates, **facts)) if x.is_fault]


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


def test_the_first_file_with_an_axis_that_never_changes_is_named(recordings):
    named = [replace(x, file=f"{i}.csv") for i, x in enumerate(recordings)]
    found = faults([*named[:2], *changed(named[2:], lambda x: x * [1, 1, 1, 0, 1, 1])])
    assert any("The axis rotation x never changes in 4 recordings of 6, 2.csv first: see columns" in x for x in found)


def test_another_unit_of_rotation_is_advised_only_where_it_mends_the_size(recordings):
    (fault,) = faults(changed(recordings, lambda x: x * ([1] * 3 + [np.pi / 180] * 3)))
    assert 'write unit = "rad/s" under [rotation]; else see its columns and scale.' in fault
    for factor in (1e-4, 1e4):
        (fault,) = faults(changed(recordings, lambda x, factor=factor: x * ([1] * 3 + [factor] * 3)))
        assert "is usual: see [rotation]'s columns and scale." in fault


@pytest.mark.parametrize(
    ("factors", "units", "says"),
    [
        ([9.80665] * 3 + [1] * 3, {"acceleration": "m/s2"}, r"multiply scale under \[acceleration\] .* by 0\.0"),
        ([1 / 9.80665] * 3 + [1] * 3, {"acceleration": "g"}, r"multiply scale under \[acceleration\] .* by 9\."),
        ([1] * 3 + [np.pi / 180] * 3, {"rotation": "rad/s"}, r"is usual: see \[rotation\]'s columns and scale"),
        ([1] * 3 + [180 / np.pi] * 3, {"rotation": "deg/s"}, r"is usual: see \[rotation\]'s columns and scale"),
    ],
)
def test_a_unit_that_is_written_already_is_not_advised(recordings, factors, units, says):
    (fault,) = faults(changed(recordings, lambda x: x * factors), units=units)
    assert re.search(says, fault), fault
    assert "unit" not in fault


def test_the_units_that_a_layout_writes_are_known(tmp_path):
    text = LAYOUT.replace('unit = "deg/s"', 'unit = "dps"\nscale = 2')
    assert recording_files.read(write_tree(tmp_path / "data"), layout(text)).units == {
        "acceleration": "g",
        "rotation": "deg/s",
    }


@pytest.mark.parametrize(("unit", "factor", "scale"), [("rad/s", np.pi / 180, 57), ("deg/s", 180 / np.pi, 1 / 57)])
def test_without_walking_either_the_unit_is_advised_or_the_scale(recordings, unit, factor, scale):
    wrong = changed(recordings, lambda x: x * ([1] * 3 + [factor] * 3))
    bare = [replace(x, labels=np.full(len(x.samples), -1, np.int8)) for x in wrong]
    for units in ({}, {"rotation": "deg/s" if unit == "rad/s" else "rad/s"}):
        (fault,) = faults(bare, units=units)
        assert f'as the gyroscope: write unit = "{unit}" under [rotation], or another scale' in fault
    (fault,) = faults(bare, units={"rotation": unit})
    says = rf'unit = "{unit}" under \[rotation\] is not the reason; multiply scale there .* by (\S+),'
    assert float(re.search(says, fault)[1]) == pytest.approx(scale, rel=0.15)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_a_rate_that_is_wrong_is_seen_by_how_fast_gravity_turns(recordings, factor):
    """Of samples at half or twice the rate that a layout says, so that they become too few or too many."""

    wrong = resampled(recordings, factor)
    found = faults([replace(x, labels=np.full(len(x.samples), -1, np.int8)) for x in wrong])
    (fault,) = found
    says = (
        r"Gravity turns (\S+) times as fast as the gyroscope, .* seem to come (\S+) times as fast as rate or \[time\]"
    )
    times, share = map(float, re.match(says, fault).groups())
    assert times == pytest.approx(factor, rel=0.15)
    assert share == pytest.approx(1 / times, rel=0.03)


@pytest.mark.parametrize(("factor", "steps"), [(10.0, "1[6-9]"), (2.0, r"3\.\d"), (25 / 56, r"0\.[78]\d*")])
def test_a_rate_that_is_wrong_is_seen_by_the_steps_of_people_walking(recordings, factor, steps):
    bare = [replace(x, has_gyroscope=False) for x in resampled(recordings, factor)]
    (fault,) = faults(bare)
    assert re.match(rf"People labelled WALKING step {steps} times a second, .* see rate", fault), fault


def test_the_steps_of_one_person_may_seem_twice_as_many(recordings):
    """As one of 68 people shows two beats a step: it cannot be known from one or two people alone."""
    one = [replace(x, has_gyroscope=False) for x in recordings if x.subject == recordings[0].subject]
    assert faults(resampled(one, 2.0)) == []
    (fault,) = faults(resampled(one, 4.0))
    assert "People labelled WALKING step 6.9" in fault


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


def test_one_mistake_is_said_once(recordings):
    for wrong in (
        changed(recordings, lambda x: x * ([9.80665] * 3 + [1] * 3)),
        resampled(recordings, 10.0),
        changed(recordings, lambda x: x * ([1] * 3 + [180 / np.pi] * 3)),
    ):
        assert len(faults(wrong)) == 1, faults(wrong)


@pytest.mark.parametrize("offset", [[2048, 2048, 2048], [2048, 0, 0], [800, 0, 0]])
def test_an_offset_in_the_numbers_is_not_taken_for_another_unit(recordings, offset):
    (fault,) = faults(changed(recordings, lambda x: x + np.array([*offset, 0, 0, 0]) / 400))
    assert "an offset seems to be in the numbers" in fault
    assert "write offset under [acceleration]" in fault
    assert "unit" not in fault


def test_of_several_placements_each_is_judged_and_named(recordings):
    wrist = [
        replace(x, mounting=replace(x.mounting, placement="wrist"), samples=x.samples * ([9.80665] * 3 + [1] * 3))
        for x in recordings[:2]
    ]
    (fault,) = faults([*wrist, *recordings[2:]])
    assert fault.startswith("wrist: Gravity has a size of")
    texts = [x.text for x in findings(FoundRecordings((*wrist, *recordings[2:]), (50.0,)))]
    assert any(x.startswith("waist: While people stand or walk acceleration is x +0.9") for x in texts)
    assert any(x.startswith("wrist: While people stand or walk acceleration is x +9.") for x in texts)


def test_where_devices_were_worn_is_said_and_of_which_places_nothing_is_known(recordings):
    def worn(*placements, device=""):
        mountings = [
            replace(x.mounting, placement=y, device=device) for x, y in zip(recordings, placements, strict=True)
        ]
        found = [replace(x, mounting=y) for x, y in zip(recordings, mountings, strict=True)]
        return [x for x in findings(FoundRecordings(tuple(found), (50.0,))) if x.about == "worn"]

    (found,) = worn(*["waist"] * 6, device="watch")
    assert (found.text, found.is_fault) == ("Worn at: waist (watch).", False)
    assert found.numbers == {"placements": 1, "devices": 1}
    (found,) = worn(*[" Trouser  POCKET"] * 6)
    assert "not told" not in found.text
    (found,) = worn("belt", "belt", "waist", "front pocket", "", "waist")
    assert found.text.startswith(
        "Worn at: belt; waist; front pocket; a place that is not told. 'belt' and 'front pocket' "
    )
    assert "count as not told: har-edge has rules for waist and trouser pocket alone" in found.text
    (found,) = worn(*["belt"] * 6)
    assert found.text.startswith("Worn at: belt. 'belt' counts as not told:")
    assert worn(*[""] * 6) == []


def test_columns_in_the_wrong_order_are_seen(recordings):
    found = faults(changed(recordings, lambda x: x[:, [0, 1, 2, 4, 5, 3]]))
    assert any("hardly go with the gyroscope" in x for x in found), found


@pytest.mark.parametrize("times", [0.0, -0.5])
def test_most_turns_against_the_gyroscope_are_a_fault_whatever_their_correlation(recordings, monkeypatch, times):
    monkeypatch.setattr(sensor_checks, "gyroscope_hand", lambda _: GyroscopeHand(0.6, times, 60.0))
    (fault,) = faults(recordings)
    assert f"(correlation +0.60, {times:.2g} times as fast in the median): turn sign under [rotation]" in fault


def test_acceleration_without_gravity_is_seen(recordings):
    def without(x):
        x[:, :3] -= x[:, :3].mean(axis=0)
        return x * [0.3, 0.3, 0.3, 1, 1, 1]

    assert any("it has no gravity" in x for x in faults(changed(recordings, without)))


def test_the_sign_of_acceleration_cannot_be_seen(recordings):
    turned = changed(recordings, lambda x: x * [-1, -1, -1, 1, 1, 1])
    assert faults(turned) == []
    assert gyroscope_hand(turned).correlation == pytest.approx(gyroscope_hand(recordings).correlation)
    texts = [x.text for x in findings(FoundRecordings(tuple(turned), (50.0,)))]
    assert any("x -0.9" in x for x in texts), texts


def test_what_files_were_like_is_said(recordings):
    found = FoundRecordings(tuple(recordings), (20.0, 20.0), 3, 2, 1, ("acc/b.txt",), ("acc/c.txt",))
    text = " ".join(x.text for x in findings(found))
    numbers = [(name, x) for finding in findings(found) for name, x in finding.numbers.items()]
    assert [x for name, x in numbers if name == "files"] == [1, 1]
    assert all(np.asarray(x).dtype.kind in "if" for _, x in numbers)
    assert "20 samples a second, which become 50." in text
    for part in (
        "faster than 10 Hz",
        "2 gaps",
        "1 time",
        "3 rows",
        "acc/b.txt first",
        "1 file left out, acc/c.txt first",
    ):
        assert part in text
    bare = [replace(x, has_gyroscope=False) for x in recordings]
    text = " ".join(x.text for x in findings(FoundRecordings(tuple(bare), (50.0,))))
    assert "Files have 50 samples a second." in text
    assert "There is no rotation" in text


def test_people_that_seem_to_be_files_are_said(recordings):
    alone = [replace(x, subject=f"{i}-f1", labels=np.full_like(x.labels, i % 2)) for i, x in enumerate(recordings)]
    (fault,) = (x for x in faults(alone) if "people" in x)
    assert fault.startswith(
        "Each of 6 people has one label alone, '0-f1' first: see that the column of people names these or, in a "
        "layout, what {subject} stands for in files."
    )
    twice = [replace(x, subject=("1", "1_2", "10", "2", "a", "ab")[i]) for i, x in enumerate(recordings)]
    (found,) = (x.text for x in findings(FoundRecordings(tuple(twice), (50.0,))) if "person" in x.text)
    assert found.startswith("'1_2' is another person than '1': where they are the same, name them alike or, in")


def test_classes_that_seem_to_be_misspelt_and_labels_that_no_file_has_are_said(recordings):
    others = tuple(
        {"WALKING": "WALKIGN", "SITTING": "sit", "LAYING": "Joging"}.get(x, x) for x in recordings[0].label_names
    )
    renamed = tuple(replace(x, label_names=others) for x in recordings)
    found = FoundRecordings(
        renamed, (50.0,), absent_labels=("stnad",), unnamed_labels=("a1", "a2"), without_labels=("a/1.csv",)
    )
    text = " ".join(x.text for x in findings(found))
    assert "'WALKIGN' is a class of its own: where WALKING is meant" in text
    assert "'sit' is a class of its own: where SITTING is meant" in text
    assert "'Joging' is a class of its own: where JOGGING is meant" in text
    assert "STANDING is meant" not in text
    assert "No file has 1 label of the layout: 'stnad'; \"*\" stands for 'a1', 'a2'." in text
    assert "1 recording without any label, 'a/1.csv'" in text
