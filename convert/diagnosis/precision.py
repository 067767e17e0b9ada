"""What a diagnosis says about an int8 model: where it rounds, and what that costs. Needs no TensorFlow."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

ACTIVATION, FUNCTION, WEIGHTS = "activation", "function", "weights"
"""Kinds of rounding: to a calibrated range, to the fixed grid of sigmoid or tanh, of weights per output channel."""


@dataclass(frozen=True)
class Point:
    """One rounding of the int8 model: a place, in one step.

    `snr_db` is the power of the float network's values over that of the int8 model's error there, with all that was
    rounded before; `rounding_snr_db` the same if this alone were rounded, its input being exact. `saturated_low` and
    `saturated_high` are the shares of values cut off at the ends of the range, `levels` how many of the 256 int8 values
    occur, `bits` the entropy of their distribution: 8 at best. `low` and `high` are the ends of the range; for weights
    the least and the greatest.
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
class Place:
    """All steps of one place. `gain_db` is what the logits' signal-to-noise would gain if it alone stayed in float."""

    name: str
    kind: str
    points: tuple[Point, ...]
    gain_db: float

    @property
    def median_snr_db(self) -> float:
        """The middle of its steps."""
        return median(x.snr_db for x in self.points)

    @property
    def worst(self) -> Point:
        """The step with the least signal-to-noise."""
        return min(self.points, key=lambda x: x.snr_db)

    @property
    def rounding_snr_db(self) -> float:
        """The middle of its steps, of its own rounding alone."""
        return median(x.rounding_snr_db for x in self.points)

    @property
    def saturated(self) -> float:
        """The mean share of values cut off."""
        return sum(x.saturated for x in self.points) / len(self.points)

    @property
    def bits(self) -> float:
        """The middle of its steps' effective bits."""
        return median(x.bits for x in self.points)


@dataclass(frozen=True)
class Diagnosis:
    """Where an int8 model loses precision, measured on `windows` windows.

    `places` are in the order of computing. `logits_snr_db` is the signal-to-noise of the emulated logits,
    `model_snr_db` that of the converted model's, from its interpreter: they are nearly equal, or the emulation is of
    another model.
    """

    windows: int
    places: tuple[Place, ...]
    logits_snr_db: float
    model_snr_db: float

    @property
    def weakest(self) -> Place:
        """The place that costs the logits most."""
        return max(self.places, key=lambda x: x.gain_db if math.isfinite(x.gain_db) else -math.inf)

    def of_kind(self, *kinds: str) -> Sequence[Place]:
        """The places of these kinds, in the order of computing."""
        return [x for x in self.places if x.kind in kinds]

    def to_dict(self) -> dict[str, Any]:
        """For the report of the conversion process."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Diagnosis":
        """The inverse of `to_dict`."""
        places = (Place(**x | {"points": tuple(Point(**y) for y in x["points"])}) for x in content["places"])
        return cls(**{**content, "places": tuple(places)})
