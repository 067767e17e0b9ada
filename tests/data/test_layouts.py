"""Check that files are read as a layout says; a mistake in one is refused with its table and key."""

import re
import zipfile

import numpy as np
import pytest
from described_recordings import LAYOUT, layout, rows, write_layout, write_tree
from written_recordings import HEADER, motion, write_subjects

from edge_runtime.data import loading, recording_checks
from edge_runtime.data.data_sources import DataSource
from edge_runtime.data.recordings import read_recordings
from edge_runtime.errors import InputError


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
    assert windows.name == "mine"
    assert windows.labels == ("WALKING", "SITTING")
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


@pytest.mark.parametrize(("line", "written"), FORMS.values(), ids=FORMS)
def test_files_of_any_form_give_the_same_recording(tmp_path, line, written):
    samples = motion(200)[1]
    encoding = "utf-16" if "encoding" in line else "utf-8"
    (tmp_path / "a.txt").write_text("\n".join(written(samples)), encoding=encoding)
    found = read_recordings(tmp_path, layout(f"{line}\n{PLAIN}"))
    assert found.recordings[0].samples == pytest.approx(samples, abs=1e-12)
    assert found.rows_left_out == 3 * ("broken" in line or "bad_rows" in line)


def test_a_layout_of_the_same_files_gives_the_recordings_that_the_header_gives(tmp_path):
    write_subjects(tmp_path, "abc")
    names = HEADER.split(",")
    text = f"""
files = "*.csv"
subject = {{ column = "subject" }}
label = {{ column = "label" }}
[time]
column = "{names[0]}"
unit = "s"
[acceleration]
columns = {names[1:4]}
unit = "g"
[rotation]
columns = {names[4:7]}
unit = "rad/s"
"""
    plain, described = loading.load_data(tmp_path), loading.load_data(f"{write_layout(tmp_path, text)}={tmp_path}")
    assert described.fingerprint == plain.fingerprint
    assert [x.name for x in plain.mountings] == [x.name for x in described.mountings] == list("abc")


def test_sums_signs_and_scales_make_samples_of_counts(tmp_path):
    samples = motion(200)[1]
    counts = np.concatenate([-samples[:, :3] * 0.25, -samples[:, :3] * 0.75, samples[:, 3:]], axis=1) * 256
    (tmp_path / "a.txt").write_text("\n".join(rows(counts)))
    text = PLAIN.replace("columns = [1, 2, 3]", "columns = [[1, 4], [2, 5], [3, 6]]\nsign = -1\nscale = 0.00390625")
    text = text.replace("columns = [4, 5, 6]", "columns = [7, 8, 9]\nscale = 0.00390625")
    assert read_recordings(tmp_path, layout(text)).recordings[0].samples == pytest.approx(samples, abs=1e-12)


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


def test_files_of_one_sensor_each_are_joined_by_time_and_begin_anew_where_it_goes_back(tmp_path):
    seconds, samples = motion(400)
    turned = np.stack([np.interp(seconds + 0.003, seconds, x) for x in samples[:, 3:].T], axis=1)
    times = 1e12 + 1000 * seconds
    for sensor, values, shift in (("acc", samples[:, :3], 0.0), ("gyro", turned, 3.0), ("ori", samples[:, 3:], 0.0)):
        (tmp_path / sensor).mkdir()
        lines = rows(values, times=times + shift)
        # the second half was recorded first; one row came twice
        (tmp_path / sensor / "a.txt").write_text("\n".join([*lines[200:], *lines[:100], lines[99], *lines[100:200]]))
    (tmp_path / "acc" / "b.txt").write_text("\n".join(rows(samples[:, :3], times=times)))
    found = read_recordings(tmp_path, layout(BY_SENSOR))
    assert [len(x.samples) for x in found.recordings] == [200, 199]
    assert found.set_back == 1
    assert found.without_rotation == ["acc/b.txt"]
    assert found.recordings[0].samples[:, :3] == pytest.approx(samples[200:, :3], abs=1e-6)
    assert found.recordings[0].samples[5:-5, 3:] == pytest.approx(samples[205:395, 3:], abs=1e-2)


def test_rows_in_another_order_than_their_times_may_be_sorted(tmp_path):
    seconds, samples = motion(400)
    order = np.arange(400)
    order[[100, 101, 250, 251]] = [101, 100, 251, 250]
    for sensor, part in (("acc", samples[:, :3]), ("gyro", samples[:, 3:])):
        (tmp_path / sensor).mkdir()
        lines = np.array(rows(part, times=1e12 + 1000 * seconds))[order]
        (tmp_path / sensor / "a.txt").write_text("\n".join(lines))
    with pytest.raises(InputError, match=r"a\.txt, line 102: .*disorder"):
        read_recordings(tmp_path, layout(BY_SENSOR.replace('disorder = "new recording"\n', "")))
    found = read_recordings(tmp_path, layout(BY_SENSOR.replace("new recording", "sort")))
    assert found.recordings[0].samples == pytest.approx(samples, abs=1e-6)
    (finding,) = (x for x in recording_checks.findings(found) if x.about == "gaps")
    assert finding.numbers == {"rows_sorted": 4, "back_s": pytest.approx(0.02)}
    assert not finding.is_fault


@pytest.mark.parametrize(("shift", "left_out"), [(0.01, 0), (0.0, 500)])
def test_a_clock_that_begins_anew_is_no_order_to_sort(tmp_path, shift, left_out):
    seconds, samples = motion(1000)
    times = np.concatenate([seconds[:500], seconds[:500] + shift])
    (tmp_path / "a.txt").write_text("\n".join(rows(samples, times=times)))
    text = WHOLE_SECONDS.replace("steady = true", 'disorder = "sort"')
    found = read_recordings(tmp_path, layout(text))
    assert [len(x.samples) for x in found.recordings] == [500]
    assert (found.rows_sorted, found.back_s, found.rows_left_out) == (499, 9.98 - shift, left_out)
    (fault,) = (x for x in recording_checks.findings(found) if x.is_fault)
    assert "disorder" in fault.text
    numbers = [x.numbers for x in recording_checks.findings(found) if x.about == "left out"]
    assert numbers == [{"rows": 500}] * bool(left_out)
    found = read_recordings(tmp_path, layout(text.replace("sort", "new recording")))
    assert [len(x.samples) for x in found.recordings] == [500, 500]
    assert (found.rows_sorted, found.rows_left_out) == (0, 0)


def test_one_file_may_hold_several_people_where_the_layout_allows_it(tmp_path):
    samples = motion(300)[1]
    lines = [f"{'a' if i < 150 else 'b'},walk,{row}" for i, row in enumerate(rows(samples))]
    (tmp_path / "all.txt").write_text("\n".join(lines))
    text = PLAIN.replace("{subject}", "*").replace('label = "walk"', "label = { column = 2 }")
    text = text.replace("[1, 2, 3]", "[3, 4, 5]").replace("[4, 5, 6]", "[6, 7, 8]")
    several = read_recordings(tmp_path, layout("subject = { column = 1, several = true }" + text)).recordings
    assert [(x.subject, len(x.samples)) for x in several] == [("a", 150), ("b", 150)]
    with pytest.raises(InputError, match=r"all\.txt, line 151: .*subject"):
        read_recordings(tmp_path, layout("subject = { column = 1 }" + text))


def test_times_of_delivery_of_a_steady_sensor_are_evened_out(tmp_path):
    seconds, samples = motion(600, rate=100)
    delivered = np.floor(seconds * 1000 / 50) * 50  # five at once
    (tmp_path / "a.txt").write_text("\n".join(rows(samples, times=delivered)))
    text = PLAIN.replace("rate = 50", '[time]\ncolumn = 1\nunit = "ms"\nsteady = true')
    text = text.replace("[1, 2, 3]", "[2, 3, 4]").replace("[4, 5, 6]", "[5, 6, 7]")
    found = read_recordings(tmp_path, layout(text)).recordings[0].samples
    grid = np.arange(len(found)) / 50
    expected = np.stack([np.interp(grid, seconds, x) for x in samples.T], axis=1)
    assert found[10:-10] == pytest.approx(expected[10:-10], abs=0.02)


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


@pytest.mark.parametrize("rate", [20, 50, 100])
def test_samples_of_a_steady_sensor_are_spread_over_each_second_of_a_clock_of_whole_seconds(tmp_path, rate):
    seconds, samples = motion(30 * rate, rate=rate)
    (tmp_path / "a.txt").write_text("\n".join(rows(samples, times=np.floor(1.7e9 + 0.3 + seconds))))
    found = read_recordings(tmp_path, layout(WHOLE_SECONDS))
    assert found.rates_hz[0] == pytest.approx(rate, rel=0.01)
    assert (found.clock_s, found.gaps) == (1, 0)
    (recording,) = found.recordings
    grid = np.arange(len(recording.samples)) / 50
    expected = np.stack([np.interp(grid, seconds, x) for x in samples.T], axis=1)
    assert recording.samples[10:-10] == pytest.approx(expected[10:-10], abs=0.05)
    assert {"clock_s": 1} in [x.numbers for x in recording_checks.findings(found)]


def test_seconds_that_are_missing_or_go_back_begin_a_recording_where_a_clock_has_whole_seconds_alone(tmp_path):
    seconds, samples = motion(1500)
    times = np.floor(seconds)
    kept = (times < 10) | (times >= 13)
    lines = rows(samples[kept], times=times[kept])
    (tmp_path / "a.txt").write_text("\n".join([*lines[500:], *lines[:500]]))
    text = WHOLE_SECONDS.replace("steady = true", 'steady = true\ndisorder = "new recording"')
    found = read_recordings(tmp_path, layout(text))
    assert [len(x.samples) for x in found.recordings] == pytest.approx([850, 500], abs=3)
    assert (found.gaps, found.set_back) == (0, 1)
    (tmp_path / "a.txt").write_text("\n".join(lines))
    found = read_recordings(tmp_path, layout(WHOLE_SECONDS))
    assert [len(x.samples) for x in found.recordings] == pytest.approx([500, 850], abs=3)
    assert (found.gaps, found.set_back) == (1, 0)


def test_parts_of_seconds_beside_a_pause_keep_their_rate(tmp_path):
    seconds, samples = motion(1500)
    kept = (seconds < 10.4) | (seconds >= 13.6)
    (tmp_path / "a.txt").write_text("\n".join(rows(samples[kept], times=np.floor(seconds[kept]))))
    found = read_recordings(tmp_path, layout(WHOLE_SECONDS))
    assert [len(x.samples) for x in found.recordings] == pytest.approx([520, 820], abs=2)
    assert found.recordings[1].samples[10:800] == pytest.approx(samples[690:1480], abs=0.05)


@pytest.mark.parametrize("batch", [32, 40, 128])
def test_batches_are_spread_to_the_next_one_where_their_times_are_whole_seconds(tmp_path, batch):
    _, samples = motion(3000)
    times = np.floor((np.arange(3000) // batch + 1) * batch / 50)
    (tmp_path / "a.txt").write_text("\n".join(rows(samples, times=times)))
    found = read_recordings(tmp_path, layout(WHOLE_SECONDS))
    assert (found.gaps, found.set_back) == (0, 0)
    assert [len(x.samples) for x in found.recordings] == pytest.approx([3000], rel=0.02)
    assert not [x.text for x in recording_checks.findings(found) if x.is_fault and x.about == "gaps"]


def test_sensors_of_their_own_files_are_joined_within_whole_seconds(tmp_path):
    seconds, samples = motion(1000)
    for sensor, part in (("acc", samples[:, :3]), ("gyro", samples[:, 3:])):
        (tmp_path / f"a_{sensor}.txt").write_text("\n".join(rows(part, times=np.floor(seconds))))
    text = WHOLE_SECONDS.replace("{subject}", "{subject}_{sensor}").replace("[5, 6, 7]", "[2, 3, 4]")
    text = text.replace('unit = "g"', 'unit = "g"\nsensor = "acc"').replace('"rad/s"', '"rad/s"\nsensor = "gyro"')
    (recording,) = read_recordings(tmp_path, layout(text)).recordings
    assert recording.samples[10:-10] == pytest.approx(samples[10 : len(recording.samples) - 10], abs=0.02)


@pytest.mark.parametrize(
    ("offset", "added"), [("-2048", [2048, 2048, 2048]), ("[-2048, -2000.5, 0]", [2048, 2000.5, 0])]
)
def test_an_offset_is_added_before_numbers_are_scaled_and_turned(tmp_path, offset, added):
    text = LAYOUT.replace('unit = "g"', f'unit = "g"\nscale = 0.0025\nsign = -1\noffset = {offset}')
    expected = motion(300)[1]
    counts = expected * [*[-400] * 3, *[180 / np.pi] * 3] + [*added, 0, 0, 0]
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "1_1.csv").write_text("\n".join(["x,y,z,u,v,w", *rows(counts)]))
    found = read_recordings(tmp_path, layout(text)).recordings
    assert found[0].samples == pytest.approx(expected, abs=1e-9)


MISTAKES = [
    ('unit = "g"', 'unit = "grams"', "acceleration.unit"),
    ("rate = 50", "speed = 50", "speed"),
    ('unit = "deg/s"', 'unit = "deg/s"\nsing = -1', "rotation.sing"),
    ('unit = "g"', 'unit = "g"\nskip = 1', "acceleration.skip"),
    ("[acceleration]", "[acceleratoin]", "acceleratoin"),
    ("rate = 50", "", "rate"),
    ("rate = 50", 'rate = 50\n[time]\ncolumn = "t"\nunit = "s"', "rate"),
    ("rate = 50", 'rate = "fast"', "rate"),
    ("rate = 50", "rate = 0.5", "rate"),
    ("rate = 50", '[time]\ncolumn = "t"\nunit = "samples a second"', "time.unit"),
    ('["x", "y", "z"]', '["x", "y"]', "acceleration.columns"),
    ('["x", "y", "z"]', '["x", "y", 0]', "acceleration.columns"),
    ('["x", "y", "z"]', f'["x", "y", {10**9}]', "acceleration.columns"),
    ("{trial}", "{trial", "pattern"),
    ("{trial}", "{Trial}", "pattern"),
    ("{trial}", "a**/b/**/c/**/{trial}", "more than 2"),
    ("{trial}", "*_*_*_*_{trial}_*", "more than"),
    ('files = "{label}/{subject}_{trial}.csv"', "", "files"),
    ('sit = "SITTING"', "sit = 4", "labels.sit"),
    ('sit = "', '0.sit = "', "labels.0"),
    ('fetch = "', 'sit = "', "other_labels"),
    ('"SITTING"', '"SIT\\u001b[2J"', "control character"),
    ("rate = 50", 'rate = 50\nsubject = "me"', "subject"),
    ("rate = 50", 'rate = 50\nseparator = "|"', "separator"),
    ("rate = 50", "rate = 50\nskip = 1.5", "skip"),
    ("rate = 50", "rate = 50\nskip = -1", "skip"),
    ("rate = 50", f"rate = 50\nskip = 0x{'f' * 5000}", "skip"),
    ("rate = 50", f"rate = {'1' * 5000}", "limit"),
    ("rate = 50", "rate = 50\nrate = 25", "line 3"),
    ("rate = 50", "rate = ", "line 2"),
    ("rate = 50", "rate = 50\nwhere = { 1 = true }", "where"),
    ("rate = 50", f"rate = 50\nwhere = {{ {'1' * 5000} = 1 }}", "where"),
    ("rate = 50", 'rate = 50\nplacement = "hand"\n[placements]\nhand = 0', "placements"),
    ("rate = 50", "rate = 50\n[placements]\nhand = -1", "placements.hand"),
    ("rate = 50", 'rate = 50\nmounting = "each week"', "mounting"),
    ('unit = "g"', 'unit = "g"\nsign = 2', "acceleration.sign"),
    ('unit = "g"', 'unit = "g"\nscale = 0', "acceleration.scale"),
    *[('unit = "g"', f'unit = "g"\noffset = {x}', "acceleration.offset") for x in ("[1, 2]", '"2"', "true", "nan")],
    ("{trial}", "{sensor}", "sensor"),
    ("rate = 50", 'rate = 50\n[label_file]\nfiles = "l.txt"\ncolumns = ["label"]', "label_file"),
]


@pytest.mark.parametrize(("old", "new", "noun"), MISTAKES)
def test_a_mistake_in_a_layout_is_named(old, new, noun):
    assert old in LAYOUT
    with pytest.raises(InputError, match=rf"mine\.toml.*{re.escape(noun)}") as error:
        layout(LAYOUT.replace(old, new, 1))
    assert len(str(error.value)) < 500


@pytest.mark.parametrize(
    ("old", "new", "noun"),
    [
        ('walk = "WALKING"\n', "", "'walk'"),
        ("/{subject}_", "/*_", "subject"),
        (".csv", ".txt", r"fetch/1_1\.csv"),
        ('"z"', '"zed"', r"fetch/1_1\.csv.*'zed'"),
        ('["x", "y", "z"]', '["x", "y", "y"]', "column 2"),
        ('["u", "v", "w"]', '["u", ["v", "w"], "w"]', "column 6"),
        ('["u", "v", "w"]', '["x", "y", "z"]', "column 1"),
        ("rate = 50\n", 'rate = 50\nplacement = { column = "y" }\n', "column 2"),
        ("[labels]", "[placements]\nhand = 0\nfoot = 2\n\n[labels]", "column 3"),
        ("[labels]", "[placements]\nhand = 0\nfoot = 6\n\n[labels]", r"1_1\.csv"),
        ("{label}/{subject}_{trial}", "*/{subject}_*", "label"),
        ("rate = 50", 'rate = 50\nencoding = "klingon"', "klingon"),
    ],
)
def test_files_that_do_not_fit_a_layout_are_named(tmp_path, old, new, noun):
    data = write_tree(tmp_path / "data")
    assert old in LAYOUT
    with pytest.raises(InputError, match=noun):
        loading.load_data(f"{write_layout(tmp_path, LAYOUT.replace(old, new, 1))}={data}")


@pytest.mark.parametrize(("name", "near"), [("motionsens", "motionsens"), ("no/such.toml", r"no/such\.toml")])
def test_a_layout_that_does_not_exist_is_refused_with_those_that_are_shipped(tmp_path, name, near):
    with pytest.raises(InputError, match=rf"{near}.*geotec, har-edge, harth"):
        loading.load_data(f"{name}={tmp_path}")


def test_a_layout_alone_is_no_data(tmp_path):
    with pytest.raises(InputError, match="motionsense does not exist"):
        loading.load_data("motionsense")
    with pytest.raises(InputError, match="nowhere does not exist"):
        loading.load_data(f"motionsense={tmp_path / 'nowhere'}")
