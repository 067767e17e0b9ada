"""Measure how each signal is normalised, on the training windows."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.signals.frontend import SIGNALS
from edge_runtime.signals.normalisation import LEAST_DIVISOR, Normalisation
from train.fit.recipe import Recipe

_NAMES = [x.name for x in SIGNALS]
_LINEAR = [x for x in _NAMES if x.startswith("total_acc")]
_BODY_MOTION = (_NAMES, [x.name for x in SIGNALS if not x.is_rotation])

# Outside body motion, rare peaks may distinguish classes, for example the beats of an electrocardiogram. Only
# one value in a thousand is clipped, or values beyond 10 standard deviations, where a step of int8 is 0.08.
_KEPT = 0.999
_WIDEST_CLIP = 10.0


def is_body_motion(signals: Sequence[str]) -> bool:
    """Tell whether `signals` are all signals of the front end, with or without the gyroscope, in order."""
    return list(signals) in _BODY_MOTION


def measure_normalisation(X: npt.NDArray[np.float32], recipe: Recipe, signals: Sequence[str]) -> Normalisation:
    """Measure mean and standard deviation of each signal of windows `[n, samples, n_signals]`; choose clip and knee.

    Clip and knee are the recipe's for body motion. Other signals are linear.
    """
    mean, std = X.mean((0, 1), np.float64), X.std((0, 1), np.float64)
    means, stds = tuple(map(float, mean)), tuple(map(float, std))
    if is_body_motion(signals):
        knee = tuple(None if signal in _LINEAR else recipe.knee or None for signal in signals)
        return Normalisation(means, stds, (recipe.clip,) * len(signals), knee)
    reach = [float(np.quantile(np.abs(X[..., i] - mean[i]), _KEPT)) for i in range(len(signals))]
    clip = tuple(
        min(max(recipe.clip, x / max(s, LEAST_DIVISOR)), _WIDEST_CLIP) for x, s in zip(reach, stds, strict=True)
    )
    return Normalisation(means, stds, clip, (None,) * len(signals))
