"""Write a converted model as C++ source for microcontrollers: an aligned array, and a header of the card's numbers."""

import hashlib
import importlib.util
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

import edge_runtime
from convert.c_file.c_names import c_name, c_string
from convert.quantise.raw_input import take_prepared_windows
from edge_runtime.devices.trial import try_model
from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import check_graph
from edge_runtime.model.graphs import Tensor, operator_names, ports
from edge_runtime.model.interpreters import MICRO, PACKAGES, open_model
from edge_runtime.model.micro_interpreter import resolver_methods, without_kernel
from edge_runtime.model.model_card import Card
from edge_runtime.signals.filters import Filter
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.system.files import write_text
from edge_runtime.system.progress import OnProgress, ignore_progress

_TYPES = {"int8": "signed char", "uint8": "unsigned char", "int16": "short", "float32": "float"}
_PER_LINE = 16  # bytes

_PREPARE = """
// Turns a window in the units above into the input tensor.
inline void prepare(const float window[samples][n_signals], {type}* input) {{
  for (int t = 0; t < samples; t++) {{
    for (int i = 0; i < n_signals; i++) {{
{body}
    }}
  }}
}}
"""
_FRAME = """\
// All windows have to be in the walking frame: x up, y ahead and z to the left of someone who walks. Turn each by the
// rotation of its mounting before `prepare`; har-edge's docs/in_your_program.md has the steps. Nothing here does it."""
_COPY = "      *input++ = window[t][i];  // the graph does the rest"
# In float32 and in this order, as `edge_runtime.model.classifier.Preparation` does it.
_NORMALISE = """\
      float z = (window[t][i] - mean[i]) / deviation[i];
      z = std::fmin(std::fmax(z, -clip[i]), clip[i]);
      z = z * gain[i] / (std::fabs(z) * bend[i] + knee[i]);
      *input++ = {store};"""
_QUANTISE = """
// Rounds ties to even, as LiteRT does.
inline {type} quantised(float z) {{
  const float steps = std::rint(z * (1.0f / input_scale)) + input_zero_point;
  return static_cast<{type}>(std::fmin(std::fmax(steps, {lowest}.0f), {highest}.0f));
}}
"""


def write_c_array(
    model: Path, folder: Path, is_prepared: bool = False, on_progress: OnProgress = ignore_progress
) -> tuple[Path, Path]:
    """Write the header and the array of the `.tflite` file `model` into `folder`; return their paths.

    With `is_prepared`, an int8 model of raw windows becomes one of prepared int8 windows. Raises `InputError` when the
    file cannot be used, or TensorFlow Lite Micro has no kernel for one of its operators.
    """
    on_progress(0.0, f"C++ source of {model.name}")
    flatbuffer, card = cards.read_model(model)
    try_model(flatbuffer, str(model))  # from here on it is whole
    if is_prepared and card.raw_input:
        try:
            flatbuffer, card = take_prepared_windows(flatbuffer), replace(card, raw_input=False)
        except ValueError as error:
            raise InputError(f"{model} cannot take int8 windows ({error}): give --io raw") from error
        try_model(flatbuffer, str(model))
    if missing := without_kernel(operator_names(flatbuffer)):
        raise InputError(f"TensorFlow Lite Micro has no kernel for {', '.join(missing)} in {model}: take other layers")
    (taken,), (given,) = ports(flatbuffer)
    check_graph(taken, given, card, str(model))
    arena = None
    if importlib.util.find_spec(PACKAGES[MICRO]):
        on_progress(0.3, f"the arena of {model.name} in {MICRO}")
        try_model(flatbuffer, str(model), MICRO)
        arena = open_model(flatbuffer, MICRO, name=str(model)).arena_bytes()
    name = c_name(model.stem)
    header, array = folder / f"{name}.h", folder / f"{name}.cc"
    write_text(array, _array(name, flatbuffer))
    write_text(header, _header(name, model.name, flatbuffer, card, arena))
    return header, array


def _header(name: str, file: str, flatbuffer: bytes, card: Card, arena: int | None) -> str:
    (taken,), (given,) = ports(flatbuffer)
    parts = [
        f"// The model {c_string(card.name)} of {c_string(file)}, written by har-edge {edge_runtime.__version__}.",
        f"// SHA-256 of its flatbuffer: {hashlib.sha256(flatbuffer).hexdigest()}",
        f"#ifndef HAR_EDGE_{name.upper()}_H\n#define HAR_EDGE_{name.upper()}_H\n\n#include <cmath>\n",
        f"namespace {name} {{\n\nextern const unsigned char model[{len(flatbuffer)}];",
        _scalar("unsigned long", "model_bytes", str(len(flatbuffer))),
    ]
    if arena is None:
        parts.append("// Where tflite-micro is installed, this file has the size of the arena too.")
    else:
        parts += [
            "// The smallest that tflite-micro needs on a 64-bit machine; one of 32 bits needs less.",
            _scalar("unsigned long", "arena_bytes", str(arena)),
        ]
    window = card.window
    parts += [
        "\n// A window: one row per sample, one column per signal, a new window every `hop` samples.",
        *([] if card.frame == "device" else [_FRAME]),
        *([] if window.rate_hz is None else [_scalar("float", "rate_hz", _float(window.rate_hz))]),
        *(_scalar("int", key, str(getattr(window, key))) for key in ("samples", "hop")),
        _scalar("int", "n_signals", str(len(card.signals))),
        _names("signals", card.signal_names),
        _names("units", [x.unit for x in card.signals]),
        _scalar("int", "n_labels", str(len(card.labels))),
        _names("labels", card.labels),
        "// Probabilities are the softmax of logits over it.",
        _scalar("float", "temperature", _float(card.temperature)),
        *([] if card.raw_input else _normalisation(card.normalisation)),
        *_quantisation("input", taken),
        *_quantisation("output", given),
    ]
    if card.front_end:
        parts.append("\n// Filters from raw samples to signals: sections of b0 b1 b2 a0 a1 a2, in the order of use.")
        parts += [_sections(key, getattr(card.front_end, key)) for key in ("noise", "gravity", "drift")]
    parts += [
        _preparation(taken, card.raw_input),
        _resolver(resolver_methods(operator_names(flatbuffer))),
        f"}}  // namespace {name}\n\n#endif\n",
    ]
    return "\n".join(parts)


def _normalisation(normalisation: Normalisation) -> list[str]:
    names = ("mean", "deviation", "clip", "gain", "bend", "knee")
    rows = (normalisation.mean, normalisation.std, normalisation.clip, *normalisation.companding())
    numbers = (f"{{{', '.join(map(_float, row))}}}" for row in rows)
    return [
        "\n// z = (x - mean) / deviation, within +-clip; then z * gain / (|z| * bend + knee).",
        *(f"constexpr float {key}[n_signals] = {row};" for key, row in zip(names, numbers, strict=True)),
    ]


def _quantisation(border: str, tensor: Tensor) -> list[str]:
    if tensor.scale is None:
        return []
    return [
        _scalar("float", f"{border}_scale", _float(tensor.scale)),
        _scalar("int", f"{border}_zero_point", str(tensor.zero_point)),
    ]


def _preparation(tensor: Tensor, is_raw: bool) -> str:
    kind = _TYPES[tensor.dtype]
    if is_raw:
        return _PREPARE.format(type=kind, body=_COPY)
    if tensor.dtype == "float32":
        return _PREPARE.format(type=kind, body=_NORMALISE.format(store="z"))
    limits = np.iinfo(tensor.dtype)
    quantise = _QUANTISE.format(type=kind, lowest=limits.min, highest=limits.max)
    return quantise + _PREPARE.format(type=kind, body=_NORMALISE.format(store="quantised(z)"))


def _resolver(methods: Sequence[str]) -> str:
    calls = " |\n         ".join(f"resolver.{x}()" for x in methods)
    return f"""
constexpr int n_operators = {len(methods)};

// Adds the model's operators to a tflite::MicroMutableOpResolver<n_operators>; 0 (kTfLiteOk) when all were taken.
template <typename Resolver>
int add_operators(Resolver& resolver) {{
  return {calls};
}}
"""


def _array(name: str, flatbuffer: bytes) -> str:
    lines = (flatbuffer[i : i + _PER_LINE] for i in range(0, len(flatbuffer), _PER_LINE))
    content = "\n".join("  " + " ".join(f"0x{x:02x}," for x in line) for line in lines)
    return (
        f'#include "{name}.h"\n\nnamespace {name} {{\n\n'
        f"alignas(16) const unsigned char model[{len(flatbuffer)}] = {{\n{content}\n}};\n\n}}  // namespace {name}\n"
    )


def _scalar(kind: str, name: str, value: str) -> str:
    return f"constexpr {kind} {name} = {value};"


def _names(name: str, values: Sequence[str]) -> str:
    size = "n_labels" if name == "labels" else "n_signals"
    return f"constexpr const char* {name}[{size}] = {{{', '.join(map(c_string, values))}}};"


def _sections(name: str, each: Filter) -> str:
    rows = ",\n    ".join(f"{{{', '.join(repr(float(x)) for x in row)}}}" for row in each.sections)
    return f"constexpr double {name}[{len(each.sections)}][6] = {{\n    {rows}}};"


def _float(value: float) -> str:
    """A literal of the float32 number nearest to `value`."""
    text = f"{float(np.float32(value)):.9g}"
    return f"{text}f" if re.search(r"[.e]", text) else f"{text}.0f"
