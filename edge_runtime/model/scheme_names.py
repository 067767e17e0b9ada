"""Name the quantisation schemes of models, as their cards, file names and results carry them."""

FLOAT32, FLOAT16, DYNAMIC, MIXED, INT8 = SCHEMES = ("float32", "float16", "dynamic", "mixed", "int8")
"""The forms of a converted model, from the form nearest to the trained network to the smallest.

In dynamic, only weights are int8; mixed computes float values from int8 values.
"""

FLOAT = (FLOAT32, FLOAT16)
"""Schemes with float weights; runtimes compute in float32."""

CALIBRATED = (MIXED, INT8)
"""Schemes with int8 activations, in ranges measured on calibration windows."""
