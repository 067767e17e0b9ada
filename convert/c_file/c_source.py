"""Write a model as one C99 file, and a header of the card's numbers."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

import edge_runtime
from convert.c_array import c_name, c_string
from convert.c_file.answer_check import Compared, compare
from convert.c_file.array_names import name_arrays
from convert.c_file.exact_arithmetic import number
from convert.c_file.graph_tracing import Buffer, Trace, trace
from convert.c_file.loop_rolling import in_c
from convert.c_file.memory_sharing import Memory, share_memory
from convert.c_file.program_writing import write_program
from convert.c_file.statements import Layer
from convert.quantise import compaction
from edge_runtime.devices.trial import try_model
from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import check_graph
from edge_runtime.model.graphs import ports, read_graphs, scheme_of
from edge_runtime.model.model_card import Card
from edge_runtime.system.files import scratch_folder, write_text
from edge_runtime.system.progress import OnProgress, ignore_progress

_TYPES = {"int8": "int8_t", "int32": "int32_t", "float32": "float"}
_WIDTH = 118

_PREDICT = """\
#if defined(X86)
AVX512 static void infer_avx512({parameters}, dense_function dense, look_up_function look_up) {{
  infer(window, logits, dense, look_up);
}}
AVX2 static void infer_avx2({parameters}, dense_function dense, look_up_function look_up) {{
  infer(window, logits, dense, look_up);
}}
#endif

void {name}_predict({parameters}) {{
#if defined(X86)
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {{
    infer_avx512(window, logits, best_dense(), best_look_up());
  }} else if (__builtin_cpu_supports("avx2")) {{
    infer_avx2(window, logits, best_dense(), best_look_up());
  }} else {{
    infer(window, logits, best_dense(), best_look_up());
  }}
#else
  infer(window, logits, dense, look_up);
#endif
}}
"""


@dataclass(frozen=True)
class Written:
    """The files that were written, and how they were `compared` with LiteRT: None without a compiler."""

    source: Path
    header: Path
    compared: Compared | None

    @property
    def check(self) -> str:
        """A sentence on the comparison."""
        if self.compared is None:
            return "Its answers were not compared with LiteRT's: no C compiler was found; set CC to one"
        return f"LiteRT's answers, bit for bit, on {self.compared.windows} windows (by {self.compared.compiler})"


def write_c_file(model: Path, folder: Path, on_progress: OnProgress = ignore_progress) -> Written:
    """Write the `.tflite` file `model` as a C file and its header into `folder`, after a check of its answers.

    Raises `InputError` when the file cannot be used or is not of int8, `CheckFailedError` when an answer differs from
    LiteRT's, and `DeviceError` when the C does not compile.
    """
    on_progress(0.0, f"C of {model.name}")
    flatbuffer, card = cards.read_model(model)
    try_model(flatbuffer, str(model))  # from here on it is whole
    scheme = scheme_of(read_graphs(flatbuffer))
    if scheme not in ("int8", "mixed"):
        raise InputError(
            f"{model} computes in {scheme}, whose sums have no fixed order: --c writes int8 and mixed models"
        )
    (taken,), (given,) = ports(flatbuffer)
    check_graph(taken, given, card, str(model))
    header, source = source_of(flatbuffer, card, model.stem)
    name = c_name(model.stem)
    with scratch_folder() as scratch:
        for suffix, text in ((".h", header), (".c", source)):
            write_text(scratch / f"{name}{suffix}", text)
        on_progress(0.3, f"comparing the C of {model.name} with LiteRT")
        compared = compare(scratch / f"{name}.c", flatbuffer, card)
    written = Written(folder / f"{name}.c", folder / f"{name}.h", compared)
    write_text(written.source, source)
    write_text(written.header, header)
    return written


def source_of(flatbuffer: bytes, card: Card, stem: str) -> tuple[str, str]:
    """The texts of the header and the C file of a model. Raises `InputError` for an operator that is not written."""
    traced = trace(compaction.read(flatbuffer))
    name_arrays(traced, card.quantisation)
    program = write_program(traced)
    names, arrays = share_memory(program, (traced.window, traced.logits))
    name = c_name(stem)
    window, logits = traced.window, traced.logits
    parameters = f"const {_TYPES[window.dtype]} window[{window.size}], {_TYPES[logits.dtype]} logits[{logits.size}]"
    body = in_c(program.statements, names)
    origin = f"/* The model {_comment(card.name)}, written by har-edge {edge_runtime.__version__}. */"
    digest = f"/* SHA-256 of its flatbuffer: {hashlib.sha256(flatbuffer).hexdigest()} */"
    source = [
        origin,
        digest,
        f'#include "{name}.h"\n\n#include <stdint.h>\n',
        *_kernels("\n".join(body)),
        *(_constant(x, names) for x in program.constants.values()),
        *_numbers(name, card),
        f"\nINLINE void infer({parameters}, dense_function dense, look_up_function look_up) {{",
        *(f"  {_declared(x)}" for x in arrays),
        *(f"  (void){x};" for x in ("dense", "look_up") if f"{x}(" not in "\n".join(body)),
        *(f"  {x}" for x in body),
        "}\n",
        _PREDICT.format(name=name, parameters=parameters),
    ]
    return _header(name, card, traced, parameters, [origin, digest]), "\n".join(source)


def _kernels(body: str) -> Iterator[str]:
    """The text of kernels.c without the functions that the body does not call."""
    text = files(__package__).joinpath("kernels.c").read_text(encoding="utf-8")
    for i, part in enumerate(re.split(r"/\* (?:begin|end) (\w+) \*/\n", text)):
        if i % 4 == 1:
            called = f"{part}(" in body
        elif i % 4 == 0 or (i % 4 == 2 and called):
            yield part.rstrip()


def _constant(x: Buffer, names: dict[Buffer, str]) -> str:
    if isinstance(x.data, Layer):
        values = ", ".join([*(names[y] for y in x.data.arrays), *map(str, x.data.numbers)])
        return f"static const layer {names[x]} = {{{values}}};"
    assert x.data is not None
    rows = x.data.reshape(-1, x.data.size)
    if x.part.endswith("_bias"):
        rows = x.data.reshape(2, -1)
    words = [[number(v) if x.dtype == "float32" else str(v) for v in row] for row in rows]
    first, *others = map(_lines, words)
    second = f"\n#if defined(X86)\n{others[0]}\n#endif" if others else ""
    return f"static const {_TYPES[x.dtype]} {names[x]}[] = {{\n{first}{second}\n}};"


def _lines(words: Sequence[str]) -> str:
    lines, line = [], " "
    for word in words:
        if len(line) + len(word) > _WIDTH:
            lines.append(line)
            line = " "
        line += f" {word},"
    return "\n".join([*lines, line])


def _declared(x: Memory) -> str:
    size, start = (x.reach, " = {0}") if x.reach > x.size else (x.size, "")
    return f"{_TYPES[x.dtype]} {x.name}[{size}]{start};"


def _comment(text: str) -> str:
    return c_string(text).replace("*/", "* /").replace("/*", "/ *")


def _tables(name: str, card: Card) -> Iterator[tuple[str, str]]:
    """Declaration and values of each array of the header."""
    units = [x.unit for x in card.signals]
    for key, values in (("labels", [*card.labels]), ("signals", card.signal_names), ("units", units)):
        size = "LABELS" if key == "labels" else "SIGNALS"
        yield f"const char *const {name}_{key}[{name.upper()}_N_{size}]", ", ".join(map(c_string, values))
    if card.front_end:
        for key in ("noise", "gravity", "drift"):
            sections = getattr(card.front_end, key).sections
            rows = ("{" + ", ".join(repr(float(x)) for x in row) + "}" for row in sections)
            yield f"const double {name}_{key}[{len(sections)}][6]", ",\n  ".join(rows)
    if not card.raw_input:
        norm = card.normalisation
        columns = map(np.asarray, (norm.mean, norm.std, norm.clip, *norm.companding()))
        for key, column in zip(("mean", "deviation", "clip", "gain", "bend", "knee"), columns, strict=True):
            literals = ", ".join(number(np.float32(x)) for x in column)
            yield f"const float {name}_{key}[{name.upper()}_N_SIGNALS]", literals


def _numbers(name: str, card: Card) -> Iterator[str]:
    for declaration, values in _tables(name, card):
        yield f"{declaration} = {{{values}}};"


def _header(name: str, card: Card, traced: Trace, parameters: str, origin: Sequence[str]) -> str:
    prefix, window = name.upper(), card.window
    whole = {"SAMPLES": window.samples, "HOP": window.hop}
    whole |= {"N_SIGNALS": len(card.signals), "N_LABELS": len(card.labels)}
    floats = {"TEMPERATURE": card.temperature} | ({} if window.rate_hz is None else {"RATE_HZ": window.rate_hz})
    for border, x in (("INPUT", traced.window), ("OUTPUT", traced.logits)):
        if x.dtype == "int8":
            floats[f"{border}_SCALE"] = x.scales[0]
            whole[f"{border}_ZERO_POINT"] = x.zero_point
    prepared = (
        ""
        if card.raw_input
        else (
            "Before: z = (x - mean) / deviation, within +-clip, then z * gain / (|z| * bend + knee)"
            + (
                "."
                if traced.window.dtype == "float32"
                else ", and its steps of the input's scale, from its zero point on."
            )
        )
    )
    before = f"\n   {prepared}" if prepared else ""
    turned = (
        ""
        if card.frame == "device"
        else "\n   Windows must be in the walking frame: har-edge's docs/in_your_program.md has the steps."
    )
    return "\n".join(
        [
            *origin,
            f"#ifndef {prefix}_H\n#define {prefix}_H\n\n#include <stdint.h>\n",
            '#ifdef __cplusplus\nextern "C" {\n#endif\n',
            "/* A window: a row for each sample, a column for each signal, a new window every HOP samples.",
            f"   Probabilities are the softmax of logits / TEMPERATURE.{turned}{before} */",
            f"enum {{ {', '.join(f'{prefix}_{key} = {x}' for key, x in whole.items())} }};",
            *(f"#define {prefix}_{key} {number(np.float32(x))}" for key, x in floats.items()),
            f"\nvoid {name}_predict({parameters});\n",
            "/* Filters from raw samples to signals are sections of b0 b1 b2 a0 a1 a2, in the order of use. */",
            *(f"extern {declaration};" for declaration, _ in _tables(name, card)),
            "\n#ifdef __cplusplus\n}\n#endif\n\n#endif\n",
        ]
    )
