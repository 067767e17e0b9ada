"""Kinds of option values that click lacks."""

import math
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """A number within limits. `nan` is beyond none, and still no number."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """`value` as a finite number within the limits."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is no finite number.", param, ctx)
        return number
