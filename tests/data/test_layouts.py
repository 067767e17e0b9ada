"""Files are read as a layout says: their form, units, clocks, sensors and people."""

import gzip
import zipfile

import numpy as np
import pytest
from described_recordings import LAYOUT, layout, rows, write_layout, write_tree
from written_recordings import HEADER, motion, on_grid, write_subjects

from edge_runtime.data import file_tree, loading, recording_checks
from edge_runtime.data.data_sources import DataSource
from edge_runtime.data.recordings import read_recordings
from edge_runtime.errors import InputError

PLAIN = """
files = "{subject}.txt"
label = "walk"
rate = 50
[acceleration]
columns = [1, 2, 3]
unit = "g"
[rotation]
columns = [4, 5, 6]
unit = "rad/s"
"""
WHOLE_SECONDS = """\
files = "{subject}.txt"
[time]
column = 1
unit = "s"
steady = true
[acceleration]
columns = [2, 3, 4]
unit = "g"
[rotation]
columns = [5, 6, 7]
unit = "rad/s"
"""
BY_SENSOR = """
files = "{sensor}/{subject}.txt"
label = "walk"
[time]
column = 1
unit = "ms"
disorder = "new recording"
[acceleration]
sensor = "acc"
columns = [2, 3, 4]
unit = "g"
[rotation]
sensor = "gyro"
columns = [2, 3, 4]
unit = "rad/s"
"""


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
    found = loading.load_recordings(f"{write_layout(tmp_path, LAYOUT)}={data}")
    assert len(found) == 9
    assert found[0].label_names == ("WALKING", "SITTING", "fetching")
    assert found[0].classes == ("WALKING", "SITTING")
    assert {x.subject for x in found} == {"1", "2", "10"}
    expected = motion(300, 0)[1]
    assert all(x.samples == pytest.approx(expected, abs=1e-9) for x in found if x.subject == "1")
    windows = loading.load_data(f"{tmp_path / 'mine.toml'}={data}")
    assert (windows.name, windows.labels) == ("mine", ("WALKING", "SITTING"))
    assert set(windows.test.subject.tolist()) == {"10"}
    assert len(windows.train) == 2 * 2 * 3


def test_mountings_are_one_for_each_person_unless_each_file_is_one(tmp_path):
    data = write_tree(tmp_path / "data")
    for text, n in ((LAYOUT, 3), ('mounting = "each file"\nplacement = "chest"\n' + LAYOUT, 9)):
        loaded = loading.load_data([DataSource(data, str(write_layout(tmp_path, text)))])
        assert len(loaded.mountings) == n
        assert {x.source for x in loaded.mountings} == {"mine"}
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
    samples = motion(200)[1]
    found = written(tmp_path, line + PLAIN, lines(samples), encoding="utf-16" if "encoding" in line else "utf-8")
    assert found.recordings[0].samples == pytest.approx(samples, abs=1e-12)
    assert found.rows_left_out == 3 * ("bad_rows" in line)


def test_a_layout_of_the_same_files_gives_the_recordings_that_the_header_gives(tmp_path):
    write_subjects(tmp_path, "abc")
    names = HEADER.split(",")
    text = 'files = "*.csv"\nsubject = { column = "subject" }\nlabel = { column = "label" }\n'
    text += f'[time]\ncolumn = "{names[0]}"\nunit = "s"\n[acceleration]\ncolumns = {names[1:4]}\nunit = "g"\n'
    text += f'[rotation]\ncolumns = {names[4:7]}\nunit = "rad/s"\n'
    plain, described = loading.load_data(tmp_path), loading.load_data(f"{write_layout(tmp_path, text)}={tmp_path}")
    assert described.fingerprint == plain.fingerprint
    assert [x.name for x in plain.mountings] == [x.name for x in described.mountings] == list("abc")


def test_sums_signs_and_scales_make_samples_of_counts(tmp_path):
    samples = motion(200)[1]
    counts = np.concatenate([-samples[:, :3] * 0.25, -samples[:, :3] * 0.75, samples[:, 3:]], axis=1) * 256
    text = PLAIN.replace("columns = [1, 2, 3]", "columns = [[1, 4], [2, 5], [3, 6]]\nsign = -1\nscale = 0.00390625")
    text = text.replace("columns = [4, 5, 6]", "columns = [7, 8, 9]\nscale = 0.00390625")
    assert written(tmp_path, text, rows(counts)).recordings[0].samples == pytest.approx(samples, abs=1e-12)


@pytest.mark.parametrize(
    ("offset", "added"), [("-2048", [2048, 2048, 2048]), ("[-2048, -2000.5, 0]", [2048, 2000.5, 0])]
)
def test_an_offset_is_added_before_numbers_are_scaled_and_turned(tmp_path, offset, added):
    samples = motion(200)[1]
    counts = samples * [*[-400] * 3, *[180 / np.pi] * 3] + [*added, 0, 0, 0]
    text = PLAIN.replace('"g"', f'"g"\nscale = 0.0025\nsign = -1\noffset = {offset}').replace("rad/s", "deg/s")
    assert written(tmp_path, text, rows(counts)).recordings[0].samples == pytest.approx(samples, abs=1e-9)


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
    assert found.set_back == 1
    assert found.without_rotation == ["acc/b.txt"]
    assert found.recordings[0].samples[:, :3] == pytest.approx(samples[200:, :3], abs=1e-6)
    assert found.recordings[0].samples[5:-5, 3:] == pytest.approx(samples[205:395, 3:], abs=1e-2)


def test_sensors_of_their_own_files_have_to_meet(tmp_path):
    seconds, samples = motion(200)
    (tmp_path / "gyro").mkdir()
    (tmp_path / "gyro/a.txt").write_text("\n".join(rows(samples[:, 3:], times=1e13 + 1000 * seconds)))
    with pytest.raises(InputError, match=r"acc/a\.txt"):
        written(tmp_path, BY_SENSOR, rows(samples[:, :3], times=1e12 + 1000 * seconds), "acc/a.txt")


def test_rows_in_another_order_than_their_times_may_be_sorted(tmp_path):
    seconds, samples = motion(400)
    order = np.arange(400)
    order[[100, 101, 250, 251]] = [101, 100, 251, 250]
    lines = np.array(rows(samples, times=seconds))[order]
    text = WHOLE_SECONDS.replace("steady = true\n", "")
    with pytest.raises(InputError, match=r"a\.txt, line 102: .*disorder"):
        written(tmp_path, text, lines)
    found = written(tmp_path, text.replace('"s"', '"s"\ndisorder = "sort"', 1), lines)
    assert found.recordings[0].samples == pytest.approx(samples, abs=1e-6)
    (finding,) = (x for x in recording_checks.findings(found) if x.about == "gaps")
    assert finding.numbers == {"rows_sorted": 2, "back_s": pytest.approx(0.02)}
    assert not finding.is_fault


@pytest.mark.parametrize(("shift", "left_out"), [(0.01, 0), (0.0, 500)])
def test_a_clock_that_begins_anew_is_no_order_to_sort(tmp_path, shift, left_out):
    seconds, samples = motion(1000)
    lines = rows(samples, times=np.concatenate([seconds[:500], seconds[:500] + shift]))
    text = WHOLE_SECONDS.replace("steady = true", 'disorder = "sort"')
    found = written(tmp_path, text, lines)
    assert [len(x.samples) for x in found.recordings] == [500]
    assert (found.rows_sorted, found.back_s, found.rows_left_out) == (499, 9.98 - shift, left_out)
    assert any(x.is_fault for x in recording_checks.findings(found))
    found = written(tmp_path, text.replace("sort", "new recording"), lines)
    assert [len(x.samples) for x in found.recordings] == [500, 500]
    assert (found.rows_sorted, found.rows_left_out) == (0, 0)


def test_one_file_may_hold_several_people_where_the_layout_allows_it(tmp_path):
    lines = [f"{'a' if i < 150 else 'b'},walk,{row}" for i, row in enumerate(rows(motion(300)[1]))]
    text = PLAIN.replace("{subject}", "*").replace('label = "walk"', "label = { column = 2 }")
    text = text.replace("[1, 2, 3]", "[3, 4, 5]").replace("[4, 5, 6]", "[6, 7, 8]")
    several = written(tmp_path, "subject = { column = 1, several = true }" + text, lines).recordings
    assert [(x.subject, len(x.samples)) for x in several] == [("a", 150), ("b", 150)]
    with pytest.raises(InputError, match=r"a\.txt, line 151: .*subject"):
        written(tmp_path, "subject = { column = 1 }" + text, lines)


def test_times_of_delivery_of_a_steady_sensor_are_evened_out(tmp_path):
    seconds, samples = motion(600, rate=100)
    delivered = np.floor(seconds * 1000 / 50) * 50  # five at once
    found = written(tmp_path, WHOLE_SECONDS.replace('"s"', '"ms"', 1), rows(samples, times=delivered))
    (recording,) = found.recordings
    expected = on_grid(seconds, samples, len(recording.samples))
    assert recording.samples[10:-10] == pytest.approx(expected[10:-10], abs=0.02)


@pytest.mark.parametrize("rate", [20, 100])
def test_samples_of_a_steady_sensor_are_spread_over_each_second_of_a_clock_of_whole_seconds(tmp_path, rate):
    seconds, samples = motion(30 * rate, rate=rate)
    found = written(tmp_path, WHOLE_SECONDS, rows(samples, times=np.floor(1.7e9 + 0.3 + seconds)))
    assert found.rates_hz[0] == pytest.approx(rate, rel=0.01)
    assert (found.clock_s, found.gaps) == (1, 0)
    (recording,) = found.recordings
    expected = on_grid(seconds, samples, len(recording.samples))
    assert recording.samples[10:-10] == pytest.approx(expected[10:-10], abs=0.05)
    assert {"clock_s": 1} in [x.numbers for x in recording_checks.findings(found)]


def test_seconds_that_are_missing_or_go_back_begin_a_recording_where_a_clock_has_whole_seconds_alone(tmp_path):
    seconds, samples = motion(1500)
    times = np.floor(seconds)
    kept = (times < 10) | (times >= 13)
    lines = rows(samples[kept], times=times[kept])
    text = WHOLE_SECONDS.replace("steady = true", 'steady = true\ndisorder = "new recording"')
    found = written(tmp_path, text, [*lines[500:], *lines[:500]])
    assert [len(x.samples) for x in found.recordings] == pytest.approx([850, 500], abs=3)
    assert (found.gaps, found.set_back) == (0, 1)
    found = written(tmp_path, WHOLE_SECONDS, lines)
    assert [len(x.samples) for x in found.recordings] == pytest.approx([500, 850], abs=3)
    assert (found.gaps, found.set_back) == (1, 0)
    kept = (seconds < 10.4) | (seconds >= 13.6)  # parts of seconds beside the pause keep their rate
    found = written(tmp_path, WHOLE_SECONDS, rows(samples[kept], times=np.floor(seconds[kept])))
    assert [len(x.samples) for x in found.recordings] == pytest.approx([520, 820], abs=2)
    assert found.recordings[1].samples[10:800] == pytest.approx(samples[690:1480], abs=0.05)


@pytest.mark.parametrize("batch", [32, 40, 128])
def test_batches_are_spread_to_the_next_one_where_their_times_are_whole_seconds(tmp_path, batch):
    times = np.floor((np.arange(3000) // batch + 1) * batch / 50)
    found = written(tmp_path, WHOLE_SECONDS, rows(motion(3000)[1], times=times))
    assert (found.gaps, found.set_back) == (0, 0)
    assert [len(x.samples) for x in found.recordings] == pytest.approx([3000], rel=0.02)


def test_sensors_of_their_own_files_are_joined_within_whole_seconds(tmp_path):
    seconds, samples = motion(1000)
    acceleration, rotation = (rows(x, times=np.floor(seconds)) for x in (samples[:, :3], samples[:, 3:]))
    (tmp_path / "gyro").mkdir()
    (tmp_path / "gyro/a.txt").write_text("\n".join(rotation))
    text = BY_SENSOR.replace('"ms"\ndisorder = "new recording"', '"s"\nsteady = true')
    (recording,) = written(tmp_path, text, acceleration, "acc/a.txt").recordings
    assert recording.samples[10:-10] == pytest.approx(samples[10 : len(recording.samples) - 10], abs=0.02)


def test_files_without_samples_are_left_out_with_bad_rows_and_named(tmp_path):
    data = write_tree(tmp_path / "data")
    for name, content in (("1_1", "x,y,z,u,v,w\nnan\n"), ("2_1", ""), ("10_1", "x,y,z,u,v,w\n")):
        (data / "walk" / f"{name}.csv").write_text(content)
    found = read_recordings(data, layout('bad_rows = "leave out"\n' + LAYOUT))
    assert found.without_samples == ["walk/1_1.csv", "walk/2_1.csv", "walk/10_1.csv"]
    assert len(found.recordings) == 6


def test_files_that_gzip_has_packed_are_read_within_the_limit(tmp_path, monkeypatch):
    data = write_tree(tmp_path / "data")
    for x in data.rglob("*.csv"):
        x.with_suffix(".csv.gz").write_bytes(gzip.compress(x.read_bytes()))
    text = LAYOUT.replace(".csv", ".csv.gz")
    packed, plain = (read_recordings(data, layout(x)).recordings for x in (text, LAYOUT))
    assert [x.samples.tolist() for x in packed] == [x.samples.tolist() for x in plain]
    monkeypatch.setattr(file_tree, "MAX_SIZE", max(x.stat().st_size for x in data.rglob("*.csv.gz")))
    with pytest.raises(InputError, match=r"\.csv\.gz is larger"):
        read_recordings(data, layout(text))
