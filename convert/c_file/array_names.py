"""Name arrays after layers and their quantisation points, whose ranges the card has: files have no names of tensors."""

import math
import re
from collections.abc import Mapping, Sequence

from convert.c_file.graph_tracing import JOIN, Buffer, Step, Value

PRODUCTS = ("FULLY_CONNECTED", "CONV_2D")
_GATES = ("gates", "candidate")  # quantisation points that only recurrent layers have
_TOLERANCE = 1e-3  # of a scale: cards round ranges to six decimals
_WORDS = {JOIN: "joined", "LOGISTIC": "sigmoid", "MAX_POOL_2D": "pool", "QUANTIZE": "", "DEQUANTIZE": "float"}


def name_arrays(steps: Sequence[Step], window: Value, logits: Value, ranges: Mapping[str, Sequence[float]]) -> None:
    """Name the buffers of a trace by the `ranges` in its card, or after their first input and the operator."""
    recurrent = {layer for layer, part in map(_parts, ranges) if part in _GATES}
    numbers: dict[Buffer, int] = {}  # of products that no layer is known of, by their weights
    window.buffer.layer = window.buffer.name = "window"
    for step in steps:
        y, source = step.output.buffer, next((x.buffer for x in step.inputs if x.data is None), step.inputs[0].buffer)
        layer, part = _parts(_point_of(step.output, ranges))
        word = _WORDS.get(step.kind, step.kind.lower())
        y.layer = layer or source.layer
        if step.kind == JOIN:
            part = word
        elif layer in recurrent and not part:
            part = "input" if step.kind in PRODUCTS else "state"
        elif not layer and step.kind in PRODUCTS:
            y.layer = f"layer_{numbers.setdefault(step.inputs[1].buffer, len(numbers) + 1)}"
        elif not layer:
            before = source.name.removeprefix(source.layer) if len(step.inputs) == 1 else ""
            part = f"{before}_{word}".strip("_")
        y.name = f"{y.layer}_{part}".strip("_")
    for x in (y for step in steps for y in step.inputs if y.buffer.name == "logits"):
        x.buffer.name = f"logits_{x.dtype}"
    logits.buffer.layer = logits.buffer.name = "logits"


def _parts(point: str) -> tuple[str, str]:
    """Layer and part in the name of a quantisation point, as identifiers."""
    layer, _, part = point.rpartition("/") if "/" in point else (point, "", "")
    return re.sub(r"\W+", "_", layer, flags=re.ASCII), part


def _point_of(x: Value, ranges: Mapping[str, Sequence[float]]) -> str:
    """The quantisation point of a tensor, if only one has its range; otherwise empty."""
    found = [
        name
        for name, (low, high) in ranges.items()
        if x.dtype == "int8"
        and math.isclose(255 * x.scale, max(high, 0) - min(low, 0), rel_tol=_TOLERANCE)
        and abs((-128 - x.zero_point) * x.scale - min(low, 0)) < x.scale
    ]
    return found[0] if len(found) == 1 else ""
