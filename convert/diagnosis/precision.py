"""Describe where an int8 model loses precision, and how much each place costs. Needs no TensorFlow."""

import math
from dataclasses import dataclass
from statistics import median

ACTIVATION, FUNCTION, WEIGHTS = "activation", "function", "weights"
"""Kinds of rounding: to a calibrated range, to the fixed grid of sigmoid or tanh, of weights per output channel."""


@dataclass(frozen=True)
class StepPrecision:
    """The precision of one place of the int8 model in one step.

    snr_db : the power of the float network's values over that of the int8 model's error, with all roundings before.
    rounding_snr_db : the same if this alone were rounded, its input being exact.
    saturated_low, saturated_high : the shares of values cut off at the ends of the range.
    levels, bits : how many of the 256 int8 values occur, and the entropy of their distribution, 8 at best.
    low, high : the ends of the range; for weights the least and the greatest.
    """

    place: str
    kind: str
    step: int | None
    low: float
    high: float
    snr_db: float
    rounding_snr_db: float
    saturated_low: float
    saturated_high: float
    levels: int
    bits: float

    @property
    def saturated(self) -> float:
        """The share of values cut off at either end."""
        return self.saturated_low + self.saturated_high


@dataclass(frozen=True)
class PlacePrecision:
    """All steps of one place. `gain_db` is what the logits' signal-to-noise would gain if it alone stayed in float."""

    name: str
    kind: str
    steps: tuple[StepPrecision, ...]
    gain_db: float

    @property
    def median_snr_db(self) -> float:
        """The median over its steps."""
        return median(x.snr_db for x in self.steps)

    @property
    def worst(self) -> StepPrecision:
        """The step with the least signal-to-noise."""
        return min(self.steps, key=lambda x: x.snr_db)

    @property
    def rounding_snr_db(self) -> float:
        """The median over its steps, of its own rounding alone."""
        return median(x.rounding_snr_db for x in self.steps)

    @property
    def saturated(self) -> float:
        """The mean share of values cut off."""
        return sum(x.saturated for x in self.steps) / len(self.steps)

    @property
    def bits(self) -> float:
        """The median over its steps of their effective bits."""
        return median(x.bits for x in self.steps)


@dataclass(frozen=True)
class Diagnosis:
    """Hold the places where an int8 model loses precision, measured on `windows` windows.

    `places` are in the order of computing. `logits_snr_db` is the signal-to-noise of the logits by int8 arithmetic in
    TensorFlow, `model_snr_db` that of the converted model's, from its interpreter: the two are nearly equal, unless the
    arithmetic is that of another model.
    """

    windows: int
    places: tuple[PlacePrecision, ...]
    logits_snr_db: float
    model_snr_db: float

    @property
    def weakest(self) -> PlacePrecision:
        """The place that costs the logits most."""
        return max(self.places, key=lambda x: x.gain_db if math.isfinite(x.gain_db) else -math.inf)
