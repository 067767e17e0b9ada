"""Check the C++ source of a model: it compiles, and has the numbers of the file and its card."""

import ast
import hashlib
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tiny_models
from programs import MODELS, ROOT, python, run_program, succeeded

from convert.c_array import write_c_array
from convert.c_file.c_names import c_name
from convert.quantise.raw_input import take_prepared_windows
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier, Preparation
from edge_runtime.model.interpreters import MICRO, open_model
from edge_runtime.model.micro_interpreter import resolver_methods
from edge_runtime.runs import SCHEMES
from edge_runtime.signals.types import Signal

COMPILER = shutil.which("c++")
HEADERS = Path(__file__).parent / "tflite_micro_stand_in"
STRICT = ("-std=c++11", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O1")
ODD = ('a "quoted" \\', "two\nlines", "??/trigraph */ // ??)", "Größe – 歩く", "\x1b[31m7", "%s%n{}")

# Reads windows, and writes down what `prepare` makes of them.
PREPARED = """
#include <cstdio>
#include "NAME.h"
int main() {
  static float window[NAME::samples][NAME::n_signals];
  static TYPE input[NAME::samples * NAME::n_signals];
  FILE* from = std::fopen("windows.bin", "rb");
  FILE* to = std::fopen("inputs.bin", "wb");
  while (std::fread(window, sizeof window, 1, from) == 1) {
    NAME::prepare(window, input);
    std::fwrite(input, sizeof input, 1, to);
  }
  return std::fclose(from) | std::fclose(to);
}
"""

pytestmark = pytest.mark.skipif(COMPILER is None, reason="needs a C++ compiler: apt-get install g++")


def build(folder: Path, *sources: object, options: tuple[object, ...] = STRICT) -> Path:
    """Compile `sources` in `folder`; the program."""
    succeeded(run_program(COMPILER, *options, f"-I{folder}", "-o", folder / "program", *sources, cwd=folder))
    return folder / "program"


def write(folder: Path, text: str, name: str = "main.cc") -> Path:
    (folder / name).write_text(text)
    return folder / name


def told(header: Path) -> dict[str, list]:
    """The texts and numbers that a header says, by name."""
    found = {}
    for kind, name, value in re.findall(r"constexpr ([\w* ]+) (\w+)(?:\[.*\])? = ([^;]*);", header.read_text()):
        if "char" in kind:
            found[name] = [ast.literal_eval(f"b{x}").decode() for x in re.findall(r'"(?:[^"\\]|\\.)*"', value)]
        else:
            found[name] = [float(x) for x in re.findall(r"-?\d[\d.]*(?:e[-+]?\d+)?", value)]
    return found


def bytes_of(array: Path) -> bytes:
    return bytes(int(x, 16) for x in re.findall("0x(..),", array.read_text()))


def numbers(values: object) -> list[float]:
    return [float(x) for x in np.asarray(values, np.float32).ravel()]


def a_model(folder: Path, form: str) -> Path:
    """A shipped model, or a float32 model of prepared windows."""
    if form != "float":
        return MODELS[form]
    card = replace(cards.read_model(MODELS["float32"])[1], raw_input=False)
    cards.write_model(folder / "dense.tflite", tiny_models.dense(np.ones((6, 128 * 9), np.float32), (128, 9)), card)
    return folder / "dense.tflite"


def test_the_source_has_the_bytes_and_numbers_of_the_file_and_its_card(tmp_path):
    header, array = write_c_array(MODELS["int8"], tmp_path, is_prepared=True)
    found, text = told(header), header.read_text()
    flatbuffer, card = cards.read_model(MODELS["int8"])
    flatbuffer = take_prepared_windows(flatbuffer)
    model, norm, window = open_model(flatbuffer), card.normalisation, card.window
    assert bytes_of(array) == flatbuffer
    assert hashlib.sha256(flatbuffer).hexdigest() in text
    assert (found["labels"], found["signals"]) == ([*card.labels], [*card.signal_names])
    assert found["units"] == [x.unit for x in card.signals]
    rows = dict(zip(("gain", "bend", "knee"), norm.companding(), strict=True))
    rows |= {"mean": norm.mean, "deviation": norm.std, "clip": norm.clip, "temperature": card.temperature}
    for border, tensor in (("input", model.input), ("output", model.output)):
        rows |= {f"{border}_scale": tensor.scale, f"{border}_zero_point": tensor.zero_point}
    rows |= {"model_bytes": len(flatbuffer), "rate_hz": window.rate_hz, "samples": window.samples, "hop": window.hop}
    assert {name: numbers(found[name]) for name in rows} == {name: numbers(values) for name, values in rows.items()}
    for name in ("noise", "gravity", "drift"):
        assert found[name] == [x for row in getattr(card.front_end, name).sections for x in row]
    methods = re.findall(r"resolver\.(\w+)\(\)", text)
    assert sorted(methods) == sorted(resolver_methods(model.operators.counts))
    assert found["n_operators"] == [len(methods)]


def test_a_model_of_raw_windows_needs_no_normalisation_and_an_arena_is_told(tmp_path):
    pytest.importorskip("tflite_micro")
    found = told(write_c_array(MODELS["int8"], tmp_path)[0])
    assert found["arena_bytes"] == [open_model(cards.read_model(MODELS["int8"])[0], MICRO).arena_bytes()]
    assert not {"mean", "clip", "knee"} & found.keys()


def test_names_of_any_characters_are_valid_and_come_out_as_they_went_in(tmp_path):
    labels = (*ODD, "x" * 300)
    card = replace(
        tiny_models.card(samples=4, labels=labels, front_end=None),
        name='*/ "name\n\\',
        signals=(Signal("s\n//\\", "m/s²"), Signal('"', "\\")),
    )
    flatbuffer = tiny_models.dense(np.ones((len(labels), 8), np.float32), (4, 2))
    model = tmp_path / 'odd "name"\\.tflite'
    cards.write_model(model, flatbuffer, card)
    header, array = write_c_array(model, tmp_path)
    size = f"sizeof {header.stem}::model != {header.stem}::model_bytes"
    program = f'#include "{header.name}"\nint main() {{ return {size}; }}'
    succeeded(run_program(build(tmp_path, write(tmp_path, program), array), cwd=tmp_path))
    assert bytes_of(array) == flatbuffer
    found = told(header)
    assert (found["labels"], found["signals"]) == ([*labels], [*card.signal_names])


def test_the_source_of_every_form_is_named_after_its_file():
    assert [c_name(f"Lstm2_{x}") for x in SCHEMES] == [f"lstm2_{x}" for x in SCHEMES]
    assert [c_name(x) for x in ("static_cast", "mixed", "2_int8")] == [
        "model_static_cast",
        "model_mixed",
        "model_2_int8",
    ]


@pytest.mark.parametrize(("form", "is_prepared"), [("int8", True), ("float", False), ("int8", False)])
def test_prepare_gives_the_tensors_of_the_package(tmp_path, uci_har, form, is_prepared):
    """Windows of all kinds, also beyond the clip; with fused multiply-adds too, as a Cortex-M4 has them."""
    model = a_model(tmp_path, form)
    _, array = write_c_array(model, tmp_path, is_prepared)
    X = np.concatenate([uci_har.test.X[::15], 30 * uci_har.test.X[::300], uci_har.test.X[:3] * np.float32(1e-7)])
    X.astype(np.float32).tofile(tmp_path / "windows.bin")
    flatbuffer, card = cards.read_model(model)
    taken = open_model(take_prepared_windows(flatbuffer) if is_prepared else flatbuffer).input
    prepare = (
        (lambda x: x[np.newaxis]) if card.raw_input and not is_prepared else Preparation(card.normalisation, taken)
    )
    expected = np.concatenate([prepare(x).copy() for x in X])
    kind = "signed char" if is_prepared else "float"
    source = write(tmp_path, PREPARED.replace("NAME", array.stem).replace("TYPE", kind))
    has_fma = " fma " in Path("/proc/cpuinfo").read_text()  # of x86-64
    for options in (STRICT, (*STRICT, "-O2", "-ffp-contract=fast", *(["-mfma"] if has_fma else []))):
        succeeded(run_program(build(tmp_path, source, array, options=options), cwd=tmp_path))
        given = np.fromfile(tmp_path / "inputs.bin", expected.dtype).reshape(expected.shape)
        assert np.allclose(given, expected, *((0, 0) if form == "int8" else (1e-6, 1e-7)))


def test_the_example_of_the_documentation_prints_the_activities(tmp_path, uci_har):
    """It is compiled with stand-ins for the library's headers, whose interpreter reads answers of the real kernels."""
    pytest.importorskip("tflite_micro")
    text = (ROOT / "docs/microcontroller.md").read_text()
    example = write(tmp_path, text.partition("```cpp\n")[2].partition("```")[0], "example.cc")
    _, array = write_c_array(MODELS["int8"], tmp_path, is_prepared=True)
    X = uci_har.test.X[::60]
    X.tofile(tmp_path / "windows.bin")
    flatbuffer, card = cards.read_model(MODELS["int8"])
    flatbuffer = take_prepared_windows(flatbuffer)
    model = open_model(flatbuffer, MICRO)
    inputs = [Preparation(card.normalisation, model.input)(x).copy() for x in X]
    np.concatenate([model.run(x) for x in inputs]).tofile(tmp_path / "answers.bin")
    options = ("-std=c++17", "-Wall", "-Wextra", "-Werror", f"-I{HEADERS}")
    program = build(tmp_path, example, array, HEADERS / "interpreter.cc", options=options)
    shown = [x.split() for x in succeeded(run_program(program, cwd=tmp_path)).stdout.splitlines()]
    assert (tmp_path / "inputs.bin").read_bytes() == np.concatenate(inputs).tobytes()
    classifier = Classifier(MODELS["int8"], MICRO)
    assert [x[0] for x in shown] == classifier.classify(X)
    assert [float(x[1]) for x in shown] == pytest.approx(classifier.logits(X).max(1), abs=1e-3)
    told_by_it = ["operators=10", "aligned=1", f"model={len(flatbuffer)}"]
    assert (tmp_path / "interpreter.txt").read_text().split() == [f"arena={model.arena_bytes()}", *told_by_it]


def test_the_command_writes_a_converted_model_without_tensorflow(har_edge_here, tmp_path):
    loaded = "import atexit, sys, har_edge; sys.argv[1:] = ['convert', 'edge', '--c-array']\n"
    loaded += "atexit.register(lambda: print('tensorflow' in sys.modules))\nhar_edge.main()"
    assert python(loaded, cwd=tmp_path).splitlines() == ["edge_int8.h", "edge_int8.cc", "False"]
    assert "signed char* input" in (tmp_path / "edge_int8.h").read_text()
    shutil.copy(MODELS["float32"], tmp_path / "mine.tflite")
    done = succeeded(har_edge_here("convert", "mine.tflite", "--c-array", "--io", "raw", "-o", "made"))
    assert done.stdout.split() == ["made/model_mine.h", "made/model_mine.cc"]
    assert "AddConv2D" in (tmp_path / "made/model_mine.h").read_text()
