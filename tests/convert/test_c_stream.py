"""Check the recogniser with a model that is compiled in, here in float and on an emulated Cortex-M4."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from c_recognizer import SOURCES, CRecognizer, compiled, evenly, in_c, in_python
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
from edge_runtime.live.recognizer import LiveRecognizer
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.model_paths import REFERENCE_MODELS, reference_model
from edge_runtime.signals.types import Window

SHIPPED = {name: reference_model(name, "int8") for name in REFERENCE_MODELS}
CARD = cards.read_model(MODELS["int8"])[1]
SENSOR = Path(__file__).with_name("sensor.c")
NEAR = 0.03  # of probabilities: filters in float32 move a few inputs of the network by a step of int8
COUNT = np.repeat(np.float32([4 / 32768, 0.0175 * np.pi / 180]), 3)  # g and rad/s, of the documentation's example

pytestmark = pytest.mark.skipif(CC is None, reason="needs a C compiler: apt-get install gcc")


def of_shipped(folder: Path, name: str, rate_hz: int = 50) -> CRecognizer:
    """The recogniser in float with a shipped model, for a sensor at the model's rate or another."""
    flatbuffer, card = cards.read_model(SHIPPED[name])
    stem = c_name(SHIPPED[name].stem)
    header, source, _ = c_source.source_of(flatbuffer, card, SHIPPED[name].stem)
    files = stream_files(card, stem, Sizes(0, 0))[0]
    for file, text in {f"{stem}.h": header, f"{stem}.c": source, "har_model.h": files["har_model.h"]}.items():
        (folder / file).write_text(text)
    options = (f"-I{folder}", "-DHAR_FLOAT", f"-DHAR_SENSOR_HZ={rate_hz}")
    library = compiled(folder / "stream.so", *options, sources=(*SOURCES, folder / f"{stem}.c"))
    return CRecognizer(library, card, None, is_float=True)


@pytest.fixture(scope="module")
def edge(tmp_path_factory) -> CRecognizer:
    return of_shipped(tmp_path_factory.mktemp("edge"), "edge")


def assert_follows_python(stream: CRecognizer, name: str, samples: np.ndarray, most: int = 1) -> None:
    """A stream in float decides as Python does, but for one decision whose probability is near to a threshold.

    It may decide what the next decisions are: at most `most` differ.
    """
    stream.reset()
    classifier, answer = Classifier(name), in_c(stream, samples, evenly(samples))
    expected = in_python(classifier, samples, evenly(samples))
    assert [x.us for x in answer.answers] == [x.us for x in expected.answers]
    assert answer.probabilities == pytest.approx(expected.probabilities, abs=NEAR)
    pairs = zip(answer.answers, expected.answers, expected.probabilities, strict=True)
    different = [share.max() for one, other, share in pairs if one != other]
    assert all(abs(share - classifier.card.live.smoothing.confidence) < NEAR for share in different[:1])
    assert len(different) <= most
    assert answer.notices == expected.notices


def samples_of(*people: int) -> list[np.ndarray]:
    return [recording.samples for recording in recordings() if recording.subject in people]


def test_recordings_of_a_person_are_recognised_as_by_python(edge):
    for samples in samples_of(2):
        assert_follows_python(edge, "edge", samples)


def test_a_slow_sensor_is_recognised_as_by_python(tmp_path):
    (samples, *_) = samples_of(2)
    times = np.arange(len(samples) * 26 // 50) * 1_000_000 // 26
    slow = np.stack([np.interp(times, evenly(samples), axis) for axis in samples.T], axis=1)
    answer, expected = in_c(of_shipped(tmp_path, "edge", 26), slow, times), in_python(Classifier("edge"), slow, times)
    pairs = zip(answer.answers, expected.answers, strict=True)
    assert sum(one.activity != other.activity for one, other in pairs) <= 2
    assert {kind for _, kind in answer.notices} == {kind for _, kind in expected.notices} == {"rate"}


@pytest.mark.parametrize(("rate_hz", "kinds"), [(50, set()), (51, set()), (52, {"rate"}), (104, {"rate"})])
def test_a_rate_that_differs_from_the_models_is_told(edge, rate_hz, kinds):
    (samples, *_) = samples_of(2)
    edge.reset()
    edge.push(samples[:2000], evenly(samples[:2000]) * 50 // rate_hz)
    assert {kind for _, kind in edge.events().notices} == kinds


def test_a_rate_that_differs_from_the_stated_rate_is_told(tmp_path):
    stream, (samples, *_) = of_shipped(tmp_path, "edge", 104), samples_of(2)
    for rate_hz, kinds in ((104, set()), (100, set()), (52, {"rate"}), (208, {"rate"})):
        stream.reset()
        stream.push(samples[:2000], evenly(samples[:2000]) * 50 // rate_hz)
        assert {kind for _, kind in stream.events().notices} - {"units"} == kinds


def test_samples_that_are_pushed_before_the_last_events_are_asked_for_are_told(edge):
    edge.reset()
    for us in evenly(samples_of(2)[0][:9]).tolist():
        edge._library.push_stream(edge.memory, us, edge._sample)
    edge.take()
    assert edge.events().notices == [(20_000, "overflow")]


@pytest.mark.long
@pytest.mark.parametrize("name", SHIPPED)
def test_all_test_people_are_recognised_as_by_python(tmp_path, uci_har, name):
    stream = of_shipped(tmp_path, name)
    for samples in samples_of(*uci_har.test.subject):
        # In one recording, edge-tiny has a probability of 0.796, and the next 9 decisions follow from it.
        assert_follows_python(stream, name, samples, most=9 if name == "edge-tiny" else 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [({"front_end": None}, "front_end"), ({"raw_input": False}, "--io raw"), ({"window": Window(25.0, 128, 64)}, "Hz")],
)
def test_a_model_that_the_recogniser_cannot_drive_is_refused(change, words):
    with pytest.raises(InputError, match=words):
        stream_files(replace(CARD, **change), "edge_int8", Sizes(0, 0))


@pytest.fixture
def without_compiler(monkeypatch) -> None:
    """Let C be written without the comparison, which takes a second."""
    monkeypatch.setattr(c_source, "find_compiler", lambda: None)


@pytest.mark.usefixtures("without_compiler")
def test_a_model_that_the_recogniser_cannot_drive_is_written_without_it(tmp_path):
    flatbuffer, card = cards.read_model(MODELS["int8"])
    path = tmp_path / "alone_int8.tflite"
    cards.write_model(path, flatbuffer, replace(card, front_end=None))
    files, checked = c_source.write_c_file(path, tmp_path / "c")
    assert [*map(str, files)] == [str(tmp_path / "c" / f"alone_int8.{suffix}") for suffix in "ch"]
    assert "front_end" in checked


@pytest.mark.usefixtures("without_compiler")
def test_a_remark_says_that_the_stream_of_another_model_in_the_folder_is_replaced(tmp_path):
    remarks = [c_source.write_c_file(SHIPPED[name], tmp_path)[1] for name in ("edge", "edge-small")]
    assert ["har_model.h" in remark for remark in remarks] == [False, True]


def test_a_file_that_is_not_of_this_command_is_not_replaced(tmp_path):
    (tmp_path / "edge_int8.h").write_text("unsigned char edge_int8_tflite[] = {")
    with pytest.raises(InputError, match=r"edge_int8\.h"):
        c_source.write_c_file(SHIPPED["edge"], tmp_path)
    assert len([*tmp_path.iterdir()]) == 1


@pytest.mark.long
@pytest.mark.parametrize("name", SHIPPED)
def test_a_cortex_m4_takes_no_more_than_the_header_says(tmp_path, name):
    files, _ = c_source.write_c_file(SHIPPED[name], tmp_path)
    stem = c_name(SHIPPED[name].stem)
    bounds = {
        key: int(value)
        for file in (f"{stem}.h", "har_model.h")
        for key, value in re.findall(r"#define (\w+)_BYTES (\d+)", (tmp_path / file).read_text())
    }
    (tmp_path / "ram.c").write_text('#include "har_stream.h"\nhar_stream stream;\n')
    flash, frames, ram = {}, {}, 0
    for file in (*(path.stem for path in files if path.suffix == ".c"), "ram"):
        options = ("-Os", *cortex_m4.PROCESSOR, "-fstack-usage", "-c", f"{file}.c")
        succeeded(run_program("arm-none-eabi-gcc", *options, cwd=tmp_path))
        text, data, bss, *_ = (
            succeeded(run_program("arm-none-eabi-size", f"{file}.o", cwd=tmp_path)).stdout.splitlines()[1].split()
        )
        assert data == "0"
        flash[file], ram = int(text), ram + int(bss)
        plain = (tmp_path / f"{file}.su").read_text().replace(f"_{stem}_predict_250hz_float_float", "")
        used = (line.split()[:2] for line in plain.splitlines())
        frames[file] = {function.rpartition(":")[2]: int(n_bytes) for function, n_bytes in used}
    model = frames[stem].pop(f"{stem}_predict") + max(frames[stem].values())
    deepest = max(
        frames[part][name]
        for part, name in (("har_novelty", "har_find_steps"), ("har_mounting", "find_frame"))
        if name in frames[part]
    )
    stream = frames["har_stream"]["har_next"] + max(model, deepest + max(frames["har_stream"].values()))
    for key, n_bytes in {
        f"{stem.upper()}_FLASH": flash[stem],
        f"{stem.upper()}_STACK": model,
        "HAR_FLASH": sum(flash.values()),
        "HAR_STACK": stream,
        "HAR_RAM": ram,
    }.items():
        assert 0.8 * bounds[key] < n_bytes <= bounds[key], key


def firmware(folder: Path) -> list[Path]:
    """Write the loop of the documentation, for `edge-anywhere`, and return its sources."""
    text = (ROOT / "docs" / "c_file.md").read_text()
    (folder / "main.c").write_text(text.partition("```c\n")[2].partition("```")[0])
    files, _ = c_source.write_c_file(SHIPPED["edge-anywhere"], folder)
    return [folder / "main.c", *(path for path in files if path.suffix == ".c"), SENSOR]


def assert_prints_activities(*program: object, folder: Path, samples: np.ndarray, n_different: int = 1) -> None:
    """A program whose sensor returns `samples` in counts at 104 Hz prints what Python decides."""
    times = np.arange(len(samples) * 104 // 50) * 1_000_000 // 104
    fast = np.stack([np.interp(times, evenly(samples), axis) for axis in samples.T], axis=1)
    counts = np.clip(np.rint(fast / COUNT), -32768, 32767).astype(np.int16)
    counts.tofile(folder / "counts.int16")
    shown = succeeded(run_program(*program, cwd=folder)).stdout.splitlines()
    expected = decisions(LiveRecognizer(Classifier("edge-anywhere")).push(counts * COUNT, times / 1e6))
    activities = [line.split()[0] for line in shown if not line.startswith("notice")]
    assert len({*activities}) > 4
    pairs = zip(activities, [decision.activity for decision in expected][: len(activities)], strict=True)
    assert sum(one != other for one, other in pairs) <= n_different
    assert len(expected) - len(activities) <= 1  # Python's is not resampled in chunks


@pytest.mark.usefixtures("without_compiler")
def test_the_loop_of_the_documentation_prints_the_activities(tmp_path):
    """It may also be C++, as Arduino's programs are."""
    loop, *rest, sensor = firmware(tmp_path)
    succeeded(run_program(CC, *STRICT, "-DHAR_SENSOR_HZ=104", "-DHAR_FLOAT", "-c", *rest, cwd=tmp_path))
    objects = [file.with_suffix(".o") for file in rest]
    for options in (("-x", "c++", *STRICT[2:]), ("-x", "c", *STRICT)):
        sources = (*options, "-DHAR_SENSOR_HZ=104", "-DHAR_FLOAT", loop, sensor, "-x", "none")
        succeeded(run_program(CC, *sources, *objects, "-o", tmp_path / "program", "-lm"))
    assert_prints_activities(tmp_path / "program", folder=tmp_path, samples=samples_of(4)[0])
    unlike = run_program(CC, *STRICT, "-DHAR_FLOAT", loop, sensor, *objects, "-o", tmp_path / "program", "-lm")
    assert "har_next_edge_anywhere_int8_predict_250hz_float_float" in unlike.stderr
    settings = ("-DHAR_SENSOR_HZ=104", "-DHAR_FLOAT")
    for i, file in enumerate(rest):
        odd = [*objects[:i], *objects[i + 1 :], tmp_path / "odd.o"]
        succeeded(run_program(CC, *STRICT, *settings, "-DHAR_VALUE=double", "-c", file, "-o", odd[-1]))
        unlike = run_program(CC, *STRICT, *settings, loop, sensor, *odd, "-o", tmp_path / "program", "-lm")
        assert "undefined reference" in unlike.stderr, file


@pytest.mark.long
@pytest.mark.parametrize(("half", "n_different"), [((), 1), (cortex_m4.HALF, 4)])
def test_a_cortex_m4_prints_the_activities_of_a_person(tmp_path, half, n_different):
    cortex_m4.build(tmp_path / "image", *firmware(tmp_path), "-DHAR_SENSOR_HZ=104", "-Wl,-u,_printf_float", *half)
    for samples in samples_of(9):
        program = (*cortex_m4.EMULATOR, tmp_path / "image")
        assert_prints_activities(*program, folder=tmp_path, samples=samples, n_different=n_different)
