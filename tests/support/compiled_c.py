"""Compile the C files of models into one library, and run them."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import tiny_models
from programs import run_program, succeeded

from convert.c_file.c_names import c_name
from convert.c_file.c_source import source_of
from edge_runtime.model.c_model import CModel
from edge_runtime.model.interpreters import open_model
from edge_runtime.model.model_card import Card

CC = shutil.which("cc")
STRICT = ("-std=c99", "-O1", "-Wall", "-Wextra", "-Wpedantic", "-Werror")


class Compiled:
    """The C of models, by name, in one library; `forced` may replace the best instruction set of x86."""

    def __init__(self, folder: Path, models: Mapping[str, tuple[bytes, Card]], *options, by=(CC,), forced="best_set"):
        self.folder, self.texts = folder, {}
        for name, (flatbuffer, card) in models.items():
            header, self.texts[name], _ = source_of(flatbuffer, card, name)
            (folder / f"{c_name(name)}.h").write_text(header)
            (folder / f"{c_name(name)}.c").write_text(self.texts[name].replace("[best_set]", f"[{forced}]"))
        sources = [folder / f"{c_name(name)}.c" for name in models]
        library = folder / "models.so"
        succeeded(run_program(*by, *STRICT, *options, "-shared", "-fPIC", *sources, "-o", library))
        self.models = {}
        for name, (flatbuffer, _) in models.items():
            path = folder / f"{c_name(name)}.so"
            path.symlink_to(library)
            self.models[name] = CModel(path, flatbuffer, STRICT[0], name)

    def equal(self, name: str, flatbuffer: bytes, windows: np.ndarray) -> int:
        """Count the `windows`, each in the shape of the model's input, that have LiteRT's answer to the bit."""
        rival = open_model(flatbuffer, "litert")
        return sum(self.models[name].run(window).tobytes() == rival.run(window).tobytes() for window in windows)


def unnamed_card() -> Card:
    """A card without information about layers."""
    return replace(tiny_models.card(samples=4), raw_input=True)
