"""Try each model once in a child process, where a damaged or endless file does no harm."""

import hashlib
import platform
from pathlib import Path

import numpy as np

import edge_runtime
from edge_runtime.errors import DeviceError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.interpreters import load_runtime, open_model
from edge_runtime.model.model_paths import is_shipped
from edge_runtime.system.cache import once
from edge_runtime.system.child_processes import run_as_child, run_in_child
from edge_runtime.system.files import scratch_folder
from edge_runtime.system.standard_streams import suppressed_stderr

LONGEST_S = 60.0
"""A model whose trial takes longer is endless."""


def try_model(content: bytes, title: str, runtime: str = "auto") -> None:
    """Run the model in `content` in a child, unless it has passed in this version of the runtime on this machine.

    `title` names the model in the `InputError`, or in the `DeviceError` when it crashes or is endless.
    """
    with suppressed_stderr():
        loaded = load_runtime(runtime)
    digest = hashlib.sha256(cards.strip(content, title)).hexdigest()
    name = f"trial-{digest}-{loaded.name}-{loaded.version}-{edge_runtime.__version__}-{platform.machine()}"
    once(name, lambda: _try(content, title, loaded.name))


def _try(content: bytes, title: str, runtime: str) -> None:
    name, advice = f"the process that runs {title}", "try another --runtime or convert the model again"
    with scratch_folder() as folder:
        model = folder / "model.tflite"
        model.write_bytes(content)
        try:
            run_in_child(name, advice, __name__, str(model), title, runtime, seconds=LONGEST_S)
        except TimeoutError as error:
            raise DeviceError(f"{name} did not end within {LONGEST_S:g} s; {advice}") from error


def main(path: str, title: str, runtime: str) -> None:
    """Run the model in the file at `path`, in the child, with or without a card."""
    run_as_child(lambda tell: _run(Path(path), title, runtime))


def _run(path: Path, title: str, runtime: str) -> None:
    """Run a model on zeros and on extreme windows."""
    model = open_model(cards.strip(path.read_bytes(), title), runtime, name=title)
    dtype = np.dtype(model.input.dtype)
    lowest, highest = (np.iinfo(dtype).min, np.iinfo(dtype).max) if dtype.kind in "iu" else (-100, 100)
    for value in (0, lowest, highest):
        model.run(np.full(model.input.shape, value, dtype))


def open_classifier(path: Path, runtime: str) -> Classifier:
    """Open the model at `path`, after a trial unless it is shipped. Raises `InputError` or `DeviceError`."""
    content = cards.read_tflite(path)
    if not is_shipped(path):
        try_model(content, str(path), runtime)
    return Classifier(path, runtime, content=content)
