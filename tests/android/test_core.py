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
from streams import decisions, feed, notices
from tiny_models import Part, build, card

from edge_runtime.data import embedded_recordings, uci_har
from edge_runtime.data.uci_har import load
from edge_runtime.errors import DeviceError, InputError
from edge_runtime.live.decider import UNKNOWN, Notice
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

EDGE = reference_model("edge", "int8")
SUBJECTS = (1, 3, 5)  # training subjects
Stream = tuple[np.ndarray, np.ndarray]  # times [n] and samples [n, 6]


def test_signals_of_a_recording_are_equal_to_the_last_bit(jvm):
    recording = embedded_recordings.load()[0].samples
    recording.astype("<f8").tofile(jvm.folder / "raw")
    jvm.drive("signals", EDGE, "raw", "signals")
    assert np.array_equal(_doubles(jvm.folder / "signals", 9), frontend.signals(recording))


def _classified(jvm, model: Path | str, windows: np.ndarray) -> np.ndarray:
    """Logits and probabilities `[2, n, n_labels]` of the app."""
    windows.tofile(jvm.folder / "windows")
    jvm.drive("classify", model, "windows", "answers")
    return np.fromfile(jvm.folder / "answers", "<f4").reshape(len(windows), 2, -1).swapaxes(0, 1)


@pytest.mark.parametrize(("form", "limit"), [("int8", 1e-12), ("float32", 1e-5)])
def test_answers_are_those_of_litert(jvm, form, limit):
    """TFLite's own kernels would give other int8 answers in a quarter of the windows."""
    windows, model = load().test.X, reference_model("edge", form)
    classifier = Classifier(model)
    logits, probabilities = _classified(jvm, model, windows)
    assert np.abs(logits - classifier.logits(windows)).max() < limit
    assert np.abs(probabilities - classifier.probabilities(windows)).max() < 1e-5


@pytest.mark.parametrize("name", [*golden.STRETCHES, golden.WORN_ANY_WAY])
def test_golden_vectors_are_what_the_app_makes_of_their_raw_samples(jvm, name):
    model = golden.model_of(name)
    card, within = Classifier(model).card, golden.WITHIN
    raw, wanted = (np.loadtxt(golden.FOLDER / name / x, delimiter=",", skiprows=1) for x in ("raw.csv", "signals.csv"))
    raw.astype("<f8").tofile(jvm.folder / "raw")
    jvm.drive("signals", model, "raw", "signals")
    signals = _doubles(jvm.folder / "signals", wanted.shape[1])
    assert np.abs(signals - wanted).max() <= within["signals"]

    vectors = json.loads((golden.FOLDER / name / "windows.json").read_text())["windows"]

    def assert_close(found: np.ndarray, key: str, kind: str) -> None:
        assert np.abs(found - [x[key] for x in vectors]).max() <= within[kind]

    samples = uci_har.WINDOW.samples
    windows = np.stack([signals[x["last"] + 1 - samples : x["last"] + 1] for x in vectors]).astype("<f4")
    windows.tofile(jvm.folder / "windows")
    jvm.drive("decide", model, "windows", "decisions")
    n = len(card.labels)
    decided = _doubles(jvm.folder / "decisions", 10 + 2 * n)
    labels, rotations, smoothed, of_window = np.split(decided, [1, 10, 10 + n], axis=1)
    answers = (*card.answers, UNKNOWN)  # the last is in the place -1
    assert [answers[int(x)] for x in labels[:, 0]] == [x["live_activity"] for x in vectors]
    assert_close(smoothed, "live_probabilities", "probabilities")
    assert_close(of_window, "probabilities", "probabilities")
    mountings = [x.reshape(3, 3) for x in rotations]
    assert [None if np.isnan(x).any() else x.tolist() for x in mountings] == [x.get("mounting") for x in vectors]

    if card.frame == "walking":  # windows are in their own frame while the mounting is unknown
        own = mounting.own_frames(windows, card.signal_names, frontend.RATE_HZ)
        windows = mounting.turned(windows, card.signal_names, np.where(np.isnan(mountings), own, mountings))
    logits, probabilities = _classified(jvm, model, windows)
    assert_close(logits, "logits", "logits")
    assert_close(probabilities, "probabilities", "probabilities")


def test_what_was_learnt_about_a_person_corrects_the_answers_alike(jvm):
    flatbuffer, card = cards.read_model(EDGE)
    weights = tuple(map(tuple, np.random.default_rng(0).normal(0, 0.3, (6, 45)).tolist()))
    correction = PersonalCorrection((1.0,) + (0.0,) * 44, weights, (-3.0,) * 6, (2.0,) * 6)
    cards.write_model(jvm.folder / "mine.tflite", flatbuffer, replace(card, personal_correction=correction))
    windows = load().test.X[::11]
    wanted = Classifier(jvm.folder / "mine.tflite").logits(windows)
    assert np.abs(_classified(jvm, "mine.tflite", windows)[0] - wanted).max() < 1e-5
    assert (wanted.argmax(axis=1) != Classifier(EDGE).logits(windows).argmax(axis=1)).sum() > 10


def test_answers_are_found_where_an_inference_moved_them(jvm):
    """The interpreter has room for 128 tensors and keeps 16 free; an operator that XNNPACK does not take adds some."""
    unused = [Part(f"unused {i}", (1,)) for i in range(109)]
    parts = [Part("logits", (1, 2)), Part("window", (1, 128, 2)), Part("axis", (1,), "int32", values=[1]), *unused]
    options = schema.ReducerOptionsT()
    takes = ["window", "axis"]
    product = build(schema.BuiltinOperator.REDUCE_PROD, parts, ["window"], ["logits"], takes, options=options)
    cards.write_model(jvm.folder / "product.tflite", product, replace(card(), raw_input=True))
    windows = np.random.default_rng(0).uniform(0.9, 1.1, (3, 128, 2)).astype(np.float32)
    assert np.allclose(_classified(jvm, "product.tflite", windows)[0], windows.prod(axis=1), rtol=1e-5)


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
    """Both sensors stuck, then an axis, rotation in deg/s, values at a limit, other axes, a clock that steps back."""
    samples, seconds = samples.copy(), 1000 + np.arange(len(samples)) / frontend.RATE_HZ
    samples[1000:1800] = samples[1000]
    samples[2500:4000, rng.integers(6)] = 0
    samples[4500:5000, 3:] *= 180 / np.pi
    samples[6000:6800, 3:] *= 180 / np.pi
    samples[7000:9000] = np.clip(2 * samples[7000:9000], -1.6, 1.6)
    samples[9000:, 3:] = samples[9000:, [5, 3, 4]]
    seconds[9000:] -= 0.6
    seconds[9500:9540] = seconds[9500]
    return seconds, samples


def _model(jvm, kind: str) -> Path:
    """`edge`, `edge-anywhere`, or `edge` as if it were of the walking frame."""
    if kind != "walking":
        return reference_model(kind, "int8")
    (jvm.folder / "walking.tflite").write_bytes(walking_model())
    return jvm.folder / "walking.tflite"


@pytest.mark.parametrize(
    "deliver", [as_recorded, as_phones_deliver, as_fast_sensors_deliver, as_faulty_sensors_deliver]
)
@pytest.mark.parametrize(
    ("kind", "least", "reasons"),
    [("edge", 1500, {0, 1, 2, 3, 4}), ("walking", 1500, {0, 1, 2, 3, 4, 6}), ("edge-anywhere", 1100, {0, 1, 2, 3, 6})],
)
def test_decisions_are_those_of_the_live_recogniser(cores, kind, least, reasons, deliver):
    """On a JVM and in browsers, also where each recording is turned, and turned anew halfway."""
    rng = np.random.default_rng(kind == "edge-anywhere")
    whole = [x.samples for x in embedded_recordings.load() if x.subject in SUBJECTS]
    sent = whole[:4] if kind == "edge-anywhere" else [*whole, on_a_table(rng)]
    if kind != "edge":
        sent = [_turned(x, rng.integers(len(x) // 3, len(x)), rng) for x in sent]
    found, told = _decisions_as_in_python(cores, _model(cores[0], kind), [deliver(x, rng) for x in sent])
    assert len(found) > least
    assert set(found[:, 3]) == reasons | ({5} if deliver is as_faulty_sensors_deliver else set())
    if kind == "edge-anywhere":
        alike = set() if deliver is as_faulty_sensors_deliver else {7}  # 3 or 5, which the phone leans back in
        assert {0, 1, 2, 4} | alike <= set(found[:, 1])
    assert ("ROTATION_AXES" in told) == (deliver is as_faulty_sensors_deliver)
    assert kind == "edge" or {"MOUNTING_FOUND", "MOUNTING_LOST"} <= told


def test_sway_and_a_phone_that_is_turned_over_tell_of_the_mounting_as_in_python(jvm):
    """Steps that sway the wrong way show no mounting so soon; who jogs on with the phone turned over loses it."""
    (walk, *_) = (x.samples[x.labels == 0] for x in embedded_recordings.load() if x.subject in SUBJECTS)
    jogging = walk.mean(axis=0) + 4 * (walk - walk.mean(axis=0))
    for samples, expected in (
        (walk[:700] * [1, 1, 1, -1, 1, 1], set()),
        (np.concatenate([walk, jogging]), {"MOUNTING_FOUND"}),
        (np.concatenate([walk, jogging * [-1, -1, 1, -1, -1, 1]]), {"MOUNTING_FOUND", "MOUNTING_LOST"}),
    ):
        _, told = _decisions_as_in_python([jvm], _model(jvm, "walking"), [as_recorded(samples, None)])
        assert {x for x in told if x.startswith("MOUNTING")} == expected


def test_people_who_take_more_steps_than_anybody_learnt_are_unknown_as_in_python(jvm):
    """Recordings played 1.7 times as fast: who walked then runs."""
    walks = [x.samples[x.labels == 0] for x in embedded_recordings.load() if x.subject in SUBJECTS][:3]
    runs = [as_recorded(x[np.arange(0, len(x) - 1, 1.7).astype(int)], None) for x in walks]
    flatbuffer, card = cards.read_model(EDGE)
    boundless = replace(card, live=replace(card.live, novelty=replace(card.live.novelty, steps=None)))
    (jvm.folder / "boundless.tflite").write_bytes(cards.attach(flatbuffer, boundless))
    found, others = (_decisions_as_in_python([jvm], x, runs)[0] for x in (EDGE, jvm.folder / "boundless.tflite"))
    assert (found[:, 1] == -1).mean() > (others[:, 1] == -1).mean() + 0.3


def _turned(samples: np.ndarray, moved: int, rng) -> np.ndarray:
    """`samples` `[n, 6]` of a phone that is worn in one way, and in another from sample `moved` on."""
    parts = []
    for part in (samples[:moved], samples[moved:]):
        rotation = Rotation.random(random_state=int(rng.integers(1000))).as_matrix()
        parts.append(np.concatenate([part[:, :3] @ rotation.T, part[:, 3:] @ rotation.T], axis=1))
    return np.concatenate(parts)


def _novelty(card: cards.Card, **changes: Any) -> cards.Card:
    return replace(card, live=replace(card.live, novelty=replace(card.live.novelty, **changes)))


def _walking(card: cards.Card, **changes: Any) -> cards.Card:
    return replace(card, **{"frame": "walking", "alike": (IN_A_POCKET,)} | changes)


def test_a_card_that_cannot_be_used_is_refused_as_in_python(jvm):
    flatbuffer, right = cards.read_model(EDGE)
    novelty = right.live.novelty
    np.zeros((1, 7)).tofile(jvm.folder / "samples")
    for wrong, reason in (
        (_novelty(right, posture=(replace(novelty.posture[0], novel=0.0), *novelty.posture[1:])), "above 0"),
        (_novelty(right, steps=replace(novelty.steps, most=0.0)), "above 0"),
        (_walking(right, labels=("JOGGING", *uci_har.LABELS[1:])), "WALKING"),
        (_walking(right, signals=frontend.SIGNALS[::-1]), "body_acc and total_acc"),
        (_walking(right, frame="device"), "walking frame"),
        (_walking(right, alike=(AlikeLabels(("SITTING", "DANCING"), ("waist",)),)), "two of its labels"),
    ):
        (jvm.folder / "wrong.tflite").write_bytes(cards.attach(flatbuffer, wrong))
        with pytest.raises(DeviceError, match=reason):
            jvm.drive("live", "wrong.tflite", "samples", "decisions")
        with pytest.raises(InputError, match=reason):
            cards.read_model(jvm.folder / "wrong.tflite")


def test_recordings_of_the_app_are_trained_with_and_streamed(jvm, tmp_path):
    folder = tmp_path / "recordings"
    folder.mkdir()
    for subject in SUBJECTS:
        recording = next(x for x in embedded_recordings.load() if x.subject == subject)
        labels = np.where(recording.labels < len(uci_har.LABELS), recording.labels, -1)
        nanoseconds = 5_000_000_000 + 20_000_000 * np.arange(len(labels))
        samples = [recording.samples[:, :3] * STANDARD_GRAVITY, recording.samples[:, 3:]]
        np.column_stack([nanoseconds, *samples, labels]).astype("<f8").tofile(tmp_path / "samples")
        names = ",".join(uci_har.LABELS)
        jvm.drive("record", EDGE, f"s{subject}", names, tmp_path / "samples", folder / f"{subject}.csv")
    options = ("--network", "edge-small", "--epochs", 1, "--out", tmp_path / "run")
    result = har_edge("train", "--data", folder, *options, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert json.loads((tmp_path / "run/card.json").read_text())["labels"] == list(uci_har.LABELS)
    n_samples = len(next(x for x in embedded_recordings.load() if x.subject == SUBJECTS[0]).samples)
    for source in (("--replay", 0, "--data", folder, "--speed", 0), ("--csv", folder / f"{SUBJECTS[0]}.csv")):
        result = har_edge("stream", "edge", *source, "--jsonl", cwd=tmp_path)
        assert result.returncode == 0, result.stderr
        assert abs(result.stdout.count('"type": "decision"') - n_samples / 64) < 3


def _decisions_as_in_python(cores, model: Path, streams: list[Stream]) -> tuple[np.ndarray, set[str]]:
    """All decisions of the app's core and the kinds of its notices, after those of each were compared with Python's."""
    files = [(f"samples-{i}", f"decisions-{i}") for i in range(len(streams))]
    wanted = [_in_python(model, x) for x in streams]
    for core in cores:
        for stream, (samples, _) in zip(streams, files, strict=True):
            np.column_stack(stream).astype("<f8").tofile(core.folder / samples)
        told = [line.split() for line in core.drive("live", model, *(x for pair in files for x in pair)).splitlines()]
        found = []
        for i, (decided, noticed) in enumerate(wanted):
            found.append(_doubles(core.folder / files[i][1], decided.shape[1]))
            assert np.array_equal(found[-1][:, :4], decided[:, :4])
            assert np.abs(found[-1][:, 4:] - decided[:, 4:]).max() < 1e-6
            assert sorted(x for number, *x in told if number == str(i)) == sorted(noticed)
    return np.concatenate(found), {kind for _, kind, _ in told}


def _in_python(model: Path, stream: Stream) -> tuple[np.ndarray, list[list[str]]]:
    """Decisions as `Drive` writes them, and notices as it prints them, of samples in uneven chunks."""
    recogniser = LiveRecognizer(Classifier(model))
    seconds, samples = stream
    events = feed(recogniser, samples, seconds, [37] * (len(samples) // 37))
    answers = [*recogniser.card.answers, UNKNOWN]
    found = []
    for x in decisions(events):
        place = answers.index(x.activity) if x.activity != UNKNOWN else -1
        found.append([x.seconds, place, x.warming_up, _reason(x.reason), *x.probabilities])
    left_out = recogniser.duplicates + recogniser.late + recogniser.invalid
    told = [[_kind(x), repr(x.seconds)] for x in notices(events) if x.kind != "axes"]  # which the app does not say
    return np.array(found), [*told, ["LEFT_OUT", str(left_out)]]


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
