"""Does the converted model answer as the network did? Measured on windows of held-out subjects."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FLOAT_TOLERANCE = 1e-4
"""Greatest difference of float logits, relative to the greatest logit: the same network, summed in another order."""

Logits = npt.NDArray[np.float32]


@dataclass(frozen=True)
class QuantisationLoss:
    """The int8 model against its own float form on `windows` windows."""

    windows: int
    float32_accuracy: float
    int8_accuracy: float
    agreement: float

    @property
    def drop(self) -> float:
        """Accuracy lost, in percentage points; negative when int8 is better."""
        return 100 * (self.float32_accuracy - self.int8_accuracy)


def relative_difference(answers: Logits, expected: Logits) -> float:
    """The greatest difference of two sets of logits, relative to the greatest expected one."""
    return float(np.abs(answers - expected).max() / np.abs(expected).max())


def quantisation_loss(float32: Logits, int8: Logits, y: npt.NDArray[np.uint8]) -> QuantisationLoss:
    """Compare logits `[n, n_classes]` of both forms over the true classes `y`."""
    float_classes, int_classes = float32.argmax(1), int8.argmax(1)
    return QuantisationLoss(
        windows=len(y),
        float32_accuracy=float(np.mean(float_classes == y)),
        int8_accuracy=float(np.mean(int_classes == y)),
        agreement=float(np.mean(float_classes == int_classes)),
    )
