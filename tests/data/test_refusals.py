"""Files that cannot be read are refused with their name and a noun: layouts, recordings, labels, windows, UCI HAR."""

import numpy as np
import official_copy
import pytest
from described_recordings import BY_ROW, LAYOUT, OF_STRETCHES, rows, write_by_row, write_layout, write_tree
from written_recordings import HEADER, motion, spoil, write, write_subjects, zipped
from written_windows import SUBJECTS, of_people, write_windows

from edge_runtime.data import loading
from edge_runtime.errors import InputError

SAMPLES = motion(200)[1]
ROWS = rows(SAMPLES)
HEADED = ["x,y,z,u,v,w", *ROWS]
GOOD = "0.06,0,0,1,0,0,0,walk,a"
WINDOWS = of_people()
X = WINDOWS["X"]
NO_PARTS = {"X": None, "y": None, "subject": None}
SIGNAL = "train/Inertial Signals/body_acc_x_train.txt"


def spoiled(value, row=3):
    bad = X.copy()
    bad[row, 5, 1] = value
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


def foreign(folder, content):
    (write_subjects(folder, "abc") / "rec-b2.csv").write_bytes(content)
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


def member(folder, name):
    """A zip of one recording whose path has a control character, of which the layout takes all."""
    (folder / "data.zip").write_bytes(zipped({name: "\n".join(ROWS)}))
    text = 'files = "{subject}/{label}/{placement}/{device}.csv"\nrate = 50\n'
    text += '[acceleration]\ncolumns = [1, 2, 3]\nunit = "g"'
    return f"{write_layout(folder, text)}={folder / 'data.zip'}"


def official(folder, name, text):
    """A copy of UCI HAR with another line in one of its files."""
    copy = official_copy.to_spoil(folder.parent, folder)
    lines = (copy / name).read_bytes().splitlines()
    lines[4] = text
    official_copy.rewrite(copy / name, b"\n".join(lines) + b"\n")
    return copy


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
    ("mine.toml", "rate", layout, "rate = 50\nskip = 1", f'rate = 50\n{TIME}"s"'),
    ("mine.toml", "time.unit", layout, "rate = 50\nskip = 1", f'{TIME}"samples a second"'),
    ("mine.toml", "acceleration.columns", layout, "[1, 2, 3]", "[1, 2, 0]"),
    ("mine.toml", "pattern", layout, "{trial}", "{trial"),
    ("mine.toml", "more than", layout, "{trial}", "*_*_*_*_{trial}_*"),
    ("mine.toml", "files", layout, 'files = "{label}/{subject}_{trial}.csv"', ""),
    ("mine.toml", "control character", layout, '"SITTING"', '"SIT\\u001b[2J"'),
    ("mine.toml", "line 4", layout, "skip = 1", "skip = 1\nrate = 25"),
    ("mine.toml", "acceleration.offset", layout, 'unit = "g"', 'unit = "g"\noffset = [1, 2]'),
    ("mine.toml", "sensor", layout, "{trial}", "{sensor}"),
    ("mine.toml", "column 0", layout, "rate = 50", 'rate = 50\nwhere = { 0 = "1" }'),
    # recordings that a layout does not fit
    ("walk", "'walk'", layout, 'walk = "WALKING"\n', ""),
    ("mine.toml", "subject", layout, "/{subject}_", "/*_"),
    ("mine.toml", "label", layout, "{label}/", "walk/"),
    ("1_1.csv", "'zed'", one_file, '"z"', '"zed"', HEADED, NAMED),
    ("1_1.csv", "line 2: 7 fields", one_file, "[4, 5, 6]", "[5, 6, 8]", ["", *(f"1,{x}" for x in ROWS)]),
    ("1_1.csv", "line 202: 5 fields", one_file, "", "", [*HEADED, "1,0,0,0,0"]),
    ("1_1.csv", "line 202", one_file, "", "", [*HEADED, "900,0,0,0,0,0"]),
    ("1_1.csv", "line 2", one_file, 'unit = "g"', 'unit = "g"\nscale = 1000', HEADED),
    ("1_1.csv", "line 2.*;'", one_file, "", "", ["", *(f"{x};" for x in ROWS)]),
    ("1_1.csv", "line 3", one_file, "", "", timed(np.zeros(200)), TIMED),
    ("1_1.csv", "1 s apart.*rate", one_file, '"s"', '"s"\nsteady = true', timed(np.arange(200) // 50), TIMED),
    ("1_1.csv", "line 102", one_file, '"s"', '"s"\nsteady = true', timed(np.roll(np.arange(200) // 50, 100)), TIMED),
    ("1_1.csv", "2e-05 s apart", one_file, '"s"', '"ms"', timed(np.arange(200) / 50), TIMED),
    ("1_1.csv", "line 2: '0.0'", one_file, '"s"', '"date"', timed(np.arange(200) / 50), TIMED),
    *[("data.zip", "control character", member, x) for x in ("a\nb/walk/hip/p.csv", "a/w\x1b[2J/\x9b1m/p.csv")],
    # own recordings
    ("rec-a.csv", "ax", header, "ax[g]", "ax"),
    ("rec-a.csv", "rpm", header, "gx[rad/s]", "gx[rpm]"),
    ("rec-a.csv", "2e-05 s apart", header, "[s]", "[ms]"),
    ("rec-a.csv", "'label'", header, "label", "class"),
    ("rec-a.csv", "units", header, "gx[rad/s]", "gx[deg/s]"),
    ("rec-a.csv", "ax, ay, az", header, "ax[g],ay[g],az[g]", "linear_accel_x,ay[g],az[g]"),
    *[("rec-a.csv", "line 5", row, GOOD.replace("0.06", x)) for x in ("0.04", "nan", "then")],
    *[("rec-a.csv", "line 5", row, GOOD.replace(",1,0,", f",{x},")) for x in ("-inf,0", "101,0", "fast,0", "1,-201")],
    *[("rec-a.csv", "line 5", row, x) for x in (f"{GOOD},more", GOOD[:8], f"{GOOD[:-1]}b", GOOD[:-1])],
    *[("", "control character", row, GOOD.replace("walk", x)) for x in ("walk\x1b[2J", '"wa\nlk"')],
    ("rec-b2.csv", "rec-b2", foreign, b"%PDF-1.4\n\xff\xfe1 2 3\n1 2 3\n"),
    ("rec-b2.csv", "rec-b2", foreign, b""),
    ("rec-b2.csv", "rec-b2", foreign, f'{HEADER}\n0.06,"0,0'.encode()),
    ("rec-b2.csv", "rec-b2", foreign, HEADER.encode() + b"\n" + b"\0" * 100),
    ("rec-b2.csv", "rec-b2", foreign, b"0,1,0,0,0,0,0,walk,b\n1,1,0,0,0,0,0,walk,b\n"),
    ("", "2 subjects", people, "a"),
    ("", "'jump'", people, "abc", {"labels": ("walk", "jump")}),
    ("", r"test subject \(d\)", people, "ab", {"n": 100}),
    ("", "1 labels", people, "", {"labels": ("walk",)}),
    # files of labels
    ("R01.csv", "300 rows, .*R01_labels.csv 301", labels_of_rows, '["label"]\nskip = 1', '["label"]'),
    ("", "_classes.csv", labels_of_rows, '_labels.csv"', '_classes.csv"'),
    ("mine.toml", "label_file.columns", labels_of_rows, '["label"]', '["scene"]'),
    ("mine.toml", "label_file.unit", labels_of_rows, '["label"]', '["label"]\nunit = "parsecs"'),
    ("R01_labels.csv", "line 2: 3 fields", labels_of_rows, '["label"]', '["", "", "", "label"]'),
    ("", r"'2\.0'", labels_of_rows, "2 = ", "3 = "),
    ("", "control character", labels_of_stretches, "1,EVIL\x1b[2Jx,1,300"),
    ("labels.txt", "line 1: .*unit", labels_of_stretches, "1,walk,0.5,4.5"),
    *[("labels.txt", "line 1", labels_of_stretches, f"1,walk,{x}") for x in ("one,30", "30,1", "1", "nan,3")],
    ("labels.txt", "'sit'", labels_of_stretches, "1,walk,1,50\n1,sit,40,90"),
    # windows
    ("own.npz", "no array X", windows, {"X": None}),
    ("own.npz", "window 3", windows, {"X": spoiled(np.nan)}),
    ("own.npz", "window 99", windows, {"X": spoiled(-np.inf, 99)}),
    ("own.npz", "y .*float64", windows, {"y": np.zeros(100)}),
    ("own.npz", "one class", windows, {"y": ["one"] * 100}),
    ("own.npz", "classes", windows, {"y": np.arange(200), "X": np.resize(X, (200, 64, 2)), "subject": None}),
    ("own.npz", r"'b\\x1b\[31m'", windows, {"y": ["a", "b\x1b[31m"] * 50}),
    ("own.npz", "y .*twice", windows, {"y": ["a", " a"] * 50}),
    ("own.npz", "'fast'", windows, {"labels": ["slow"]}),
    ("own.npz", "1 to 2", windows, {"y": [1, 2] * 50, "labels": ["a", "b"]}),
    ("own.npz", "split has", windows, {"split": [2] * 100}),
    ("own.npz", "'anna' .*both parts", windows, {"split": [0, 1] * 50}),
    ("own.npz", "rate is", windows, {"rate": 0}),
    ("own.npz", "'subjects.npy'", windows, {"subjects": SUBJECTS}),
    ("own.npz", "_train and _test", windows, {"X_train": X, "X_test": X, "y_train": [0] * 100, "y_test": [1] * 100}),
    (
        *("own.npz", "lengths", windows),
        NO_PARTS | {"X_train": X[:60], "X_test": X[60:], "y_train": [0, 1] * 20, "y_test": [0, 1] * 20},
    ),
    # UCI HAR
    ("body_acc_x_train.txt", "127", official, SIGNAL, b" 1.0" * 127),
    ("body_acc_x_train.txt", "7351", official, SIGNAL, b""),
    ("body_acc_x_train.txt", "128", official, SIGNAL, b" 1.0" * 127 + b" one"),
    ("body_acc_x_train.txt", "128", official, SIGNAL, b" 1.0" * 127 + b" NaN"),
    ("UCI HAR", "labels of the train part", official, "train/y_train.txt", b"7"),
    ("UCI HAR", "subjects of the test part", official, "test/subject_test.txt", b"31"),
]


@pytest.mark.parametrize(("name", "noun", "write", "change"), [(*x[:3], x[3:]) for x in REFUSED])
def test_what_cannot_be_read_is_refused_by_its_name(tmp_path, name, noun, write, change):
    more = change[-1] if isinstance(change[-1], dict) else {}
    place = write(tmp_path, *(change[:-1] if more else change), **more)
    with pytest.raises(InputError, match=noun) as error:
        loading.load_data(str(place))
    assert name in str(error.value)
    assert len(str(error.value)) < 1000
    assert str(error.value).isprintable()
