"""Check the C of models: it compiles without a warning, and has LiteRT's answers, bit for bit."""

import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import small_networks
import tensorflow as tf
import tiny_models
from compiled_c import CC, Compiled
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers
from programs import MODELS, assert_one_sentence, python, run_program, succeeded

from convert.c_file import c_source, write_in_child
from convert.c_file.c_names import c_name
from convert.c_file.c_program import Program
from convert.c_file.graph_tracing import Buffer, Value
from convert.lowering.cells import IN_INT8, IN_MIXED
from convert.lowering.network import lower
from convert.quantise.calibration import observed_ranges
from convert.quantise.tflite_converter import to_int8
from edge_runtime import c
from edge_runtime.devices.emulated import cortex_m4
from edge_runtime.errors import CheckFailedError, DeviceError
from edge_runtime.model import model_card as cards
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.model_paths import REFERENCE_MODELS, reference_model
from edge_runtime.system.c_compiler import DOT_PRODUCTS, compile_library

SHIPPED = {name: reference_model(name, "int8") for name in REFERENCE_MODELS}
ALL = {"return_sequences": True}
SETS = {"plain C": "sse2", "AVX2": "avx2", "AVX-VNNI": "avx_vnni", "AVX-512 VNNI": "avx512_vnni", "VBMI": "avx512vbmi"}
"""The name in Linux of each instruction set, in the order of the C file, which chooses the last set."""
COMPILERS = {
    "cc": (CC,),
    "clang": (shutil.which("clang"),),
    "zig": (sys.executable, "-m", "ziglang", "cc", "-mcpu=baseline"),
}
ANSWER_ALL = """#include <stdio.h>
#include "edge_int8.c"
int main(void) {
  float window[1152], logits[6];
  while (fread(window, 4, 1152, stdin)) edge_int8_predict(window, logits), fwrite(logits, 4, 6, stdout);
  return puts(edge_int8_instruction_set()) < 0;
}
"""
PIS = [("cortex-a72", (), b"NEON\n"), ("cortex-a76", DOT_PRODUCTS, b"NEON with SDOT\n")]

pytestmark = pytest.mark.skipif(CC is None, reason="needs a C compiler: apt-get install gcc")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory) -> Compiled:
    return Compiled(tmp_path_factory.mktemp("c"), {name: cards.read_model(path) for name, path in SHIPPED.items()})


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_model_answers_every_test_window_as_litert_does(shipped, uci_har, name):
    X = np.concatenate([uci_har.test.X, 1000 * uci_har.test.X[::50]]).astype(np.float32)
    assert shipped.equal(name, cards.read_model(SHIPPED[name])[0], X[:, np.newaxis]) == len(X)


@pytest.mark.parametrize("compiler", [x if x == "cc" else pytest.param(x, marks=pytest.mark.long) for x in COMPILERS])
@pytest.mark.parametrize("processor", ["no vectors", *SETS])
def test_every_instruction_set_has_the_same_answers(tmp_path, uci_har, processor, compiler):
    if COMPILERS[compiler][0] is None:
        pytest.skip("needs clang: apt-get install clang")
    flatbuffer, card = cards.read_model(MODELS["int8"])
    X = uci_har.test.X[::20, np.newaxis]
    if processor == "no vectors":
        options, forced, expected = ["-U__SSE2__"], 0, "plain C"
    else:
        flags, most = Path("/proc/cpuinfo").read_text().split(), [*SETS].index(processor)
        best = max(i for i, flag in enumerate(SETS.values()) if flag in flags and i <= most)  # of this machine
        options, forced = [], "best_set" if processor == "VBMI" else best
        expected = [*SETS][best].replace("VBMI", "AVX-512 VNNI")
    compiled = Compiled(tmp_path, {"edge": (flatbuffer, card)}, *options, by=COMPILERS[compiler], forced=forced)
    assert compiled.models["edge"].runtime.version.partition(", ")[2] == expected
    assert compiled.equal("edge", flatbuffer, X) == len(X)


@pytest.mark.device
@pytest.mark.skipif(not shutil.which("qemu-aarch64"), reason="apt-get install qemu-user gcc-aarch64-linux-gnu")
@pytest.mark.parametrize("compiler", ["aarch64-linux-gnu-gcc", "zig"])
@pytest.mark.parametrize(("cpu", "processor", "instruction_set"), PIS)
def test_raspberry_pis_have_the_same_answers(tmp_path, monkeypatch, uci_har, compiler, cpu, processor, instruction_set):
    c_source.write_c_file(MODELS["int8"], tmp_path)
    (tmp_path / "all.c").write_text(ANSWER_ALL)
    if compiler == "zig":
        monkeypatch.setattr("shutil.which", lambda name: None)
    version = compile_library(tmp_path / "all.c", tmp_path / "all", "aarch64-linux-gnu", processor, options=())
    assert version.startswith(compiler)
    X, model = uci_har.test.X[::50], open_model(cards.read_model(MODELS["int8"])[0], "litert")
    emulated = ("qemu-aarch64", "-L", "/usr/aarch64-linux-gnu", "-cpu", cpu, tmp_path / "all")
    done = subprocess.run(emulated, input=X.tobytes(), capture_output=True, check=True)
    assert done.stdout == b"".join(model.run(window).tobytes() for window in X[:, np.newaxis]) + instruction_set


def test_the_equations_of_an_lstm_stand_in_a_loop_over_its_steps(shipped):
    infer = shipped.texts["edge"].partition("INLINE void infer(")[2]
    loop = infer.partition("for (int t = 2; t < 8; t++) {")[2].partition("\n  }\n")[0]
    for equation in (
        "lstm_joined[64 + i] = lstm_gates_sigmoid[128 + i] * lstm_cell_tanh[i]",
        "lstm_cell[i] = (lstm_gates_sigmoid[64 + i] * lstm_cell[i]) + (lstm_gates_sigmoid[i] * lstm_candidate_tanh[i])",
    ):
        assert f"/* {equation} */" in loop


NETWORKS = {
    "looped LSTM, mixed": (layers.LSTM(7, name="2nd"), layers.Dense(5, name="divide")),  # names that C cannot have
    "looped GRUs, mixed": (layers.GRU(6, **ALL), layers.GRU(5, reset_after=False)),
    "looped LSTMs of both ways, int8": tuple(
        layers.Bidirectional(layers.LSTM(n, return_sequences=n > 3)) for n in (5, 4, 3)
    ),
    "means and channels by themselves, int8": (
        *(layers.DepthwiseConv1D(3, padding="same", depth_multiplier=2), layers.SeparableConv1D(7, 5)),
        *(layers.AveragePooling1D(3, 1, padding="same"), layers.LSTM(4, **ALL), layers.GlobalAveragePooling1D()),
    ),
}


@pytest.mark.parametrize(
    "name", [x if i == 0 else pytest.param(x, marks=pytest.mark.long) for i, x in enumerate(NETWORKS)]
)
def test_a_network_answers_as_litert_does(tmp_path, windows, name):
    X = windows[:, :20]
    network = lower(small_networks.network(*NETWORKS[name], samples=20, signals=9), most_unrolled=0)
    layout = IN_MIXED if "mixed" in name else IN_INT8
    ranges = observed_ranges(network, tf.constant(X[::3]), layout)
    flatbuffer = to_int8(network, ranges, layout)
    points = {"ranges": {key: [limits.low, limits.high] for key, limits in ranges.items()}}
    card = replace(tiny_models.card(), quantisation=points, raw_input=True)
    assert "WHILE" in open_model(flatbuffer).operators.counts
    port = open_model(flatbuffer).input
    steps = np.clip(np.rint(X / port.scale) + port.zero_point, -128, 127).astype(np.int8)[:, np.newaxis]
    compiled = Compiled(tmp_path, {name: (flatbuffer, card)})
    assert compiled.equal(name, flatbuffer, steps) == len(X)
    assert "for (int t = " in compiled.texts[name]


def test_a_compiler_that_is_not_exact_is_refused(shipped, tmp_path):
    for options in (
        ("-std=c99", "-ffast-math"),
        ("-std=c99", "-funsafe-math-optimizations"),
        ("-std=gnu99", "-U__GNUC__", "-D__GNUC__=4"),
    ):
        done = run_program(CC, *options, "-c", shipped.folder / f"{c_name('edge')}.c", "-o", tmp_path / "edge.o")
        assert done.returncode
        assert "#error" in done.stderr


@pytest.mark.parametrize(
    "compiler",
    [
        ("gcc", "-O1", "-march=x86-64-v3"),
        pytest.param(("arm-none-eabi-gcc", "-Os", *cortex_m4.PROCESSOR), marks=pytest.mark.long),
    ],
)
def test_every_dialect_of_gcc_has_the_machine_code_of_c99(shipped, tmp_path, compiler):
    """Products and sums are not fused, which GNU's dialects do by default."""
    source = shipped.folder / f"{c_name('edge')}.c"

    def machine_code(*options: str) -> bytes:
        succeeded(run_program(*compiler, *options, "-c", source, "-o", tmp_path / "edge.o"))
        return (tmp_path / "edge.o").read_bytes()

    exact = machine_code("-std=c99", "-ffp-contract=off")
    assert machine_code("-std=gnu17") == machine_code("-ffp-contract=fast") == exact


def test_the_header_has_the_numbers_of_the_card_in_c_and_in_cpp(tmp_path):
    header, *_ = c_source.source_of(*cards.read_model(MODELS["int8"]), "edge_int8")
    card = cards.read_model(MODELS["int8"])[1]
    (tmp_path / "edge_int8.h").write_text(header)
    macros = re.findall(r"#define EDGE_INT8_(\w+) (\S+)f\n", header)
    numbers = {name: np.float32(value) for name, value in macros}
    assert numbers == {"RATE_HZ": card.window.rate_hz, "TEMPERATURE": np.float32(card.temperature)}
    for key, n in (("N_SIGNALS", len(card.signals)), ("N_LABELS", len(card.labels))):
        assert f"#define EDGE_INT8_{key} {n}\n" in header
    for language in ("c", "c++"):
        options = ("-x", language, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-include")
        succeeded(run_program(CC, *options, tmp_path / "edge_int8.h", "/dev/null"))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from([("int8", 16), ("int8", 40), ("int8", 70), ("float32", 16)]),
            st.lists(st.integers(0, 20), min_size=1, max_size=3),
            st.booleans(),
        ),
        max_size=20,
    )
)
def test_no_statement_overwrites_values_that_it_or_a_later_statement_reads(plan):
    """Each statement writes an array, from the window and earlier arrays."""
    arrays = [Value(Buffer(16, "int8", name="window"), 0, (16,))]
    program, statements = Program([arrays[0].buffer]), []
    for i, (name, (dtype, size), sources, in_place) in enumerate(plan):
        views = [Value(Buffer(size, dtype, name=name), 0, (size,)), *(arrays[j % len(arrays)] for j in sources)]
        program.add(f"code{i} {' '.join(f'@{j}' for j in range(len(views)))};", *views, in_place=in_place)
        arrays.append(views[0])
        statements.append((views, in_place))
    text = "\n".join(program.body()[0])
    sizes = {memory: int(n) for memory, n in re.findall(r"(memory_of_\w+)\[(\d+)", text)} | {"window": 16}
    places = {name: (memory, int(n)) for name, memory, n in re.findall(r"(\w+) = (\w+) \+ (\d+);", text)}
    content: dict[tuple[str, int], Value] = {("window", i): arrays[0] for i in range(16)}
    for (views, in_place), names in zip(statements, re.findall(r"^code\d+ (.*);$", text, re.MULTILINE), strict=True):
        begins = [places.get(name, (name, 0)) for name in names.split()]
        cells = [[(at, start + i) for i in range(view.size)] for view, (at, start) in zip(views, begins, strict=True)]
        for view, sources in zip(views[1:], cells[1:], strict=True):
            assert all(content[cell] is view for cell in sources)
            assert not {*sources} & {*cells[0]} or (in_place and sources == cells[0])
        assert max(cells[0])[1] < sizes[begins[0][0]]
        content |= dict.fromkeys(cells[0], views[0])


def test_the_command_writes_all_files_without_tensorflow(tmp_path):
    loaded = "import atexit, sys, har_edge; sys.argv[1:] = ['convert', 'edge', '--c']\n"
    loaded += "atexit.register(lambda: print('tensorflow' in sys.modules))\nhar_edge.main()"
    files = ["edge_int8.c", "edge_int8.h", "har_model.h", *(path.name for path in c.FILES)]
    assert python(loaded, cwd=tmp_path).splitlines() == [*files, "False"]
    header = (tmp_path / "edge_int8.h").read_text()
    assert "void edge_int8_predict(const HAR_VALUE window[1152], float logits[6]);" in header


def test_a_difference_in_the_last_answer_is_a_failure_and_leaves_no_file(tmp_path, monkeypatch, uci_har):
    exact, last = c_source.source_of, float(uci_har.train.X[::15][-1, 0, 0])
    answered = "sets[best_set](window, logits);"
    once = f"{answered} logits[5] += window[0] == {last.hex()}f;"

    def changed(*arguments):
        header, source, sizes = exact(*arguments)
        assert answered in source
        return header, source.replace(answered, once), sizes

    monkeypatch.setattr(c_source, "source_of", changed)
    with pytest.raises(CheckFailedError, match="edge"):
        c_source.write_c_file(MODELS["int8"], tmp_path)
    assert not [*tmp_path.iterdir()]


def test_c_that_crashes_is_an_error_and_leaves_no_file(tmp_path, monkeypatch):
    (tmp_path / "crash.c").write_text("__attribute__((constructor)) static void crash(void) { __builtin_trap(); }")
    compiler, folder = tmp_path / "compiler", tmp_path / "c"
    compiler.write_text(f'#!/bin/sh\ncase "$*" in *-shared*) set -- "$@" {tmp_path}/crash.c;; esac\nexec cc "$@"\n')
    compiler.chmod(0o755)
    monkeypatch.setenv("CC", str(compiler))
    with pytest.raises(DeviceError, match="SIG"):
        write_in_child(SHIPPED["edge-small"], folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [("edge --c --quantize", "--quantize"), ("float.tflite --c", "float32"), ("int8.tflite --c", "SOFTMAX")],
)
def test_a_model_that_cannot_be_written_is_refused_in_one_sentence(har_edge_here, tmp_path, arguments, words):
    flatbuffer, card = cards.read_model(MODELS["float32"])
    cards.write_model(tmp_path / "float.tflite", flatbuffer, card)
    card = tiny_models.card(samples=1)
    cards.write_model(tmp_path / "int8.tflite", tiny_models.softmax(2), card)
    before = sorted(tmp_path.iterdir())
    assert_one_sentence(har_edge_here("convert", *arguments.split()), 2, words)
    assert sorted(tmp_path.iterdir()) == before
