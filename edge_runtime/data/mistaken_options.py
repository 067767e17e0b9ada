"""Find options with which a network's answers are right more often: labels in another order, another normalisation."""

import shlex
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.data.scores import Classes, accuracy, confusion_matrix
from edge_runtime.system.quantities import percent

_GAIN = 0.1  # of accuracy: what an option must gain to be named


def better_options(predicted: Callable[[str], Classes], y: Classes, labels: Sequence[str], normalisation: str) -> str:
    """Name the options with which over 10 points more of the classes `y` `[n]` are answered, or return an empty text.

    `predicted` gives the answers `[n]` under a `--normalisation`; `labels` and `normalisation` are in use now. Of two
    that gain alike, the fewer options are named.
    """
    tried: list[tuple[float, list[str]]] = []
    for option in dict.fromkeys((normalisation, "data", "none")):
        options = [] if option == normalisation else [f"--normalisation {option}"]
        confusion = confusion_matrix(y, predicted(option), len(labels))
        order = _best_order(confusion)
        named = shlex.quote(",".join(labels[i] for i in order))
        tried += [(accuracy(confusion), options), (accuracy(confusion[order]), [*options, f"--labels {named}"])]
        if tried[0][0] >= 1 - _GAIN:
            return ""
    best = tried[0]
    for each in sorted(tried, key=lambda x: len(x[1])):
        best = each if each[0] > best[0] + _GAIN else best
    if best is tried[0]:
        return ""
    share, now = percent(best[0]), percent(tried[0][0])
    return f"Wrong options? Accuracy would be {share} in place of {now} with\n  {' '.join(best[1])}"


def _best_order(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.intp]:
    """Return the label `[n_labels]` of each output that makes most answers right; an unused output keeps its own."""
    from scipy.optimize import linear_sum_assignment

    n = len(confusion)
    order: npt.NDArray[np.intp] = linear_sum_assignment(confusion.T + np.eye(n) / (n + 1), maximize=True)[1]
    return order
