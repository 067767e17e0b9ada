"""Check labels in files of their own: of stretches, of each row of a recording, or of all of it."""

import numpy as np
import pytest
from written_recordings import motion, zipped

from edge_runtime.data.layout import parse_layout
from edge_runtime.data.recordings import read_recordings
from edge_runtime.errors import InputError

SENSORS = """
[acceleration]
columns = [2, 3, 4]
unit = "g"
[rotation]
columns = [5, 6, 7]
unit = "rad/s"
"""


def read(folder, text):
    return read_recordings(folder, parse_layout(text, "mine.toml", "mine"))


def line(*cells, separator=","):
    return separator.join(map(str, cells))


@pytest.mark.parametrize(("unit", "factor"), [("samples", 1.0), ("s", 0.02)])
def test_labels_may_be_in_a_file_of_their_own(tmp_path, unit, factor):
    seconds, samples = motion(400)
    for sensor, columns in (("acc", slice(3)), ("gyro", slice(3, 6))):
        rows = [line(t, *x, separator=" ") for t, x in zip(seconds, samples[:, columns], strict=True)]
        (tmp_path / f"{sensor}_exp01_user02.txt").write_text("\n".join(rows))
    shift = unit != "samples"  # samples count from 1, times from 0
    ranges = [(1, 2, 5, 51, 200), (1, 2, 7, 201, 220)]
    rows = [" ".join(map(str, (*x[:3], *((y - shift) * factor for y in x[3:])))) for x in ranges]
    (tmp_path / "labels.txt").write_text("\n".join(["made by hand", *rows, ""]))
    clock = "rate = 50\n" if unit == "samples" else '[time]\ncolumn = 1\nunit = "s"\n'
    sensors = SENSORS.replace("[5, 6, 7]", "[2, 3, 4]")
    sensors = sensors.replace("[acceleration]", '[acceleration]\nsensor = "acc"')
    sensors = sensors.replace("[rotation]", '[rotation]\nsensor = "gyro"')
    text = f"""files = "{{sensor}}_exp{{exp}}_user{{subject}}.txt"
{clock}{sensors}
[label_file]
files = "labels.txt"
columns = ["exp", "subject", "label", "start", "end"]
unit = "{unit}"
skip = 1
[labels]
5 = "STANDING"
[other_labels]
7 = "stand_to_sit"
"""
    (recording,) = read(tmp_path, text).recordings
    assert recording.samples == pytest.approx(samples, abs=1e-6)
    expected = np.full(400, -1)
    expected[50:200], expected[200:220] = 0, 1
    assert recording.labels.tolist() == expected.tolist()
    assert recording.label_names == ("STANDING", "stand_to_sit")
    content = (tmp_path / "labels.txt").read_text()
    (tmp_path / "labels.txt").write_text(content + "9 2 5 300 400")  # of a recording that is not there
    assert read(tmp_path, text).recordings[0].labels.tolist() == expected.tolist()
    (tmp_path / "labels.txt").write_text("\n1 2 5 500 600")
    assert read(tmp_path, text).without_labels == ["acc_exp01_user02.txt"]
    (tmp_path / "labels.txt").write_text(content + f"1 2 5 {210 * factor} 400")
    with pytest.raises(InputError, match=r"labels\.txt: the label '5' starts"):
        read(tmp_path, text)


DIARY = f"""files = "{{subject}}_log.csv"
[time]
column = 1
unit = "ms"
{SENSORS}
[label_file]
files = "diary.csv"
columns = ["subject", "label", "start", "end"]
skip = 1
unit = "date"
"""


@pytest.mark.parametrize(
    ("unit", "first", "last"),
    [
        ("date", "2025-06-01 09:00:02", "2025-06-01T11:00:05+02:00"),
        ("%d.%m.%Y %H:%M:%S", "01.06.2025 09:00:02", "01.06.2025 09:00:05"),
        ("%d %b %Y %H:%M:%S %z", "01 Jun 2025 09:00:02 +0000", "01 Jun 2025 11:00:05 +0200"),
    ],
)
def test_labels_of_a_diary_may_have_dates(tmp_path, unit, first, last):
    seconds, samples = motion(400)
    rows = [line(1748768400000 + 1000 * t, *x) for t, x in zip(seconds, samples, strict=True)]  # from 9:00 on
    (tmp_path / "a_log.csv").write_text("\n".join(rows))
    (tmp_path / "diary.csv").write_text(f"person,activity,from,to\na,walk,{first},{last}\n")
    text = DIARY.replace('"date"', f'"{unit}"')
    (recording,) = read(tmp_path, text).recordings
    assert np.flatnonzero(recording.labels == 0).tolist() == list(range(100, 251))
    for old, new in ((f'"{unit}"', '"s"'), ("skip = 1", "")):
        with pytest.raises(InputError, match=r"diary\.csv, line \d: start and end"):
            read(tmp_path, text.replace(old, new))


@pytest.mark.parametrize(
    ("clock", "unit"), [("date", "%H:%M:%S"), ("%H:%M:%S.%f", "date"), ("%H:%M:%S.%f", "%I:%M:%S %p"), ("date", "date")]
)
def test_times_of_day_meet_however_they_are_written(tmp_path, clock, unit):
    seconds, samples = motion(400)
    rows = [line(f"09:00:{t:09.6f}", *x) for t, x in zip(seconds, samples, strict=True)]
    (tmp_path / "a_log.csv").write_text("\n".join(rows))
    end = " AM" if "%p" in unit else ""
    (tmp_path / "diary.csv").write_text(f"person,activity,from,to\na,walk,09:00:02{end},09:00:05{end}\n")
    (recording,) = read(tmp_path, DIARY.replace('"date"', f'"{unit}"').replace('"ms"', f'"{clock}"')).recordings
    assert np.flatnonzero(recording.labels == 0).tolist() == list(range(100, 251))


BY_ROW = f"""files = "L{{scene}}_S{{subject}}_R{{trial}}.csv"
rate = 50
skip = 1
{SENSORS}
[label_file]
files = "L{{scene}}_S{{subject}}_R{{trial}}_labels.csv"
columns = ["label"]
skip = 1
[labels]
2 = "WALKING"
1 = "STANDING"
7 = ""
"""


def write_by_row(folder, trial="01", n=300):
    """A recording and the labels of its rows, beside columns that are not read; its samples."""
    samples = motion(n)[1]
    name = f"L01_S07_R{trial}"
    rows = [line(i, *x) for i, x in enumerate(samples)]
    (folder / f"{name}.csv").write_text("\n".join(["Time,x,y,z,u,v,w", *rows, ""]))
    labels = ["1,0,1"] * 100 + ["2.0,1,0"] * 150 + ["7,0,0"] * (n - 250)
    (folder / f"{name}_labels.csv").write_text("\n".join(["Class,Gait,Step", *labels, ""]))
    return samples


def test_a_file_of_labels_may_have_a_row_for_each_row_of_its_recording(tmp_path):
    samples = [write_by_row(tmp_path, trial) for trial in ("01", "02")]
    found = read(tmp_path, BY_ROW).recordings
    assert [(x.subject, x.trial, x.file) for x in found] == [
        ("07", "01", "L01_S07_R01.csv"),
        ("07", "02", "L01_S07_R02.csv"),
    ]
    for x, expected in zip(found, samples, strict=True):
        assert x.samples == pytest.approx(expected, abs=1e-9)
        assert [x.label_names[i] for i in x.labels[:250]] == ["STANDING"] * 100 + ["WALKING"] * 150
        assert (x.labels[250:] == -1).all()


def test_a_table_may_have_the_label_of_each_recording(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("\n".join(line(0, *x) for x in motion(300)[1]))
    table = tmp_path / "table.txt"
    table.write_text("a walk\nb rest\nc rest\n")
    text = f"""files = "{{name}}.csv"
subject = "anna"
rate = 50
{SENSORS}
[label_file]
files = "table.txt"
columns = ["name", "label"]
"""
    found = read(tmp_path, text).recordings
    assert [(x.file, x.found_labels) for x in found] == [("a.csv", ("walk",)), ("b.csv", ("rest",))]
    assert all((x.labels >= 0).all() for x in found)
    table.write_text("a walk\nb rest\na rest\n")
    with pytest.raises(InputError, match=r"table\.txt: the label"):
        read(tmp_path, text)
    table.write_text("a go upstairs\nb  go\n")
    assert [x.found_labels for x in read(tmp_path, text).recordings] == [("go upstairs",), ("go",)]


def test_rows_without_a_label_count_among_the_labels_of_rows(tmp_path):
    write_by_row(tmp_path)
    path = tmp_path / "L01_S07_R01_labels.csv"
    heading, *labels = path.read_text().splitlines()
    path.write_text("\n".join([heading, *[""] * 25, *[",,"] * 25, *labels[50:], "", "", ""]))
    (found,) = read(tmp_path, BY_ROW).recordings
    assert found.labels[:250].tolist() == [-1] * 50 + [1] * 50 + [0] * 150
    path.write_text(f"{heading}\n\n")
    with pytest.raises(InputError, match=r"R01\.csv has 300 rows, and .*R01_labels\.csv 0 labels"):
        read(tmp_path, BY_ROW)


def test_devices_worn_at_once_may_share_the_labels_of_their_rows(tmp_path):
    samples = write_by_row(tmp_path)
    recorded = (tmp_path / "L01_S07_R01.csv").rename(tmp_path / "L01_S07_R01_hand.csv")
    other = [line(i, *x) for i, x in enumerate(samples[::-1])]
    (tmp_path / "L01_S07_R01_foot.csv").write_text("\n".join(["Time,x,y,z,u,v,w", *other]))
    text = BY_ROW.replace('_R{trial}.csv"', '_R{trial}_{placement}.csv"')
    found = read(tmp_path, text).recordings
    assert [x.mounting.placement for x in found] == ["foot", "hand"]
    assert found[0].labels.tolist() == found[1].labels.tolist() == [1] * 100 + [0] * 150 + [-1] * 50
    assert found[0].samples == pytest.approx(samples[::-1], abs=1e-9)
    recorded.write_text(recorded.read_text().rsplit("\n", 3)[0])
    with pytest.raises(InputError, match=r"R01_hand\.csv has 298 rows, and .*R01_labels\.csv 300 labels"):
        read(tmp_path, text)


def test_comments_are_left_out_of_files_of_labels_too(tmp_path):
    write_by_row(tmp_path)
    path = tmp_path / "L01_S07_R01_labels.csv"
    heading, *labels = path.read_text().splitlines()
    path.write_text("\n".join([heading, "# made; by hand", *labels[:50], " # again", *labels[50:]]))
    (found,) = read(tmp_path, 'comments = "#"\n' + BY_ROW).recordings
    assert found.labels.tolist() == [1] * 100 + [0] * 150 + [-1] * 50


def test_labels_of_rows_are_of_those_of_acceleration_where_rotation_has_a_file_of_its_own(tmp_path):
    seconds, samples = motion(300)
    for sensor, rows, columns in (("acc", slice(None), slice(3)), ("gyro", slice(None, None, 2), slice(3, 6))):
        lines = [line(t, *x) for t, x in zip(seconds[rows], samples[rows, columns], strict=True)]
        (tmp_path / f"{sensor}_7.csv").write_text("\n".join(lines))
    labels = ["walk"] * 100 + ["rest"] * 200
    (tmp_path / "labels_7.csv").write_text("\n".join(labels))
    sensors = SENSORS.replace("[5, 6, 7]", "[2, 3, 4]")
    sensors = sensors.replace("[acceleration]", '[acceleration]\nsensor = "acc"')
    sensors = sensors.replace("[rotation]", '[rotation]\nsensor = "gyro"')
    text = f"""files = "{{sensor}}_{{subject}}.csv"
[time]
column = 1
unit = "s"
{sensors}
[label_file]
files = "labels_{{subject}}.csv"
columns = ["label"]
"""
    (found,) = read(tmp_path, text).recordings
    assert len(found.labels) >= 298  # rotation ends a row before acceleration
    assert [found.label_names[i] for i in found.labels] == labels[: len(found.labels)]


@pytest.mark.parametrize("has_labels", [True, False])
def test_files_of_labels_may_be_in_a_zip_or_beside_one_of_recordings(tmp_path, has_labels):
    """Beside one they fit files above all tables too, as trial 01_labels, and are no recordings all the same."""
    samples = write_by_row(tmp_path)
    packed = [x for x in tmp_path.iterdir() if has_labels or "labels" not in x.name]
    content = zipped({x.name: x.read_text() for x in packed})
    for x in packed:
        x.unlink()
    archive = tmp_path / "recordings.zip"
    archive.write_bytes(content)
    (found,) = read(archive if has_labels else tmp_path, BY_ROW).recordings
    assert found.samples == pytest.approx(samples, abs=1e-9)
    assert found.labels.tolist() == [1] * 100 + [0] * 150 + [-1] * 50


def test_rows_that_are_left_out_leave_their_labels_out(tmp_path):
    write_by_row(tmp_path)
    path = tmp_path / "L01_S07_R01.csv"
    lines = path.read_text().splitlines()
    lines[51:101] = [x.replace(x.split(",")[1], "NaN", 1) for x in lines[51:101]]  # rows 50 to 99
    path.write_text("\n".join(lines))
    found = read(tmp_path, 'bad_rows = "leave out"\n' + BY_ROW)
    assert (found.recordings[0].labels[:200] == [1] * 50 + [0] * 150).all()
    assert found.rows_left_out == 50


@pytest.mark.parametrize(
    ("old", "new", "noun"),
    [
        ('columns = ["label"]\nskip = 1', 'columns = ["label"]', r"R01\.csv has 300 rows, and .*R01_labels\.csv 301"),
        ('_R{trial}_labels.csv"', '_R{trial}.csv"', "no files like"),
        ('_labels.csv"', '_classes.csv"', "no labels in files like"),
        ('["label"]', '["label", "start"]', "label_file.columns"),
        ('["label"]', '["label", "label"]', "label_file.columns"),
        ('["label"]', '["scene"]', "label_file.columns"),
        ('["label"]', '["who", "label"]', "label_file.columns"),
        ('["label"]', '["label"]\nunit = "parsecs"', "label_file.unit"),
        ('["label"]', '["", "", "", "label"]', r"R01_labels\.csv, line 2: 3 fields"),
        ('["label"]', '["label", "start", "end"]\nunit = "samples"', r"R01_labels\.csv, line"),
        ("_labels.csv", "_labels.csv\x1b", "mine.toml"),
        ("2 = ", "3 = ", r"'2\.0'"),
    ],
)
def test_what_is_wrong_with_labels_of_rows_is_said(tmp_path, old, new, noun):
    for trial in ("01", "02"):
        write_by_row(tmp_path, trial)
    assert old in BY_ROW
    with pytest.raises(InputError, match=noun):
        read(tmp_path, BY_ROW.replace(old, new, 1))


@pytest.mark.parametrize(
    ("row", "noun"),
    [
        ("1,EVIL\x1b[2Jx,1,300", "control character"),
        ("1,walk,0.5,4.5", r"labels\.txt, line 1: .*unit"),
        ("1,walk,one,300", r"labels\.txt, line 1"),
        ("1,walk,300,1", r"labels\.txt, line 1"),
        ("1,walk,1", r"labels\.txt, line 1: 3 fields"),
        ("1,walk,nan,3", r"labels\.txt, line 1"),
    ],
)
def test_a_row_that_is_no_label_is_named(tmp_path, row, noun):
    (tmp_path / "1.csv").write_text("\n".join(line(0, *x) for x in motion(300)[1]))
    (tmp_path / "labels.txt").write_text(f"{row}\n")
    text = f'files = "{{subject}}.csv"\nrate = 50\n{SENSORS}\n[label_file]\nfiles = "labels.txt"\n'
    with pytest.raises(InputError, match=noun):
        read(tmp_path, text + 'columns = ["subject", "label", "start", "end"]\n')
    (tmp_path / "labels.txt").write_text("0" * 5000 + "1,walk,1,300\n")
    assert read(tmp_path, text + 'columns = ["subject", "label", "start", "end"]\n').recordings[0].classes == ("walk",)
