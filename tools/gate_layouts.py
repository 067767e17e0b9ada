"""Ways to compute one LSTM step: which gates share a product, a scale, an operator."""

from convert.lowering.cells import IN_FLOAT, IN_INT8, GateLayout

GATE_LAYOUTS = {
    "two products (ifo, c)": IN_INT8,
    "one product": IN_FLOAT,
    "four products": GateLayout(("i", "f", "o", "c")),
    "one product, one LOGISTIC, tanh(x) = 2 sigmoid(2x) - 1": GateLayout(("ifoc",), one_sigmoid=True),
    "two products, steps cut one by one": GateLayout(IN_INT8.products, row_by_row=True),
    "x W and h U apart, added": GateLayout(IN_INT8.products, joined=False),
}
"""By name; the first is what `har-edge convert` uses for int8."""
