"""Compile the C of a model, and compare its answers with LiteRT's, bit for bit."""

import ctypes
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import WINDOW
from edge_runtime.data.loading import load_data
from edge_runtime.errors import CheckFailedError
from edge_runtime.model.classifier import preparation
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.model_card import Card
from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.system.c_compiler import compile_library, find_compiler
from edge_runtime.system.standard_streams import suppressed_stderr

_EVERY = 15  # of the embedded training windows: 491


def check_answers(source: Path, flatbuffer: bytes, card: Card) -> str:
    """Compare the C file `source` with its model, if there is a compiler; return a sentence on that.

    Raises `CheckFailedError` where an answer differs, and `DeviceError` when the file does not compile.
    """
    if find_compiler() is None:
        return "Its answers were not compared with LiteRT's: no C compiler was found; set CC to one"
    library = source.with_suffix(".so")
    compiler = compile_library(source, library)
    predict = getattr(ctypes.CDLL(str(library)), f"{source.stem}_predict")
    with suppressed_stderr():
        model = open_model(flatbuffer, "litert")
    prepare, windows = preparation(card, model.input), _windows(card)
    answer = np.empty(model.output.shape, model.output.dtype)
    different = 0
    for window in windows:
        tensor = np.ascontiguousarray(prepare(window))
        predict(*(x.ctypes.data_as(ctypes.c_void_p) for x in (tensor, answer)))
        different += model.run(tensor).tobytes() != answer.tobytes()
    if different:
        raise CheckFailedError(
            f"the C of {card.name} answers {different} of {len(windows)} windows differently than LiteRT: no file was "
            "written; use --c-array"
        )
    return f"LiteRT's answers, bit for bit, on {len(windows)} windows (by {compiler})"


def _windows(card: Card) -> npt.NDArray[np.float32]:
    """Training windows of the embedded data where the model takes their signals, or else random ones."""
    names = [x.name for x in SIGNALS]
    if card.window.samples == WINDOW.samples and {*card.signal_names} <= {*names}:
        return load_data().train.X[::_EVERY, :, [names.index(x) for x in card.signal_names]]
    norm, shape = card.normalisation, card.input_shape
    return np.random.default_rng(0).normal(norm.mean, norm.std, (200, *shape)).astype(np.float32)
