"""Write a model as one C99 file, and a header with the card's numbers."""

import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

import edge_runtime
from convert.c_file.c_names import c_name, c_string, identifier
from convert.c_file.c_operators import write_program
from convert.c_file.c_program import C_TYPES, KERNELS, number
from convert.c_file.c_sizes import Sizes, of_model
from convert.c_file.c_stream import stream_files
from convert.c_file.graph_tracing import JOIN, Buffer, Step, Value, trace
from edge_runtime import c
from edge_runtime.data.dataset import WINDOW
from edge_runtime.data.loading import load_data
from edge_runtime.devices.trial import try_model
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.c_model import CModel
from edge_runtime.model.classifier import check_graph, preparation
from edge_runtime.model.graphs import ports, read_graphs, scheme_of
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.model_card import Card
from edge_runtime.model.scheme_names import CALIBRATED
from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.system.c_compiler import compile_library, find_compiler
from edge_runtime.system.child_processes import Tell, run_as_child
from edge_runtime.system.files import scratch_folder, write_text
from edge_runtime.system.progress import OnProgress, ignore_progress
from edge_runtime.system.standard_streams import suppressed_stderr

_PRODUCTS = ("FULLY_CONNECTED", "CONV_2D")
_GATES = ("gates", "candidate")  # quantisation points that only recurrent layers have
_EVERY = 15  # every 15th embedded training window is compared: 491 of them
_BEGINNING = len("/* The model")  # of a file's first comment, in every version
_TOLERANCE = 1e-3  # of a scale: cards round ranges to six decimals
_WORDS = {JOIN: "joined", "LOGISTIC": "sigmoid", "MAX_POOL_2D": "pool", "QUANTIZE": "", "DEQUANTIZE": "float"}

_SOURCE = """\
{origin}
#include "{name}.h"

#include <stdint.h>

#define MOST_TERMS {most_terms} /* of a sum */
{kernels}
{constants}

INLINE void infer({parameters}, dense_function dense, look_up_function look_up, divide_function divide) {{
  (void)dense, (void)look_up, (void)divide;
  {body}
}}

#if defined(X86)
static void infer_base({parameters}) {{ infer(window, logits, dense_base, look_up_base, divide_base); }}
AVX2 static void infer_avx2({parameters}) {{ infer(window, logits, dense_avx2, look_up_base, divide_fma); }}
AVXVNNI static void infer_avxvnni({parameters}) {{ infer(window, logits, dense_avxvnni, look_up_base, divide_fma); }}
AVX512 static void infer_avx512({parameters}) {{ infer(window, logits, dense_avx512, look_up_base, divide_fma); }}
VBMI static void infer_vbmi({parameters}) {{ infer(window, logits, dense_avx512, look_up_vbmi, divide_fma); }}

void {name}_predict({parameters}) {{
  static void (*const sets[])({parameters}) = {{infer_base, infer_avx2, infer_avxvnni, infer_avx512, infer_vbmi}};
  sets[best_set](window, logits);
}}
#else
void {name}_predict({parameters}) {{ infer(window, logits, dense_base, look_up_base, divide_base); }}
#endif

const char *{name}_instruction_set(void) {{ return INSTRUCTION_SET; }}
"""

_HEADER = """\
{origin}
#ifndef {prefix}_H
#define {prefix}_H

#include <stdint.h>

#if !defined(HAR_VALUE)
#define HAR_VALUE float /* or __fp16, in which a window takes half the RAM */
#define HAR_VALUE_IS_DEFAULT
#endif
#if !defined(HAR_VALUE_IS_DEFAULT) /* the name has the type: files that were compiled with another do not link */
#define HAR_PASTE(a, b) a##_##b
#define HAR_PASTED(a, b) HAR_PASTE(a, b)
#define {name}_predict HAR_PASTED({name}_predict, HAR_VALUE)
#endif

/* A window: a row for each sample, a column for each signal, a new window every HOP samples. Probabilities are the
   softmax of logits / TEMPERATURE.{remarks}
   On a Cortex-M4 with -Os, the model takes at most FLASH_BYTES and STACK_BYTES, beside the C library. */
#ifdef __cplusplus
extern "C" {{
#endif
void {name}_predict({parameters});
const char *{name}_instruction_set(void); /* which one it uses on this processor */
#ifdef __cplusplus
}}
#endif

{numbers}

{tables}

#endif
"""
_WALKING = "\n   Windows must be in the walking frame: har-edge's docs/in_your_program.md has the steps."
_PREPARED = """
   Prepare each value: z = (x - mean) / deviation, within +-clip, then z * gain / (|z| * bend + knee); for int8, round
   z / INPUT_SCALE + INPUT_ZERO_POINT."""


def main(model: str, folder: str) -> None:
    """Write the C file of a model, as a child of a command."""

    def write(tell: Tell) -> None:
        files, checked = write_c_file(Path(model), Path(folder), lambda share, stage: tell(share=share, stage=stage))
        tell(files=[path.name for path in files], checked=checked)

    run_as_child(write)


def write_c_file(model: Path, folder: Path, on_progress: OnProgress = ignore_progress) -> tuple[Sequence[Path], str]:
    """Write the `.tflite` file `model` as C into `folder`, with the recogniser in C if it can drive the model.

    The C is compiled and run here, so commands call `convert.c_file.write_in_child`, which returns and raises the same.
    """
    on_progress(0.0, f"C of {model.name}")
    flatbuffer, card = cards.read_model(model)
    try_model(flatbuffer, str(model))  # the model is whole from here on
    scheme = scheme_of(read_graphs(flatbuffer))
    if scheme not in CALIBRATED:
        raise InputError(f"{model} is {scheme}, whose sums have no fixed order: --c writes int8 and mixed")
    (window,), (logits,) = ports(flatbuffer)
    check_graph(window, logits, card, str(model))
    name = c_name(model.stem)
    header, source, sizes = source_of(flatbuffer, card, model.stem)
    texts, remark = {f"{name}.c": source, f"{name}.h": header}, ""
    try:
        stream, sizes = stream_files(card, name, sizes)
        texts |= stream
    except InputError as error:
        remark = f"\nWithout the recogniser: {error}"
    for file, text in texts.items():
        path = folder / file
        if path.is_file() and path.read_text(errors="replace")[:_BEGINNING] != text[:_BEGINNING]:
            raise InputError(f"{path} does not look like a file of --c: move it, or choose another folder with --out")
    with scratch_folder() as scratch:
        for file, text in texts.items():
            write_text(scratch / file, text)
        on_progress(0.3, f"comparing the C of {model.name} with LiteRT")
        checked = f"{_check(scratch, name, flatbuffer, card)}\nOn a Cortex-M4 with -Os: {sizes}{remark}"
    before = folder / "har_model.h"
    if before.name in texts and before.is_file() and f'"{name}.h"' not in before.read_text(errors="replace"):
        checked += f"\nhar_model.h was for another model: the recogniser now uses {name} (--out FOLDER keeps both)"
    for file, text in texts.items():
        write_text(folder / file, text)
    return [folder / file for file in texts], checked


def _check(folder: Path, name: str, flatbuffer: bytes, card: Card) -> str:
    """Compile the C in `folder` and compare its answers, if there is a compiler; return a sentence on the result."""
    if find_compiler() is None:
        return "Its answers were not compared with LiteRT's, since no C compiler was found: install gcc, or set CC"
    library = folder / f"{name}.so"
    for part in (folder / path.name for path in c.FILES if path.suffix == ".c"):
        if part.exists():
            compile_library(part, folder / "part.o", options=("-c",), level="-O0")
    compiler = compile_library(folder / f"{name}.c", library)
    compiled = CModel(library, flatbuffer, compiler, card.name)
    with suppressed_stderr():
        model = open_model(flatbuffer, "litert")
    windows = _windows(card)
    tensors = map(preparation(card, model.input), windows)
    if different := sum(model.run(tensor).tobytes() != compiled.run(tensor).tobytes() for tensor in tensors):
        share = f"{different} of {len(windows)} windows"
        raise CheckFailedError(f"the C of {card.name} answers {share} unlike LiteRT: no file was written")
    return f"Its answers equal LiteRT's, bit for bit, on {len(windows)} windows (compiled by {compiler})"


def _windows(card: Card) -> npt.NDArray[np.float32]:
    """Return training windows of the embedded data if the model takes their signals, or else random windows."""
    names = [signal.name for signal in SIGNALS]
    if card.window.samples == WINDOW.samples and {*card.signal_names} <= {*names}:
        return load_data().train.X[::_EVERY, :, [names.index(signal) for signal in card.signal_names]]
    norm, shape = card.normalisation, card.input_shape
    return np.random.default_rng(0).normal(norm.mean, norm.std, (200, *shape)).astype(np.float32)


def source_of(flatbuffer: bytes, card: Card, stem: str) -> tuple[str, str, Sizes]:
    """Return the texts of a model's header and C file, and its sizes. Raises `InputError` if it cannot be written."""
    steps, window, logits = trace(flatbuffer)
    _name_arrays(steps, window, logits, card.quantisation.get("ranges") or {})
    program = write_program(steps, window, logits)
    body, memory = program.body()
    sizes = of_model(program.n_bytes, len(body), memory)
    common = {
        "name": c_name(stem),
        "origin": f"/* The model {c_name(stem)}, written by har-edge {edge_runtime.__version__}.\n"
        f"   SHA-256 of its flatbuffer: {hashlib.sha256(flatbuffer).hexdigest()} */",
        "parameters": f"const {'HAR_VALUE' if card.raw_input else C_TYPES[window.dtype]} window[{window.size}], "
        f"{C_TYPES[logits.dtype]} logits[{logits.size}]",
    }
    source = _SOURCE.format(
        kernels=KERNELS,
        most_terms=program.most_terms,
        constants="\n".join(program.constants),
        body="\n  ".join(body),
        **common,
    )
    return _header(card, window, logits, sizes, common), source, sizes


def _name_arrays(steps: Sequence[Step], window: Value, logits: Value, ranges: Mapping[str, Sequence[float]]) -> None:
    """Name the buffers of a trace by the `ranges` in its card, or after their first input and the operator."""
    recurrent = {layer for layer, part in map(_parts, ranges) if part in _GATES}
    numbers: dict[Buffer, int] = {}  # of products without a known layer, by their weights
    window.buffer.layer = window.buffer.name = "window"
    for step in steps:
        y, source = step.output.buffer, next((x for x in step.inputs if x.data is None), step.inputs[0]).buffer
        layer, part = _parts(_point_of(step.output, ranges))
        word = _WORDS.get(step.kind, step.kind.lower())
        y.layer = layer or source.layer
        if step.kind == JOIN:
            part = word
        elif layer in recurrent and not part:
            part = "input" if step.kind in _PRODUCTS else "state"
        elif not layer and step.kind in _PRODUCTS:
            y.layer = f"layer_{numbers.setdefault(step.inputs[1].buffer, len(numbers) + 1)}"
        elif not layer:
            before = source.name.removeprefix(source.layer) if len(step.inputs) == 1 else ""
            part = f"{before}_{word}".strip("_")
        y.name = f"{y.layer}_{part}".strip("_")
    for value in (x for step in steps for x in step.inputs if x.buffer.name == "logits"):
        value.buffer.name = f"logits_{value.dtype}"
    logits.buffer.layer = logits.buffer.name = "logits"


def _parts(point: str) -> tuple[str, str]:
    """Return layer and part in the name of a quantisation point, as identifiers; empty if it has none."""
    layer, _, part = point.rpartition("/") if "/" in point else (point, "", "")
    return layer and identifier(layer), part and identifier(part)


def _point_of(x: Value, ranges: Mapping[str, Sequence[float]]) -> str:
    """Return the quantisation point of a tensor, if only one point has its range; otherwise an empty text."""
    points = [
        name
        for name, (low, high) in ranges.items()
        if x.dtype == "int8"
        and math.isclose(255 * x.scale, max(high, 0) - min(low, 0), rel_tol=_TOLERANCE)
        and abs((-128 - x.zero_point) * x.scale - min(low, 0)) < x.scale
    ]
    return points[0] if len(points) == 1 else ""


def _header(card: Card, window: Value, logits: Value, sizes: Sizes, common: dict[str, str]) -> str:
    name, prefix, remarks = common["name"], common["name"].upper(), ""
    whole = {"SAMPLES": card.window.samples, "HOP": card.window.hop}
    whole |= {"N_SIGNALS": len(card.signals), "N_LABELS": len(card.labels)}
    numbers = {key: str(value) for key, value in whole.items()} | {"TEMPERATURE": number(card.temperature)}
    numbers |= {} if card.window.rate_hz is None else {"RATE_HZ": number(card.window.rate_hz)}
    for end, tensor in (("INPUT", window), ("OUTPUT", logits)):
        if tensor.dtype == "int8":
            numbers |= {f"{end}_SCALE": number(tensor.scale), f"{end}_ZERO_POINT": str(tensor.zero_point)}
    numbers |= sizes.macros()
    texts = {"labels": card.labels, "signals": card.signal_names, "units": [signal.unit for signal in card.signals]}
    tables = [f"char *const {name}_{key}[] = {{{', '.join(map(c_string, words))}}}" for key, words in texts.items()]
    if not card.raw_input:
        remarks, keys = _PREPARED, ("mean", "deviation", "clip", "gain", "bend", "knee")
        for key, row in zip(keys, card.normalisation.rows(), strict=True):
            tables.append(f"float {name}_{key}[] = {{{', '.join(map(number, row))}}}")
    return _HEADER.format(
        prefix=prefix,
        remarks=remarks if card.frame == "device" else _WALKING + remarks,
        numbers="\n".join(f"#define {prefix}_{key} {value}" for key, value in numbers.items()),
        tables="\n".join(f"static const {table};" for table in tables),
        **common,
    )
