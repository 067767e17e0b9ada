"""Labels in files of their own: of stretches, of each row of a recording, or of a whole one."""

import numpy as np
import pytest
from described_recordings import BY_ROW, OF_STRETCHES, read, rows, sensors, write_by_row
from written_recordings import motion

from edge_runtime.errors import InputError

LABELS = "L01_S07_R01_labels.csv"
LABELLED = [1] * 100 + [0] * 150 + [-1] * 50  # the rows of `write_by_row`


@pytest.mark.parametrize(("unit", "factor"), [("samples", 1.0), ("s", 0.02)])
def test_labels_may_be_in_a_file_of_their_own(tmp_path, unit, factor):
    seconds, samples = motion(400)
    for sensor, columns in (("acc", slice(3)), ("gyro", slice(3, 6))):
        lines = rows(samples[:, columns], " ", times=seconds)
        (tmp_path / f"{sensor}_exp01_user02.txt").write_text("\n".join(lines))
    shift = unit != "samples"  # samples count from 1, times from 0
    ranges = [(1, 2, 5, 51, 200), (1, 2, 7, 201, 220), (9, 2, 5, 300, 400)]  # the last of no recording
    lines = [" ".join(map(str, (*range_[:3], *((y - shift) * factor for y in range_[3:])))) for range_ in ranges]
    (tmp_path / "labels.txt").write_text("\n".join(["made by hand", *lines, ""]))
    clock = "rate = 50\n" if unit == "samples" else '[time]\ncolumn = 1\nunit = "s"\n'
    text = f"""files = "{{sensor}}_exp{{exp}}_user{{subject}}.txt"
{clock}{sensors(2, names=("acc", "gyro"))}
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
    assert recording.labels.tolist() == [-1] * 50 + [0] * 150 + [1] * 20 + [-1] * 180
    assert recording.label_names == ("STANDING", "stand_to_sit")
    (tmp_path / "labels.txt").write_text("\n1 2 5 500 600")
    assert read(tmp_path, text).without_labels == ["acc_exp01_user02.txt"]


@pytest.mark.parametrize(
    ("clock", "unit", "first", "last"),
    [
        ("ms", "date", "2025-06-01 09:00:02", "2025-06-01T11:00:05+02:00"),
        ("ms", "%d.%m.%Y %H:%M:%S", "01.06.2025 09:00:02", "01.06.2025 09:00:05"),
        ("ms", "%d %b %Y %H:%M:%S %z", "01 Jun 2025 09:00:02 +0000", "01 Jun 2025 11:00:05 +0200"),
        ("%H:%M:%S.%f", "%I:%M:%S %p", "09:00:02 AM", "09:00:05 AM"),
        ("date", "date", "09:00:02", "09:00:05"),
    ],
)
def test_labels_of_a_diary_may_have_dates_and_times_of_day_however_they_are_written(tmp_path, clock, unit, first, last):
    seconds, samples = motion(400)
    times = [1748768400000 + 1000 * t if clock == "ms" else f"09:00:{t:09.6f}" for t in seconds]  # from 9:00 on
    (tmp_path / "a.csv").write_text("\n".join(rows(samples, times=times)))
    (tmp_path / "labels.txt").write_text(f"a,walk,{first},{last}\n")
    text = OF_STRETCHES.replace(sensors(), sensors(2)).replace("rate = 50", f'[time]\ncolumn = 1\nunit = "{clock}"')
    (recording,) = read(tmp_path, f'{text}unit = "{unit}"\n').recordings
    assert np.flatnonzero(recording.labels == 0).tolist() == list(range(100, 251))
    with pytest.raises(InputError, match=r"labels\.txt, line 1"):
        read(tmp_path, text + 'unit = "s"')


def test_a_table_may_have_the_label_of_each_recording(tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("\n".join(rows(motion(300)[1])))
    table = tmp_path / "labels.txt"
    table.write_text("a go upstairs\nb  rest\nc rest\n")
    text = 'subject = "anna"\n' + OF_STRETCHES.replace("{subject}", "{name}")
    text = text.replace('["subject", "label", "start", "end"]', '["name", "label"]')
    recordings = read(tmp_path, text).recordings
    assert [(recording.file, recording.found_labels) for recording in recordings] == [
        ("a.csv", ("go upstairs",)),
        ("b.csv", ("rest",)),
    ]
    assert all((recording.labels >= 0).all() for recording in recordings)
    table.write_text("a walk\nb rest\na rest\n")
    with pytest.raises(InputError, match=r"labels\.txt: "):
        read(tmp_path, text)


def test_a_file_of_labels_may_have_a_row_for_each_row_of_its_recording(tmp_path):
    samples = [write_by_row(tmp_path, trial) for trial in ("01", "02")]
    recordings = read(tmp_path, BY_ROW).recordings
    assert [(recording.subject, recording.trial, recording.file) for recording in recordings] == [
        ("07", "01", "L01_S07_R01.csv"),
        ("07", "02", "L01_S07_R02.csv"),
    ]
    assert recordings[0].label_names == ("WALKING", "STANDING")
    for x, expected in zip(recordings, samples, strict=True):
        assert x.samples == pytest.approx(expected, abs=1e-9)
        assert x.labels.tolist() == LABELLED


def test_rows_without_a_label_count_among_the_labels_of_rows_and_comments_do_not(tmp_path):
    write_by_row(tmp_path)
    heading, *labels = (tmp_path / LABELS).read_text().splitlines()
    kept = [*[""] * 25, *[",,"] * 25, *labels[50:70], " # made; by hand", *labels[70:]]
    (tmp_path / LABELS).write_text("\n".join([heading, *kept, "", "", ""]))
    (recording,) = read(tmp_path, 'comments = "#"\n' + BY_ROW).recordings
    assert recording.labels.tolist() == [-1] * 50 + LABELLED[50:]


def test_devices_worn_at_once_may_share_the_labels_of_their_rows(tmp_path):
    samples = write_by_row(tmp_path)
    (tmp_path / "L01_S07_R01.csv").rename(tmp_path / "L01_S07_R01_hand.csv")
    other = rows(samples[::-1], times=range(300))
    (tmp_path / "L01_S07_R01_foot.csv").write_text("\n".join(["Time,x,y,z,u,v,w", *other]))
    recordings = read(tmp_path, BY_ROW.replace('_R{trial}.csv"', '_R{trial}_{placement}.csv"')).recordings
    assert [(recording.mounting.placement, recording.labels.tolist()) for recording in recordings] == [
        ("foot", LABELLED),
        ("hand", LABELLED),
    ]
    assert recordings[0].samples == pytest.approx(samples[::-1], abs=1e-9)


def test_rows_that_are_left_out_leave_their_labels_out(tmp_path):
    write_by_row(tmp_path)
    path = tmp_path / "L01_S07_R01.csv"
    lines = path.read_text().splitlines()
    lines[51:101] = [line.replace(line.split(",")[1], "NaN", 1) for line in lines[51:101]]  # rows 50 to 99
    path.write_text("\n".join(lines))
    facts = read(tmp_path, 'bad_rows = "leave out"\n' + BY_ROW)
    assert facts.recordings[0].labels[:200].tolist() == [1] * 50 + [0] * 150
    assert facts.rows_left_out == 50
