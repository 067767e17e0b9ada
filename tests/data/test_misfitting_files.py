"""Check that files in another form than their layout says are refused with their name and line."""

import gzip

import numpy as np
import pytest
from described_recordings import LAYOUT, layout, rows, write_tree
from written_recordings import motion

from edge_runtime.data import file_tree
from edge_runtime.data.recordings import read_recordings
from edge_runtime.errors import InputError

BY_NUMBERS = LAYOUT.replace('["x", "y", "z"]', "[1, 2, 3]").replace('["u", "v", "w"]', "[4, 5, 6]")
TIMED = LAYOUT.replace("rate = 50\n", '[time]\ncolumn = "t"\nunit = "s"\n')
SAMPLES = motion(200)[1]
ROWS = rows(SAMPLES)
HEADED = ["x,y,z,u,v,w", *ROWS]


def timed(times):
    return ["t,x,y,z,u,v,w", *rows(SAMPLES, times=times)]


@pytest.mark.parametrize(
    ("text", "lines", "noun"),
    [
        (LAYOUT, ["x,x,z,u,v,w", *ROWS], "2 column 'x'"),
        (LAYOUT, ["#x,y,z,u,v,w", *ROWS], "no column 'x'"),
        (LAYOUT, ["made", "by,hand", *HEADED], "no column 'x'"),
        (LAYOUT, ROWS, "no column 'x'"),
        (LAYOUT, [x.rpartition(",")[0] for x in HEADED], "no column 'w'"),
        (LAYOUT, ["x,y,z,u,v,w", "g,g,g,deg,deg,deg", *ROWS], "line 2"),
        (LAYOUT, ["x,y,z,u,v,w", *(f"1,{x}" for x in ROWS)], "line 2: 7 fields instead of 6"),
        (LAYOUT, ["x,y,z,u,v,w", *(f"{x}," for x in ROWS)], "line 2: 7 fields"),
        (LAYOUT, [*HEADED, "900,0,0,0,0,0"], "line 202: nobody"),
        (LAYOUT, [*HEADED, "1,0,0,0,0"], "line 202: 5 fields"),
        (LAYOUT, ["x,y,z,u,v,w"], "too few"),
        (LAYOUT, [], "no column"),
        (LAYOUT.replace('unit = "g"', 'unit = "g"\nscale = 1000'), HEADED, "line 2: nobody"),
        ("skip = 1\n" + BY_NUMBERS, ["a", *HEADED], "line 2"),
        (BY_NUMBERS, [x.rpartition(",")[0] for x in ROWS], "line 1: 5 fields instead of 6"),
        (BY_NUMBERS, ["nan", *ROWS], "line 1: 1 fields instead of 6"),
        (BY_NUMBERS, [f"{x};" for x in ROWS], "line 1.*;'"),
        (BY_NUMBERS, ["She stopped,", "and then went on, for 3, 4 or 5 minutes."], "line 1"),
        (TIMED, timed(np.zeros(200)), "line 3.*timestamp"),
        (TIMED, timed(np.arange(200) // 50), "line 3.*steady"),
        (TIMED.replace('"s"', '"s"\ndisorder = "new recording"'), timed(np.zeros(200)), "samples are 0 s apart"),
        (TIMED.replace('"s"', '"s"\nsteady = true'), timed(np.zeros(200)), "samples are 0 s apart"),
        (TIMED.replace('"s"', '"s"\nsteady = true'), timed(np.roll(np.arange(200) // 50, 100)), "line 102"),
        (TIMED.replace('"s"', '"ms"'), timed(np.arange(200) / 50), "samples are 2e-05 s apart"),
        (TIMED.replace('"s"', '"date"'), timed(np.arange(200) / 50), "line 2: '0.0'"),
        (TIMED, [f"10:00:00.{i:03d},{x}" for i, x in enumerate(HEADED)], "no column 't'"),
        (TIMED.replace('"s"', '"%d.%m.%Y"'), ["t,x,y,z,u,v,w", *(f"1.1.2020,{x}" for x in ROWS)], "line 3.*timestamp"),
    ],
)
def test_a_file_that_does_not_fit_is_named_with_its_line(tmp_path, text, lines, noun):
    (tmp_path / "walk").mkdir()
    (tmp_path / "walk" / "1_1.csv").write_text("\n".join(lines))
    with pytest.raises(InputError, match=rf"1_1\.csv.*{noun}"):
        read_recordings(tmp_path, layout(text))


def test_rows_of_people_by_turns_that_no_time_tells_apart_are_refused(tmp_path):
    (tmp_path / "walk").mkdir()
    lines = [f"{x},{'ab'[i % 2]}" for i, x in enumerate(ROWS)]
    (tmp_path / "walk" / "1.csv").write_text("\n".join(["x,y,z,u,v,w,who", *lines]))
    text = LAYOUT.replace("{subject}_{trial}", "*")
    with pytest.raises(InputError, match="no file has samples"):
        read_recordings(tmp_path, layout('subject = { column = "who", several = true }\n' + text))
    with pytest.raises(InputError, match=r"1\.csv, line 3: .*subject, here 'b'"):
        read_recordings(tmp_path, layout('subject = { column = "who" }\n' + text))


def test_files_without_samples_are_left_out_with_bad_rows_and_named(tmp_path):
    data = write_tree(tmp_path / "data")
    for name, content in (("1_1", "x,y,z,u,v,w\nnan\n"), ("2_1", ""), ("10_1", "x,y,z,u,v,w\n")):
        (data / "walk" / f"{name}.csv").write_text(content)
    found = read_recordings(data, layout('bad_rows = "leave out"\n' + LAYOUT))
    assert found.without_samples == ["walk/1_1.csv", "walk/2_1.csv", "walk/10_1.csv"]
    assert len(found.recordings) == 6
    for path in data.rglob("*.csv"):
        path.write_text("nan\n" * 9)
    with pytest.raises(InputError, match=r"fetch/1_1\.csv"):
        read_recordings(data, layout('bad_rows = "leave out"\n' + BY_NUMBERS))


@pytest.mark.parametrize(
    ("unit", "shift", "names", "noun"),
    [
        ("s", 7, ("acc", "gyro"), r"acc\.csv: samples are 20 s apart"),
        ("ms", 1e13, ("acc", "gyro"), r"walk_1_acc\.csv"),
        ("ms", 0, ("acc", "gyros"), r"walk_1_acc\.csv"),
    ],
)
def test_sensors_of_their_own_files_have_to_meet(tmp_path, unit, shift, names, noun):
    seconds = motion(200)[0]
    for sensor, values, begin in (("acc", SAMPLES[:, :3], 0.0), ("gyro", SAMPLES[:, 3:], shift)):
        lines = rows(values, times=1e12 + 1000 * seconds + begin)
        (tmp_path / f"walk_1_{sensor}.csv").write_text("\n".join(["t,x,y,z", *lines]))
    text = TIMED.replace("{label}/{subject}_{trial}", "{label}_{subject}_{sensor}").replace('"s"', f'"{unit}"')
    text = text.replace('"u", "v", "w"', '"x", "y", "z"')
    text = text.replace("[rotation]", f'sensor = "{names[0]}"\n[rotation]\nsensor = "{names[1]}"')
    with pytest.raises(InputError, match=noun):
        read_recordings(tmp_path, layout(text))


def test_files_that_gzip_has_packed_are_read_within_the_limit(tmp_path, monkeypatch):
    data = write_tree(tmp_path / "data")
    text = LAYOUT.replace(".csv", ".csv.gz")
    for x in data.rglob("*.csv"):
        x.with_suffix(".csv.gz").write_bytes(gzip.compress(x.read_bytes()))
    packed, plain = (read_recordings(data, layout(x)).recordings for x in (text, LAYOUT))
    assert [x.samples.tolist() for x in packed] == [x.samples.tolist() for x in plain]
    path = data / "walk" / "1_1.csv.gz"
    content = path.read_bytes()
    path.write_bytes(content[:-100])
    with pytest.raises(InputError, match=r"walk/1_1\.csv\.gz is a damaged gzip file"):
        read_recordings(data, layout(text))
    path.write_bytes(content)
    monkeypatch.setattr(file_tree, "MAX_SIZE", max(x.stat().st_size for x in data.rglob("*.csv.gz")))
    with pytest.raises(InputError, match=r"\.csv\.gz is larger"):
        read_recordings(data, layout(text))


def test_comments_may_be_one_text():
    assert layout('comments = "#"\n' + LAYOUT).comment_marks == ("#",)
