"""Check har_stream: it decides as `LiveRecognizer` does, here and on an emulated Cortex-M4."""

import ctypes
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from compiled_c import CC, STRICT
from programs import MODELS, ROOT, run_program, succeeded
from streams import decisions
from written_recordings import recordings

from convert.c_file import c_source
from convert.c_file.c_names import c_name
from convert.c_file.c_sizes import Sizes
from convert.c_file.c_stream import stream_files
from edge_runtime.devices.emulated import cortex_m4
from edge_runtime.errors import InputError
from edge_runtime.live.decider import UNKNOWN
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.model import model_card as cards
from edge_runtime.model.alike_labels import IN_A_POCKET
from edge_runtime.model.classifier import Classifier, softmax
from edge_runtime.model.model_card import Card
from edge_runtime.model.novelty import TypicalSteps
from edge_runtime.model.personal_correction import PersonalCorrection
from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.signals.types import Window

SHIPPED = {name: MODELS["int8"].with_name(f"{name}_int8.tflite") for name in ("edge", "edge-small", "edge-anywhere")}
CARD = cards.read_model(MODELS["int8"])[1]
SENSOR = Path(__file__).with_name("sensor.c")
GOLDEN = ROOT / "tests" / "golden"
NEAR = 0.03  # of probabilities: filters in float32 move a few inputs of the network by a step of int8
REASONS = ("", "no activity", "the phone is lying still", "orientation", "movement")
COUNT = np.repeat(np.float32([4 / 32768, 500 / 32768 * np.pi / 180]), 3)  # g and rad/s, of the documentation's example

HARNESS = """
#include "har_stream.h"
typedef struct { int place, activity, reason, warming_up; float probability, probabilities[HAR_N_LABELS]; } answer;
int n_bytes(void);
int push(har_stream *s, const float *samples, int n, answer *answers);
const float *begin_at_zero(har_stream *s);
int n_bytes(void) { return (int)sizeof(har_stream); }
int push(har_stream *s, const float *samples, int n, answer *answers) {
  const answer *first = answers;
  for (int i = 0; i < n; i++, samples += 6) {
    if (har_push(s, samples[0], samples[1], samples[2], samples[3], samples[4], samples[5])) {
      *answers = (answer){i, s->activity, (int)s->reason, s->warming_up, s->probability, {0}};
      for (int j = 0; j < HAR_N_LABELS; j++) answers->probabilities[j] = s->probabilities[j];
      answers++;
    }
  }
  return (int)(answers - first);
}
const float *begin_at_zero(har_stream *s) {
  har_reset(s);
  har_push(s, 0, 0, 0, 0, 0, 0);
  s->row = -1; /* without the row of this sample */
  return s->window;
}
"""

pytestmark = pytest.mark.skipif(CC is None, reason="needs a C compiler: apt-get install gcc")


class Stream:
    """har_stream and a model in C, which has the files `texts`, in a library."""

    def __init__(self, folder: Path, card: Card, name: str, texts: Mapping[str, str]) -> None:
        for file, text in {**texts, **stream_files(card, name, Sizes(0, 0))[0], "harness.c": HARNESS}.items():
            (folder / file).write_text(text)
        sources = [folder / file for file in (f"{name}.c", "har_stream.c", "harness.c")]
        succeeded(run_program(CC, *STRICT, "-shared", "-fPIC", *sources, "-o", folder / "stream.so", "-lm"))
        self._library = ctypes.CDLL(str(folder / "stream.so"))
        self._library.begin_at_zero.restype = ctypes.POINTER(ctypes.c_float)
        self.state = ctypes.create_string_buffer(self._library.n_bytes())
        self._names = [*card.answers, UNKNOWN]
        whole = [(field, np.int32) for field in ("place", "activity", "reason", "warming_up")]
        self._type = np.dtype([*whole, ("probability", np.float32), ("probabilities", np.float32, len(card.labels))])
        self.reset()

    def reset(self) -> None:
        self._library.har_reset(self.state)

    def begin_at_zero(self, n_values: int) -> np.ndarray:
        """Start the filters from zero, as `FrontEnd` does unless it starts gently; the window `[n_values]` to be."""
        return np.ctypeslib.as_array(self._library.begin_at_zero(self.state), (n_values,))

    def push(self, samples: np.ndarray) -> np.ndarray:
        """Return the answers to samples `[n, 6]`."""
        values, answers = np.ascontiguousarray(samples, np.float32), np.empty(len(samples), self._type)
        at = [array.ctypes.data_as(ctypes.c_void_p) for array in (values, answers)]
        return answers[: self._library.push(self.state, at[0], len(values), at[1])]

    def named(self, answer: np.void) -> str:
        return self._names[answer["activity"]]


def of_shipped(folder: Path, name: str) -> Stream:
    flatbuffer, card = cards.read_model(SHIPPED[name])
    header, source, _ = c_source.source_of(flatbuffer, card, SHIPPED[name].stem)
    stem = c_name(SHIPPED[name].stem)
    return Stream(folder, card, stem, {f"{stem}.h": header, f"{stem}.c": source})


@pytest.fixture(scope="module")
def edge(tmp_path_factory) -> Stream:
    return of_shipped(tmp_path_factory.mktemp("edge"), "edge")


def assert_same(stream: Stream, classifier: Classifier, samples: np.ndarray) -> None:
    """A stream decides as `LiveRecognizer` does, with the same reasons, and its probabilities are near.

    If a probability is as near to the threshold of a change, one decision may come a hop earlier or later.
    """
    stream.reset()
    n_different = 0
    expected, before = decisions(LiveRecognizer(classifier, mounting_is_told=True).push(samples)), UNKNOWN
    for answer, decision in zip(stream.push(samples), expected, strict=True):
        assert (answer["place"], answer["warming_up"]) == (round(50 * decision.seconds) + 1, decision.warming_up)
        assert answer["probabilities"] == pytest.approx(decision.probabilities, abs=NEAR)
        activity, likeliest = stream.named(answer), classifier.card.labels[np.argmax(decision.probabilities)]
        is_near = abs(max(decision.probabilities) - classifier.card.live.smoothing.confidence) < NEAR
        assert activity in ((decision.activity, before, likeliest) if is_near else (decision.activity,))
        before = decision.activity
        if activity != decision.activity:
            n_different += 1
            continue
        assert decision.reason.startswith(REASONS[answer["reason"]])
        assert bool(decision.reason) == bool(answer["reason"])
        probability = 0 if activity == UNKNOWN else decision.probability(activity)
        assert answer["probability"] == pytest.approx(probability, abs=NEAR)
    assert n_different <= 1


def samples_of(*people: int) -> list[np.ndarray]:
    return [recording.samples for recording in recordings() if recording.subject in people]


def test_recordings_of_a_person_are_recognised_as_by_python(edge):
    for samples in samples_of(2):
        assert_same(edge, Classifier("edge"), samples)


@pytest.mark.long
@pytest.mark.parametrize("name", SHIPPED)
def test_all_test_people_are_recognised_as_by_python(tmp_path, uci_har, name):
    stream, classifier = of_shipped(tmp_path, name), Classifier(name)
    for samples in samples_of(*uci_har.test.subject):
        assert_same(stream, classifier, samples)


def limited(**changes: object) -> Card:
    """The card of `edge` with other limits of novelty."""
    return replace(CARD, live=replace(CARD.live, novelty=replace(LIMITS, **changes)))


LIMITS = CARD.live.novelty
ONLY_ACCELERATION = {
    "movement": tuple(replace(x, mean=x.mean[:1], precision=((x.precision[0][0],),)) for x in LIMITS.movement),
    "rest": None,
    "steps": None,
}
ANY_MOVEMENT = tuple(replace(limits, unusual=1e6, novel=1e6) for limits in LIMITS.movement)
ACCELERATION = (*SIGNALS[6:], *SIGNALS[:3])
OTHERS = {
    "a short hop": replace(CARD, window=Window(50.0, 100, 13)),
    "windows apart": replace(CARD, window=Window(50.0, 128, 200)),
    "acceleration": replace(limited(**ONLY_ACCELERATION), signals=ACCELERATION),
    "no limits": replace(CARD, signals=SIGNALS[2:7], live=replace(CARD.live, novelty=None)),
    "alike": replace(CARD, live=replace(CARD.live, novelty=None), frame="walking", alike=(IN_A_POCKET,)),
    "unusual postures": limited(posture=tuple(replace(x, unusual=x.unusual / 8) for x in LIMITS.posture)),
    "unusual movement": limited(movement=tuple(replace(x, unusual=x.unusual / 3) for x in LIMITS.movement)),
    "quick steps": limited(steps=TypicalSteps(1.7, 0.05), movement=ANY_MOVEMENT),
    "slower steps": limited(steps=TypicalSteps(1.3, 0.105), movement=ANY_MOVEMENT),
    "rest": limited(rest=0.05),
}
MADE_UP = """
#include "made_up_1.h"
void made_up_1_predict(const float *window, float *logits) {
  for (int i = 0; i < MADE_UP_1_N_LABELS; i++) {
    logits[i] = 0;
    for (int t = 0; t < MADE_UP_1_SAMPLES; t++) {
      const float x = window[MADE_UP_1_N_SIGNALS * t + i % MADE_UP_1_N_SIGNALS];
      logits[i] += 3 * x * x / MADE_UP_1_SAMPLES;
    }
  }
}
"""


def knocking(share: float) -> np.ndarray:
    """20 s `[n, 6]` of a beat at 2.8 Hz, with this share of it at half the frequency."""
    angle = 2 * np.pi * 1.4 * np.arange(1000) / 50
    size = 1 + 0.3 * np.sin(2 * angle) + 0.3 * share * np.sin(angle)
    return size[:, np.newaxis] * [1, 0.1, 0.1, 0.5, 0.5, 0.5]


def resting() -> np.ndarray:
    """Rest `[n, 6]` of two minutes and a half in three pieces, none of them steady, and then as long in one."""
    rest = np.tile(np.repeat([0.05, 0.02], 300), 13)[:7500]  # rad/s
    size = np.concatenate([*[np.ones(300), rest[:2500]] * 3, np.ones(300), rest])
    turn = size * np.sin(2 * np.pi * np.arange(len(size)) / 25)
    return np.array([1, 0, 0, 0, 0, 0]) + np.outer(turn, [0.1, 0.1, 0.1, 1, 1, 1])


def leaning() -> np.ndarray:
    """60 s `[n, 6]` that tilt from upright to level, to one side and the other, and turn about x."""
    tilt, side = np.linspace(0, np.pi / 2, 3000), 1.5 * np.sin(np.linspace(0, 60, 3000))
    turn = np.sin(2 * np.pi * np.arange(3000) / 50)
    level = [np.sin(tilt) * np.cos(side), np.sin(tilt) * np.sin(side)]
    return np.stack([np.cos(tilt), *level, 3 * turn, 0.1 * turn, 0.1 * turn], axis=1)


@pytest.mark.parametrize("name", OTHERS)
def test_a_model_of_other_windows_or_limits_is_followed_as_by_python(tmp_path, name):
    """The made-up model has a label for each signal, by the signal's power."""
    card = OTHERS[name]
    n_signals, n_labels = len(card.signals), len(card.labels)
    numbers = {"SAMPLES": card.window.samples, "HOP": card.window.hop, "N_SIGNALS": n_signals, "N_LABELS": n_labels}
    numbers |= {"RATE_HZ": "50.0f", "TEMPERATURE": f"{card.temperature}f"}
    header = "".join(f"#define MADE_UP_1_{key} {value}\n" for key, value in numbers.items())
    header += "void made_up_1_predict(const float *window, float *logits);\n"
    stream = Stream(tmp_path, card, "made_up_1", {"made_up_1.h": header, "made_up_1.c": MADE_UP})

    def probabilities(windows: np.ndarray) -> np.ndarray:
        logits = 3 * np.square(windows).mean(axis=1)[:, np.arange(n_labels) % n_signals]
        return softmax(logits.astype(np.float32), card.temperature)

    samples = np.r_[samples_of(1)[0][:9000], *(knocking(share) for share in (0.4, 0.5, 0.7)), leaning()]
    samples = np.r_[samples, resting()] if name == "rest" else samples
    assert_same(stream, SimpleNamespace(card=card, probabilities=probabilities), samples)


@pytest.mark.parametrize("name", ["walking", "sitting_down", "lying_down"])
def test_golden_vectors_are_met(edge, name):
    raw, signals = (np.loadtxt(GOLDEN / name / f"{part}.csv", delimiter=",", skiprows=1) for part in ("raw", "signals"))
    vectors = json.loads((GOLDEN / name / "windows.json").read_text())["windows"]
    window = edge.begin_at_zero(signals[:128].size).reshape(128, 9)
    for answer, vector in zip(edge.push(np.r_[raw, np.zeros((1, 6))]), vectors, strict=True):
        assert (answer["place"], edge.named(answer)) == (vector["last"] + 1, vector["live_activity"])
        assert answer["probabilities"] == pytest.approx(vector["live_probabilities"], abs=1e-3)
    assert window[:64] == pytest.approx(signals[-64:], abs=5e-6)


def test_a_reset_forgets_everything_and_values_that_are_not_measurements_are_left_out(edge):
    walked, rested = samples_of(1)[0][3000:4000], samples_of(1)[1][:1000]
    edge.reset()
    expected = edge.push(walked)
    edge.push(rested)
    edge.reset()
    wrong = np.insert(walked, [0, 300, 301], [[np.nan] * 6, [0, 101, 0, 0, 0, 0], [0, 0, 1, 0, np.inf, 0]], axis=0)
    again = edge.push(wrong)
    later = np.where(expected["place"] < 300, expected["place"] + 1, expected["place"] + 3)
    assert again["place"].tolist() == later.tolist()
    again["place"] = expected["place"]
    assert again.tobytes() == expected.tobytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"front_end": None}, "front_end"),
        ({"raw_input": False}, "--io raw"),
        ({"personal_correction": PersonalCorrection((), (), (), ())}, "adapted"),
        ({"window": Window(25.0, 128, 64)}, "Hz"),
    ],
)
def test_a_model_that_har_stream_cannot_drive_is_refused(change, words):
    with pytest.raises(InputError, match=words):
        stream_files(replace(CARD, **change), "edge_int8", Sizes(0, 0))


def test_a_model_that_har_stream_cannot_drive_is_written_without_it(tmp_path):
    flatbuffer, card = cards.read_model(MODELS["int8"])
    path = tmp_path / "alone_int8.tflite"
    cards.write_model(path, flatbuffer, replace(card, front_end=None))
    files, checked = c_source.write_c_file(path, tmp_path / "c")
    assert [*map(str, files)] == [str(tmp_path / "c" / f"alone_int8.{suffix}") for suffix in "ch"]
    assert "front_end" in checked


def test_a_remark_says_that_the_stream_of_another_model_in_the_folder_is_replaced(tmp_path):
    remarks = [c_source.write_c_file(SHIPPED[name], tmp_path)[1] for name in ("edge", "edge-small")]
    assert ["har_model.h" in remark for remark in remarks] == [False, True]


def test_a_file_that_is_not_of_this_command_is_not_replaced(tmp_path):
    (tmp_path / "edge_int8.h").write_text("unsigned char edge_int8_tflite[] = {")
    with pytest.raises(InputError, match=r"edge_int8\.h"):
        c_source.write_c_file(SHIPPED["edge"], tmp_path)
    assert len([*tmp_path.iterdir()]) == 1


def test_the_header_has_the_size_of_a_stream(edge):
    (ram,) = re.findall(r"#define HAR_RAM_BYTES (\d+)", stream_files(CARD, "edge_int8", Sizes(0, 0))[0]["har_model.h"])
    assert int(ram) == len(edge.state)


@pytest.mark.long
@pytest.mark.parametrize("name", SHIPPED)
def test_a_cortex_m4_takes_no_more_than_the_header_says(tmp_path, name):
    c_source.write_c_file(SHIPPED[name], tmp_path)
    stem = c_name(SHIPPED[name].stem)
    bounds = {
        key: int(value)
        for file in (f"{stem}.h", "har_model.h")
        for key, value in re.findall(r"#define (\w+)_BYTES (\d+)", (tmp_path / file).read_text())
    }
    flash, frames = {}, {}
    for file in (stem, "har_stream"):
        options = ("-Os", *cortex_m4.PROCESSOR, "-fstack-usage", "-c", f"{file}.c")
        succeeded(run_program("arm-none-eabi-gcc", *options, cwd=tmp_path))
        sizes = succeeded(run_program("arm-none-eabi-size", f"{file}.o", cwd=tmp_path)).stdout.splitlines()[1].split()
        flash[file] = int(sizes[0])
        assert sizes[1:3] == ["0", "0"]  # data and bss
        used = (line.split()[:2] for line in (tmp_path / f"{file}.su").read_text().splitlines())
        frames[file] = {function.rpartition(":")[2]: int(n_bytes) for function, n_bytes in used}
    model = frames[stem].pop(f"{stem}_predict") + max(frames[stem].values())
    steps = frames["har_stream"].pop("step_frequency")
    stream = frames["har_stream"].pop("har_push") + max(model, steps + max(frames["har_stream"].values()))
    for key, n_bytes in {
        f"{stem.upper()}_FLASH": flash[stem],
        f"{stem.upper()}_STACK": model,
        "HAR_FLASH": sum(flash.values()),
        "HAR_STACK": stream,
    }.items():
        assert 0.8 * bounds[key] < n_bytes <= bounds[key], key


def firmware(folder: Path) -> list[Path]:
    """Write the loop of the documentation, for `edge`, and return its sources."""
    text = (ROOT / "docs" / "c_file.md").read_text()
    (folder / "main.c").write_text(text.partition("```c\n")[2].partition("```")[0])
    c_source.write_c_file(MODELS["int8"], folder)
    return [*(folder / file for file in ("main.c", "edge_int8.c", "har_stream.c")), SENSOR]


def assert_prints_activities(*program: object, folder: Path, samples: np.ndarray) -> None:
    """A program whose sensor returns `samples` in counts prints what Python decides."""
    counts = np.clip(np.rint(samples / COUNT), -32768, 32767).astype(np.int16)
    counts.tofile(folder / "counts.int16")
    shown = succeeded(run_program(*program, cwd=folder)).stdout.splitlines()
    expected = decisions(LiveRecognizer(Classifier("edge")).push(counts * COUNT))
    assert [line.split()[0] for line in shown] == [decision.activity for decision in expected]


def test_the_loop_of_the_documentation_prints_the_activities(tmp_path):
    """It may also be C++, as Arduino's programs are."""
    loop, *rest, sensor = firmware(tmp_path)
    succeeded(run_program(CC, *STRICT, "-c", *rest, cwd=tmp_path))
    objects = [file.with_suffix(".o") for file in rest]
    for options in (("-x", "c++", *STRICT[2:]), ("-x", "c", *STRICT)):
        sources = (*options, loop, sensor, "-x", "none")
        succeeded(run_program(CC, *sources, *objects, "-o", tmp_path / "program", "-lm"))
    assert_prints_activities(tmp_path / "program", folder=tmp_path, samples=samples_of(4)[0])


@pytest.mark.long
def test_a_cortex_m4_prints_the_activities_of_a_person(tmp_path):
    cortex_m4.build(tmp_path / "image", *firmware(tmp_path), "-Wl,-u,_printf_float")
    for samples in samples_of(9):
        assert_prints_activities(*cortex_m4.EMULATOR, tmp_path / "image", folder=tmp_path, samples=samples)
