"""How sure a number is: 95 % intervals of latencies, of ratios and of accuracies, and tests between two models.

Times. Neighbouring samples of one process are alike (one clock, one layout in memory), and rounds differ more than
samples within a round do; an interval that took all samples for independent would be far too narrow. So a replicate
draws rounds, and contiguous blocks within each drawn round (Davison & Hinkley, *Bootstrap Methods and their
Application*, 1997, sections 3.8 and 8.2.3). Percentiles of replicates are too narrow when they come from few rounds or
people; they are taken further out, as far as Student's t is wider than the normal distribution (the expanded percentile
interval of Hesterberg, *What Teachers Should Know About the Bootstrap*, 2015).

Accuracies. Windows of one person resemble each other, so people are resampled, with all of their windows.

Seeds are fixed: the same samples give the same interval.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.bench import scores
from edge_runtime.bench.results import Interval, Latency

Rounds = Sequence[Sequence[float]]
"""Times in milliseconds: one sequence per round, in the order they were taken."""

Floats = npt.NDArray[np.float64]

REPLICATES = 2000
LEVEL = 0.95
# Of longer rounds every n-th sample is resampled: what is left is far more than the difference between rounds needs.
_MOST_PER_ROUND = 1500
# Replicates at a time: a few tens of MB.
_BATCH = 200


def latency(rounds: Rounds) -> Latency:
    """Summarise the samples of all rounds together; percentiles are interpolated linearly."""
    samples = np.concatenate([np.asarray(part, np.float64) for part in rounds])
    p50, p90, p95, p99 = (_tidy(x) for x in np.percentile(samples, (50, 90, 95, 99)))
    return Latency(
        p50=p50,
        p90=p90,
        p95=p95,
        p99=p99,
        mean=_tidy(samples.mean()),
        min=_tidy(samples.min()),
        max=_tidy(samples.max()),
        runs=len(samples),
        mad=_tidy(np.median(np.abs(samples - np.median(samples)))),
        p50_ci95=_interval(_medians(rounds), len(rounds)),
    )


def p50_ratio(rounds: Rounds, against: Rounds, paired: bool = True) -> tuple[float, Interval]:
    """The p50 of `rounds` over that of `against`, and its interval.

    `paired` draws the same rounds of both, which have to be equally many: for rounds that took turns, in which whatever
    slowed one slowed the other. Without it the two are independent, as those of two runs are.
    """
    if paired and len(rounds) != len(against):
        raise ValueError(f"{len(rounds)} and {len(against)} rounds cannot be paired")
    ratio = np.median(np.concatenate(rounds)) / np.median(np.concatenate(against))
    replicates = _medians(rounds) / _medians(against, seed=0 if paired else 1)
    return _tidy(ratio), _interval(replicates, min(len(rounds), len(against)))


def accuracy_over_windows(right: int, windows: int) -> Interval:
    """Wilson's interval for `right` of `windows`, as if every window were of another person."""
    from scipy.stats import binomtest

    found = binomtest(right, windows).proportion_ci(LEVEL, method="wilson")
    return _tidy(found.low), _tidy(found.high)


def over_subjects(
    y: scores.Classes, predicted: scores.Classes, subject: npt.NDArray[np.generic], n_labels: int
) -> tuple[Interval, Interval] | None:
    """The intervals of accuracy and of macro-F1 when other people had been measured; None for a single person."""
    confusions = _per_subject(y, predicted, subject, n_labels)
    if len(confusions) < 2:
        return None
    drawn = np.tensordot(_draws(len(confusions)), confusions, axes=1)  # [REPLICATES, n_labels, n_labels]
    hits = np.diagonal(drawn, axis1=1, axis2=2)
    accuracy = hits.sum(axis=1) / drawn.sum(axis=(1, 2))
    total = drawn.sum(axis=1) + drawn.sum(axis=2)
    with np.errstate(invalid="ignore"):
        macro_f1 = np.nanmean(2 * hits / total, axis=1)  # as in scores.macro_f1: an absent class is left out
    low, high = (_interval(values, len(confusions)) for values in (accuracy, macro_f1))
    return low, high


def accuracy_difference(
    right: npt.NDArray[np.bool_], against: npt.NDArray[np.bool_], subject: npt.NDArray[np.generic]
) -> tuple[float, Interval | None]:
    """How many percentage points more of the same windows are `right` than `against`, and the interval over subjects.

    The interval is None for a single person.
    """
    points = 100 * (right.astype(np.float64) - against)
    people, index = np.unique(subject, return_inverse=True)
    sums, windows = np.bincount(index, points), np.bincount(index)
    interval = None
    if len(people) > 1:
        draws = _draws(len(people))
        interval = _interval((draws @ sums) / (draws @ windows), len(people))
    return _tidy(points.mean()), interval


def mcnemar(only_first_right: int, only_second_right: int) -> float:
    """The two-sided p value of McNemar's exact test: that two models err equally often on the same windows."""
    from scipy.stats import binomtest

    differing = only_first_right + only_second_right
    return float(binomtest(only_first_right, differing).pvalue) if differing else 1.0


def _medians(rounds: Rounds, seed: int = 0) -> Floats:
    """`[REPLICATES]` medians of rounds drawn with replacement, and of circular blocks of each.

    Equal seeds draw equal rounds of any samples: that pairs them.
    """
    parts = [np.asarray(part, np.float32)[:: -(-len(part) // _MOST_PER_ROUND)] for part in rounds]
    lengths = np.array([len(part) for part in parts])
    # Long against the correlation of neighbours, short against the round.
    block = max(1, round(float(np.sqrt(lengths.mean()))))
    blocks = -(-int(lengths.mean()) // block)
    # `resize` repeats a round from its start, so that a block may run over its end.
    laid_out = np.stack([np.resize(part, lengths.max() + block) for part in parts])
    windows = np.lib.stride_tricks.sliding_window_view(laid_out, block, axis=1)
    which, where = np.random.default_rng((seed, 0)), np.random.default_rng((seed, 1))
    drawn = which.integers(len(parts), size=(REPLICATES, len(parts), 1))
    medians = [
        np.median(windows[turn, (where.random((*turn.shape[:2], blocks)) * lengths[turn]).astype(int)], axis=(1, 2, 3))
        for turn in np.split(drawn, REPLICATES // _BATCH)
    ]
    return np.concatenate(medians).astype(np.float64)


def _draws(n: int) -> Floats:
    """`[REPLICATES, n]`: how often each of `n` was drawn in `n` draws with replacement."""
    return np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), REPLICATES).astype(np.float64)


def _interval(replicates: Floats, n: int) -> Interval:
    """The expanded percentile interval of replicates that drew from `n` rounds or people."""
    from scipy.special import ndtr, stdtrit

    tail = (1 - LEVEL) / 2
    if n > 1:
        tail = float(ndtr(np.sqrt(n / (n - 1)) * stdtrit(n - 1, tail)))
    low, high = np.quantile(replicates, (tail, 1 - tail))
    return _tidy(low), _tidy(high)


def _per_subject(
    y: scores.Classes, predicted: scores.Classes, subject: npt.NDArray[np.generic], n_labels: int
) -> npt.NDArray[np.int64]:
    return np.stack(
        [
            scores.confusion_matrix(y[subject == person], predicted[subject == person], n_labels)
            for person in np.unique(subject)
        ]
    )


def _tidy(value: float) -> float:
    return round(float(value), 6)
