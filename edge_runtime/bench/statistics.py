"""Compute 95 % intervals of latencies, ratios and accuracies, and test whether two models differ.

Undisturbed times and their ratios: models take turns, and the time of a turn is the median of its slice. A round is a
new set of processes. Only the quieter half of the rounds counts, in which all models together were fastest: a busy
neighbour slows models by different factors. The ratio of two models in a round is the median over its turns, and the
result is the median of rounds. The bootstrap draws rounds, and turns within them, as they were drawn (Kalibera & Jones,
*Rigorous Benchmarking in Reasonable Time*, 2013). `tests/bench/traces.npz` has recorded times by which this estimator
was chosen among medians, lower quantiles and means.

Intervals of few rounds are widened as Student's t is (Hesterberg, *What Teachers Should Know About the Bootstrap*,
2015). Seeds are fixed: the same samples give the same interval.

Accuracies: windows of one subject resemble each other, so the unit is the subject. The jackknife gives the standard
error, with Student's t (Tukey, *Bias and Confidence in Not Quite Large Samples*, 1958). Scores near 100 % are
skewed, so their interval is computed on the logit scale (Mosteller & Tukey, *Data Analysis and Regression*, 1977).
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from edge_runtime.bench.measured import Interval, Latency

Rounds = Sequence[Sequence[float]]
"""Times in milliseconds: one sequence per round, in the order they were taken."""

Floats = npt.NDArray[np.float64]

Slices = Sequence[npt.NDArray[np.int64]] | Sequence[Floats]
"""Times of one model: an array `[turns, calls]` per round."""

REPLICATES = 2000
LEVEL = 0.95
HALF = 0.5  # windows added to both the right and the wrong windows, so that the logit of 100 % is finite
_BATCH = 200  # replicates at a time, or fewer for long runs
_MOST_DRAWN = 4_000_000  # times at a time: 32 MB


def latency(rounds: Rounds, undisturbed: tuple[float, Interval]) -> Latency:
    """Summarise the samples of all rounds together, with the `undisturbed` time and its interval.

    Percentiles are interpolated linearly.
    """
    samples = np.concatenate([np.asarray(part, np.float64) for part in rounds])
    p50, p90, p95, p99 = map(_tidy, np.percentile(samples, (50, 90, 95, 99)))
    mean, least, most = map(_tidy, (samples.mean(), samples.min(), samples.max()))
    return Latency(p50, p90, p95, p99, mean, least, most, len(samples), *undisturbed)


def turn_times(models: Sequence[Slices]) -> Floats:
    """Return the logarithm of the median time of each turn, `[rounds, turns, models]`; each model has all rounds."""
    n_turns = min(len(slices) for rounds in models for slices in rounds)
    return np.log(np.array([[np.median(x[:n_turns], axis=1) for x in rounds] for rounds in models])).transpose(1, 2, 0)


def undisturbed_ratio(times: Floats, i: int, j: int, replicates: int = REPLICATES) -> tuple[float, Interval]:
    """Return the ratio of the undisturbed times of the models `i` and `j` of `turn_times`, and its interval."""
    return _undisturbed(times, lambda drawn: drawn[..., i] - drawn[..., j], replicates)


def precision(times: Floats, is_float: Sequence[bool], replicates: int = REPLICATES) -> float:
    """Return the widest half of an interval of a ratio to the fastest float model, as a share of the ratio."""
    medians = np.median(times, axis=(0, 1))
    fastest = min((i for i in range(len(medians)) if is_float[i]), key=medians.__getitem__, default=0)
    ratios = [undisturbed_ratio(times, i, fastest, replicates) for i in range(len(medians)) if i != fastest]
    return max(((high - low) / 2 / ratio for ratio, (low, high) in ratios), default=0.0)


def undisturbed_time(times: Floats, i: int) -> tuple[float, Interval]:
    """Return the undisturbed time of the model `i` of `turn_times`, and its interval."""
    return _undisturbed(times, lambda drawn: drawn[..., i], REPLICATES)


def _undisturbed(times: Floats, value: Callable[[Floats], Floats], replicates: int) -> tuple[float, Interval]:
    def estimate(drawn: Floats) -> Floats:
        """Return the statistic of each replicate in `drawn`, `[replicates, rounds, turns, models]`."""
        level = np.median(drawn, axis=2).mean(axis=2)
        quiet = np.argsort(level, axis=1, kind="stable")[:, : -(-level.shape[1] // 2)]
        return np.median(np.take_along_axis(np.median(value(drawn), axis=2), quiet, axis=1), axis=1)

    n_rounds, n_turns, _ = times.shape
    generator = np.random.default_rng(0)
    parts, batch = [], max(1, min(_BATCH, _MOST_DRAWN // times.size))
    for _ in range(-(-replicates // batch)):
        rounds = generator.integers(n_rounds, size=(batch, n_rounds, 1))
        turns = generator.integers(n_turns, size=(batch, n_rounds, n_turns))
        parts.append(estimate(times[rounds, turns]))
    low, high = _bootstrap_interval(np.exp(np.concatenate(parts)), max(2, -(-n_rounds // 2)))
    ratio = float(np.exp(estimate(times[np.newaxis])[0]))
    return _tidy(ratio), (min(low, _tidy(ratio)), max(high, _tidy(ratio)))


def accuracy_interval(right: npt.NDArray[np.bool_], subject: npt.NDArray[np.generic]) -> Interval | None:
    """Return the interval over subjects of the share of windows that are `right`; None for a single subject."""
    rows = _rows_per_subject(subject)
    if len(rows) < 2:
        return None
    left_out = np.array([np.delete(right, person).mean() for person in rows])
    return _jackknife_interval(float(right.mean()), left_out, len(right))


def accuracy_difference(
    right: npt.NDArray[np.bool_], against: npt.NDArray[np.bool_], subject: npt.NDArray[np.generic]
) -> tuple[float, Interval | None]:
    """Return the difference in percentage points between `right` and `against`, both `[n]`, and its interval.

    The interval is None for a single subject.
    """
    points = 100 * (right.astype(np.float64) - against)
    rows = _rows_per_subject(subject)
    mean = float(points.mean())
    reach = half_width([points[x].sum() for x in rows], [len(x) for x in rows])
    return _tidy(mean), None if reach is None else (_tidy(mean - reach), _tidy(mean + reach))


def half_width(sums: Sequence[float], counts: Sequence[float]) -> float | None:
    """Return half the width of the interval of sum(`sums`) / sum(`counts`), with a value per subject; None for one."""
    if len(sums) < 2:
        return None
    sum_of, count_of = np.asarray(sums, np.float64), np.asarray(counts, np.float64)
    return _student_t(len(sum_of)) * _jackknife_error((sum_of.sum() - sum_of) / (count_of.sum() - count_of))


def _bootstrap_interval(replicates: Floats, n: int) -> Interval:
    """Return the expanded percentile interval of replicates that drew from `n` rounds."""
    from scipy.special import ndtr, stdtrit

    tail = (1 - LEVEL) / 2
    if n > 1:
        tail = float(ndtr(np.sqrt(n / (n - 1)) * stdtrit(n - 1, tail)))
    low, high = np.quantile(replicates, (tail, 1 - tail))
    return _tidy(low), _tidy(high)


def _jackknife_interval(share: float, left_out: Floats, windows: int) -> Interval:
    """Return the interval of a `share` of `windows`, given the shares with each subject left out."""
    from scipy.special import expit

    def logit(x: npt.ArrayLike) -> Floats:
        right = np.asarray(x) * windows
        return np.log((right + HALF) / (windows - right + HALF))

    # The error is at least the error of independent windows.
    binomial = np.sqrt(1 / (share * windows + HALF) + 1 / ((1 - share) * windows + HALF))
    reach = _student_t(len(left_out)) * max(_jackknife_error(logit(left_out)), float(binomial))
    low, high = expit((logit(share) - reach, logit(share) + reach))
    return _tidy(min(low, share)), _tidy(max(high, share))


def _jackknife_error(left_out: Floats) -> float:
    """Return the standard error of a statistic, given its values with each subject left out (Tukey 1958)."""
    n = len(left_out)
    return float(np.sqrt((n - 1) * left_out.var()))


def _student_t(n: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, (1 + LEVEL) / 2))


def _rows_per_subject(subject: npt.NDArray[np.generic]) -> list[npt.NDArray[np.intp]]:
    return [np.flatnonzero(subject == person) for person in np.unique(subject)]


def _tidy(value: float) -> float:
    return round(float(value), 6)
