"""Compile the C of a model, and compare its answers with LiteRT's, bit for bit."""

import ctypes
import importlib.util
import os
import shlex
import shutil
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import WINDOW
from edge_runtime.data.loading import load_data
from edge_runtime.errors import CheckFailedError, DeviceError
from edge_runtime.model.classifier import preparation
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.model_card import Card
from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.system.child_processes import run_program
from edge_runtime.system.standard_streams import suppressed_stderr

FLAGS = ("-std=c99", "-O2")
_EVERY = 15  # of the embedded training windows: 491
_SECONDS = 300.0


def find_compiler() -> list[str] | None:
    """The command of a C compiler: $CC, cc, or zig as a program or a Python package."""
    if own := shlex.split(os.environ.get("CC", "")):
        return own
    for command in (["cc"], ["zig", "cc"]):
        if shutil.which(command[0]):
            return command
    return [sys.executable, "-m", "ziglang", "cc"] if importlib.util.find_spec("ziglang") else None


def check_answers(source: Path, flatbuffer: bytes, card: Card) -> str:
    """Compare the C file `source` with its model, if there is a compiler; return a sentence on that.

    Raises `CheckFailedError` where an answer differs, and `DeviceError` when the file does not compile.
    """
    compiler = find_compiler()
    if compiler is None:
        return "Its answers were not compared with LiteRT's: no C compiler was found; set CC to one"
    library = source.with_suffix(".so")
    command = [*compiler, *FLAGS, "-shared", "-fPIC", str(source), "-o", str(library)]
    try:
        done = run_program(command, _SECONDS)
        reason = (done.stderr.strip() or str(done.returncode)).partition("\n")[0] if done.returncode else ""
    except OSError as error:
        reason = str(error)
    if reason:
        raise DeviceError(f"{compiler[0]} does not compile the C of {card.name} ({reason}): set CC to another compiler")
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
    return f"LiteRT's answers, bit for bit, on {len(windows)} windows (by {shlex.join(compiler)})"


def _windows(card: Card) -> npt.NDArray[np.float32]:
    """Training windows of the embedded data where the model takes their signals, or else random ones."""
    names = [x.name for x in SIGNALS]
    if card.window.samples == WINDOW.samples and {*card.signal_names} <= {*names}:
        return load_data().train.X[::_EVERY, :, [names.index(x) for x in card.signal_names]]
    norm, shape = card.normalisation, card.input_shape
    return np.random.default_rng(0).normal(norm.mean, norm.std, (200, *shape)).astype(np.float32)
