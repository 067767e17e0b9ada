"""Find options with which a network is right more often: another order of labels or signals, another normalisation."""

import shlex
from collections.abc import Callable, Sequence
from itertools import permutations, product

import numpy as np

from edge_runtime.data.scores import Classes, accuracy, confusion_matrix, macro_f1
from edge_runtime.system.quantities import percent

_GAIN = 0.1  # what an option must gain to be named, in macro F1, which weights rare classes as much as others
_TRAINED = 0.6  # macro F1, which networks reach only by training: untrained ones reached 0.48 with the best labels


def better_options(
    predicted: Callable[[str, Sequence[int]], Classes],
    y: Classes,
    labels: Sequence[str],
    signals: Sequence[str],
    normalisation: str,
) -> str:
    """Name the options that gain over 10 points of macro F1 on the classes `y` `[n]`, and make it at least 60 %.

    `predicted` gives the answers `[n]` under a `--normalisation` to windows with their signals in another order;
    `labels`, `signals` and `normalisation` are in use now. Two or three sensors of three axes may be in any order. If
    two gain alike, the text names fewer options. Without any, the text is empty.
    """
    from scipy.optimize import linear_sum_assignment

    tried: list[tuple[float, float, list[str]]] = []
    unused = np.eye(len(labels)) / (1 + len(labels))  # an output that is never right keeps its label
    sensors = np.arange(len(signals)).reshape(-1, 3 if len(signals) in (6, 9) else max(1, len(signals)))
    columns = [np.concatenate(each).tolist() for each in permutations(sensors)]
    for option, places in product(dict.fromkeys((normalisation, "data", "none")), columns):
        options = [] if option == normalisation else [f"--normalisation {option}"]
        if places != columns[0]:
            options.append(f"--signals {shlex.quote(','.join(signals[i] for i in places))}")
        confusion = confusion_matrix(y, predicted(option, places), len(labels))
        order = linear_sum_assignment(confusion.T + unused, maximize=True)[1]
        named = shlex.quote(",".join(labels[i] for i in order))
        for rows, its_options in ((confusion, options), (confusion[order], [*options, f"--labels {named}"])):
            tried.append((macro_f1(rows), accuracy(rows), its_options))
        if tried[0][0] >= 1 - _GAIN:
            return ""
    best = tried[0]
    for each in sorted(tried, key=lambda x: (len(x[2]), -x[0])):
        best = each if each[0] > best[0] + _GAIN else best
    if best is tried[0] or best[0] < _TRAINED:
        return ""
    share, now = percent(best[1]), percent(tried[0][1])
    return f"accuracy would be {share}, not {now}, with {' '.join(best[2])}"
