"""Write what the page's bench.js measures with, and compares answers with."""

from pathlib import Path

import numpy as np

from edge_runtime.bench.measurement import MeasurementSettings, measure, open_file
from edge_runtime.data.evaluation_data import evaluated
from edge_runtime.data.loading import load_data
from edge_runtime.devices.python import PythonDevice
from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.interpreters import open_model
from edge_runtime.system.files import write_bytes
from edge_runtime.system.standard_streams import suppressed_stderr


def write_bench(model: Path, name: str, folder: Path) -> None:
    """Write LiteRT's report of `model`, `NAME.json`, and `NAME.f32`: the test windows, then LiteRT's answers.

    The times in the report are of one inference here, and mean nothing. Nothing is written for a model that does not
    fit the embedded data.
    """
    flatbuffer, card = cards.read_model(model)
    data = load_data()
    try:
        windows = evaluated(card, data).test.X
    except InputError:
        return
    settings = MeasurementSettings(runs=1, control=False)
    measure([open_file(model, name)], data, PythonDevice(), settings).write(folder / f"{name}.json")
    with suppressed_stderr():
        interpreter = open_model(flatbuffer, "litert")
    answers = [interpreter.run(x[np.newaxis]).flatten() for x in windows]
    write_bytes(folder / f"{name}.f32", np.concatenate([windows.ravel(), *answers]).astype("<f4").tobytes())
