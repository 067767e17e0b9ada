"""Name arrays after layers and their quantisation points, whose ranges the card has: files have no names of tensors."""

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from convert.c_file.graph_tracing import COPY, JOIN, Buffer, Trace, Value

PRODUCTS = ("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D")
_GATES = ("gates", "candidate")  # quantisation points that only recurrent layers have
_TOLERANCE = 1e-3  # of a scale: cards round ranges to six decimals


def name_arrays(trace: Trace, quantisation: Mapping[str, Any]) -> None:
    """Give the buffers of a trace their layers and parts, by the `ranges` in a card's record of its quantisation."""
    points = _points(quantisation.get("ranges") or {})
    recurrent = {layer for layer, part, _, _ in points if part in _GATES}
    products: set[Buffer] = set()
    numbers: dict[bytes, int] = {}  # of products that no layer is known of, by their weights
    for step in trace.steps:
        source = next((x.buffer for x in step.given if x.data is None), step.given[0].buffer)
        found = _point_of(step.output, points)
        layer, part = found or (source.layer or "input", "")
        if step.kind == JOIN:
            part = "joined"
        elif step.kind in PRODUCTS:
            products.add(step.output.buffer)
            part = part or ("input" if layer in recurrent and found else "product")
            if not found:
                weights = bytes(np.asarray(step.given[1].data))
                layer = f"layer_{numbers.setdefault(weights, len(numbers) + 1)}"
        elif source in products and len(step.given) == 1 and source.dtype == step.output.dtype:
            layer, part = source.layer, source.part  # activated in place
        elif len(step.given) == 1 and not part and step.kind not in (COPY, "ABS"):
            part = source.part or "values"
            part += "" if step.kind in ("QUANTIZE", "DEQUANTIZE") else f"_{function_name(step.kind)}"
        elif not part:
            part = ("state" if found else "cell") if layer in recurrent else "values"
        step.output.buffer.layer, step.output.buffer.part = layer, part
    trace.window.buffer.layer, trace.logits.buffer.layer = "window", "logits"
    trace.window.buffer.part = trace.logits.buffer.part = ""


def function_name(kind: str) -> str:
    """The name of an operator's function."""
    return {"LOGISTIC": "sigmoid"}.get(kind, kind.lower())


def _points(ranges: Mapping[str, Sequence[float]]) -> list[tuple[str, str, float, int]]:
    """Layer, part, scale and zero point of each quantisation point."""
    points = []
    for name, (low, high) in ranges.items():
        layer, _, part = name.rpartition("/") if "/" in name else (name, "", "")
        scale = (max(high, 0.0) - min(low, 0.0)) / 255
        identifier = re.sub(r"\W+", "_", layer, flags=re.ASCII)
        points.append((identifier, part, scale, round(-128 - min(low, 0.0) / scale)))
    return points


def _point_of(x: Value, points: Sequence[tuple[str, str, float, int]]) -> tuple[str, str] | None:
    """The quantisation point of a tensor, if only one has its scale."""
    if x.dtype != "int8" or len(x.scales) != 1:
        return None
    own = float(x.scales[0])
    found = [
        (layer, part)
        for layer, part, scale, zero_point in points
        if math.isclose(own, scale, rel_tol=_TOLERANCE) and abs(x.zero_point - zero_point) <= 1
    ]
    return found[0] if len(found) == 1 else None
