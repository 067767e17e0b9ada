"""Track how long motion has been novel: persistence of a posture, a movement or rest.

Nobody takes five seconds to sit down or to turn in bed. After that long,

- an unusual posture is accepted for the activity that the network keeps naming;
- unusual movement rules the activity out;
- a phone at rest is not worn.
"""

import math
from dataclasses import dataclass

import numpy as np

from edge_runtime.model.novelty import Flags, Novelty

PERSISTENCE_S = 5.0
"""Longer than any change of posture (docs/results/live.md)."""


@dataclass(frozen=True)
class Rejection:
    """For each activity `[n_labels]`, whether it cannot begin now, and whether posture or movement rule it out.

    A phone that is `not_worn` is in no activity at all.
    """

    cannot_begin: Flags
    posture: Flags
    movement: Flags
    not_worn: bool

    def rules_out(self, label: int) -> bool:
        """Tell whether activity `label` is not what is being done."""
        return self.not_worn or bool(self.posture[label] or self.movement[label])


class PersistenceTracker:
    """Follows the windows of one stream, `step_s` seconds apart."""

    def __init__(self, n_labels: int, step_s: float) -> None:
        self._enough = math.ceil(PERSISTENCE_S / step_s)  # windows in a row
        self._label, self._n_label = -1, 0
        self._n_unusual_movement = np.zeros(n_labels, np.int64)
        self._n_at_rest = 0

    def update(self, novelty: Novelty, label: int) -> Rejection:
        """Take the novelty of the next window, which the network takes for activity `label`."""
        self._n_label = self._n_label + 1 if label == self._label else 1
        self._label = label
        self._n_unusual_movement = np.where(novelty.unusual_movement, self._n_unusual_movement + 1, 0)
        self._n_at_rest = self._n_at_rest + 1 if novelty.at_rest else 0
        unusual_posture = novelty.unusual_posture.copy()
        unusual_posture[label] &= self._n_label < self._enough
        return Rejection(
            unusual_posture | novelty.unusual_movement,
            novelty.novel_posture,
            novelty.novel_movement | (self._n_unusual_movement >= self._enough),
            self._n_at_rest >= self._enough,
        )
