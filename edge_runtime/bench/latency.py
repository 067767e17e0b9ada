"""Define the time of an inference in results: the time without disturbance, and percentiles as they ran."""

from dataclasses import dataclass
from typing import Annotated

from edge_runtime.system.dataclass_json import Quantity

Positive = Annotated[int, Quantity(at_least=1)]
Milliseconds = Annotated[float, Quantity("ms", at_least=1e-6)]

Interval = tuple[float, float]
"""The ends of a 95 % interval, lower first."""


@dataclass(frozen=True)
class Latency:
    """The time of one window, over all rounds."""

    p50: Annotated[Milliseconds, "median"]
    p90: Annotated[Milliseconds, "90th percentile"]
    p95: Annotated[Milliseconds, "95th percentile"]
    p99: Annotated[Milliseconds, "99th percentile"]
    mean: Annotated[Milliseconds, "mean"]
    min: Annotated[Milliseconds, "the fastest inference"]
    max: Annotated[Milliseconds, "the slowest inference"]
    runs: Annotated[Positive, "timed inferences"]
    mad: Annotated[float, Quantity("ms", at_least=0), "median absolute deviation from p50"]
    undisturbed: Annotated[Milliseconds, "median of the quieter half of rounds"]
    undisturbed_ci95: Annotated[tuple[Milliseconds, Milliseconds], "its interval"]


@dataclass(frozen=True)
class Samples:
    """The raw times: a list per round, in the order they were taken."""

    latency: Annotated[tuple[tuple[Milliseconds, ...], ...], "inferences"]
    end_to_end: Annotated[tuple[tuple[Milliseconds, ...], ...], "including preparation outside the graph"]
    turns: Annotated[tuple[Positive, ...], "the number of slices of equal length in each round"] = ()
