"""Files are read as a layout says: their form, units, clocks, sensors, devices, people and labels."""

import re
import zipfile
from random import Random

import numpy as np
import pytest
from described_recordings import LAYOUT, read, rows, sensors, write_layout, write_tree
from written_recordings import motion, on_grid

from edge_runtime.data import loading
from edge_runtime.data.layout import Layout
from edge_runtime.data.path_patterns import PathPattern
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
BY_CELL = f'files = "{{subject}}.csv"\nrate = 50\nlabel = {{ column = 7 }}\n{sensors()}'
SECONDS, SAMPLES = motion(300)


def written(folder, text, lines, name="a.txt", encoding="utf-8"):
    """What is found in a file of these lines by a layout."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text("\n".join(lines), encoding=encoding)
    return read(folder, text)


@pytest.mark.parametrize("as_zip", [False, True])
def test_a_folder_or_a_zip_is_read_as_the_layout_says(tmp_path, as_zip):
    data = write_tree(tmp_path / "data")
    if as_zip:
        with zipfile.ZipFile(tmp_path / "data.zip", "w") as archive:
            for path in data.rglob("*.csv"):
                archive.write(path, f"around/it/{path.relative_to(data)}")
            archive.writestr("__MACOSX/around/._1_1.csv", "nothing")
        data = tmp_path / "data.zip"
    source = f"{write_layout(tmp_path, LAYOUT)}={data}"
    recordings = loading.load_recordings(source)
    assert len(recordings) == 9
    assert (recordings[0].label_names, recordings[0].classes) == (
        ("WALKING", "SITTING", "fetching"),
        ("WALKING", "SITTING"),
    )
    assert {recording.subject for recording in recordings} == {"1", "2", "10"}
    assert all(
        recording.samples == pytest.approx(SAMPLES, abs=1e-9) for recording in recordings if recording.subject == "1"
    )
    windows = loading.load_data(source)
    assert (windows.name, windows.labels) == ("mine", ("WALKING", "SITTING"))
    assert set(windows.test.subject.tolist()) == {"10"}
    assert len(windows.train) == 2 * 2 * 3


def test_mountings_are_one_for_each_person_unless_each_file_is_one(tmp_path):
    data = write_tree(tmp_path / "data")
    for text, n in ((LAYOUT, 3), ('mounting = "each file"\nplacement = "chest"\n' + LAYOUT, 9)):
        loaded = loading.load_data(f"{write_layout(tmp_path, text)}={data}")
        assert (len(loaded.mountings), {mounting.source for mounting in loaded.mountings}) == (n, {"mine"})
        for split in (loaded.train, loaded.test):
            for number in np.unique(split.mounting):
                assert len(set(split.subject[split.mounting == number])) == 1
    assert {mounting.placement for mounting in loaded.mountings} == {"chest"}


FORMS = {
    "semicolons and decimal commas": ('separator = ";"', lambda x: [y.replace(".", ",") for y in rows(x, ";")]),
    "tabs": ('separator = "tab"', lambda x: rows(x, "\t")),
    "a heading": ("skip = 2", lambda x: ["made by hand", "x,y", *rows(x)]),
    "comments": ('comments = ["#", "@"]', lambda x: ["# made", "@DATA", *rows(x)]),
    "another encoding": ('encoding = "utf-16"', lambda x: rows(x)),
    "the mark of UTF-16": ('line_end = ""  # utf-16', lambda x: rows(x)),
    "broken rows": ('bad_rows = "leave out"', lambda x: [*rows(x), "1,2", "1,2,3,4,x,6", "1,2,3,4,nan,6", ""]),
}


@pytest.mark.parametrize(("line", "lines"), FORMS.values(), ids=FORMS)
def test_files_of_any_form_give_the_same_recording(tmp_path, line, lines):
    facts = written(tmp_path, line + "\n" + PLAIN, lines(SAMPLES), encoding="utf-16" if "16" in line else "utf-8")
    assert facts.recordings[0].samples == pytest.approx(SAMPLES, abs=1e-12)
    assert facts.rows_left_out == (3 if "bad_rows" in line else 0)


def test_files_that_cannot_be_read_are_left_out_and_named_if_bad_rows_are(tmp_path):
    for name, lines in (
        ("empty.txt", []),
        ("quote.txt", ['1,2,"3,4,5,6']),
        ("slow.txt", rows(SAMPLES, times=900 * SECONDS)),
    ):
        (tmp_path / name).write_text("\n".join(lines))
    lines = rows(SAMPLES, times=SECONDS)
    with pytest.raises(InputError):
        written(tmp_path, TIMED, lines)
    facts = written(tmp_path, 'bad_rows = "leave out"\n' + TIMED, lines)
    assert [recording.subject for recording in facts.recordings] == ["a"]
    assert facts.without_samples == ["empty.txt"]
    assert [name in reason for name, reason in zip(("quote.txt", "slow.txt"), facts.unreadable, strict=True)] == [
        True
    ] * 2


@pytest.mark.parametrize(("offset", "added"), [("-2048", [2048] * 3), ("[-2048, -2000.5, 0]", [2048, 2000.5, 0])])
def test_counts_are_summed_offset_scaled_and_turned(tmp_path, offset, added):
    """Acceleration in 0.0025 g, negated, summed from two columns each; rotation in quarters of a degree per second."""
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
    facts = written(tmp_path, BY_SENSOR, rows(samples[:, :3], times=times), "acc/b.txt")
    assert [len(recording.samples) for recording in facts.recordings] == [200, 199]
    assert (facts.set_back, facts.without_rotation) == (1, ["acc/b.txt"])
    assert facts.recordings[0].samples[:, :3] == pytest.approx(samples[200:, :3], abs=1e-6)
    assert facts.recordings[0].samples[5:-5, 3:] == pytest.approx(samples[205:395, 3:], abs=1e-2)


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
    written(tmp_path, text, [line.replace(";2", ";3") for line in lines], "b.txt")  # without any of the rows wanted
    facts = written(tmp_path, text, lines)
    assert ([recording.subject for recording in facts.recordings], facts.without_samples) == (["a"], ["b.txt"])


def test_times_of_delivery_of_a_steady_sensor_are_evened_out(tmp_path):
    seconds, samples = motion(600, rate=100)
    delivered = np.arange(600) // 5 * 0.05  # five at once
    assert written(tmp_path, TIMED, rows(samples, times=delivered + 0.2 * (seconds - delivered))).bunched == ["a.txt"]
    assert written(tmp_path, TIMED, rows(samples, times=seconds)).bunched == []
    text = TIMED.replace('"s"', '"s"\nsteady = true', 1)
    facts = written(tmp_path, text, rows(samples, times=delivered))
    (recording,) = facts.recordings
    assert facts.bunched == []
    expected = on_grid(seconds, samples, len(recording.samples))
    assert recording.samples[10:-10] == pytest.approx(expected[10:-10], abs=0.02)


def test_a_pattern_may_begin_at_the_top_and_may_have_a_second_form():
    top = PathPattern("/{subject}.csv")
    assert top.match("anna.csv") == {"subject": "anna"}
    assert top.match("a/anna.csv") is None
    pattern = PathPattern("p{x}/**/{y}_{z}.csv", "p{x}/**/{y}.csv")
    assert pattern.match("p1/a/b/c_2.csv") == {"x": "1", "y": "c", "z": "2"}
    assert pattern.match("q/p1/c.csv") == {"x": "1", "y": "c", "z": ""}


def test_a_pattern_finds_the_shortest_texts_though_it_tries_no_other_length():
    random, n_found = Random(0), 0
    tries_all = {"*": "[^/]*?", "/**/": "/(?:.*/)?"}
    for _ in range(20_000):
        names = [f"{{{x}}}" for x in "pqrstu"]
        pieces = [random.choice([*"**ab__/", "/**/", names.pop()]) for _ in range(random.randint(1, 6))]
        text, path = "".join(pieces), "".join(random.choice("aab__/") for _ in range(random.randint(1, 10)))
        is_apart = "**" not in "".join(piece.replace("**", "") for piece in pieces)
        if text and text.strip("/") == text and is_apart and pieces.count("/**/") < 3:
            plain = "".join(
                tries_all.get(piece, f"(?P<{piece[1:-1]}>[^/]+?)" if "{" in piece else piece) for piece in pieces
            )
            expected = re.compile(f"(?:.*/)?{plain}").fullmatch(path)
            n_found += expected is not None
            assert PathPattern(text).match(path) == (expected and expected.groupdict()), (text, path)
    assert n_found > 1000


def test_no_pattern_of_paths_or_labels_tries_all_lengths():
    """Else these would never end."""
    folders, end = f"{'a' * 99}/" * 8, f"{'a' * 99}.csv"
    for text in ("*a" * 20 + "*b*.csv", "*{x}*{x}*{y}*{y}b*.csv", "**/*a*a/**/*a*a*b/*.csv"):
        assert PathPattern(text).match(folders + end) is None
    assert PathPattern("{p}_{q}_{r}_{s}_{t}_{u}.txt").match("a_" * 100_000 + end) is None
    assert Layout("*.csv", labels={"*a" * 20 + "*b": "WALKING"}).key_of_label("a" * 199) is None


def test_rows_of_several_devices_and_people_may_alternate_in_files_of_one_sensor_each(tmp_path):
    """A person has two devices, another has a device without a gyroscope; gyroscopes start later."""
    samples = {"a1": motion(300, 1)[1], "a2": motion(300, 2)[1], "b1": motion(300, 3)[1]}
    for sensor, columns in (("acc", slice(3)), ("gyro", slice(3, 6))):
        lines = ["t,x,y,z,user,device,gt"]
        for i, t in enumerate(SECONDS):
            for name, x in samples.items():
                if sensor == "acc" or (name != "b1" and i >= 20):
                    more = [[name[0]], [name], ["null" if i < 100 else "walk"]]
                    lines += rows([x[i, columns]], times=[t], more=more)
        (tmp_path / f"Phones_{sensor}.csv").write_text("\n".join(lines))
    text = 'files = "Phones_{sensor}.csv"\nsubject = { column = "user", several = true }\nlabel = { column = "gt" }\n'
    text += 'device = { column = "device", several = true }\n'
    tables = f'[time]\ncolumn = "t"\nunit = "s"\n{sensors(2, names=("acc", "gyro"))}'
    tables += '[labels]\nwalk = "WALKING"\nnull = ""\n'
    facts = read(tmp_path, text + tables)
    assert [(recording.subject, recording.mounting.device) for recording in facts.recordings] == [
        ("a", "a1"),
        ("a", "a2"),
    ]
    for x in facts.recordings:
        assert x.samples == pytest.approx(samples[x.mounting.device][20:], abs=1e-9)
    assert facts.recordings[0].labels.tolist() == [-1] * 80 + [0] * 200
    assert facts.without_rotation == ["Phones_acc.csv b b1"]
    one = read(tmp_path, f'where = {{ device = ["a2", "none"] }}\n{text}{tables}')
    assert [recording.mounting.device for recording in one.recordings] == ["a2"]
    named = read(tmp_path, text.replace("device =", "placement =") + tables + '[placements]\na1 = "wrist"\n').recordings
    assert [recording.mounting.placement for recording in named] == ["wrist", "a2"]


@pytest.mark.parametrize("clock", ["rate = 50\n", '[time]\ncolumn = 1\nunit = "s"\n'])
def test_a_column_may_tell_trials_apart_with_or_without_times_that_begin_again(tmp_path, clock):
    trials = {name: motion(300, seed)[1] for seed, name in enumerate(("1", "2"))}
    lines = [row for name, samples in trials.items() for row in rows(samples, times=SECONDS, more=[[name] * 300])]
    (tmp_path / "anna.csv").write_text("\n".join(lines))
    text = 'files = "{subject}.csv"\nlabel = "walk"\ntrial = { column = 8, several = true }\n'
    recordings = read(tmp_path, text + clock + sensors(2)).recordings
    assert [(recording.subject, recording.trial) for recording in recordings] == [("anna", "1"), ("anna", "2")]
    for x in recordings:
        assert x.samples == pytest.approx(trials[x.trial], abs=1e-9)


def test_labels_that_are_numbers_are_the_same_however_written_and_others_are_left_out_together(tmp_path):
    labels = np.repeat(["1", "1.0", "1.0000000e+00", "2.0", "0_1"], 60)
    (tmp_path / "a.csv").write_text("\n".join(rows(SAMPLES, more=[labels])))
    facts = read(tmp_path, BY_CELL + '[labels]\n1 = "WALKING"\n3 = "SITTING"\n"*" = ""\n')
    assert facts.recordings[0].labels.tolist() == [0] * 180 + [-1] * 120
    assert facts.absent_labels == ("3",)


def test_a_star_in_the_name_of_a_label_is_any_text(tmp_path):
    labels = ["7030 sleeping;MET 0.95", "17250 walking as the means;MET 3.5", "walking, dog", "F01", "walk"]
    (tmp_path / "a.csv").write_text("\n".join(rows(SAMPLES, "\t", more=[np.repeat(labels, 60)])))
    text = BY_CELL + '[labels]\n"* sleeping;*" = "LAYING"\n"*walking*;*" = "WALKING"\n"*walking*" = ""\n'
    text += 'walk = "STANDING"\n'
    facts = read(tmp_path, text + '"sit*" = "SITTING"\n[other_labels]\n"F*" = "falling"\n"*" = "rest"\n')
    recording = facts.recordings[0]
    assert facts.absent_labels == ("sit*",)
    assert [recording.label_names[i] if i >= 0 else "" for i in recording.labels[30::60]] == [
        *("LAYING", "WALKING", "", "falling", "STANDING")
    ]
