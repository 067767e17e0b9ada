"""Attack what reads the rivals of a network: records of every kind, files that are damaged, forged or elsewhere."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

from edge_runtime.model import model_card
from edge_runtime.model.classifier import RAW_INPUT
from edge_runtime.model.rivals import FORMAT, record_of
from tools.attack.ground import ESCAPE, Ground
from tools.attack.harness import Case
from tools.attack.models import CRASHING_WORD, SHORT_BENCH

Content = dict[str, Any]


def cases(ground: Ground) -> Iterator[Case]:
    """All cases of this group: `har-edge bench --rivals` of a model in a folder of its own."""
    folder = ground.place("rivals")
    flatbuffer, card = model_card.read_model(ground.model)
    crashing = bytearray(flatbuffer)
    crashing[CRASHING_WORD : CRASHING_WORD + 4] = b"\xff\xff\xff\x7f"
    good, n_labels = _onnx(card.input_shape, len(card.labels)), len(card.labels)
    files = {
        "good": good,
        "cut": good[:-100],
        "empty": b"",
        "noise": ground.random("rivals").randbytes(5000),
        "endless-number": b"\xff" * 5000,
        "other-shape": _onnx((5, 2), n_labels),
        "other-answer": _onnx(card.input_shape, n_labels + 1),
        "tflite-by-name": flatbuffer,
    }
    for name, content in files.items():
        yield _case(ground, folder / f"onnx-{name}", {"x.onnx": content}, lambda x: None)
    for name, content in {"good": flatbuffer, "crashing": bytes(crashing), "onnx-by-name": good}.items():
        yield _case(ground, folder / f"tflite-{name}", {"x.tflite": content}, lambda x: None)
    for name, change in CHANGES.items():
        yield _case(ground, folder / f"record-{name}", {"x.onnx": good}, change)


CHANGES: dict[str, Callable[[Content], object]] = {
    "no-format": lambda x: x.pop("format"),
    "format-9": lambda x: x.update(format=9),
    "no-card": lambda x: x.pop("card"),
    "card-of-text": lambda x: x.update(card={"a": ESCAPE}),
    "other-card": lambda x: x["card"].update(name=ESCAPE),
    "deep": lambda x: x.update(card={"a": json.loads("[" * 500 + "]" * 500)}),
    "other-digest": lambda x: x["rivals"][0].update(sha256="0" * 64),
    "escape-tool": lambda x: x["rivals"][0].update(tool=ESCAPE),
    "escape-scheme": lambda x: x["rivals"][0].update(scheme=ESCAPE),
    "escape-absent": lambda x: x.update(absent={ESCAPE: ESCAPE}),
    "half-a-pair": lambda x: x["rivals"][0].update(tool="\ud800"),
    "number-for-file": lambda x: x["rivals"][0].update(file=3),
    "no-file": lambda x: x["rivals"][0].update(file=""),
    "dots": lambda x: x["rivals"][0].update(file=".."),
    "elsewhere": lambda x: x["rivals"][0].update(file="../../../../etc/passwd"),
    "absolute": lambda x: x["rivals"][0].update(file="/dev/zero"),
    "nul": lambda x: x["rivals"][0].update(file="x\0.onnx"),
    "long-name": lambda x: x["rivals"][0].update(file="x" * 5000),
    "twice": lambda x: x["rivals"].append(x["rivals"][0]),
    "none": lambda x: x.update(rivals=[]),
}


def _case(ground: Ground, folder: Path, files: dict[str, bytes], change: Callable[[Content], object]) -> Case:
    model = folder / "mine_int8.tflite"
    record = record_of(model)
    record.parent.mkdir(parents=True)
    model.write_bytes(ground.model.read_bytes())
    content: Content = {
        "format": FORMAT,
        "network_sha256": "0" * 64,
        "card": json.loads(model_card.read_model(model)[1].to_json()),
        "rivals": [
            {"tool": "a tool", "scheme": "float32", "file": file, "sha256": hashlib.sha256(x).hexdigest()}
            for file, x in files.items()
        ],
        "absent": {},
    }
    change(content)
    record.write_bytes(json.dumps(content).encode("utf-8", "surrogatepass"))
    for file, x in files.items():
        record.with_name(file).write_bytes(x)
    line = ("bench", model, "--rivals", *SHORT_BENCH, "--json", folder / "b.json", "--data", ground.data)
    return Case(folder.name, line, keeps=(model, record))


def _onnx(window: tuple[int, ...], n_labels: int) -> bytes:
    n = int(np.prod(window))
    weights = np.random.default_rng(0).normal(size=(n, n_labels)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Reshape", [RAW_INPUT, "shape"], ["row"]),
            helper.make_node("Gemm", ["row", "weights"], ["logits"]),
        ],
        "network",
        [helper.make_tensor_value_info(RAW_INPUT, TensorProto.FLOAT, (1, *window))],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, (1, n_labels))],
        [numpy_helper.from_array(np.array([1, n]), "shape"), numpy_helper.from_array(weights, "weights")],
    )
    content: bytes = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9
    ).SerializeToString()
    return content
