"""Read the values that the last layer of a model takes: the network's features of a window.

Of a network with an LSTM these are the LSTM's outputs. The interpreter is given a copy of the model whose output they
are, so that no other tensor has to be kept, and XNNPACK runs all that comes before.
"""

import struct
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import check_windows, predict, preparation
from edge_runtime.model.interpreters import load_runtime, open_model
from edge_runtime.model.loops import follow, root_of
from edge_runtime.model.subgraphs import read_subgraphs

_SUBGRAPHS = 2  # of Model (schema.fbs)
_OUTPUTS = 2  # of SubGraph


class FeatureExtractor:
    """The part of a model below its last fully connected layer. `n_features` is how many it gives for a window.

    Raises `InputError` when the model has no such layer at its end, or the runtime has no reader of models.
    """

    def __init__(self, path: Path, runtime: str = "auto") -> None:
        flatbuffer, self.card = cards.read_model(path)
        self._model = open_model(_with_features(flatbuffer, runtime, str(path)), runtime, name=str(path))
        self._prepare = preparation(self.card, self._model.input)
        self.n_features = self._model.output.shape[-1]

    def features(self, windows: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """The features `[n, n_features]` of `windows` `[n, samples, n_signals]` in the units of the card."""
        return predict(self._model, self._prepare, check_windows(windows, self.card))


def _with_features(flatbuffer: bytes, runtime: str, name: str) -> bytes:
    """The model with the input of its last fully connected layer as its output."""
    graphs = read_subgraphs(flatbuffer, load_runtime(runtime).name)
    if graphs is None:
        raise InputError(f"tflite-runtime does not tell the layers of {name}: take another --runtime")
    graph = graphs[0]
    producers = {tensor: node for node in graph.nodes for tensor in node["outputs"]}
    node = producers.get(graph.outputs[0])
    while node is not None and node["op_name"] in ("DEQUANTIZE", "RESHAPE"):
        node = producers.get(node["inputs"][0])
    if node is None or node["op_name"] != "FULLY_CONNECTED":
        raise InputError(f"{name} does not end in a fully connected layer, whose input is read here")
    tensor = graph.tensors[node["inputs"][0]]
    if len(tensor["shape"]) != 2:
        raise InputError(f"the last layer of {name} takes {len(tensor['shape'])} dimensions, and 2 are read here")
    # Equal parts of a file are written once: a new list of outputs, since the old one may be an operator's too.
    place = next(root_of(flatbuffer).tables(_SUBGRAPHS)).place(_OUTPUTS)
    assert place is not None
    assert follow(flatbuffer, place) > place
    changed = bytearray(flatbuffer + bytes(-len(flatbuffer) % 4))
    struct.pack_into("<I", changed, place, len(changed) - place)
    return bytes(changed + struct.pack("<Ii", 1, tensor["index"]))
