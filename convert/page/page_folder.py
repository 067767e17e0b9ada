"""Write the page as a folder of static files, with each model as WebAssembly and what the page's benchmark needs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from convert.page.wasm_module import wasm_module
from edge_runtime.bench.measurement import measure
from edge_runtime.bench.rounds import MeasurementSettings
from edge_runtime.data.evaluation_data import evaluated
from edge_runtime.data.loading import load_data
from edge_runtime.devices.python import PythonDevice
from edge_runtime.errors import InputError
from edge_runtime.live.recognizer import check_live
from edge_runtime.model import model_card as cards
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.model_file import open_model_file
from edge_runtime.model.model_paths import model_path
from edge_runtime.system.files import write_bytes, write_text
from edge_runtime.system.progress import OnProgress
from edge_runtime.system.standard_streams import suppressed_stderr

STATIC = Path(__file__).with_name("static")
"""The folder of the page's own files."""

_LIST = "models.txt"  # which only this page has


def write_page(models: Sequence[Path], folder: Path, on_progress: OnProgress) -> Mapping[str, Path]:
    """Write the page into `folder` with `models` (files, runs or reference models); return their files by name.

    Raises `InputError` if the page does not take a model or `folder` has another page, and otherwise as `wasm_module`
    does.
    """
    if (folder / "index.html").exists() and not (folder / _LIST).exists():
        raise InputError(f"{folder / 'index.html'} is another page: give --out another folder")
    paths: dict[str, Path] = {}
    modules: dict[str, bytes] = {}
    for model in models:  # nothing is written before every model has been checked
        name = model.resolve().name.removesuffix(".tflite")
        if name in modules:
            raise InputError(f"two models are called {name}: rename one")
        paths[name] = model_path(model)
        card = cards.read_model(paths[name])[1]
        check_live(card)
        if not card.raw_input:
            raise InputError(f"{paths[name]} takes prepared windows: convert it with --io raw")
        modules[name] = wasm_module(paths[name], on_progress)
    if (folder / _LIST).exists():  # models of an earlier page would stay public
        earlier = {*(folder / _LIST).read_text(encoding="utf-8").split("\n")} - modules.keys()
        for file in folder.iterdir():
            if file.stem in earlier and file.suffix in (".wasm", ".f32", ".json"):
                file.unlink()
    write_text(folder / _LIST, "\n".join(modules))
    for file in STATIC.iterdir():
        write_bytes(folder / file.name, file.read_bytes())
    for name, module in modules.items():
        write_bytes(folder / f"{name}.wasm", module)
    return paths


def write_benchmark(model: Path, name: str, folder: Path) -> None:
    """Write `NAME.f32`, the test windows, then LiteRT's answers; and LiteRT's report of `model`, `NAME.json`.

    The report's times are from a single inference, and mean nothing; its size and digest describe `NAME.wasm`. A model
    that does not fit the embedded data gets neither file.
    """
    flatbuffer, card = cards.read_model(model)
    data = load_data()
    try:
        windows = evaluated(card, data).test.X
    except InputError:
        return
    with suppressed_stderr():
        interpreter = open_model(flatbuffer, "litert")
    answers = [interpreter.run(window[np.newaxis]).flatten() for window in windows]
    write_bytes(folder / f"{name}.f32", np.concatenate([windows.ravel(), *answers]).astype("<f4").tobytes())
    settings = MeasurementSettings(rounds=1, control=False)
    measured = replace(open_model_file(model, name), library=(folder / f"{name}.wasm").read_bytes())
    measure([measured], data, PythonDevice(), settings).write(folder / f"{name}.json")
