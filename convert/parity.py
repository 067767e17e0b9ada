"""Compare a converted model's answers with the network's, on windows of held-out subjects."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FLOAT_TOLERANCE = 1e-4
"""Greatest difference of float logits, relative to the greatest logit, of the same network summed in another order."""

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Parity:
    """A quantised model against the float32 form of the same network, on `windows` windows."""

    windows: int
    float32_accuracy: float
    accuracy: float
    agreement: float
    worst_difference: float
    snr_db: float | None

    @property
    def drop(self) -> float:
        """Accuracy lost, in percentage points; negative when the quantised model is better."""
        return 100 * (self.float32_accuracy - self.accuracy)


def relative_difference(answers: Logits, expected: Logits) -> float:
    """Return the greatest difference between two sets of logits, relative to the greatest expected logit."""
    return float(np.abs(answers - expected).max() / np.abs(expected).max())


def snr_db(answers: Logits, expected: Logits) -> float | None:
    """Return the signal-to-noise ratio of `answers` in decibels, with `expected` as the signal; None if equal."""
    signal, noise = (float(np.square(x, dtype=np.float64).sum()) for x in (expected, answers - expected))
    if noise == 0:
        return None
    return 10 * float(np.log10(signal / noise)) if signal > 0 else float("-inf")


def compare(float32: Logits, quantised: Logits, y: npt.NDArray[np.uint8]) -> Parity:
    """Compare logits `[n, n_classes]` of both forms over the true classes `y`."""
    return Parity(
        windows=len(y),
        float32_accuracy=float(np.mean(float32.argmax(1) == y)),
        accuracy=float(np.mean(quantised.argmax(1) == y)),
        agreement=float(np.mean(float32.argmax(1) == quantised.argmax(1))),
        worst_difference=relative_difference(quantised, float32),
        snr_db=snr_db(quantised, float32),
    )
