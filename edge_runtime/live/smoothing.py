"""The answers of successive windows -> one activity, which does not flicker and is not far behind.

A hidden Markov model, filtered forward: it only ever looks back. Its one piece of knowledge beside the answers is that
nobody goes from one activity to another without moving: while the body is still, what it does hardly changes, so that
all answers of a posture count together; while it moves, a change is likely, and comes through at once.

References
----------
L. R. Rabiner: A tutorial on hidden Markov models and selected applications in speech recognition. Proceedings of the
IEEE 77(2), 1989 (section III.A, the forward procedure).
"""

import numpy as np
import numpy.typing as npt

from edge_runtime.model.live_settings import STEP_S, Smoothing

_LEAST = 1e-6  # a probability below this is a network's over-confidence

Array = npt.NDArray[np.float64]


class Smoother:
    """Follows one person through `n_labels` activities."""

    def __init__(self, settings: Smoothing, n_labels: int) -> None:
        self._settings, self._n_labels = settings, n_labels
        self.probabilities: Array = np.full(n_labels, 1 / n_labels)
        self.current: int | None = None

    def update(
        self, window: npt.NDArray[np.floating], seconds: float, is_moving: bool, unusual: npt.NDArray[np.bool_]
    ) -> int | None:
        """Take a window's probabilities `[n_labels]`, `seconds` after the one before; give the activity to report.

        A window that is `unusual` `[n_labels]` for the activity that it names says nothing; one that is unusual for
        another activity does not let that begin. None as long as there is no activity yet.
        """
        self._forget(seconds, is_moving)
        likelihood = np.maximum(np.asarray(window, np.float64), _LEAST)
        if not unusual[likelihood.argmax()]:
            posterior = self.probabilities * likelihood ** (self._settings.evidence * min(1.0, seconds / STEP_S))
            self.probabilities = posterior / posterior.sum()
        likeliest = int(self.probabilities.argmax())
        if self.probabilities[likeliest] >= self._settings.confidence and not unusual[likeliest]:
            self.current = likeliest
        return self.current

    def _forget(self, seconds: float, is_moving: bool) -> None:
        """Let `seconds` pass, in which an activity may have ended."""
        chance = self._settings.change_moving if is_moving else self._settings.change_still
        change = 1 - (1 - chance) ** (seconds / STEP_S)
        others = (1 - self.probabilities) / (self._n_labels - 1)
        self.probabilities = (1 - change) * self.probabilities + change * others
