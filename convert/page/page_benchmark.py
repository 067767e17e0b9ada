"""Write the answers that the page's benchmark compares with its own, and LiteRT's report, which it completes."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from edge_runtime.bench.measurement import measure
from edge_runtime.bench.rounds import MeasurementSettings
from edge_runtime.data.evaluation_data import evaluated
from edge_runtime.data.loading import load_data
from edge_runtime.devices.python import PythonDevice
from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.model_file import open_model_file
from edge_runtime.system.files import write_bytes
from edge_runtime.system.standard_streams import suppressed_stderr


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
