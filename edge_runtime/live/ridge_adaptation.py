"""Adapt a network's last layer to a person from a few labelled seconds, in closed form: ridge from the source.

The correction of the logits is linear in the network's features, and as small as a ridge makes it: with few windows
there are few directions in which it differs from 0. Its targets are the logits that training with smoothed labels aims
at.

References
----------
T. Hastie, R. Tibshirani, J. Friedman: The elements of statistical learning, 2009 (sections 3.4.1, 18.3.5).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

RIDGE = 10.0
"""Of 1, 3 and 10; held-out people of UCI HAR alone hardly tell 3 from 10, and MotionSense was in view."""
_HIT, _MISS = 4.0, -1.0  # logits of the right class and of others


@dataclass(frozen=True)
class RidgeAdaptation:
    """A correction of logits `[n_labels]`: features less `middle` `[n_features]`, times `weights`."""

    middle: npt.NDArray[np.float64]
    weights: npt.NDArray[np.float64]

    def apply(self, logits: npt.NDArray[np.floating], features: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """The corrected logits `[n, n_labels]` of windows with these `features` `[n, n_features]`."""
        corrected: npt.NDArray[np.float64] = logits + (features - self.middle) @ self.weights
        return corrected


def adapt(
    logits: npt.NDArray[np.floating],
    features: npt.NDArray[np.floating],
    y: npt.NDArray[np.integer],
    ridge: float = RIDGE,
) -> RidgeAdaptation:
    """Learn the correction from windows of one person, of which one for each activity is enough.

    `logits` `[n, n_labels]` and `features` `[n, n_features]` are the network's, `y` `[n]` the activities, as
    many windows of each. Nothing is aimed at for classes that were not shown.
    """
    targets = np.full(logits.shape, _MISS)
    targets[np.arange(len(y)), y] = _HIT
    absent = np.setdiff1d(np.arange(logits.shape[1]), y)
    missing = targets - np.asarray(logits, np.float64)
    missing[:, absent] = 0  # nothing was shown of these
    missing -= missing.mean(axis=1, keepdims=True)
    missing -= missing.mean(axis=0)
    middle = np.asarray(features, np.float64).mean(axis=0)
    apart = features - middle
    kernel = apart @ apart.T + ridge * np.eye(len(y))
    return RidgeAdaptation(middle, apart.T @ np.linalg.solve(kernel, missing))
