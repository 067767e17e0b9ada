"""Check that files in another form than their layout says are named, with the line that mends it."""

import gzip
import zipfile

import numpy as np
import pytest
from described_recordings import LAYOUT, layout, rows, write_layout, write_tree
from written_recordings import motion

from edge_runtime.data import file_tree, loading, recording_files
from edge_runtime.errors import InputError


@pytest.mark.parametrize(
    ("head", "old", "new", "says"),
    [
        ("x,x,z,u,v,w", "", "", r"has the column 'x' twice; give its number instead, .*two lines .* skip = 2"),
        ("#x,y,z,u,v,w", "", "", r"no column 'x'; its header names '#x', .*: write '#x', or skip that line"),
        ("#made\nby,hand\nx,y,z,u,v,w", "", "", r"no column 'x'; .*; line 3 has it: write skip = 2 in the layout"),
        ("x_axis,y,z,u,v,w", '"x"', '"xaxis"', r"no column 'xaxis'; .* 'w': perhaps 'x_axis'$"),
        ("rt_x,rt_y,rt_z,u,v,w", '["x", "y"', '["rt_x", "RT _Y"', r"no column 'RT _Y'; .*: perhaps 'rt_y'$"),
        (
            f"x,y,z,u,v,w,{','.join(f'c{i}' for i in range(32))},act",
            *("rate = 50\n", 'rate = 50\nplacement = { column = "activity" }\n'),
            r"no column 'activity'; .*, 'c5' and 27 more: perhaps 'act'$",
        ),
        ("", "", "", r"no column 'x'; its header names .*, which are numbers: see that comments and skip"),
        ("x,y,z,u,v,w\ng,g,g,deg,deg,deg", "", "", r"line 2: .*second line of the header, .* skip = 2, in the layout"),
        (
            "a\nx,y,z,u,v,w",
            *('["x", "y", "z"]', "[1, 2, 3]"),
            "line 2: .*if it is a heading, write skip = 2 in the layout",
        ),
        ("a\nx,y,z", '["x", "y", "z"]', "[1, 2, 3]", "line 2: 3 fields instead of 6: .*skip = 2 for a heading"),
        (
            "x,y,z,u,v,w",
            *("rate = 50\n", 'rate = 50\nplacement = { column = "y" }\n'),
            "column 2 is read as placement and as numbers of a sensor by mine.toml",
        ),
        (
            "x,y,z,u,v,w",
            *('["x", "y", "z"]', '["x", "y", "y"]'),
            r"column 2, 'y', is read twice by columns under \[acceleration\] of mine.toml: give x, y and z a col",
        ),
        (
            "x,y,z,u,v,w",
            *('["u", "v", "w"]', '["u", ["v", "w"], "w"]'),
            r"column 6, 'w', is read twice by columns under \[rotation\] of mine.toml: give x, y and z a column each",
        ),
        (
            "x,y,z,u,v,w",
            *('["u", "v", "w"]', '["x", "y", "z"]'),
            r"column 1, 'x', is read twice by columns under \[acceleration\] and \[rotation\] of mine.toml: give",
        ),
        (
            "x,y,z,u,v,w",
            *("[labels]", "[placements]\nhand = 0\nfoot = 2\n\n[labels]"),
            r"column 3 is of 'hand' and of 'foot' by \[placements\] of mine.toml",
        ),
        (
            "x,y,z,u,v,w",
            *("[labels]", "[placements]\nhand = 0\nfoot = 0\n\n[labels]"),
            r"column 1 is of 'hand' and of 'foot' by \[placements\] of mine.toml",
        ),
    ],
)
def test_columns_and_headers_that_do_not_fit_are_said_with_what_mends_it(tmp_path, head, old, new, says):
    (tmp_path / "walk").mkdir()
    lines = [*head.splitlines(), *rows(motion(100)[1])]
    (tmp_path / "walk" / "1_1.csv").write_text("\n".join(lines))
    text = LAYOUT.replace(old, new, 1) if old else LAYOUT
    if "[1, 2, 3]" in text:
        text = "skip = 1\n" + text.replace('["u", "v", "w"]', "[4, 5, 6]")
    with pytest.raises(InputError, match=says):
        recording_files.read(tmp_path, layout(text))


BY_NUMBERS = LAYOUT.replace('["x", "y", "z"]', "[1, 2, 3]").replace('["u", "v", "w"]', "[4, 5, 6]")


def test_a_column_that_is_two_axes_by_its_number_is_said(tmp_path):
    with pytest.raises(InputError, match=r"column 1 is read twice by columns under \[acceleration\] of mine.toml"):
        recording_files.read(write_tree(tmp_path, ["walk"]), layout(BY_NUMBERS.replace("[1, 2, 3]", "[1, 2, 1]")))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (LAYOUT, "has no column 'u'; its header names 'x', 'y', 'z'; where there"),
        (LAYOUT.replace('["u", "v", "w"]', "[4, 5, 6]"), "has 3 columns, and the layout names column 4; where there"),
        ("skip = 1\n" + BY_NUMBERS, ", line 2: 3 fields instead of 6: see .*; where there"),
    ],
)
def test_a_file_without_a_gyroscope_among_others_is_said_with_what_mends_it(tmp_path, text, says):
    folder = write_tree(tmp_path, ["walk"])
    (folder / "walk" / "2_1.csv").write_text("\n".join(["x,y,z", *rows(motion(100)[1][:, :3])]))
    mend = r" is no gyroscope leave out \[rotation\].*, or this file$"
    with pytest.raises(InputError, match=rf"2_1.csv ?{says}{mend}"):
        recording_files.read(folder, layout(text))


@pytest.mark.parametrize(
    ("line", "written", "says"),
    [
        (1, lambda x: f"{x};", r'line 2: .*;\' is no number; write line_end = ";" in the layout'),
        (3, lambda x: "nan", r'line 4: 1 field instead of 6; leave out .* bad_rows = "leave out"'),
        (0, lambda x: "nan", r"line 1: 1 field instead of 6: see separator, columns by their numbers"),
    ],
)
def test_rows_that_do_not_fit_are_said_with_what_mends_them(tmp_path, line, written, says):
    (tmp_path / "walk").mkdir()
    lines = rows(motion(100)[1])
    lines[line] = written(lines[line])
    (tmp_path / "walk" / "1_1.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=says):
        recording_files.read(tmp_path, layout(BY_NUMBERS))


@pytest.mark.parametrize(
    ("header", "begin", "end", "says"),
    [
        ("x,y,z,u,v,w", "", ",", r'line 2: 7 fields instead of the header\'s 6, as in all rows; write line_end = ","'),
        ("x,y,z,u,v,w,", "", "", r'line 2: 6 fields instead of the header\'s 7, as in all rows; write line_end = ","'),
        ("x,y,z,u,v,w", "1,", "", r"line 2: 7 fields .*, as in all rows; give columns by their numbers, and skip = 1"),
    ],
)
def test_a_header_of_another_length_than_all_rows_is_said(tmp_path, header, begin, end, says):
    (tmp_path / "walk").mkdir()
    samples = motion(100)[1]
    lines = [f"{begin}{x}{end}" for x in rows(samples)]
    (tmp_path / "walk" / "1_1.csv").write_text("\n".join([header, *lines]))
    for leaving in ("", 'bad_rows = "leave out"\n'):
        with pytest.raises(InputError, match=says):
            recording_files.read(tmp_path, layout(leaving + LAYOUT))
    mended = 'line_end = ","\n' + LAYOUT
    if begin:
        mended = "skip = 1\n" + LAYOUT.replace('["x", "y", "z"]', "[2, 3, 4]").replace('["u", "v", "w"]', "[5, 6, 7]")
    (found,) = recording_files.read(tmp_path, layout(mended)).recordings
    assert found.samples[:, :3] == pytest.approx(samples[:, :3], abs=1e-12)


def test_counts_without_a_scale_are_said_with_the_one_by_which_gravity_has_its_size(tmp_path):
    data = write_tree(tmp_path / "data")
    by_counts = LAYOUT.replace('unit = "g"', 'unit = "g"\nscale = 1000')
    size = np.median(np.linalg.norm(motion(300, 0)[1][:, :3], axis=1))
    mend = rf"counts: multiply scale under \[acceleration\] .* by about {1 / size / 1000:.2g}, by which gravity has 1 g"
    with pytest.raises(InputError, match=mend):
        recording_files.read(data, layout(by_counts))
    path = data / "walk" / "1_1.csv"
    path.write_text(path.read_text() + "900,0,0,0,0,0\n")
    with pytest.raises(
        InputError, match=r"'x' is 900 g, .*; check its unit, scale and offset .* or leave out such rows"
    ):
        recording_files.read(data, layout())


def test_files_without_samples_are_left_out_with_bad_rows_and_named(tmp_path):
    data = write_tree(tmp_path / "data")
    for name, content in (("1_1", "nan\n"), ("2_1", ""), ("10_1", "x,y,z,u,v,w\n")):
        (data / "walk" / f"{name}.csv").write_text(content)
    leaving = 'bad_rows = "leave out"\n' + LAYOUT
    (data / "walk" / "1_1.csv").write_text("x,y,z,u,v,w\nnan\n")
    found = recording_files.read(data, layout(leaving))
    assert found.without_samples == ("walk/1_1.csv", "walk/2_1.csv", "walk/10_1.csv")
    assert len(found.recordings) == 6
    with pytest.raises(InputError, match=r"walk/1_1\.csv, line 2: 1 field instead of the header's 6; leave out rows"):
        recording_files.read(data, layout())
    for path in data.rglob("*.csv"):
        path.write_text("nan\n" * 9)
    by_numbers = 'bad_rows = "leave out"\n' + BY_NUMBERS
    with pytest.raises(InputError, match=r"fetch/1_1\.csv, line 1: 1 field instead of 6: see separator"):
        recording_files.read(data, layout(by_numbers))


def test_notes_beside_recordings_of_columns_by_number_are_passed_over(tmp_path):
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "1_1.csv").write_text("\n".join(rows(motion(100)[1])))
    (tmp_path / "walk" / "1_2.csv").write_text("She stopped,\nand then went on, for 3, 4 or 5 minutes.\n")
    assert recording_files.read(tmp_path, layout(BY_NUMBERS)).without_samples == ("walk/1_2.csv",)
    for row in ("1,2,3,4,5", "1.,2.,3.,4.,5.", "nan,nan,nan,nan,nan", "0.1,0.2,0.3,walk,1"):
        for n in (1, 2):
            (tmp_path / "walk" / "1_2.csv").write_text(f"{row}\n" * n)
            with pytest.raises(InputError, match=r"1_2\.csv, line 1: 5 fields instead of 6"):
                recording_files.read(tmp_path, layout(BY_NUMBERS))


@pytest.mark.parametrize(
    ("times", "says"),
    [
        (np.zeros(200), r"does not move on in all rows, from '0\.0' on; .* write rate = 50 .*in place of \[time\]$"),
        (np.arange(200) // 50, r"does not move on in most rows, .* of \[time\], or steady = true under it$"),
        (np.arange(200) // 50 * 50, r"does not move on in most rows, .* write rate = 50 .*in place of \[time\]$"),
        (np.arange(200) // 5 / 10, r"does not move on in most rows, .* of \[time\], or steady = true under it$"),
    ],
    ids=["still", "seconds", "minutes", "tenths"],
)
def test_a_clock_coarser_than_samples_is_said(tmp_path, times, says):
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "1_1.csv").write_text("\n".join(["t,x,y,z,u,v,w", *rows(motion(200)[1], times=times)]))
    timed = LAYOUT.replace("rate = 50\n", '[time]\ncolumn = "t"\nunit = "s"\n')
    with pytest.raises(InputError, match=says):
        recording_files.read(tmp_path, layout(timed))
    if "steady" in says:
        steady = timed.replace('"s"', '"s"\nsteady = true')
        (found,) = recording_files.read(tmp_path, layout(steady)).recordings
        assert len(found.samples) == pytest.approx(200, abs=5)
        (tmp_path / "walk" / "1_1.csv").write_text(
            "\n".join(["t,x,y,z,u,v,w", *rows(motion(200)[1], times=np.roll(times, 100))])
        )
        with pytest.raises(InputError, match=r"line 102: the timestamp is not after that of the row before"):
            recording_files.read(tmp_path, layout(steady))
    if not times.any():
        timed = timed.replace("[time]", '[time]\ndisorder = "new recording"')
        with pytest.raises(InputError, match=r"1_1\.csv has no rows of different times, .* write rate = 50"):
            recording_files.read(tmp_path, layout(timed))


def test_rows_of_people_by_turns_that_no_time_tells_apart_are_refused(tmp_path):
    (tmp_path / "walk").mkdir()
    lines = [f"{x},{'ab'[i % 2]}" for i, x in enumerate(rows(motion(100)[1]))]
    (tmp_path / "walk" / "1.csv").write_text("\n".join(["x,y,z,u,v,w,who", *lines]))
    text = LAYOUT.replace("{subject}_{trial}", "*").replace(
        "rate", 'subject = { column = "who", several = true }\nrate'
    )
    with pytest.raises(InputError, match=r"no two rows that follow each other are of the same person.* give \[time\]"):
        recording_files.read(tmp_path, layout(text))


def test_a_wrong_unit_of_time_is_said_where_sensors_have_files_of_their_own(tmp_path):
    seconds, samples = motion(400)
    for sensor, values, shift in (("acc", samples[:, :3], 0.0), ("gyro", samples[:, 3:], 7.0)):
        lines = rows(values, times=1e12 + 1000 * seconds + shift)
        (tmp_path / f"walk_1_{sensor}.csv").write_text("\n".join(["t,x,y,z", *lines]))
    text = LAYOUT.replace("{label}/{subject}_{trial}", "{label}_{subject}_{sensor}")
    text = text.replace("rate = 50\n", '[time]\ncolumn = "t"\nunit = "s"\n').replace('"u", "v", "w"', '"x", "y", "z"')
    text = text.replace("[rotation]", 'sensor = "acc"\n[rotation]\nsensor = "gyro"')
    with pytest.raises(InputError, match=r'acc\.csv: samples are 20 s apart, .*: in a layout write unit = "ms" under'):
        recording_files.read(tmp_path, layout(text))
    text = text.replace('"s"', '"ms"')
    (tmp_path / "walk_1_gyro.csv").write_text("\n".join(["t,x,y,z", *rows(samples[:, 3:], times=1000 * seconds)]))
    with pytest.raises(InputError, match=r"walk_1_acc\.csv has no samples of the other sensor at the same times"):
        recording_files.read(tmp_path, layout(text))


def test_another_person_in_a_file_is_said_before_times_that_go_back(tmp_path):
    (tmp_path / "walk").mkdir()
    lines = [f"{x},{name}" for name in "ab" for x in rows(motion(100)[1], times=np.arange(100) / 50)]
    (tmp_path / "walk" / "1.csv").write_text("\n".join(["t,x,y,z,u,v,w,who", *lines]))
    timed = LAYOUT.replace("{subject}_{trial}", "*").replace("rate = 50\n", 'subject = { column = "who" }\n')
    timed = timed.replace("[acceleration]", '[time]\ncolumn = "t"\nunit = "s"\n[acceleration]')
    with pytest.raises(
        InputError, match=r"line 102: each row of a file needs the same subject, .*, here 'b'; .*several"
    ):
        recording_files.read(tmp_path, layout(timed))


def test_dates_as_iso_8601_has_them_need_no_text_of_strptime(tmp_path):
    lines = [f"2020-01-01 10:00:00.{i:02d}0000,{x}" for i, x in enumerate(rows(motion(100)[1]))]
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "1_1.csv").write_text("\n".join(["t,x,y,z,u,v,w", *lines]))
    timed = LAYOUT.replace("rate = 50\n", '[time]\ncolumn = "t"\nunit = "%d.%m.%Y %H:%M"\n')
    with pytest.raises(InputError, match=r'line 2: .* is no time as unit under \[time\] says: write unit = "date"'):
        recording_files.read(tmp_path, layout(timed))
    found = recording_files.read(tmp_path, layout(timed.replace("%d.%m.%Y %H:%M", "date"))).recordings
    assert len(found[0].samples) == 50


def test_files_that_gzip_has_packed_are_read_within_the_limit(tmp_path, monkeypatch):
    data = write_tree(tmp_path / "data")
    text = LAYOUT.replace(".csv", ".csv.gz")
    for x in data.rglob("*.csv"):
        x.with_suffix(".csv.gz").write_bytes(gzip.compress(x.read_bytes()))
    packed, plain = (recording_files.read(data, layout(x)).recordings for x in (text, LAYOUT))
    assert [x.samples.tolist() for x in packed] == [x.samples.tolist() for x in plain]
    path = data / "walk" / "1_1.csv.gz"
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(InputError, match=r"walk/1_1\.csv\.gz is a damaged gzip file"):
        recording_files.read(data, layout(text))
    path.write_bytes(content)
    largest = max(x.stat().st_size for x in data.rglob("*.csv.gz"))
    for limit, unpacked in ((largest, " unpacked"), (1000, "")):
        monkeypatch.setattr(file_tree, "MAX_SIZE", limit)
        with pytest.raises(
            InputError, match=rf"\.csv\.gz is larger than a recording can be \({limit:,} bytes{unpacked}\): split it"
        ):
            recording_files.read(data, layout(text))
    archive = tmp_path / "data.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("walk/1_1.csv", "1\n" * 600)
    with pytest.raises(InputError, match=r"data\.zip/walk/1_1\.csv is larger than a recording can be .* unpacked\)"):
        recording_files.read(archive, layout())
    archive.write_bytes(bytes(1001))
    for source in (archive, f"motionsense={archive}"):
        with pytest.raises(
            InputError, match=r"data\.zip is larger than a zip or a recording can be .*, and give its folder"
        ):
            loading.load_recordings(source)


def test_a_layout_without_labels_is_said_before_anything_else(tmp_path):
    data = write_tree(tmp_path / "data")
    path = write_layout(tmp_path, LAYOUT.replace("{label}", "*").replace('"z"', '"zed"'))
    with pytest.raises(
        InputError, match=r"mine\.toml: no label is read: write \{label\} in files, label = .*, or \[label_file\]"
    ):
        loading.load_data(f"{path}={data}")


def test_a_sensor_that_no_path_has_is_said_with_those_that_are_there(tmp_path):
    for sensor in ("accel", "gyro"):
        (tmp_path / f"walk_1_{sensor}.csv").write_text("\n".join(["x,y,z", *rows(motion(100)[1][:, :3])]))
    text = LAYOUT.replace("{label}/{subject}_{trial}", "{label}_{subject}_{sensor}")
    text = text.replace("[rotation]", 'sensor = "accel"\n[rotation]\nsensor = "gyros"').replace(
        '"u", "v", "w"', '"x", "y", "z"'
    )
    with pytest.raises(InputError, match=r"no path has the sensor 'gyros' of mine\.toml; .* is accel or gyro there"):
        recording_files.read(tmp_path, layout(text))


def test_comments_may_be_one_text():
    assert layout('comments = "#"\n' + LAYOUT).comments == ("#",)
