"""Write the page as a folder of static files, with models as WebAssembly and the answers that bench.js compares."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from convert.c_file import write_in_child
from convert.c_file.c_names import c_name
from edge_runtime.bench.measurement import measure
from edge_runtime.bench.rounds import MeasurementSettings
from edge_runtime.data.evaluation_data import evaluated
from edge_runtime.data.loading import load_data
from edge_runtime.devices.python import PythonDevice
from edge_runtime.errors import InputError
from edge_runtime.live.recognizer import check_front_end
from edge_runtime.model import model_card as cards
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.model_file import open_model_file
from edge_runtime.model.model_paths import model_path
from edge_runtime.system.c_compiler import compile_library
from edge_runtime.system.files import scratch_folder, write_bytes, write_text
from edge_runtime.system.progress import OnProgress, ignore_progress
from edge_runtime.system.standard_streams import suppressed_stderr

BUILT = Path(__file__).resolve().parents[2] / "build" / "page"
"""The folder where `make page` puts the page, in a clone."""

TARGET = "wasm32-freestanding"
_LIST = "models.txt"  # which only this page has
_CUSTOM_SECTION = b"\0"  # WebAssembly Core Specification 5.5.3


def write_page(models: Sequence[Path], folder: Path, on_progress: OnProgress) -> None:
    """Write the page into `folder` with `models` (files, runs or reference models), in their order.

    Raises `InputError` if the page is not built or does not take a model, or `folder` has another page, and otherwise
    as `write_wasm_model` does.
    """
    if not (BUILT / "har.js").is_file():
        raise InputError("the page is not built here: run 'make page' in a clone of har-edge")
    if (folder / "index.html").exists() and not (folder / _LIST).exists():
        raise InputError(f"{folder / 'index.html'} is another page: give --out another folder")
    names = [model.resolve().name.removesuffix(".tflite") for model in models]
    with scratch_folder() as scratch:  # nothing is written before every model has been checked
        for name, model in zip(names, models, strict=True):
            if names.count(name) > 1:
                raise InputError(f"two models are called {name}: rename one")
            path = model_path(model)
            card = cards.read_model(path)[1]
            check_front_end(card)
            if not card.raw_input:
                raise InputError(f"{path} takes prepared windows: convert it with --io raw")
            write_wasm_model(path, scratch / f"{name}.wasm", on_progress)
            on_progress(0.7, f"answers of {name} to the test windows")
            _write_bench(path, name, scratch)
        write_text(folder / _LIST, "\n".join(names))
        for file in (*BUILT.iterdir(), *scratch.iterdir()):
            write_bytes(folder / file.name, file.read_bytes())


def write_wasm_model(model: Path, target: Path, on_progress: OnProgress = ignore_progress) -> None:
    """Write the `.tflite` file `model` as the module `target`: its C, and its card in the custom section `card.json`.

    Raises as `write_in_child` and `compile_library` do.
    """
    name, card = c_name(model.stem), cards.read_model(model)[1]
    exports = (f"{name}_predict", "__heap_base")
    options = ("-mcpu=generic+simd128", "-nostdlib", "-s", "-Wl,--no-entry", *(f"-Wl,--export={x}" for x in exports))
    with scratch_folder() as folder:
        write_in_child(model, folder, on_progress)
        compile_library(folder / f"{name}.c", folder / "model.wasm", TARGET, options=options)
        module = (folder / "model.wasm").read_bytes()
    section = _sized(b"card.json") + card.to_json().encode()
    write_bytes(target, module + _CUSTOM_SECTION + _sized(section))


def _sized(content: bytes) -> bytes:
    """Return `content` after its length, which takes five bytes of seven bits, lowest first."""
    n = len(content)
    return bytes([*(n >> shift & 127 | 128 for shift in (0, 7, 14, 21)), n >> 28]) + content


def _write_bench(model: Path, name: str, folder: Path) -> None:
    """Write LiteRT's report of `model`, `NAME.json`, and `NAME.f32`: the test windows, then LiteRT's answers.

    The report's times are from a single inference, and mean nothing; its size and digest describe `NAME.wasm`. A model
    that does not fit the embedded data gets neither file.
    """
    flatbuffer, card = cards.read_model(model)
    data = load_data()
    try:
        windows = evaluated(card, data).test.X
    except InputError:
        return
    settings = MeasurementSettings(rounds=1, control=False)
    measured = replace(open_model_file(model, name), library=(folder / f"{name}.wasm").read_bytes())
    measure([measured], data, PythonDevice(), settings).write(folder / f"{name}.json")
    with suppressed_stderr():
        interpreter = open_model(flatbuffer, "litert")
    answers = [interpreter.run(window[np.newaxis]).flatten() for window in windows]
    write_bytes(folder / f"{name}.f32", np.concatenate([windows.ravel(), *answers]).astype("<f4").tobytes())
