"""Whatever a command reads, it waits for no pipe, begins no endless file, and takes no folder for a file."""

import os

import pytest
from programs import MODELS, assert_one_sentence
from written_recordings import write_subjects


def pipe(path):
    os.mkfifo(path)
    return "regular file"


def device(path):
    path.symlink_to("/dev/zero")
    return "regular file"


def sparse(path):
    with path.open("wb") as file:
        file.truncate(6 << 30)
    return "is larger than"


@pytest.mark.parametrize("make", [pipe, device, sparse])
@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "x.tflite"],
        ["bench", "x.tflite"],
        ["stream", "x.tflite", "--replay", "0"],
        ["card", MODELS["int8"], "--from", "x.json"],
        ["report", "x.json"],
        ["compare", "x.json", "x.json"],
        ["data", "--data", "x.zip"],
        ["convert", "x.keras"],
    ],
)
def test_an_endless_file_is_refused(har_edge_here, tmp_path, arguments, make):
    name = next(x for x in map(str, arguments) if x.startswith("x."))
    why = make(tmp_path / name)
    if make is pipe and arguments[0] in ("report", "compare"):
        why = "is not a result"  # a pipe is read: this one, which nobody writes to, is empty
    assert_one_sentence(har_edge_here(*arguments), 2, name, why)


def test_a_recording_of_gigabytes_is_refused(har_edge_here, tmp_path):
    sparse(write_subjects(tmp_path, "abc") / "rec-b.csv")
    assert_one_sentence(har_edge_here("data", "--data", tmp_path), 2, "rec-b.csv is larger than a recording can be")
