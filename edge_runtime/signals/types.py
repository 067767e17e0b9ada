"""Describe a signal and a window."""

from dataclasses import dataclass

STANDARD_GRAVITY = 9.80665
"""1 g in m/s²."""


@dataclass(frozen=True)
class Signal:
    """One input signal and its physical unit."""

    name: str
    unit: str

    @property
    def is_rotation(self) -> bool:
        """Tell whether it is one of the gyroscope's."""
        return self.name.startswith("body_gyro")


@dataclass(frozen=True)
class Window:
    """Define how the signals are cut: `samples` at `rate_hz`, a new window every `hop` samples."""

    rate_hz: float
    samples: int
    hop: int

    @property
    def hop_s(self) -> float:
        """Seconds from one window to the next."""
        return self.hop / self.rate_hz
