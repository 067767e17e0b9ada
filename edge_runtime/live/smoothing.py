"""Smooth the answers of successive windows into one activity that neither flickers nor lags: debouncing.

A hidden Markov model is filtered forward. While the body is still, a change of activity is unlikely; while it moves, a
change is likely and is reported at once. Until walking or climbing stairs is certain, windows that fit both count
together: a change between them is unlikely. An activity that no window confirms for seconds becomes unknown.

References
----------
L. R. Rabiner: A tutorial on hidden Markov models and selected applications in speech recognition. Proceedings of the
IEEE 77(2), 1989 (section III.A, the forward procedure).
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from edge_runtime.model.model_card import Smoothing
from edge_runtime.signals.types import Array

FIRST_EVIDENCE = 0.75  # the exponent of the first window, which overlaps with no earlier window
CHANGE_OF_STEPS = 0.05  # the probability of a change while walking or stairs is left open
# An activity is not certain after so long with a probability below this many times a guess's, and below a half.
FAINT, FAINT_MOST, FAINT_S = 1.5, 0.5, 4.0
LEAST_PROBABILITY = 1e-6  # a network that gives a lower probability is overconfident
_HESITANT = 0.25  # share of the right windows of an activity that may be too uncertain to sustain it
_MARGIN = 0.05  # of probability, above the confidence


def reachable(
    settings: Smoothing, probabilities: Array, y: npt.NDArray[np.integer], moving: Iterable[int]
) -> Smoothing:
    """Lower `change_moving` of the `settings` until each `moving` activity can become certain.

    Changes that are too probable forget an activity sooner than an unsure network's windows can confirm it. For a
    window that repeats, the forward procedure has a fixed point: just above `confidence`, with all other activities
    equally probable, if `change_moving` has the value below. `probabilities` `[n, n_labels]` of windows of classes
    `y` `[n]` should be of people who are new to the network; for others, the network is surer.
    """
    others = probabilities.shape[1] - 1
    reached = min(settings.confidence + _MARGIN, (1 + settings.confidence) / 2)
    changes = [settings.change_moving, others / (others + 1)]  # with a higher value, other activities are favored
    for label in moving:
        is_right = (y == label) & (probabilities.argmax(axis=1) == label)
        if is_right.any():
            likelihood = np.maximum(probabilities[is_right], LEAST_PROBABILITY) ** settings.evidence
            against = (likelihood.sum(axis=1) / likelihood[:, label] - 1) / others
            odds = reached / (1 - reached) * against
            least = odds / (1 + odds)  # that the activity needs before the window
            most = (reached - least) / (reached - (1 - reached) / others)
            changes.append(float(np.quantile(most, _HESITANT)))
    return replace(settings, change_moving=max(CHANGE_OF_STEPS, min(changes)))


class Smoother:
    """Tracks one person through `n_labels` activities, of which `steps` are walking and stairs.

    `settings` are for one window every hop, of `hop_s`.
    """

    def __init__(self, settings: Smoothing, n_labels: int, steps: Sequence[int], hop_s: float) -> None:
        self._settings, self._n_labels, self._steps = settings, n_labels, list(steps)
        self.probabilities: Array = np.full(n_labels, 1 / n_labels)
        self.current: int | None = None
        self._is_certain = False  # whether the current activity is, since it was last unknown
        self._is_first = True  # no window has counted
        self._hop_s, self._faint_s = hop_s, 0.0

    def update(
        self, window: npt.NDArray[np.floating], is_moving: bool, cannot_begin: npt.NDArray[np.bool_]
    ) -> int | None:
        """Take a window's probabilities `[n_labels]`; return the activity to report.

        Activities that `cannot_begin` `[n_labels]` are not reported anew. Returns None before the first activity.
        """
        change = self._settings.change_moving if is_moving else self._settings.change_still
        leaves_steps_open = (
            self.probabilities.max() < self._settings.confidence <= self.probabilities[self._steps].sum()
        )
        if leaves_steps_open and not (self._is_certain and self.current in self._steps):
            change = min(change, CHANGE_OF_STEPS)
        others = (1 - self.probabilities) / (self._n_labels - 1)
        self.probabilities = (1 - change) * self.probabilities + change * others
        likelihood = np.maximum(np.asarray(window, np.float64), LEAST_PROBABILITY)
        if not cannot_begin[likelihood.argmax()]:
            evidence = max(self._settings.evidence, FIRST_EVIDENCE if self._is_first else 0)
            posterior = self.probabilities * likelihood**evidence
            self.probabilities = posterior / posterior.sum()
            self._is_first = False
        likeliest = int(self.probabilities.argmax())
        if self.probabilities[likeliest] >= self._settings.confidence and not cannot_begin[likeliest]:
            self.current = likeliest
        return self.current

    def shown(self, is_rejected: bool) -> int | None:
        """Return the activity to show after the latest window; None if it is unknown.

        A rejected activity stays unknown until it is probable again.
        """
        share = 0.0 if self.current is None else self.probabilities[self.current]
        self._faint_s = self._faint_s + self._hop_s if share < min(FAINT / self._n_labels, FAINT_MOST) else 0.0
        stays = self._is_certain and self._faint_s <= FAINT_S
        self._is_certain = not is_rejected and (stays or share >= self._settings.confidence)
        return self.current if self._is_certain else None
