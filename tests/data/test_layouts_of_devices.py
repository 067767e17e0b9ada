"""Check layouts of several devices, sensors and people in a file, of dates, and of zips in zips."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from described_recordings import layout
from label_files import SENSORS
from written_recordings import motion, zipped

from edge_runtime.data.recordings import read_recordings
from edge_runtime.errors import InputError

TIMED = '[time]\ncolumn = 1\nunit = "s"\n' + SENSORS
ALTERNATING = """
[time]
column = "t"
unit = "s"
[acceleration]
sensor = "acc"
columns = ["x", "y", "z"]
unit = "g"
[rotation]
sensor = "gyro"
columns = ["x", "y", "z"]
unit = "rad/s"
"""
OF_SEVERAL = """
files = "Phones_{sensor}.csv"
subject = { column = "user", several = true }
device = { column = "device", several = true }
label = { column = "gt" }
"""
BY_CELL = 'files = "{subject}.csv"\nrate = 50\nlabel = { column = 8 }\n' + SENSORS


def read(folder, text):
    return read_recordings(folder, layout(text))


def line(*cells, separator=","):
    return separator.join(x if isinstance(x, str) else repr(float(x)) for x in cells)


CONTENT = "\n".join(line(0, *x) for x in motion(300)[1])


def samples_of(found, **said):
    """The samples of the one recording of which this is said."""
    (one,) = (x for x in found.recordings if all(getattr(x.mounting, k, x.subject) == v for k, v in said.items()))
    return one.samples


def test_devices_side_by_side_are_recordings_of_the_same_person(tmp_path):
    seconds, hand = motion(300, 1)
    ankle = motion(300, 2)[1]
    rows = [[t, *a, *b, "walk"] for t, a, b in zip(seconds, hand, ankle, strict=True)]
    for i in (100, 101):
        rows[i][7:13] = ["NaN"] * 6  # the ankle's alone
    (tmp_path / "1.dat").write_text("\n".join(line(*x, separator=" ") for x in rows))
    text = 'files = "{subject}.dat"\nbad_rows = "leave out"\nlabel = { column = 14 }\n' + TIMED
    found = read(tmp_path, text + "[placements]\nhand = 0\nankle = 6\n")
    assert [(x.subject, x.mounting.placement, x.mounting.name) for x in found.recordings] == [
        ("1", "hand", "1 hand"),
        ("1", "ankle", "1 ankle"),
    ]
    assert samples_of(found, placement="hand") == pytest.approx(hand, abs=1e-9)
    whole = np.r_[:100, 102:300]
    assert samples_of(found, placement="ankle")[whole] == pytest.approx(ankle[whole], abs=1e-9)
    assert found.rows_left_out == 2


def test_rows_of_several_devices_and_people_may_alternate_in_files_of_one_sensor_each(tmp_path):
    """Two devices of one person and one of another, all at the same time; that of b has no gyroscope."""
    seconds = motion(300)[0]
    samples = {"a1": motion(300, 1)[1], "a2": motion(300, 2)[1], "b1": motion(300, 3)[1]}
    for sensor, columns in (("acc", slice(3)), ("gyro", slice(3, 6))):
        rows = ["i,t,x,y,z,user,device,gt"]
        for i, t in enumerate(seconds):
            for name, x in samples.items():
                if sensor == "acc" or name != "b1":
                    rows.append(line(str(i), t, *x[i, columns], name[0], name, "null" if i < 100 else "walk"))
        (tmp_path / f"Phones_{sensor}.csv").write_text("\n".join(rows) + "\n")
    labels = '[labels]\nwalk = "WALKING"\nnull = ""\n'
    found = read(tmp_path, OF_SEVERAL + ALTERNATING + labels)
    assert [(x.subject, x.mounting.device) for x in found.recordings] == [("a", "a1"), ("a", "a2")]
    for device in ("a1", "a2"):
        assert samples_of(found, device=device) == pytest.approx(samples[device], abs=1e-9)
    assert (found.recordings[0].labels[:100] == -1).all()
    assert (found.recordings[0].labels[100:] == 0).all()
    assert found.without_rotation == ["Phones_acc.csv b b1"]
    one = read(tmp_path, 'where = { device = ["a2", "none"] }\n' + OF_SEVERAL + ALTERNATING + labels)
    assert [x.mounting.device for x in one.recordings] == ["a2"]


@pytest.mark.parametrize("clock", ["rate = 50\n", '[time]\ncolumn = 1\nunit = "s"\n'])
def test_a_column_may_tell_trials_apart_with_or_without_times_that_begin_again(tmp_path, clock):
    trials = {name: motion(300, seed)[1] for seed, name in enumerate(("1", "2"))}
    rows = [line(i / 50, *x, name, "walk") for name, samples in trials.items() for i, x in enumerate(samples)]
    (tmp_path / "anna.csv").write_text("\n".join(rows))
    text = 'files = "{subject}.csv"\ntrial = { column = 8, several = true }\nlabel = { column = 9 }\n' + clock + SENSORS
    found = read(tmp_path, text).recordings
    assert [(x.subject, x.trial) for x in found] == [("anna", "1"), ("anna", "2")]
    for x in found:
        assert x.samples == pytest.approx(trials[x.trial], abs=1e-9)


def test_rows_may_each_be_of_one_sensor_that_a_column_names(tmp_path):
    seconds, samples = motion(300)
    rows = ["% made by hand", "t;x;y;z;kind;id"]
    for t, x in zip(seconds, samples, strict=True):
        for kind, values in (("acc", x[:3]), ("gyro", x[3:]), ("mag", [9, 9, 9])):
            rows += [line(t, *values, kind, "2", separator=";"), line(t, 7, 7, 7, kind, "0", separator=";")]
    (tmp_path / "anna.csv").write_text("\n".join(rows))
    text = 'files = "{subject}.csv"\nlabel = "walk"\ncomments = ["%"]\nsensor = { column = "kind" }\n'
    found = read(tmp_path, text + "where = { id = 2 }\n" + ALTERNATING)
    assert found.recordings[0].samples == pytest.approx(samples, abs=1e-9)
    with pytest.raises(InputError, match=r"anna\.csv"):
        read(tmp_path, text + 'where = { id = "3" }\n' + ALTERNATING)


@pytest.mark.parametrize(
    ("unit", "written"), [("date", "%Y-%m-%d %H:%M:%S.%f"), ("%d/%m/%Y %H:%M:%S.%f", "%d/%m/%Y %H:%M:%S.%f")]
)
def test_times_may_be_dates(tmp_path, unit, written):
    seconds, samples = motion(300)
    begin = datetime(2019, 1, 12, 23, 59, 58, tzinfo=UTC)
    rows = [line((begin + timedelta(seconds=t)).strftime(written), *x) for t, x in zip(seconds, samples, strict=True)]
    (tmp_path / "1.csv").write_text("\n".join(rows))
    text = 'files = "{subject}.csv"\nlabel = "walk"\n' + TIMED
    (found,) = read(tmp_path, text.replace('unit = "s"', f'unit = "{unit}"')).recordings
    assert found.samples == pytest.approx(samples, abs=1e-4)
    with pytest.raises(InputError, match=r"1\.csv, line 1: .*unit"):
        read(tmp_path, text)


def test_zips_in_folders_and_in_zips_are_looked_into_and_patterns_tried_in_turn(tmp_path):
    inner = {
        "p1/walk_csv.zip": zipped({"walk_waist.csv": CONTENT, "readMe": "x"}),
        "p1/climb_csv.zip": zipped({"climb_2_csv.zip": zipped({"climb_2_waist.csv": CONTENT})}),
        "__MACOSX/p1/._walk_csv.zip": b"nothing",
    }
    for name, data in inner.items():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "data.zip").write_bytes(zipped({f"around/{name}": data for name, data in inner.items()}))
    text = 'files = ["p{subject}/**/{label}_{trial}_{placement}.csv", "p{subject}/**/{label}_{placement}.csv"]\n'
    text += "rate = 50\n" + SENSORS
    for place in ("data", "data.zip"):
        found = read(tmp_path / place, text).recordings
        assert [(x.subject, x.label_names[x.labels[0]], x.mounting.placement) for x in found] == [
            ("1", "climb", "waist"),
            ("1", "walk", "waist"),
        ]
        assert found[0].samples == pytest.approx(motion(300)[1], abs=1e-9)
    (tmp_path / "data/p1/broken.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match=r"data/p1/broken\.zip"):
        read(tmp_path / "data", text)


def test_an_empty_first_or_last_cell_between_tabs_stays_one(tmp_path):
    cells = [["", *map(repr, map(float, x)), ""] for x in motion(300)[1]]
    (tmp_path / "a.txt").write_text("".join("\t".join(x) + "; \r\n" for x in cells))
    text = 'files = "{subject}.txt"\nlabel = "walk"\nrate = 50\nline_end = ";"\nbad_rows = "leave out"\n' + SENSORS
    found = read(tmp_path, text)
    assert (len(found.recordings[0].samples), found.rows_left_out) == (300, 0)


def test_the_folder_around_all_files_of_a_zip_may_be_their_label_and_hidden_ones_are_none(tmp_path):
    path = tmp_path / "data.zip"
    path.write_bytes(zipped({"walk/1.csv": CONTENT, "walk/.git/2.csv": CONTENT, "walk/__MACOSX/3.csv": CONTENT}))
    for text, label in (
        ('files = "{label}/{subject}.csv"', "walk"),
        ('files = "/{subject}.csv"\nlabel = "sit"', "sit"),
    ):
        found = read(path, f"{text}\nrate = 50\n{SENSORS}").recordings
        assert [(x.subject, x.classes) for x in found] == [("1", (label,))]


def test_labels_that_are_numbers_are_the_same_however_written_and_others_are_left_out_together(tmp_path):
    labels = ["1", "1.0", "1.0000000e+00", "2.0", "24"]
    rows = [line(0, *x, labels[i // 60]) for i, x in enumerate(motion(300)[1])]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    found = read(tmp_path, BY_CELL + '[labels]\n1 = "WALKING"\n3 = "SITTING"\n"*" = ""\n')
    assert found.recordings[0].labels.tolist() == [0] * 180 + [-1] * 120
    assert (found.absent_labels, found.unnamed_labels) == (("3",), ("2.0", "24"))


def test_a_star_in_the_name_of_a_label_is_any_text(tmp_path):
    labels = ["7030 sleeping;MET 0.95", "17250 walking as the means;MET 3.5", "walking, dog", "F01", "walk"]
    rows = [line(0, *x, labels[i // 60], separator="\t") for i, x in enumerate(motion(300)[1])]
    (tmp_path / "a.csv").write_text("\n".join(rows))
    text = BY_CELL + '[labels]\n"* sleeping;*" = "LAYING"\n"*walking*;*" = "WALKING"\n"*walking*" = ""\n'
    text += 'walk = "STANDING"\n'
    found = read(tmp_path, text + '"sit*" = "SITTING"\n[other_labels]\n"F*" = "falling"\n"*" = "rest"\n')
    recording = found.recordings[0]
    assert (found.absent_labels, found.unnamed_labels) == (("sit*",), ())
    assert [recording.label_names[i] if i >= 0 else "" for i in recording.labels[30::60]] == [
        *("LAYING", "WALKING", "", "falling", "STANDING")
    ]
    with pytest.raises(InputError, match=r"the label 'F01'"):
        read(tmp_path, text)
