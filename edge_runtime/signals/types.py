"""Describe a signal and a window."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

STANDARD_GRAVITY = 9.80665  # m/s²
UNKNOWN_UNIT = "unknown unit"  # of a user's own signal without one

RAW_NAMES = ("ax", "ay", "az", "gx", "gy", "gz")
"""The names of raw acceleration, with gravity, and raw rotation."""

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
        return self.name.startswith("body_gyro") or self.name in RAW_NAMES[3:]


_AXIS = re.compile(r"(.*?)[ _.-]?([xyz])", re.IGNORECASE | re.DOTALL)


def triads(names: Sequence[str]) -> dict[int, str]:
    """Find the x, y and z axes of a quantity among `names`: `body_acc` by the place of `body_acc_x`."""
    axes = [match.groups() if (match := _AXIS.fullmatch(name)) else ("", "") for name in names]
    starts = range(len(names) - 2)
    return {
        i: axes[i][0]
        for i in starts
        if "".join(axis for _, axis in axes[i : i + 3]).lower() == "xyz" and len({x for x, _ in axes[i : i + 3]}) == 1
    }


@dataclass(frozen=True)
class Window:
    """How signals are cut: `samples` at `rate_hz`, None where it is not known, a new window every `hop` samples."""

    rate_hz: float | None
    samples: int
    hop: int

    @property
    def hop_s(self) -> float | None:
        """Seconds from one window to the next; None where the rate is not known."""
        return self.hop / self.rate_hz if self.rate_hz else None

    def __str__(self) -> str:
        return f"{self.samples} samples at {f'{self.rate_hz:g} Hz' if self.rate_hz else 'an unknown rate'}"
