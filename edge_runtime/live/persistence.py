"""What a moment's judgement means once it is known how long things have been so.

Nobody takes five seconds to sit down or to turn in bed. A posture that lasts as long belongs to what the network keeps
naming, however unlike others' it is; movement that lasts as long and is unlike an activity's is not that activity; and
what has been at rest as long is worn by nobody.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.model.novelty import Judgement

PERSISTENCE_S = 5.0
"""No change of posture takes so long (docs/results/live.md)."""


@dataclass(frozen=True)
class Verdict:
    """What speaks against each activity `[n_labels]` now: that it cannot begin, or that it is not what goes on.

    Where something is `lifeless`, it is no activity at all.
    """

    unusual: npt.NDArray[np.bool_]
    strange_posture: npt.NDArray[np.bool_]
    strange_movement: npt.NDArray[np.bool_]
    lifeless: bool

    def speaks_against(self, label: int) -> bool:
        """Whether someone cannot be doing it."""
        return self.lifeless or bool(self.strange_posture[label] or self.strange_movement[label])


class PersistenceTracker:
    """Follows the judgements of one stream, a window every `step_s` seconds."""

    def __init__(self, n_labels: int, step_s: float) -> None:
        self._enough = math.ceil(PERSISTENCE_S / step_s)  # windows in a row
        self._named, self._n_named = -1, 0
        self._n_far = np.zeros(n_labels, np.int64)
        self._n_at_rest = 0

    def take(self, judgement: Judgement, named: int) -> Verdict:
        """The verdict on the next window, which the network takes for activity `named`."""
        self._n_named = self._n_named + 1 if named == self._named else 1
        self._named = named
        self._n_far = np.where(judgement.far_movement, self._n_far + 1, 0)
        self._n_at_rest = self._n_at_rest + 1 if judgement.at_rest else 0
        far_posture = judgement.far_posture.copy()
        far_posture[named] &= self._n_named < self._enough
        return Verdict(
            far_posture | judgement.far_movement,
            judgement.strange_posture,
            judgement.strange_movement | (self._n_far >= self._enough),
            self._n_at_rest >= self._enough,
        )
