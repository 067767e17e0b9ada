"""Check `har-edge stream`: its sources, output, log, refusals and end."""

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from programs import (
    MODELS,
    assert_one_sentence,
    har_edge,
    start_har_edge,
    succeeded,
)
from streams import csv_lines
from written_recordings import recordings

from edge_runtime.data import embedded_recordings
from edge_runtime.data.recording import Recording
from edge_runtime.errors import ExitCode
from edge_runtime.live.decider import Decision
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.live.recording_tracks import track_recording
from edge_runtime.live.stream_scores import score
from edge_runtime.model.classifier import Classifier

REPLAY = ("--replay", 7, "--speed", 0)
HEADER = "ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]"


@pytest.fixture(scope="module")
def recording() -> Recording:
    return recordings()[7]


@pytest.fixture
def stream(har_edge_here, monkeypatch, recording):
    """The command, with the recordings decoded once."""
    monkeypatch.setattr(embedded_recordings, "load", lambda: (recording,) * 61)
    return partial(har_edge_here, "stream")


def decisions(output: str) -> list[dict]:
    return [x for x in map(json.loads, output.splitlines()) if x["type"] == "decision"]


def test_decisions_are_those_of_the_recogniser(stream, recording):
    done = succeeded(stream("edge", *REPLAY, "--jsonl"))
    recognizer = LiveRecognizer(Classifier(MODELS["int8"]), gentle=False)
    times = np.arange(len(recording.samples)) / 50
    expected = [x for x in [*recognizer.push(recording.samples, times), *recognizer.flush()] if isinstance(x, Decision)]
    shown = decisions(done.stdout)
    assert [(line["seconds"], line["activity"], line["reason"]) for line in shown] == [
        (decision.seconds, decision.activity, decision.reason) for decision in expected
    ]
    assert np.allclose(
        [line["probabilities"]["SITTING"] for line in shown],
        [decision.probabilities[3] for decision in expected],
        atol=1e-5,
    )
    assert json.loads(done.stdout.splitlines()[-1])["decisions"] == len(expected) > 240
    labels = [recording.labels[round(50 * decision.seconds)] for decision in expected]
    assert [line.get("label", "") for line in shown] == [
        recording.label_names[label] if label >= 0 else "" for label in labels
    ]
    assert {"STANDING", "stand_to_sit", "WALKING"} <= {line.get("label") for line in shown}
    assert {json.loads(line)["type"] for line in done.stdout.splitlines()} == {"decision", "notice", "summary"}
    track = track_recording(recording, recognizer)
    scores = json.loads(done.stdout.splitlines()[-1])["scores"]
    live = score([track], 6, recognizer.card.window)
    assert (scores["windows"], scores["live_accuracy"]) == (live.windows, live.live_accuracy)
    printed = succeeded(stream("edge", *REPLAY)).stdout
    for part in (f"{live.windows} windows", f"{100 * live.live_accuracy:.1f} %", f"{scores['unknown']:.1%}"[:-1]):
        assert part in printed


def test_a_placement_is_known_in_any_case(stream):
    assert "activity" in succeeded(stream("edge-anywhere", *REPLAY, "--placement", " Waist")).stdout


def test_a_board_turned_and_in_other_units_is_recognised_the_same(stream, recording, tmp_path):
    samples = recording.samples[:6000]
    turned = samples[:, [1, 0, 2, 4, 3, 5]] * [1, -1, 1, 1, -1, 1]  # the board's -y points up
    header = "timestamp[ms],ax[m/s^2],ay[m/s^2],az[m/s^2],gx[deg/s],gy[deg/s],gz[deg/s]"
    turned_lines = csv_lines(turned * ([9.80665] * 3 + [180 / np.pi] * 3), header, 20.0 * np.arange(6000))
    (tmp_path / "walk.csv").write_text(turned_lines)
    done = succeeded(stream("edge", "--csv", "walk.csv", "--axes", "-y,x,z", "--jsonl"))
    (tmp_path / "straight.csv").write_text(csv_lines(samples, HEADER))
    expected = stream("edge", "--csv", "straight.csv", "--jsonl")
    assert len(decisions(done.stdout)) > 80
    assert [decision["activity"] for decision in decisions(done.stdout)] == [
        decision["activity"] for decision in decisions(expected.stdout)
    ]


def test_standard_input_without_times_is_read_to_its_end(recording, tmp_path):
    text = csv_lines(recording.samples[:500], HEADER)
    done = succeeded(har_edge("stream", "edge", "--csv", "-", "--jsonl", cwd=tmp_path, stdin=text))
    assert len(decisions(done.stdout)) == 6


@pytest.mark.parametrize(
    ("line", "code", "noun"),
    [
        ("", 2, "--replay"),
        ("--udp 5 --tcp 6", 2, "--udp"),
        ("--udp 5 --speed 2", 2, "--speed"),
        ("--replay 7 --units g", 2, "--units"),
        ("--replay 7 --placement pocket", 2, "'pocket'"),
        ("--replay 99", 2, "0 to 60"),
        ("--i2c thermometer", 2, "mpu6050"),
        ("--replay 7 --log .", 2, "--log"),
        ("--csv none.csv --log log.csv", 2, "none.csv"),
        ("--serial /dev/ttyNONE", ExitCode.DEVICE, "/dev/ttyNONE"),
    ],
)
def test_a_refusal_is_one_sentence_and_leaves_no_log(stream, tmp_path, line, code, noun):
    assert_one_sentence(stream("edge-anywhere" if "pocket" in line else "edge", *line.split()), code, noun)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_phone_connects_sends_rubbish_goes_and_comes_back_until_it_is_stopped(tmp_path, recording, number):
    with listening(tmp_path) as (process, port):
        for part in (recording.samples[:300], recording.samples[300:600]):
            rows = ({"acc": x[:3], "gyro": x[3:]} for x in part.tolist())
            with socket.create_connection(("127.0.0.1", port)) as phone:
                phone.sendall(b"\x1b[2J\xff rubbish\n" * 10 + "".join(json.dumps(row) + "\n" for row in rows).encode())
                read_until(process, '"activity"')
            read_until(process, '"lost"')
        process.send_signal(number)
        rest, error = process.communicate(timeout=30)
    assert process.returncode == 0, error
    summary = json.loads(rest.splitlines()[-1])
    assert (summary["type"], summary["malformed_lines"], summary["samples"]) == ("summary", 20, 600)
    assert error == ""


@contextmanager
def listening(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The command, listening for whoever connects, and on which port."""
    arguments = ("stream", "edge", "--tcp", "127.0.0.1:0", "--jsonl", "--units", "g")
    with start_har_edge(*arguments, cwd=folder) as process:
        try:
            opened = read_until(process, '"opened"')
            yield process, int(re.findall(r"127\.0\.0\.1:(\d+)", opened)[0])
        finally:
            process.kill()


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """The next line of `process` that holds `text`."""
    assert process.stdout
    for line in process.stdout:
        if text in line:
            return line
    raise AssertionError(f"it ended without saying {text}")
