"""Track how long novelty persists in a stream, to rule out an activity or to find that the phone is not worn.

An unusual posture that lasts `PERSISTENCE_S` is accepted for the activity that the network keeps reporting.

A phone at rest is not worn if its rotation is as steady as a sensor's noise for `STEADY_S`, or after `REST_S`. A light
device on somebody who lies still turns as little, but less steadily.

Single windows of an unknown activity, for example of jogging, look typical. Evidence of an unknown activity is summed
(bounded cumulative sum): above `UNLIKE_S` no activity begins, and from `PERSISTENCE_S` on all activities are ruled out.

References
----------
E. S. Page: Continuous inspection schemes. Biometrika 41(1/2), 1954 (the cumulative sum).
"""

import math
from dataclasses import dataclass

from edge_runtime.model.novelty import Flags, Novelty

PERSISTENCE_S = 5.0  # longer than any change of posture
STEADY_S, REST_S = 15.0, 120.0
STEADY = 1.5  # the greatest rotation over the least; chosen on training subjects
ATYPICAL = 0.9  # share of the unusual limit at which a window does not count (docs/results/README.md)
UNLIKE_S = 2.5  # of movement unlike every activity, after which no activity begins
LONGEST_UNLIKE_S = 10.0  # the bound of the sum


@dataclass(frozen=True)
class Rejection:
    """For each activity `[n_labels]`: whether it cannot begin now, and whether posture or movement rules it out."""

    cannot_begin: Flags
    posture: Flags
    movement: Flags
    not_worn: bool


class PersistenceTracker:
    """Tracks the windows of one stream, `step_s` seconds apart."""

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._enough = math.ceil(PERSISTENCE_S / step_s)  # windows in a row
        self._label, self._n_label = -1, 0
        self._unlike_s = 0.0  # evidence of an unknown activity
        self._n_at_rest = self._n_steady = 0
        self._least, self._greatest = 0.0, 0.0  # rotation while steady

    def update(self, novelty: Novelty, label: int) -> Rejection:
        """Take the novelty of the next window, which the network classifies as `label`."""
        self._n_label = self._n_label + 1 if label == self._label else 1
        self._label = label
        evidence = (min(float(novelty.unlike_all), 1.0) - ATYPICAL) / (1 - ATYPICAL)
        self._unlike_s = min(max(self._unlike_s + self._step_s * evidence, 0.0), LONGEST_UNLIKE_S)
        unusual_posture = novelty.unusual_posture.copy()
        unusual_posture[label] &= self._n_label < self._enough
        return Rejection(
            unusual_posture | novelty.unusual_movement | (self._unlike_s > UNLIKE_S),
            novelty.novel_posture,
            novelty.novel_movement | (self._unlike_s >= PERSISTENCE_S),
            self._rests(bool(novelty.at_rest), float(novelty.rotation)),
        )

    def _rests(self, at_rest: bool, rotation: float) -> bool:
        """Take the rotation (rad/s) of the next window; tell whether the phone is not worn."""
        steady = math.ceil(STEADY_S / self._step_s)
        self._n_at_rest = self._n_at_rest + 1 if at_rest else 0
        if self._n_steady < steady or not at_rest:
            least, greatest = min(self._least, rotation), max(self._greatest, rotation)
            if not at_rest or not self._n_steady or greatest > STEADY * least:
                self._n_steady, least, greatest = 0, rotation, rotation
            self._n_steady += at_rest
            self._least, self._greatest = least, greatest
        return self._n_steady >= steady or self._n_at_rest * self._step_s >= REST_S
