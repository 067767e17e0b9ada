"""The app's service on fakes of Android: what it asks of the system, and when it lets go of it."""

from itertools import pairwise

import numpy as np
import pytest

from edge_runtime import classifier as classifiers
from edge_runtime import csv_recordings, uci_har
from edge_runtime.classifier import Classifier
from edge_runtime.live import UNKNOWN, Decision, LiveRecognizer
from edge_runtime.model_paths import reference_model

BOTH = "accelerometer gyroscope"
HEALTH = 256  # ServiceInfo.FOREGROUND_SERVICE_TYPE_HEALTH
STICKY, NOT_STICKY = 1, 2
GRAVITY = 9.80665


@pytest.fixture
def play(jvm):
    """Plays a scene on a phone with `sensors`; the steps, with what the system was told in each."""

    def play(scene: str, *arguments, sensors: str = BOTH, **properties) -> list[str]:
        options = {"assets": jvm.assets, "sensors": sensors} | properties
        said = jvm.run("haredge.demo.Scenes", scene, *arguments, options=[f"-D{k}={v}" for k, v in options.items()])
        return said.splitlines()

    return play


@pytest.fixture
def recording() -> np.ndarray:
    """Two and a half minutes `[n, 7]` as a phone has them: nanoseconds, m/s² and rad/s in single precision."""
    samples = uci_har.recordings()[0].samples[:7500].copy()
    samples[:, :3] *= GRAVITY
    nanoseconds = 5_000_000_000 + 20_000_000 * np.arange(len(samples))
    return np.column_stack([nanoseconds, samples.astype(np.float32)])


def test_a_day_of_the_service(play, jvm, recording, monkeypatch):
    recording.astype("<f8").tofile(jvm.folder / "samples")
    (jvm.folder / "recordings").mkdir()
    steps = play("day", "samples", "decisions", "recordings/a.csv")
    created, first, second, rate, sensed, stopped = steps
    assert created == "created: channel"
    assert first.split(": ")[1].split(" | ") == [
        f"foreground starting type {HEALTH}",
        "awake",
        "thread har-edge sensors",
        "accelerometer every 20000 us, late by 0",
        "gyroscope every 20000 us, late by 0",
    ]
    assert first.startswith(f"commanded {STICKY}")
    assert second.split(": ")[1] == f"foreground starting type {HEALTH}"  # nothing is begun twice
    assert rate == "rate 50.0"
    assert stopped == f"commanded {NOT_STICKY}: sensors off | thread ends | may sleep | background | stop"

    samples = recording[:, 1:].copy()
    samples[:, :3] /= GRAVITY
    wanted = _decisions(samples, recording[:, 0] / 1e9, monkeypatch)
    found = np.fromfile(jvm.folder / "decisions", "<f8").reshape(-1, 3)[:, :2]
    assert np.array_equal(found, wanted[: len(found)])
    assert len(wanted) - len(found) <= 1  # the last sample waits for later ones
    shown = [x.removeprefix("notify ") for x in sensed.split(": ")[1].split(" | ")]
    assert shown[0] == "unknown"
    assert {"Standing", "Sitting"} <= set(shown)
    assert all(a != b for a, b in pairwise(shown))

    back = csv_recordings._read(jvm.folder / "recordings/a.csv")
    assert back.subject == "s1, left"
    assert set(back.labels) == {"SITTING"}
    assert np.array_equal(back.samples.astype(np.float32), samples.astype(np.float32))


def _decisions(samples, seconds, monkeypatch) -> np.ndarray:
    """Times and labels as Python decides them, with the kernels of TFLite on the desktop's JVM."""
    open_model = classifiers.open_model
    monkeypatch.setattr(classifiers, "open_model", lambda content, *rest, name: open_model(content, *rest, False, name))
    recogniser = LiveRecognizer(Classifier(reference_model("edge", "int8")))
    events = recogniser.push(samples, seconds) + recogniser.flush()
    labels = recogniser.card.labels
    decisions = [x for x in events if isinstance(x, Decision)]
    return np.array([[x.seconds, -1 if x.activity == UNKNOWN else labels.index(x.activity)] for x in decisions])


def test_before_android_14_a_service_has_no_type(play):
    assert "foreground starting | awake" in play("destroyed", sdk=33)[1]


def test_before_android_8_there_are_no_channels(play):
    assert play("destroyed", sdk=24)[0] == "created: "


def test_a_phone_without_a_gyroscope_is_told_so(play):
    *_, commanded, fault = play("cannot", sensors="accelerometer")
    assert commanded.endswith("background | stop")
    assert "awake" not in commanded
    assert fault == "fault: no_sensor, session: false"


def test_sensors_that_are_refused_are_reported_and_the_phone_may_sleep(play):
    *_, commanded, fault = play("cannot", refused="true")
    assert "sensors off" in commanded
    assert commanded.endswith("may sleep")
    assert "does not let this app use its motion sensors" in fault


def test_a_damaged_model_is_reported(play, jvm, tmp_path):
    (tmp_path / "assets").mkdir()
    content = bytearray((jvm.assets / "edge_int8.tflite").read_bytes())
    content[3000] ^= 1
    (tmp_path / "assets/edge_int8.tflite").write_bytes(content)
    assert "is damaged" in play("cannot", assets=tmp_path / "assets")[-1]


def test_a_service_that_the_system_ends_lets_go_of_everything(play):
    _, commanded, destroyed = play("destroyed")
    assert "awake" in commanded
    assert destroyed == "destroyed: sensors off | thread ends | may sleep"


def test_a_recording_is_played_at_its_own_pace(play, jvm, recording):
    rows = "".join(f"{int(t)},{','.join(map(repr, map(float, x)))},,s1\n" for t, *x in recording[:200])
    header = "timestamp[ns],ax[m/s^2],ay[m/s^2],az[m/s^2],gx[rad/s],gy[rad/s],gz[rad/s],label,subject\n"
    (jvm.folder / "a.csv").write_text(header + rows)
    *_, fault, destroyed = play("replay", "a.csv")
    assert fault == "fault: null, session: true"
    assert "notify unknown" in destroyed


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "has no column 'timestamp'"),
        ("timestamp[ns],ax,ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]\n", "has no column 'ax' with its unit"),
        ("timestamp[s],ax[s],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]\n", "has no column 'ax' with its unit"),
        ("timestamp[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]\n1,2,3\n", "line 2 has no whole sample"),
        ("timestamp[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s]\n", "has no samples"),
    ],
)
def test_what_is_no_recording_is_refused(play, jvm, text, said):
    (jvm.folder / "a.csv").write_text(text)
    assert said in play("replay", "a.csv")[-2]
