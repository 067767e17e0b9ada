"""Files are read as a layout says: their form, units, clocks and sensors."""

import zipfile
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from described_recordings import LAYOUT, layout, rows, sensors, write_layout, write_tree
from written_recordings import HEADER, motion, on_grid, write_subjects, zipped

from edge_runtime.data import loading
from edge_runtime.data.recordings import read_recordings
from edge_runtime.errors import InputError

ONE = 'files = "{subject}.txt"\nlabel = "walk"\n'
PLAIN = f"{ONE}rate = 50\n{sensors()}"
TIMED = f'{ONE}[time]\ncolumn = 1\nunit = "s"\n{sensors(2)}'
BY_SENSOR = f"""
files = "{{sensor}}/{{subject}}.txt"
label = "walk"
[time]
column = 1
unit = "ms"
disorder = "new recording"
{sensors(2, names=("acc", "gyro"))}"""
SECONDS, SAMPLES = motion(300)


def written(folder, text, lines, name="a.txt", encoding="utf-8"):
    """What is found in a file of these lines by a layout."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(lines), encoding=encoding)
    return read_recordings(folder, layout(text))


@pytest.mark.parametrize("as_zip", [False, True])
def test_a_folder_or_a_zip_is_read_as_the_layout_says(tmp_path, as_zip):
    data = write_tree(tmp_path / "data")
    if as_zip:
        with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
            for x in data.rglob("*.csv"):
                archive.write(x, f"around/it/{x.relative_to(data)}")
            archive.writestr("__MACOSX/around/._1_1.csv", "nothing")
        data = tmp_path / "data.zip"
    source = f"{write_layout(tmp_path, LAYOUT)}={data}"
    found = loading.load_recordings(source)
    assert len(found) == 9
    assert (found[0].label_names, found[0].classes) == (("WALKING", "SITTING", "fetching"), ("WALKING", "SITTING"))
    assert {x.subject for x in found} == {"1", "2", "10"}
    assert all(x.samples == pytest.approx(SAMPLES, abs=1e-9) for x in found if x.subject == "1")
    windows = loading.load_data(source)
    assert (windows.name, windows.labels) == ("mine", ("WALKING", "SITTING"))
    assert set(windows.test.subject.tolist()) == {"10"}
    assert len(windows.train) == 2 * 2 * 3


def test_mountings_are_one_for_each_person_unless_each_file_is_one(tmp_path):
    data = write_tree(tmp_path / "data")
    for text, n in ((LAYOUT, 3), ('mounting = "each file"\nplacement = "chest"\n' + LAYOUT, 9)):
        loaded = loading.load_data(f"{write_layout(tmp_path, text)}={data}")
        assert (len(loaded.mountings), {x.source for x in loaded.mountings}) == (n, {"mine"})
        for split in (loaded.train, loaded.test):
            for number in np.unique(split.mounting):
                assert len(set(split.subject[split.mounting == number])) == 1
    assert {x.placement for x in loaded.mountings} == {"chest"}


FORMS = {
    "semicolons and decimal commas": ('separator = ";"', lambda x: [y.replace(".", ",") for y in rows(x, ";")]),
    "a semicolon behind each row": ('line_end = ";"', lambda x: rows(x, ",", ";")),
    "tabs": ('separator = "tab"', lambda x: rows(x, "\t")),
    "blanks": ('separator = "blanks"', lambda x: [f"  {y}" for y in rows(x, "   ")]),
    "a heading": ("skip = 2", lambda x: ["made by hand", "x,y", *rows(x)]),
    "comments": ('comments = ["#", "@"]', lambda x: ["# made", "@DATA", *rows(x)]),
    "another encoding": ('encoding = "utf-16"', lambda x: rows(x)),
    "broken rows": ('bad_rows = "leave out"', lambda x: [*rows(x), "1,2", "1,2,3,4,x,6", "1,2,3,4,nan,6", ""]),
}


@pytest.mark.parametrize(("line", "lines"), FORMS.values(), ids=FORMS)
def test_files_of_any_form_give_the_same_recording(tmp_path, line, lines):
    found = written(tmp_path, line + "\n" + PLAIN, lines(SAMPLES), encoding="utf-16" if "16" in line else "utf-8")
    assert found.recordings[0].samples == pytest.approx(SAMPLES, abs=1e-12)
    assert found.rows_left_out == 3 * ("bad_rows" in line)


def test_an_empty_first_or_last_cell_between_tabs_stays_one(tmp_path):
    lines = [f"\t{x}\t; \r" for x in rows(SAMPLES, "\t")]
    text = f'line_end = ";"\nbad_rows = "leave out"\n{ONE}rate = 50\n{sensors(2)}'
    found = written(tmp_path, text, lines)
    assert (len(found.recordings[0].samples), found.rows_left_out) == (300, 0)


def test_a_layout_of_the_same_files_gives_the_recordings_that_the_header_gives(tmp_path):
    write_subjects(tmp_path, "abc")
    names = HEADER.split(",")
    text = 'files = "*.csv"\nsubject = { column = "subject" }\nlabel = { column = "label" }\n'
    text += f'[time]\ncolumn = "{names[0]}"\nunit = "s"\n[acceleration]\ncolumns = {names[1:4]}\nunit = "g"\n'
    text += f'[rotation]\ncolumns = {names[4:7]}\nunit = "rad/s"\n'
    plain, described = loading.load_data(tmp_path), loading.load_data(f"{write_layout(tmp_path, text)}={tmp_path}")
    assert described.fingerprint == plain.fingerprint
    assert [x.name for x in plain.mountings] == [x.name for x in described.mountings] == list("abc")


@pytest.mark.parametrize(("offset", "added"), [("-2048", [2048] * 3), ("[-2048, -2000.5, 0]", [2048, 2000.5, 0])])
def test_counts_are_summed_offset_scaled_and_turned(tmp_path, offset, added):
    """0.0025 g a count in two columns each, of the wrong sign; rotation in deg/s, a quarter of a degree a count."""
    counts = -400 * SAMPLES[:, :3] + added
    counts = np.concatenate([counts * 0.25, counts * 0.75, np.rad2deg(SAMPLES[:, 3:]) * 4], axis=1)
    more = f"[[1, 4], [2, 5], [3, 6]]\nscale = 0.0025\nsign = -1\noffset = {offset}"
    text = PLAIN.replace("[1, 2, 3]", more).replace("[4, 5, 6]", "[7, 8, 9]\nscale = 0.25").replace("rad/s", "deg/s")
    assert written(tmp_path, text, rows(counts)).recordings[0].samples == pytest.approx(SAMPLES, abs=1e-9)


def test_files_of_one_sensor_each_are_joined_by_time_and_begin_anew_where_it_goes_back(tmp_path):
    seconds, samples = motion(400)
    turned = np.stack([np.interp(seconds + 0.003, seconds, x) for x in samples[:, 3:].T], axis=1)
    times = 1e12 + 1000 * seconds
    for sensor, values, shift in (("acc", samples[:, :3], 0.0), ("gyro", turned, 3.0), ("ori", samples[:, 3:], 0.0)):
        (tmp_path / sensor).mkdir()
        lines = rows(values, times=times + shift)
        # the second half was recorded first; one row came twice
        (tmp_path / sensor / "a.txt").write_text("\n".join([*lines[200:], *lines[:100], lines[99], *lines[100:200]]))
    found = written(tmp_path, BY_SENSOR, rows(samples[:, :3], times=times), "acc/b.txt")
    assert [len(x.samples) for x in found.recordings] == [200, 199]
    assert (found.set_back, found.without_rotation) == (1, ["acc/b.txt"])
    assert found.recordings[0].samples[:, :3] == pytest.approx(samples[200:, :3], abs=1e-6)
    assert found.recordings[0].samples[5:-5, 3:] == pytest.approx(samples[205:395, 3:], abs=1e-2)


def test_sensors_of_their_own_files_have_to_meet(tmp_path):
    (tmp_path / "gyro").mkdir()
    (tmp_path / "gyro/a.txt").write_text("\n".join(rows(SAMPLES[:, 3:], times=1e13 + 1000 * SECONDS)))
    with pytest.raises(InputError, match=r"acc/a\.txt"):
        written(tmp_path, BY_SENSOR, rows(SAMPLES[:, :3], times=1e12 + 1000 * SECONDS), "acc/a.txt")


def test_rows_may_each_be_of_one_sensor_that_a_column_names(tmp_path):
    lines = ["% made by hand", "t;x;y;z;kind;id"]
    for t, x in zip(SECONDS, SAMPLES, strict=True):
        for kind, values in (("acc", x[:3]), ("gyro", x[3:]), ("mag", [9, 9, 9])):
            lines += rows([values, [7, 7, 7]], ";", times=[t, t], more=[(kind, kind), ("2", "0")])
    text = f'{ONE}comments = ["%"]\nsensor = {{ column = "kind" }}\nwhere = {{ id = 2 }}\n[time]\ncolumn = "t"\n'
    text += f'unit = "s"\n{sensors(2, names=("acc", "gyro"))}'
    assert written(tmp_path, text, lines).recordings[0].samples == pytest.approx(SAMPLES, abs=1e-9)
    with pytest.raises(InputError, match=r"a\.txt"):
        written(tmp_path, text.replace("id = 2", 'id = "3"'), lines)


def test_one_file_may_hold_several_people_where_the_layout_allows_it(tmp_path):
    lines = rows(SAMPLES, more=[["a"] * 150 + ["b"] * 150])
    text = PLAIN.replace("{subject}", "*")
    several = written(tmp_path, "subject = { column = 7, several = true }\n" + text, lines).recordings
    assert [(x.subject, len(x.samples)) for x in several] == [("a", 150), ("b", 150)]
    with pytest.raises(InputError, match=r"a\.txt, line 151: .*subject"):
        written(tmp_path, "subject = { column = 7 }\n" + text, lines)


def test_times_of_delivery_of_a_steady_sensor_are_evened_out(tmp_path):
    seconds, samples = motion(600, rate=100)
    delivered = np.floor(seconds / 0.05) * 0.05  # five at once
    text = TIMED.replace('"s"', '"s"\nsteady = true', 1)
    (recording,) = written(tmp_path, text, rows(samples, times=delivered)).recordings
    expected = on_grid(seconds, samples, len(recording.samples))
    assert recording.samples[10:-10] == pytest.approx(expected[10:-10], abs=0.02)


@pytest.mark.parametrize("unit", ["date", "%d/%m/%Y %H:%M:%S.%f"])
def test_times_may_be_dates(tmp_path, unit):
    begin = datetime(2019, 1, 12, 23, 59, 58, tzinfo=UTC)
    form = "%Y-%m-%d %H:%M:%S.%f" if unit == "date" else unit
    lines = rows(SAMPLES, times=[(begin + timedelta(seconds=t)).strftime(form) for t in SECONDS])
    (found,) = written(tmp_path, TIMED.replace('unit = "s"', f'unit = "{unit}"'), lines).recordings
    assert found.samples == pytest.approx(SAMPLES, abs=1e-4)
    with pytest.raises(InputError, match=r"a\.txt, line 1: .*unit"):
        written(tmp_path, TIMED, lines)


def test_files_without_samples_are_left_out_with_bad_rows_and_named(tmp_path):
    data = write_tree(tmp_path / "data")
    for name, content in (("1_1", "x,y,z,u,v,w\nnan\n"), ("2_1", ""), ("10_1", "x,y,z,u,v,w\n")):
        (data / "walk" / f"{name}.csv").write_text(content)
    found = read_recordings(data, layout('bad_rows = "leave out"\n' + LAYOUT))
    assert found.without_samples == ["walk/1_1.csv", "walk/2_1.csv", "walk/10_1.csv"]
    assert len(found.recordings) == 6


def test_zips_in_folders_and_in_zips_are_looked_into_and_patterns_tried_in_turn(tmp_path):
    content = "\n".join(rows(SAMPLES))
    inner = {
        "p1/walk_csv.zip": zipped({"walk_waist.csv": content, "readMe": "x"}),
        "p1/climb_csv.zip": zipped({"climb_2_csv.zip": zipped({"climb_2_waist.csv": content})}),
        "__MACOSX/p1/._walk_csv.zip": b"nothing",
    }
    for name, data in inner.items():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    (tmp_path / "data.zip").write_bytes(zipped({f"around/{name}": data for name, data in inner.items()}))
    text = 'files = ["p{subject}/**/{label}_{trial}_{placement}.csv", "p{subject}/**/{label}_{placement}.csv"]\n'
    described = layout(f"{text}rate = 50\n{sensors()}")
    for place in ("data", "data.zip"):
        found = read_recordings(tmp_path / place, described).recordings
        assert [(x.subject, x.label_names[x.labels[0]], x.mounting.placement) for x in found] == [
            ("1", "climb", "waist"),
            ("1", "walk", "waist"),
        ]
        assert found[0].samples == pytest.approx(SAMPLES, abs=1e-9)
    (tmp_path / "data/p1/broken.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(InputError, match=r"data/p1/broken\.zip"):
        read_recordings(tmp_path / "data", described)


def test_the_folder_around_all_files_of_a_zip_may_be_their_label_and_hidden_ones_are_none(tmp_path):
    path, content = tmp_path / "data.zip", "\n".join(rows(SAMPLES))
    path.write_bytes(zipped({"walk/1.csv": content, "walk/.git/2.csv": content, "walk/__MACOSX/3.csv": content}))
    for text, label in (
        ('files = "{label}/{subject}.csv"', "walk"),
        ('files = "/{subject}.csv"\nlabel = "sit"', "sit"),
    ):
        found = read_recordings(path, layout(f"{text}\nrate = 50\n{sensors()}")).recordings
        assert [(x.subject, x.classes) for x in found] == [("1", (label,))]
