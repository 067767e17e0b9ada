"""Whatever a command reads, it waits for no pipe and begins no endless file."""

import os

import pytest
from programs import MODELS, assert_one_sentence
from written_recordings import write_subjects

COMMANDS = [
    ["info", "x.tflite"],
    ["bench", "x.tflite"],
    ["stream", "x.tflite", "--replay", "0"],
    ["card", MODELS["int8"], "--from", "x.json"],
    ["report", "x.json"],
    ["compare", "x.json", "x.json"],
    ["data", "--data", "x.zip"],
    ["convert", "x.keras"],
]


@pytest.mark.parametrize("arguments", COMMANDS)
def test_a_pipe_that_nobody_writes_to_is_refused(har_edge_here, tmp_path, arguments):
    name = next(x for x in map(str, arguments) if x.startswith("x."))
    os.mkfifo(tmp_path / name)
    assert_one_sentence(har_edge_here(*arguments), 2, name)


def test_a_recording_of_gigabytes_is_refused(har_edge_here, tmp_path):
    with (write_subjects(tmp_path, "abc") / "rec-b.csv").open("wb") as file:
        file.truncate(6 << 30)
    assert_one_sentence(har_edge_here("data", "--data", tmp_path), 2, "rec-b.csv is larger")
