"""Files that cannot be read are refused with their name and a noun: layouts, recordings, labels, windows."""

import numpy as np
import pytest
from described_recordings import BY_ROW, LAYOUT, OF_STRETCHES, rows, write_by_row, write_layout, write_tree
from written_recordings import HEADER, motion, spoil, write, write_subjects
from written_windows import SUBJECTS, of_people, write_windows

from edge_runtime.data import loading
from edge_runtime.errors import InputError

SAMPLES = motion(200)[1]
ROWS = rows(SAMPLES)
HEADED = ["x,y,z,u,v,w", *ROWS]
GOOD = "0.06,0,0,1,0,0,0,walk,a"
WINDOWS = of_people()
X = WINDOWS["X"]


def spoiled(value):
    bad = X.copy()
    bad[3, 5, 1] = value
    return bad


def layout(folder, old, new):
    """Recordings that fit a layout, and the layout with `new` instead of `old`."""
    assert old in LAYOUT
    return f"{write_layout(folder, LAYOUT.replace(old, new, 1))}={write_tree(folder / 'data')}"


def one_file(folder, old, new, lines, text=LAYOUT):
    assert old in text
    (folder / "walk").mkdir()
    (folder / "walk" / "1_1.csv").write_text("\n".join(lines))
    return f"{write_layout(folder, text.replace(old, new, 1))}={folder}"


def timed(times):
    return ["x,y,z,u,v,w,t", *rows(SAMPLES, more=[map(str, times)])]


def header(folder, old, new):
    assert old in HEADER
    for subject in "abc":
        write(folder / f"rec-{subject}.csv", *motion(300), ["walk"] * 300, subject, HEADER.replace(old, new))
    return folder


def row(folder, text):
    spoil(write_subjects(folder, "abc"), 5, text)
    return folder


def people(folder, subjects, **more):
    return write_subjects(write_subjects(folder, subjects), "d", **more)


def labels_of_rows(folder, old, new):
    write_by_row(folder)
    assert old in BY_ROW
    return f"{write_layout(folder, BY_ROW.replace(old, new, 1))}={folder}"


def labels_of_stretches(folder, text):
    (folder / "1.csv").write_text("\n".join(ROWS))
    (folder / "labels.txt").write_text(f"{text}\n")
    return f"{write_layout(folder, OF_STRETCHES)}={folder}"


def windows(folder, **changes):
    return write_windows(folder / "own.npz", WINDOWS, **changes)


TIME = "[time]\ncolumn = 7\nunit = "
NAMED = LAYOUT.replace("skip = 1", "").replace("[1, 2, 3]", '["x", "y", "z"]').replace("[4, 5, 6]", '["u", "v", "w"]')
TIMED = "skip = 1\n" + LAYOUT.replace("rate = 50\nskip = 1\n", f'{TIME}"s"\n')
REFUSED = [
    # a layout
    ("mine.toml", "acceleration.unit", layout, 'unit = "g"', 'unit = "grams"'),
    ("mine.toml", "sing", layout, 'unit = "deg/s"', 'unit = "deg/s"\nsing = -1'),
    ("mine.toml", "rate", layout, "rate = 50\n", ""),
    ("mine.toml", "acceleration.columns", layout, "[1, 2, 3]", "[1, 2, 0]"),
    ("mine.toml", "pattern", layout, "{trial}", "{trial"),
    ("mine.toml", "line 4", layout, "skip = 1", "skip = 1\nrate = 25"),
    ("mine.toml", "acceleration.offset", layout, 'unit = "g"', 'unit = "g"\noffset = [1, 2]'),
    ("mine.toml", "sensor", layout, 'unit = "g"', 'unit = "g"\nsensor = "acc"'),
    *[("mine.toml", "other_labels", layout, 'fetch = "fetching"', x) for x in ('walk = "rest"', 'go = "WALKING"')],
    ("mine.toml", "dots", layout, "skip = 1", "skip = 1\n" + "a." * 200 + "a = 1"),
    *[("mine.toml", x, layout, "skip = 1", f'skip = 1\nencoding = "{x}"') for x in ("punycode", "utf-7", "nonsense")],
    ("mine.toml", "'H'", one_file, '"s"', '"%H:%M:%S %H"', timed(np.arange(200)), TIMED),
    # recordings that a layout does not fit
    ("walk", "'walk'", layout, 'walk = "WALKING"\n', ""),
    ("mine.toml", "subject", layout, "/{subject}_", "/*_"),
    ("1_1.csv", "'zed'", one_file, '"z"', '"zed"', HEADED, NAMED),
    ("1_1.csv", "line 202: 5 fields", one_file, "", "", [*HEADED, "1,0,0,0,0"]),
    ("1_1.csv", "line 202", one_file, "", "", [*HEADED, "900,0,0,0,0,0"]),
    ("1_1.csv", "lines", one_file, "", "", ["1"] * 5_000_000),
    ("1_1.csv", "utf-16 text", one_file, "", "", HEADED, 'encoding = "utf-16"\n' + NAMED),
    ("1_1.csv", "line 3", one_file, "", "", timed(np.zeros(200)), TIMED),
    ("1_1.csv", "1 s apart.*rate", one_file, '"s"', '"s"\nsteady = true', timed(np.arange(200) // 50), TIMED),
    ("1_1.csv", "2e-05 s apart", one_file, '"s"', '"ms"', timed(np.arange(200) / 50), TIMED),
    ("1_1.csv", "line 2: '0.0'", one_file, '"s"', '"date"', timed(np.arange(200) / 50), TIMED),
    # own recordings
    ("rec-a.csv", "rpm", header, "gx[rad/s]", "gx[rpm]"),
    ("rec-a.csv", "'label'", header, "label", "class"),
    ("rec-a.csv", "'gx' twice", header, "gx[rad/s]", "gx[rad/s],gx"),
    ("rec-a.csv", "units", header, "gx[rad/s]", "gx[deg/s]"),
    ("rec-a.csv", "column ax", header, "ax[g],ay[g],az[g]", "linear_accel_x,ay[g],az[g]"),
    *[("rec-a.csv", "line 5", row, GOOD.replace("0.06", x)) for x in ("0.04", "nan")],
    *[("rec-a.csv", "line 5", row, GOOD.replace(",1,0,", f",{x},")) for x in ("101,0", "fast,0", "1,-201")],
    *[("rec-a.csv", "line 5", row, x) for x in (f"{GOOD},more", f"{GOOD[:-1]}b", GOOD[:-1])],
    ("", "2 subjects", people, "a"),
    ("", "'jump'.*test subjects", people, "ab", {"labels": ("walk", "jump")}),
    ("", "2 subjects", people, "ab", {"n": 100}),
    # files of labels
    ("R01.csv", "300 rows, .*R01_labels.csv 301", labels_of_rows, '["label"]\nskip = 1', '["label"]'),
    ("", "_classes.csv", labels_of_rows, '_labels.csv"', '_classes.csv"'),
    ("", r"'2\.0'", labels_of_rows, "2 = ", "3 = "),
    ("labels.txt", "line 1: .*unit", labels_of_stretches, "1,walk,0.5,4.5"),
    *[("labels.txt", "line 1", labels_of_stretches, f"1,walk,{x}") for x in ("one,30", "30,1")],
    ("labels.txt", "'sit'", labels_of_stretches, "1,walk,1,50\n1,sit,40,90"),
    # windows
    ("own.npz", "window 3", windows, {"X": spoiled(np.nan)}),
    ("own.npz", "y .*float64", windows, {"y": np.zeros(100)}),
    ("own.npz", "one class", windows, {"y": ["one"] * 100}),
    ("own.npz", "'fast'", windows, {"labels": ["slow"]}),
    ("own.npz", "1 to 2", windows, {"y": [1, 2] * 50, "labels": ["a", "b"]}),
    ("own.npz", "split has", windows, {"split": [2] * 100}),
    ("own.npz", "'anna' .*both parts", windows, {"split": [0, 1] * 50}),
    ("own.npz", "'subjects.npy'", windows, {"subjects": SUBJECTS}),
]


@pytest.mark.parametrize(("name", "noun", "write", "change"), [(*case[:3], case[3:]) for case in REFUSED])
def test_what_cannot_be_read_is_refused_by_its_name(tmp_path, name, noun, write, change):
    more = change[-1] if isinstance(change[-1], dict) else {}
    place = write(tmp_path, *(change[:-1] if more else change), **more)
    with pytest.raises(InputError, match=noun) as error:
        loading.load_data(str(place))
    assert name in str(error.value)
    assert len(str(error.value)) < 1000
    assert str(error.value).isprintable()
