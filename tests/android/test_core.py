"""The app's Java core gives what `edge_runtime` gives, and records what the commands read."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import build_app
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from android_app import walking_model
from programs import har_edge
from scipy.spatial.transform import Rotation
from tiny_models import Part, build, card

from edge_runtime.data import uci_har
from edge_runtime.data.uci_har import load
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.live.decider import UNKNOWN, Decision, Notice
from edge_runtime.live.mounting_search import UNKNOWN_MOUNTING
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.model import model_card as cards
from edge_runtime.model.alike_labels import IN_A_POCKET, AlikeLabels
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_card import Smoothing
from edge_runtime.model.model_paths import reference_model
from edge_runtime.model.personal_correction import PersonalCorrection
from edge_runtime.signals import frontend, mounting
from edge_runtime.signals.types import STANDARD_GRAVITY
from tools import golden

MODELS = ("edge_int8", "edge_float32")
# Of the training subjects: who is learned from here is nothing to choose by.
SUBJECTS = (1, 3, 5)
Stream = tuple[np.ndarray, np.ndarray]  # times [n] and samples [n, 6]


def test_signals_of_a_recording_are_equal_to_the_last_bit(jvm):
    recording = uci_har.recordings()[0].samples
    recording.astype("<f8").tofile(jvm.folder / "raw")
    jvm.drive("signals", reference_model("edge", "int8"), "raw", "signals")
    assert np.array_equal(_doubles(jvm.folder / "signals", 9), frontend.signals(recording))


def test_test_windows_inside_the_app_are_the_published_ones(jvm):
    said = jvm.drive("windows", jvm.assets, "windows", "about")
    data = load()
    assert said.split() == ["UCI", "HAR", data.fingerprint]
    windows = np.fromfile(jvm.folder / "windows", "<f4").reshape(-1, 128, 9)
    assert np.array_equal(windows, data.test.X)
    about = np.fromfile(jvm.folder / "about", "<f4").reshape(-1, 2)
    assert np.array_equal(about, np.stack([data.test.y, data.test.subject], axis=1))


@pytest.mark.parametrize("name", MODELS)
def test_answers_are_those_of_litert(jvm, name):
    windows = load().test.X
    windows.tofile(jvm.folder / "windows")
    jvm.drive("classify", jvm.assets / f"{name}.tflite", "windows", "answers")
    classifier = Classifier(reference_model(*name.split("_")))
    logits, probabilities = np.fromfile(jvm.folder / "answers", "<f4").reshape(len(windows), 2, -1).swapaxes(0, 1)
    # TFLite's own kernels would give other int8 answers in a quarter of the windows.
    assert np.abs(logits - classifier.logits(windows)).max() < (1e-5 if name.endswith("float32") else 1e-12)
    assert np.abs(probabilities - classifier.probabilities(windows)).max() < 1e-5


@pytest.mark.parametrize("name", [*golden.STRETCHES, golden.WORN_ANY_WAY])
def test_golden_vectors_are_what_the_app_makes_of_their_raw_samples(jvm, name):
    model = golden.model_of(name)
    raw, wanted = (np.loadtxt(golden.FOLDER / name / x, delimiter=",", skiprows=1) for x in ("raw.csv", "signals.csv"))
    raw.astype("<f8").tofile(jvm.folder / "raw")
    jvm.drive("signals", model, "raw", "signals")
    signals = _doubles(jvm.folder / "signals", wanted.shape[1])
    assert np.abs(signals - wanted).max() <= golden.WITHIN["signals"]

    vectors = json.loads((golden.FOLDER / name / "windows.json").read_text())["windows"]
    samples = uci_har.WINDOW.samples
    windows = np.stack([signals[x["last"] + 1 - samples : x["last"] + 1] for x in vectors]).astype("<f4")
    mountings = _decided_as_in(vectors, jvm, model, windows)
    _classified_as_in(vectors, jvm, model, _as_taken(windows, mountings, Classifier(model).card))


def _decided_as_in(vectors: list[dict[str, Any]], jvm, model: Path, windows: np.ndarray) -> list[np.ndarray]:
    """The rotation `[3, 3]` after each window, NaN before one is known; decisions were compared with the vectors."""
    windows.tofile(jvm.folder / "windows")
    jvm.drive("decide", model, "windows", "decisions")
    card = Classifier(model).card
    n = len(card.labels)
    decided = _doubles(jvm.folder / "decisions", 10 + 2 * n)
    labels, rotations, smoothed, alone = np.split(decided, [1, 10, 10 + n], axis=1)
    answers = (*card.answers, UNKNOWN)  # the last is in the place -1
    assert [answers[int(x)] for x in labels[:, 0]] == [x["live_activity"] for x in vectors]
    for found, key in ((smoothed, "live_probabilities"), (alone, "probabilities")):
        assert np.abs(found - [x[key] for x in vectors]).max() <= golden.WITHIN["probabilities"]
    mountings = [x.reshape(3, 3) for x in rotations]
    assert [None if np.isnan(x).any() else x.tolist() for x in mountings] == [x.get("mounting") for x in vectors]
    return mountings


def _as_taken(windows: np.ndarray, mountings: list[np.ndarray], card: cards.Card) -> np.ndarray:
    """`windows` `[n, samples, 9]` in the frame of the model: their own where the mounting is not known yet."""
    if card.frame == "device":
        return windows
    own = mounting.own_frames(windows, card.signal_names, frontend.RATE_HZ)
    return mounting.turned(windows, card.signal_names, np.where(np.isnan(mountings), own, mountings))


def _classified_as_in(vectors: list[dict[str, Any]], jvm, model: Path, windows: np.ndarray) -> None:
    windows.tofile(jvm.folder / "windows")
    jvm.drive("classify", model, "windows", "answers")
    logits, probabilities = np.fromfile(jvm.folder / "answers", "<f4").reshape(len(vectors), 2, -1).swapaxes(0, 1)
    for found, key in ((logits, "logits"), (probabilities, "probabilities")):
        assert np.abs(found - [x[key] for x in vectors]).max() <= golden.WITHIN[key]
    labels = Classifier(model).card.labels
    assert [labels[i] for i in logits.argmax(axis=1)] == [x["activity"] for x in vectors]


def test_what_was_learnt_about_a_person_corrects_the_answers_alike(jvm):
    flatbuffer, card = cards.read_model(reference_model("edge", "int8"))
    weights = tuple(map(tuple, np.random.default_rng(0).normal(0, 0.3, (6, 45)).tolist()))
    correction = PersonalCorrection((1.0,) + (0.0,) * 44, weights, (-3.0,) * 6, (2.0,) * 6)
    cards.write_model(jvm.folder / "mine.tflite", flatbuffer, replace(card, personal_correction=correction))
    windows = load().test.X[::11]
    windows.tofile(jvm.folder / "windows")
    jvm.drive("classify", "mine.tflite", "windows", "answers")
    logits = np.fromfile(jvm.folder / "answers", "<f4").reshape(len(windows), 2, -1)[:, 0]
    wanted = Classifier(jvm.folder / "mine.tflite").logits(windows)
    assert np.abs(logits - wanted).max() < 1e-5
    uncorrected = Classifier(reference_model("edge", "int8")).logits(windows)
    assert (wanted.argmax(axis=1) != uncorrected.argmax(axis=1)).sum() > 10


def test_a_model_adapted_by_an_earlier_version_is_refused_as_in_python(jvm, monkeypatch):
    flatbuffer, card = cards.read_model(reference_model("edge", "int8"))
    text = card.to_json().replace('"personal_correction": null', '"posture_correction": {"rows": [3, 4]}')
    monkeypatch.setattr(cards.Card, "to_json", lambda _: text)
    (jvm.folder / "old.tflite").write_bytes(cards.attach(flatbuffer, card))
    reason = "was adapted to a person by an earlier har-edge: personalise its model again"
    with pytest.raises(DeviceError, match=reason):
        jvm.drive("classify", "old.tflite", "windows", "answers")
    with pytest.raises(InputError, match=reason):
        cards.read_model(jvm.folder / "old.tflite")


def test_answers_are_found_where_an_inference_moved_them(jvm):
    """The interpreter has room for 128 tensors and keeps 16 free; an operator that XNNPACK does not take adds some."""
    unused = [Part(f"unused {i}", (1,)) for i in range(109)]
    parts = [Part("logits", (1, 2)), Part("window", (1, 128, 2)), Part("axis", (1,), "int32", values=[1]), *unused]
    options = schema.ReducerOptionsT()
    takes = ["window", "axis"]
    product = build(schema.BuiltinOperator.REDUCE_PROD, parts, ["window"], ["logits"], takes, options=options)
    cards.write_model(jvm.folder / "product.tflite", product, replace(card(), raw_input=True))
    windows = np.random.default_rng(0).uniform(0.9, 1.1, (3, 128, 2)).astype(np.float32)
    windows.tofile(jvm.folder / "windows")
    jvm.drive("classify", "product.tflite", "windows", "answers")
    logits = np.fromfile(jvm.folder / "answers", "<f4").reshape(3, 2, -1)[:, 0]
    assert np.allclose(logits, windows.prod(axis=1), rtol=1e-5)


def test_a_card_without_smoothing_means_the_same_numbers():
    source = (build_app.MAIN / "java/haredge/live/Smoother.java").read_text()
    defaults = {name: float(x) for name, x in re.findall(r'getDouble\("(\w+)"\) : ([\d.]+);', source)}
    assert defaults == asdict(Smoothing())


def on_a_table(rng) -> np.ndarray:
    """Four minutes of a sensor's noise."""
    return rng.normal([0, 0, 1, 0, 0, 0], 0.003, (12000, 6))


def as_recorded(samples, rng) -> Stream:
    return 1000 + np.arange(len(samples)) / frontend.RATE_HZ, samples


def as_phones_deliver(samples, rng) -> Stream:
    """Jitter, samples that are lost, late, doubled or no numbers, gaps, and a clock that is set back."""
    n = len(samples)
    seconds = 1000 + np.arange(n) / frontend.RATE_HZ + rng.normal(0, 0.003, n)
    kept = rng.random(n) > 0.02
    for start in rng.integers(0, n - 200, 3):
        kept[start : start + rng.integers(5, 120)] = False
    order = np.flatnonzero(kept)
    for i in rng.integers(0, len(order) - 8, 40):
        order[[i, i + 1]] = order[[i + 1, i]]
    order = np.insert(order, 300, order[[299, 299]])
    order = np.insert(order, 900, order[880])
    seconds, samples = seconds[order], samples[order].copy()
    samples[500] = np.nan
    samples[700:705, 1], samples[800, 5], samples[900, 0] = 1e39, -200.1, 100.0
    seconds[len(seconds) // 2 :] -= 5
    return seconds, samples


def as_fast_sensors_deliver(samples, rng) -> Stream:
    """At 200 or 104 Hz, with vibration that 50 Hz cannot show, some samples lost, and a wrong timestamp."""
    rate = rng.choice([104.0, 200.0])
    seconds = np.arange(int(len(samples) * rate / frontend.RATE_HZ) - 4) / rate
    fast = np.stack([np.interp(seconds, np.arange(len(samples)) / frontend.RATE_HZ, x) for x in samples.T], axis=1)
    fast[:, 0] += 0.3 * np.sin(2 * np.pi * 45 * seconds)
    kept = rng.random(len(seconds)) > 0.02
    kept[5000 : 5000 + rng.integers(20, 300)] = False
    seconds, fast = seconds[kept], fast[kept]
    seconds[8000] = 1e9
    return seconds, fast


def as_faulty_sensors_deliver(samples, rng) -> Stream:
    """Both sensors stuck, then an axis, rotation in deg/s for a while, values at a limit, a clock that steps back."""
    samples, seconds = samples.copy(), 1000 + np.arange(len(samples)) / frontend.RATE_HZ
    samples[1000:1800] = samples[1000]
    samples[2500:4000, rng.integers(6)] = 0
    samples[4500:5000, 3:] *= 180 / np.pi
    samples[6000:6800, 3:] *= 180 / np.pi
    samples[7000:9000] = np.clip(2 * samples[7000:9000], -1.6, 1.6)
    seconds[9000:] -= 0.6
    seconds[9500:9540] = seconds[9500]
    return seconds, samples


DELIVERIES = (as_recorded, as_phones_deliver, as_fast_sensors_deliver, as_faulty_sensors_deliver)


@pytest.mark.parametrize("deliver", DELIVERIES)
def test_decisions_are_those_of_the_live_recogniser_over_all_recordings_of_the_test_subjects(jvm, deliver):
    rng = np.random.default_rng(0)
    model = reference_model("edge", "int8")
    subjects = set(load().test.subject.tolist())
    recordings = [x.samples for x in uci_har.recordings() if x.subject in subjects]
    found, _ = _decisions_as_in_python(jvm, model, [deliver(x, rng) for x in (*recordings, on_a_table(rng))])
    assert len(found) > 4800
    assert set(found[:, 3]) == {0, 1, 2, 3, 4} | ({5} if deliver is as_faulty_sensors_deliver else set())


@pytest.mark.parametrize("deliver", DELIVERIES)
def test_decisions_are_those_of_the_live_recogniser_however_the_phone_is_worn(jvm, deliver):
    """The shipped network as if it were of the walking frame; each recording is turned, and turned anew halfway."""
    rng = np.random.default_rng(0)
    model = jvm.folder / "walking.tflite"
    model.write_bytes(walking_model())
    recordings = [x.samples for x in uci_har.recordings() if x.subject in SUBJECTS]
    worn = [_turned(x, rng.integers(len(x) // 3, len(x)), rng) for x in (*recordings, on_a_table(rng))]
    found, notices = _decisions_as_in_python(jvm, model, [deliver(x, rng) for x in worn])
    assert len(found) > 1500
    assert set(found[:, 3]) == {0, 1, 2, 3, 4, 6} | ({5} if deliver is as_faulty_sensors_deliver else set())
    sitting_or_laying = len(uci_har.LABELS)
    assert (sitting_or_laying in found[:, 1]) == (deliver in (as_recorded, as_phones_deliver))
    assert {"MOUNTING_FOUND", "MOUNTING_LOST"} <= notices


@pytest.mark.parametrize("deliver", DELIVERIES)
def test_decisions_of_edge_anywhere_are_those_of_the_live_recogniser(jvm, deliver):
    rng = np.random.default_rng(1)
    recordings = [x.samples for x in uci_har.recordings() if x.subject in SUBJECTS][:4]
    worn = [_turned(x, rng.integers(len(x) // 3, len(x)), rng) for x in recordings]
    model = reference_model("edge-anywhere", "int8")
    found, notices = _decisions_as_in_python(jvm, model, [deliver(x, rng) for x in worn])
    assert len(found) > 1100
    assert {0, 1, 2, 4, 7} <= set(found[:, 1])  # of 3 and 5, which the phone leans back in, one answer
    assert set(found[:, 3]) == {0, 1, 2, 3, 6} | ({5} if deliver is as_faulty_sensors_deliver else set())
    assert {"MOUNTING_FOUND", "MOUNTING_LOST"} <= notices


def test_sway_and_a_phone_that_is_turned_over_tell_of_the_mounting_as_in_python(jvm):
    """Steps that sway the wrong way show no mounting so soon; who jogs on with the phone turned over loses it."""
    (walk, *_) = (x.samples[x.labels == 0] for x in uci_har.recordings() if x.subject in SUBJECTS)
    jogging = walk.mean(axis=0) + 4 * (walk - walk.mean(axis=0))
    model, rng = jvm.folder / "walking.tflite", np.random.default_rng(0)
    model.write_bytes(walking_model())
    for samples, expected in (
        (walk[:700] * [1, 1, 1, -1, 1, 1], set()),
        (np.concatenate([walk, jogging]), {"MOUNTING_FOUND"}),
        (np.concatenate([walk, jogging * [-1, -1, 1, -1, -1, 1]]), {"MOUNTING_FOUND", "MOUNTING_LOST"}),
    ):
        _, notices = _decisions_as_in_python(jvm, model, [as_recorded(samples, rng)])
        assert {x for x in notices if x.startswith("MOUNTING")} == expected


def test_people_who_take_more_steps_than_anybody_learnt_are_unknown_as_in_python(jvm):
    """Recordings played 1.7 times as fast: who walked then runs."""
    recordings = [x for x in uci_har.recordings() if x.subject in SUBJECTS][:3]
    model, runs = reference_model("edge", "int8"), []
    for x in recordings:
        walk = x.samples[np.isin(x.labels, [x.label_names.index("WALKING")])]
        runs.append(as_recorded(walk[np.arange(0, len(walk) - 1, 1.7).astype(int)], np.random.default_rng(0)))
    _, card = cards.read_model(model)
    boundless = replace(card, live=replace(card.live, novelty=replace(card.live.novelty, steps=None)))
    content = cards.attach(cards.read_model(model)[0], boundless)
    (jvm.folder / "boundless.tflite").write_bytes(content)
    found, others = (_decisions_as_in_python(jvm, x, runs)[0] for x in (model, jvm.folder / "boundless.tflite"))
    assert len(found) == len(others)
    assert (found[:, 1] == -1).mean() > (others[:, 1] == -1).mean() + 0.3


def _turned(samples: np.ndarray, moved: int, rng) -> np.ndarray:
    """`samples` `[n, 6]` of a phone that is worn in one way, and in another from sample `moved` on."""
    parts = []
    for part in (samples[:moved], samples[moved:]):
        rotation = Rotation.random(random_state=int(rng.integers(1000))).as_matrix()
        parts.append(np.concatenate([part[:, :3] @ rotation.T, part[:, 3:] @ rotation.T], axis=1))
    return np.concatenate(parts)


@pytest.mark.parametrize(("part", "kind"), [("posture", "novel"), ("movement", "unusual"), ("steps", "most")])
def test_a_card_whose_limits_of_novelty_are_not_above_0_is_refused_as_in_python(jvm, part, kind):
    flatbuffer, right = cards.read_model(reference_model("edge", "int8"))
    held = getattr(right.live.novelty, part)
    spoilt = (replace(held[0], **{kind: 0.0}), *held[1:]) if part != "steps" else replace(held, **{kind: 0.0})
    novelty = replace(right.live.novelty, **{part: spoilt})
    wrong = replace(right, live=replace(right.live, novelty=novelty))
    (jvm.folder / "wrong.tflite").write_bytes(cards.attach(flatbuffer, wrong))
    np.zeros((1, 7)).tofile(jvm.folder / "samples")
    with pytest.raises(DeviceError, match="above 0"):
        jvm.drive("live", "wrong.tflite", "samples", "decisions")
    with pytest.raises(InputError, match="above 0"):
        cards.read_model(jvm.folder / "wrong.tflite")


@pytest.mark.parametrize("steps", ["3", "[]"])
def test_steps_that_are_no_object_are_refused_as_in_python(jvm, monkeypatch, steps):
    flatbuffer, card = cards.read_model(reference_model("edge", "int8"))
    text = re.sub(r'"steps": \{[^}]*\}', f'"steps": {steps}', card.to_json())
    assert text != card.to_json()
    monkeypatch.setattr(cards.Card, "to_json", lambda _: text)
    (jvm.folder / "wrong.tflite").write_bytes(cards.attach(flatbuffer, card))
    np.zeros((1, 7)).tofile(jvm.folder / "samples")
    with pytest.raises(DeviceError, match="steps"):
        jvm.drive("live", "wrong.tflite", "samples", "decisions")
    with pytest.raises(InputError, match="steps is not an object"):
        cards.read_model(jvm.folder / "wrong.tflite")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"labels": ("JOGGING", *uci_har.LABELS[1:])}, "found by its label WALKING; it has none"),
        ({"signals": frontend.SIGNALS[::-1]}, "needs body_acc and total_acc among its signals"),
        ({"frame": "device"}, "look alike, which takes windows in the walking frame"),
        ({"alike": (AlikeLabels(("SITTING", "DANCING"), ("waist",)),)}, "at least two of its labels"),
        ({"alike": (AlikeLabels(("SITTING", "SITTING"), ("waist",)),)}, "at least two of its labels"),
        ({"alike": (AlikeLabels(("SITTING", "LAYING"), ()),)}, "at least two of its labels"),
    ],
)
def test_a_card_of_the_walking_frame_that_cannot_be_found_is_refused_as_in_python(jvm, changes, reason):
    flatbuffer, right = cards.read_model(reference_model("edge", "int8"))
    wrong = replace(right, **{"frame": "walking", "alike": (IN_A_POCKET,)} | changes)
    (jvm.folder / "wrong.tflite").write_bytes(cards.attach(flatbuffer, wrong))
    with pytest.raises(DeviceError, match=reason):
        jvm.drive("classify", "wrong.tflite", "windows", "answers")
    with pytest.raises(InputError, match=reason):
        cards.read_model(jvm.folder / "wrong.tflite")


def _decisions_as_in_python(jvm, model: Path, streams: list[Stream]) -> tuple[np.ndarray, set[str]]:
    """All decisions of the app's core and the kinds of its notices, after both were compared with Python's."""
    for i, stream in enumerate(streams):
        np.column_stack(stream).astype("<f8").tofile(jvm.folder / f"samples-{i}")
    said = jvm.drive("live", model, *(x for i in range(len(streams)) for x in (f"samples-{i}", f"decisions-{i}")))
    notices = [line.split() for line in said.splitlines()]
    decisions = []
    for i, stream in enumerate(streams):
        wanted, wanted_notices = _in_python(model, stream)
        found = _doubles(jvm.folder / f"decisions-{i}", wanted.shape[1])
        assert np.array_equal(found[:, :4], wanted[:, :4])
        assert np.abs(found[:, 4:] - wanted[:, 4:]).max() < 1e-6
        assert sorted(x for number, *x in notices if number == str(i)) == sorted(wanted_notices)
        decisions.append(found)
    return np.concatenate(decisions), {kind for _, kind, _ in notices}


@pytest.fixture(scope="module")
def recordings(desktop, tmp_path_factory):
    """A folder with a recording of each subject that the app's own recorder wrote."""
    folder, samples_file = tmp_path_factory.mktemp("recordings"), tmp_path_factory.mktemp("samples") / "samples"
    for subject in SUBJECTS:
        recording = next(x for x in uci_har.recordings() if x.subject == subject)
        labels = np.where(recording.labels < len(uci_har.LABELS), recording.labels, -1)
        nanoseconds = 5_000_000_000 + 20_000_000 * np.arange(len(labels))
        samples = [recording.samples[:, :3] * STANDARD_GRAVITY, recording.samples[:, 3:]]
        np.column_stack([nanoseconds, *samples, labels]).astype("<f8").tofile(samples_file)
        names, model = ",".join(uci_har.LABELS), reference_model("edge", "int8")
        files = (samples_file, folder / f"{subject}.csv")
        desktop.drive("record", model, f"s{subject}", names, *files, cwd=folder)
    return folder


def test_a_network_is_trained_from_recordings_of_the_app(recordings, tmp_path):
    options = ("--network", "edge-small", "--epochs", 1, "--out", tmp_path / "run")
    result = har_edge("train", "--data", recordings, *options, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    card = json.loads((tmp_path / "run/card.json").read_text())
    assert card["labels"] == list(uci_har.LABELS)
    assert (tmp_path / "run/model.keras").exists()


def test_recordings_of_the_app_are_streamed(recordings, tmp_path):
    first = next(x for x in uci_har.recordings() if x.subject == SUBJECTS[0])
    played = har_edge("stream", "edge", "--replay", 0, "--data", recordings, "--speed", 0, "--jsonl", cwd=tmp_path)
    read = har_edge("stream", "edge", "--csv", recordings / f"{SUBJECTS[0]}.csv", "--jsonl", cwd=tmp_path)
    for result in (played, read):
        assert result.returncode == 0, result.stderr
        decisions = [x for x in map(json.loads, result.stdout.splitlines()) if x["type"] == "decision"]
        assert abs(len(decisions) - len(first.samples) / 64) < 3


def _in_python(model: Path, stream: Stream) -> tuple[np.ndarray, list[list[str]]]:
    """Decisions as `Drive` writes them, and notices as it prints them, of samples in uneven chunks."""
    recogniser = LiveRecognizer(Classifier(model))
    seconds, samples = stream
    chunks = (slice(start, start + 37) for start in range(0, len(samples), 37))
    events = [x for chunk in chunks for x in recogniser.push(samples[chunk], seconds[chunk])] + recogniser.flush()
    answers = recogniser.card.answers
    decisions = []
    for x in (x for x in events if isinstance(x, Decision)):
        place = -1 if x.activity == UNKNOWN else answers.index(x.activity)
        decisions.append([x.seconds, place, x.warming_up, _reason(x.reason), *x.probabilities])
    notices = [[_kind(x), repr(x.seconds)] for x in events if isinstance(x, Notice)]
    left_out = recogniser.duplicates + recogniser.late + recogniser.invalid
    return np.array(decisions), [*notices, ["LEFT_OUT", str(left_out)]]


def _kind(notice: Notice) -> str:
    """Its name among the kinds of the app's."""
    told = {"mounting": "mounting found" if "is known" in notice.text else "mounting lost"}
    return told.get(notice.kind, notice.kind).upper().replace(" ", "_")


def _reason(text: str) -> int:
    """Its place among the reasons of the app."""
    if text.endswith("stuck, or switched off"):
        return 5
    if text == UNKNOWN_MOUNTING:
        return 6
    beginnings = ("", "no activity is certain", "orientation", "movement", "the phone is lying still")
    return max(i for i, beginning in enumerate(beginnings) if text.startswith(beginning)) if text else 0


def _doubles(path: Path, width: int) -> np.ndarray:
    return np.fromfile(path, "<f8").reshape(-1, width)
