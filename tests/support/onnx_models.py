"""Make an ONNX model of one layer without a converter, and a network that has it as a rival."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tiny_models
from onnx import TensorProto, helper, numpy_helper

from edge_runtime.model import model_card as cards
from edge_runtime.model.rivals import ONNX, STOCK, Rival, RivalRecord, record_of

WEIGHTS = np.random.default_rng(0).normal(size=(6, 128)).astype(np.float32)


def dense(weights: np.ndarray, window: tuple[int, int], name: str = "windows", file: str = "") -> bytes:
    """Logits `[1, n_labels]` = `weights` `[n_labels, samples * n_signals]` times a window, the input `name`.

    With a `file`, the weights are stored there.
    """
    values = {"shape": np.array([1, window[0] * window[1]]), "weights": np.asarray(weights, np.float32)}
    graph = helper.make_graph(
        [
            helper.make_node("Reshape", [name, "shape"], ["row"]),
            helper.make_node("Gemm", ["row", "weights"], ["logits"], transB=1),
        ],
        "network",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, (1, *window))],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, (1, len(weights)))],
        [numpy_helper.from_array(array, key) for key, array in values.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    if file:
        weights = model.graph.initializer[1]
        weights.data_location = TensorProto.EXTERNAL
        weights.external_data.add(key="location", value=file)
    content: bytes = model.SerializeToString()
    return content


def with_rivals(folder: Path, labels: Sequence[str]) -> Path:
    """A network of one layer in float32, and its rivals."""
    path = folder / "mine_float32.tflite"
    card = tiny_models.card(labels=labels, signals=("total_acc_x",))
    cards.write_model(path, tiny_models.dense(WEIGHTS, (128, 1)), card)
    write_rivals(path, dense(WEIGHTS, (128, 1)))
    return path


def write_rivals(model: Path, onnx: bytes) -> None:
    """Write two rivals of the network of `WEIGHTS`, from two tools, and record a third that could not be made."""
    flatbuffer, card = cards.read_model(model)
    record, rivals = record_of(model), []
    record.parent.mkdir(exist_ok=True)
    for tool, name, content in ((STOCK, "mine_s.tflite", flatbuffer), (ONNX, "mine_o.onnx", onnx)):
        rivals.append(Rival(tool, "float32", name, hashlib.sha256(content).hexdigest()))
        record.with_name(name).write_bytes(content)
    absent = {"fused LSTM float32": "the network has no recurrent layer"}
    RivalRecord("0" * 64, json.loads(card.to_json()), tuple(rivals), absent).write(record)
