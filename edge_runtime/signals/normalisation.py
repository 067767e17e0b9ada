"""Normalise, clip and compand each signal: from physical units to the network's input."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LEAST_DIVISOR = 1e-12  # the least std, clip and knee: no quotient is infinite in float32
NO_CLIP = 1e12  # which no recording reaches

Row = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Normalisation:
    """Per signal: subtract `mean`, divide by `std`, clip to ± `clip` standard deviations, compand around `knee`.

    Companding turns z into z (clip + knee) / (|z| + knee), as in speech (ITU-T G.711). One int8 scale then serves the
    stillness of standing and the peaks of running. A `knee` of None leaves a signal linear.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]
    clip: tuple[float, ...]
    knee: tuple[float | None, ...]

    def apply(self, windows: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
        """Normalise windows `[..., n_signals]` in physical units to the network's float32 input."""
        return normalise(np.asarray(windows, np.float32), *self.rows())

    def rows(self) -> list[Row]:
        """Mean, std, clip, and gain, bend, knee of z gain / (|z| bend + knee): 1, 0, 1 for a linear signal."""
        knees = [(1.0, 0.0, 1.0) if k is None else (c + k, 1.0, k) for c, k in zip(self.clip, self.knee, strict=True)]
        return [np.array(values, np.float32) for values in (self.mean, self.std, self.clip, *zip(*knees, strict=True))]

    @property
    def is_none(self) -> bool:
        """Whether it leaves every window as it is."""
        scaled = any(self.mean) or any(value != 1 for value in self.std)
        return not scaled and min(self.clip) >= NO_CLIP and all(value is None for value in self.knee)

    def fault(self, n_signals: int) -> str | None:
        """What makes it unusable for `n_signals` signals; else None."""
        if {len(self.mean), len(self.std), len(self.clip), len(self.knee)} != {n_signals}:
            return f"needs one mean, std, clip and knee for each of its {n_signals} signals"
        positive = [*self.std, *self.clip, *(value for value in self.knee if value is not None)]
        if not np.isfinite([*self.mean, *positive]).all() or min(positive) < LEAST_DIVISOR:
            return "needs finite normalisation with std, clip and knee above 0"
        return None


def normalise(windows: Row, mean: Row, std: Row, clip: Row, gain: Row, bend: Row, knee: Row) -> npt.NDArray[np.float32]:
    """Do what `Normalisation` says to float32 windows `[..., n_signals]`; the other arguments are its `rows`."""
    scaled = np.clip((windows - mean) / std, -clip, clip)
    return np.asarray(scaled * gain / (np.abs(scaled) * bend + knee))
