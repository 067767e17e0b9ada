"""Write recordings in files of their own form, and a layout that describes them."""

import numpy as np
from written_recordings import motion, posture

from edge_runtime.data.layout import parse_layout

LAYOUT = """\
files = "{label}/{subject}_{trial}.csv"
rate = 50

[acceleration]
columns = ["x", "y", "z"]
unit = "g"

[rotation]
columns = ["u", "v", "w"]
unit = "deg/s"

[labels]
walk = "WALKING"
sit = "SITTING"

[other_labels]
fetch = "fetching"
"""


def layout(text=LAYOUT):
    return parse_layout(text, "mine.toml", "mine")


def write_layout(folder, text):
    path = folder / "mine.toml"
    path.write_text(text)
    return path


def rows(samples, separator=",", end="", times=None):
    first = [[]] * len(samples) if times is None else [[repr(float(x))] for x in times]
    return [
        separator.join([*before, *(repr(float(x)) for x in row)]) + end
        for before, row in zip(first, samples, strict=True)
    ]


def write_tree(folder, labels=("walk", "sit", "fetch"), subjects=("1", "2", "10")):
    for label in labels:
        (folder / label).mkdir(parents=True)
        for seed, subject in enumerate(subjects):
            samples = motion(300, seed)[1] * [1, 1, 1, *[180 / np.pi] * 3]
            text = "\n".join(["x,y,z,u,v,w", *rows(samples)])
            (folder / label / f"{subject}_1.csv").write_text(text + "\n")
    return folder


def write_files_worn_anew(folder, labels=("WALKING", "JOGGING"), subjects=("a", "b", "c")):
    """A file each of someone who moves so and of one who stands still; the layout that calls each a mounting."""
    folder.mkdir()
    still = np.tile([0.0, 0, 1, 0, 0, 0], (400, 1)) + np.random.default_rng(0).normal(0, 0.005, (400, 6))
    for seed, subject in enumerate(subjects):
        moves = {x: posture("WALKING", 8, 2 * seed) for x in labels}
        for label, samples in {**moves, "STANDING": still}.items():
            text = "\n".join(["x,y,z,u,v,w", *rows(samples)])
            (folder / f"{label}_{subject}.csv").write_text(text + "\n")
    text = LAYOUT.replace("{label}/{subject}_{trial}.csv", "{label}_{subject}.csv").split("[labels]")[0]
    return write_layout(folder.parent, f'mounting = "each file"\n{text.replace("deg/s", "rad/s")}')
