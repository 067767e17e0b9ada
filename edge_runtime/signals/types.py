"""Describe a signal and a window."""

from __future__ import annotations  # the benchmark's worker, which reads cards, also runs on Python 3.9

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

STANDARD_GRAVITY = 9.80665
"""1 g in m/s²."""

UNKNOWN_UNIT = "unknown unit"
"""The unit of a signal of another origin whose maker did not give one."""

Frame = Literal["device", "walking"]
"""The axes of signals: of the device, as it was worn, or of the walking frame (`edge_runtime.signals.mounting`)."""


@dataclass(frozen=True)
class Signal:
    """One input signal and its physical unit."""

    name: str
    unit: str

    @property
    def is_rotation(self) -> bool:
        """Tell whether it is one of the gyroscope's."""
        return self.name.startswith("body_gyro")


_AXIS = re.compile(r"(.*?)[ _.-]?([xyz])", re.IGNORECASE | re.DOTALL)


def triads(names: Sequence[str]) -> dict[int, str]:
    """Find three signals in a row that are the x, y and z axes of a quantity, by their names.

    By the place of the first, the quantity: `body_acc` of `body_acc_x`, `body_acc_y` and `body_acc_z`.
    """
    axes = [found.groups() if (found := _AXIS.fullmatch(x)) else ("", "") for x in names]
    starts = range(len(names) - 2)
    return {
        i: axes[i][0]
        for i in starts
        if "".join(axis for _, axis in axes[i : i + 3]).lower() == "xyz" and len({x for x, _ in axes[i : i + 3]}) == 1
    }


@dataclass(frozen=True)
class Window:
    """Define how the signals are cut: `samples` at `rate_hz`, a new window every `hop` samples.

    `rate_hz` is None for windows of another origin whose maker did not give it.
    """

    rate_hz: float | None
    samples: int
    hop: int

    @property
    def hop_s(self) -> float | None:
        """Seconds from one window to the next; None where the rate is not known."""
        return self.hop / self.rate_hz if self.rate_hz else None

    def __str__(self) -> str:
        """`128 samples at 50 Hz`."""
        return f"{self.samples} samples at {f'{self.rate_hz:g} Hz' if self.rate_hz else 'an unknown rate'}"
