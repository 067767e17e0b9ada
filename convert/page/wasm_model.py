"""Compile a model to WebAssembly, with its card inside, for the page's engine.js."""

from pathlib import Path

from convert.c_array import c_name
from convert.c_file.c_source import write_c_file
from edge_runtime.model import model_card as cards
from edge_runtime.system.c_compiler import compile_library
from edge_runtime.system.files import scratch_folder, write_bytes
from edge_runtime.system.progress import OnProgress, ignore_progress

_TARGET = "wasm32-freestanding"
_CUSTOM_SECTION = b"\0"  # WebAssembly Core Specification 5.5.3


def write_wasm_model(model: Path, target: Path, on_progress: OnProgress = ignore_progress) -> None:
    """Write the `.tflite` file `model` as the module `target`: its C, and its card in the custom section `card.json`.

    Raises as `write_c_file` and `compile_library`.
    """
    name, card = c_name(model.stem), cards.read_model(model)[1]
    exports = (f"{name}_predict", "__heap_base")
    options = ("-mcpu=generic+simd128", "-nostdlib", "-s", "-Wl,--no-entry", *(f"-Wl,--export={x}" for x in exports))
    with scratch_folder() as folder:
        write_c_file(model, folder, on_progress)
        compile_library(folder / f"{name}.c", folder / "model.wasm", _TARGET, options=options)
        module = (folder / "model.wasm").read_bytes()
    section = _sized(b"card.json") + card.to_json().encode()
    write_bytes(target, module + _CUSTOM_SECTION + _sized(section))


def _sized(content: bytes) -> bytes:
    """`content` after its length, seven bits a byte, lowest first."""
    length, left = b"", len(content)
    while left > 127:
        length += bytes([left & 127 | 128])
        left >>= 7
    return length + bytes([left]) + content
