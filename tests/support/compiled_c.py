"""Compile the C files of models into one library, and run them."""

import ctypes
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import tiny_models
from programs import run_program, succeeded

from convert.c_array import c_name
from convert.c_file.c_source import source_of
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.model_card import Card

CC = shutil.which("cc")
STRICT = ("-std=c99", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror")


class Compiled:
    """The C of models, by their names, in one library."""

    def __init__(self, folder: Path, models: Mapping[str, tuple[bytes, Card]], *options: str) -> None:
        self.folder, self.texts = folder, {}
        for name, (flatbuffer, card) in models.items():
            header, self.texts[name] = source_of(flatbuffer, card, name)
            (folder / f"{c_name(name)}.h").write_text(header)
            (folder / f"{c_name(name)}.c").write_text(self.texts[name])
        sources = [folder / f"{c_name(name)}.c" for name in models]
        library = folder / "models.so"
        succeeded(run_program(CC, *STRICT, *options, "-shared", "-fPIC", *sources, "-o", library))
        self._library = ctypes.CDLL(str(library))

    def instruction_set(self, name: str) -> str:
        """The one that a model's functions use here."""
        function = getattr(self._library, f"{c_name(name)}_instruction_set")
        function.restype = ctypes.c_char_p
        return function().decode()

    def run(self, name: str, window: np.ndarray, like: np.ndarray) -> np.ndarray:
        """The answer to a window, an array `like` that of LiteRT."""
        answer = np.empty_like(like)
        predict = getattr(self._library, f"{c_name(name)}_predict")
        predict(*(x.ctypes.data_as(ctypes.c_void_p) for x in (np.ascontiguousarray(window), answer)))
        return answer

    def equal(self, name: str, flatbuffer: bytes, windows: np.ndarray) -> int:
        """How many of `windows`, each in the shape of the model's input, are answered as LiteRT does, to the bit."""
        model = open_model(flatbuffer, "litert")
        expected = [model.run(x).copy() for x in windows]
        return sum(self.run(name, x, y).tobytes() == y.tobytes() for x, y in zip(windows, expected, strict=True))


def unnamed_card() -> Card:
    """A card that says nothing of layers."""
    return replace(tiny_models.card(samples=4), raw_input=True)
