"""Compile a model and the recogniser in C to a WebAssembly module."""

import hashlib
from pathlib import Path

import edge_runtime
from convert.c_file import write_in_child
from convert.tensorflow_setup import require_extra
from edge_runtime import c
from edge_runtime.model import model_card as cards
from edge_runtime.model.model_paths import is_shipped
from edge_runtime.system.c_compiler import compile_library, find_compiler
from edge_runtime.system.cache import cache_folder, cached_folder
from edge_runtime.system.files import scratch_folder, write_bytes
from edge_runtime.system.progress import OnProgress, ignore_progress

SHIPPED = Path(__file__).with_name("modules")
"""The folder of the shipped models' modules."""

_SHELL = Path(__file__).with_name("page.c")
_GENERATOR = Path(__file__).parents[1] / "c_file"
_TARGET = "wasm32-wasi"
_OPTIONS = ("-mcpu=generic+simd128", "-mexec-model=reactor", "-s")
_CUSTOM_SECTION = b"\0"  # WebAssembly Core Specification 5.5.3


def wasm_module(model: Path, on_progress: OnProgress = ignore_progress) -> bytes:
    """Return the module of the `.tflite` file `model`: shipped, from the cache, or compiled now.

    Raises as `compile_module` does.
    """
    shipped = SHIPPED / f"{model.stem}.wasm"
    if is_shipped(model) and shipped.is_file():
        return shipped.read_bytes()
    sources = (model, _SHELL, *c.FILES, *sorted(path for path in _GENERATOR.iterdir() if path.is_file()))
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()
    place = cache_folder() / "page" / f"{digest[:24]}-{edge_runtime.__version__}"
    folder = cached_folder(place, lambda folder: compile_module(model, folder / "model.wasm", on_progress))
    return (folder / "model.wasm").read_bytes()


def compile_module(model: Path, target: Path, on_progress: OnProgress = ignore_progress) -> None:
    """Write the `.tflite` file `model` as the module `target`, with its card in the custom section `card.json`.

    Raises `MissingExtraError` without zig, and otherwise as `write_in_child` and `compile_library` do.
    """
    if find_compiler(_TARGET) is None:
        require_extra("har-edge page", ("ziglang",), "c")
    with scratch_folder() as folder:
        files, _ = write_in_child(model, folder, on_progress)
        sources = [str(path) for path in files if path.suffix == ".c"]
        options = (*_OPTIONS, f"-I{folder}", *sources)
        compile_library(_SHELL, folder / "model.wasm", _TARGET, options=options)
        module = (folder / "model.wasm").read_bytes()
    section = _sized(b"card.json") + cards.read_model(model)[1].to_json().encode()
    write_bytes(target, module + _CUSTOM_SECTION + _sized(section))


def _sized(content: bytes) -> bytes:
    """Return `content` after its length, which takes five bytes of seven bits, lowest first."""
    n = len(content)
    return bytes([*(n >> shift & 127 | 128 for shift in (0, 7, 14, 21)), n >> 28]) + content
