"""List the quantisation schemes: the function that writes each form, and the gate layout of its calibration."""

from collections.abc import Callable
from dataclasses import dataclass

from convert.lowering.cells import IN_INT8, IN_MIXED, GateLayout
from convert.quantise.tflite_converter import to_dynamic, to_float16, to_float32, to_int8
from edge_runtime.model import scheme_names as names


@dataclass(frozen=True)
class Scheme:
    """A form of a converted network.

    With a `layout`, the form is calibrated, and `write` takes the lowered network, its ranges and the layout. Otherwise
    `write` only takes the network.
    """

    name: str
    write: Callable[..., bytes]
    layout: GateLayout | None = None


SCHEMES = {
    scheme.name: scheme
    for scheme in (
        Scheme(names.FLOAT32, to_float32),
        Scheme(names.FLOAT16, to_float16),
        Scheme(names.DYNAMIC, to_dynamic),
        Scheme(names.MIXED, to_int8, IN_MIXED),
        Scheme(names.INT8, to_int8, IN_INT8),
    )
}
