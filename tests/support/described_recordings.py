"""Write recordings in any form, layouts that describe them, and files of their labels."""

import numpy as np
from written_recordings import motion, posture

from edge_runtime.data.layout import parse_layout
from edge_runtime.data.layout_recordings import read_recordings


def sensors(first=1, rotation="rad/s", names=()):
    """Describe both sensors in columns from `first` on; with `names`, each file or row has one sensor."""
    text = ""
    for i, (table, unit) in enumerate((("acceleration", "g"), ("rotation", rotation))):
        at = first if names else first + 3 * i
        text += f'[{table}]\ncolumns = [{at}, {at + 1}, {at + 2}]\nunit = "{unit}"\n'
        text += f'sensor = "{names[i]}"\n' if names else ""
    return text


LAYOUT = f"""\
files = "{{label}}/{{subject}}_{{trial}}.csv"
rate = 50
skip = 1
{sensors(rotation="deg/s")}
[labels]
walk = "WALKING"
sit = "SITTING"

[other_labels]
fetch = "fetching"
"""
BY_ROW = f"""\
files = "L{{scene}}_S{{subject}}_R{{trial}}.csv"
rate = 50
skip = 1
{sensors(2)}
[label_file]
files = "L{{scene}}_S{{subject}}_R{{trial}}_labels.csv"
columns = ["label"]
skip = 1
[labels]
2 = "WALKING"
1 = "STANDING"
7 = ""
"""
OF_STRETCHES = f"""\
files = "{{subject}}.csv"
rate = 50
{sensors()}
[label_file]
files = "labels.txt"
columns = ["subject", "label", "start", "end"]
"""


def read(folder, text):
    """Read the recordings in `folder` by the layout in `text`."""
    return read_recordings(folder, parse_layout(text, "mine.toml", "mine"))


def write_layout(folder, text):
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def rows(samples, separator=",", end="", times=None, more=()):
    """Write a line for each sample, with its time before it and the texts `more` behind it."""
    texts = [] if times is None else [time if isinstance(time, str) else repr(float(time)) for time in times]
    before = [[text] for text in texts] or [[]] * len(samples)
    behind = zip(*more, strict=True) if more else [()] * len(samples)
    return [
        separator.join([*first, *(repr(float(number)) for number in row), *last]) + end
        for first, row, last in zip(before, samples, behind, strict=True)
    ]


def write_tree(folder, labels=("walk", "sit", "fetch"), subjects=("1", "2", "10")):
    for label in labels:
        (folder / label).mkdir(parents=True)
        for seed, subject in enumerate(subjects):
            samples = motion(300, seed)[1] * [1, 1, 1, *[180 / np.pi] * 3]
            (folder / label / f"{subject}_1.csv").write_text("\n".join(["x,y,z,u,v,w", *rows(samples)]))
    return folder


def write_by_row(folder, trial="01", n=300):
    """Write a recording and the labels of its rows, beside columns that are not read; return its samples."""
    samples = motion(n)[1]
    name = f"L01_S07_R{trial}"
    (folder / f"{name}.csv").write_text("\n".join(["Time,x,y,z,u,v,w", *rows(samples, times=range(n)), ""]))
    labels = ["1,0,1"] * 100 + ["2.0,1,0"] * 150 + ["7,0,0"] * (n - 250)
    (folder / f"{name}_labels.csv").write_text("\n".join(["Class,Gait,Step", *labels, ""]))
    return samples


def write_files_worn_anew(folder, labels=("WALKING", "JOGGING"), subjects=("a", "b", "c")):
    """Write files of people who move and stand, and a layout in which each file is a mounting; return its path."""
    folder.mkdir()
    still = np.tile([0.0, 0, 1, 0, 0, 0], (400, 1)) + np.random.default_rng(0).normal(0, 0.005, (400, 6))
    for seed, subject in enumerate(subjects):
        moves = {label: posture("WALKING", 8, 2 * seed) for label in labels}
        for label, samples in {**moves, "STANDING": still}.items():
            (folder / f"{label}_{subject}.csv").write_text("\n".join(rows(samples)))
    text = f'mounting = "each file"\nfiles = "{{label}}_{{subject}}.csv"\nrate = 50\n{sensors()}'
    return write_layout(folder.parent, text)
