"""Describe a model file to measure: its content, card, graphs, and the tool that made it."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edge_runtime.errors import InputError
from edge_runtime.model import model_card
from edge_runtime.model.graphs import Graph, read_graphs, running, scheme_of
from edge_runtime.model.model_card import Card
from edge_runtime.model.onnx_model import count_operators
from edge_runtime.model.rivals import Rival


@dataclass(frozen=True)
class ModelFile:
    """A model file; `title` is its path or another name for people. A `rival` has no card in its file.

    With a `c_source`, it is measured as C, once `library` has been compiled.
    """

    title: str
    content: bytes
    card: Card
    path: Path | None = None
    rival: Rival | None = None
    c_source: Path | None = None
    library: bytes | None = None

    @property
    def is_onnx(self) -> bool:
        """Tell whether ONNX Runtime runs the model."""
        return self.rival is not None and self.rival.file.endswith(".onnx")

    @cached_property
    def graphs(self) -> tuple[Graph, ...]:
        """Read the graphs of a TFLite model; () for ONNX. Raises `InputError` when the file is damaged."""
        try:
            return () if self.is_onnx else read_graphs(model_card.strip(self.content))
        except ValueError as error:
            raise InputError(f"{self.title} is damaged ({error}): copy or convert it again") from error

    @property
    def n_operators(self) -> int:
        """Count the operators that an inference runs, each once."""
        if self.is_onnx:
            return count_operators(self.content).total()
        return sum(len(graph.operators) for graph in running(self.graphs))

    @property
    def scheme(self) -> str:
        """Name the quantisation: of a rival by its record, or else by the graph."""
        return self.rival.scheme if self.rival else scheme_of(self.graphs)


def open_model_file(path: Path, title: str | None = None) -> ModelFile:
    """Read the model at `path`. Raises `InputError` when it is missing or damaged, or has no card."""
    _, card = model_card.read_model(path)
    return ModelFile(title or str(path), path.read_bytes(), card, path)
