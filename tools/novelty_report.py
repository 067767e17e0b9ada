"""Report how much of what is no activity is called unknown: a section of `docs/results/live.md`.

- A phone on a table, made up: the noise of a phone's sensors at rest, on each of its six faces.
- A phone on a table, real: unlabelled stretches of the recordings in which nobody wears the phone. They are found by
  acceleration alone, which is not what `NoveltyDetector.rest` judges by.
- A phone worn another way up: real recordings, turned.
"""

from dataclasses import replace

import numpy as np

from edge_runtime.data import dataset, loading
from edge_runtime.data.dataset import Recording, segments
from edge_runtime.live.stream_scores import NO_DECISION
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.live_settings import Smoothing
from edge_runtime.model.novelty import PERSISTENCE_S, NoveltyDetector
from edge_runtime.signals import frontend
from edge_runtime.system.quantities import percent
from tools import table
from tools.live_streams import HOP, Stream, smooth, stream_of

SETTLED_S = 12
LYING = "LAYING"
STILL = ("SITTING", "STANDING", LYING)
IN_A_ROW = round(PERSISTENCE_S / dataset.WINDOW.hop_s)
QUANTILES = (0, 0.001, 0.01, 0.05, 0.5, 0.95)
TURNS = {
    "worn upside down": np.diag([-1.0, -1.0, 1.0]),
    "worn sideways": np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
}
"""Rotations of the phone, from the axes of the data set to what its sensors then measure."""
NOISE = 0.003  # standard deviation of a phone's sensors at rest, in g and in rad/s
TABLE_S = 60
# On its back and untouched: gravity along z, and its direction from one second to the next to a quarter of a degree.
FLAT_G, STEADY_G, SHORTEST_S = 0.985, 0.004, 5


def novelty_section(
    streams: list[Stream], models: list[Classifier], detectors: list[NoveltyDetector], temperature: float
) -> str:
    """Write the section on `streams` of all recordings under the `models` that have not seen their subjects."""
    labels = list(loading.load_data().labels)

    def shown(stream: Stream) -> np.ndarray:
        return smooth(stream, stream.novelty(detectors[stream.fold]), Smoothing(), temperature)

    rows = []
    chosen = [x.recording for x in streams[::4]]
    for name, turn in [("as they are", np.eye(3)), *TURNS.items()]:
        turned = [replace(x, samples=(x.samples.reshape(-1, 2, 3) @ turn.T).reshape(-1, 6)) for x in chosen]
        found = [stream_of(x, models) for x in turned]
        answers = [(shown(x), x.labels(), x.ends > SETTLED_S * frontend.RATE_HZ) for x in found]
        answered, done, is_settled = (np.concatenate(x) for x in zip(*answers, strict=True))
        in_activity = is_settled & (done >= 0) & (done < len(labels))
        is_lying = done == labels.index(LYING)
        for which, among in (("upright", in_activity & ~is_lying), ("lying", in_activity & is_lying)):
            rows.append(_shares(f"phones {name}, {which}", answered[among], done[among]))
    noise = [stream_of(Recording(chosen[0].subject, x, np.zeros(len(x), np.int8), ()), models) for x in _tables()]
    said = {"a table, made up": [shown(x)[x.ends > SETTLED_S * frontend.RATE_HZ] for x in noise]}
    for after_s in (PERSISTENCE_S, SETTLED_S):
        said[f"a table, real, after {after_s:g} s"] = [shown(x)[_on_table(x, after_s)] for x in streams]
    rows += [_shares(name, np.concatenate(answers), NO_DECISION) for name, answers in said.items()]
    limits = [1e3 * x.rest for x in detectors]
    recordings = {id(x.recording): x.recording for x in streams}.values()
    on_table_s = sum(end - first for x in recordings for first, end in _real_tables(x)) / frontend.RATE_HZ
    chosen_rows = {"a table, real": [_on_table(x, PERSISTENCE_S) for x in streams]}
    chosen_rows |= {name: [_throughout(x, labels.index(name)) for x in streams] for name in STILL}
    spreads = [_spread(name, streams, detectors, rows) for name, rows in chosen_rows.items()]
    return f"""
## What is unknown

Shares of windows, after {SETTLED_S} s. Worn another way up: real recordings, turned, which is made up. On a table:
sensor noise on each of six faces, made up; and real phones on their backs, before or after someone wore them
({on_table_s:.0f} s, found by acceleration alone), {PERSISTENCE_S:g} s after they lay down, and after
{SETTLED_S} s, when the filters have forgotten how.

{table("stream | unknown | what was done | another activity", rows)}
### What moves a phone

How much rotation varies within {dataset.WINDOW.hop_s:g} s (standard deviation, mean of the axes, in mrad/s):
the most in {IN_A_ROW} windows in a row, quantiles over the windows of each. At rest is below {min(limits):.2f} to
{max(limits):.2f}, fitted to the training windows of each fold; the last column has the windows that this takes for a
table, of people and tables that the fit has not seen. Filters that ring from how a phone was put down, and whoever
touches the table, keep it from rest.

{table(f" | {' | '.join(percent(q, 1) for q in QUANTILES)} | at rest", spreads)}"""


def _spread(
    name: str, streams: list[Stream], detectors: list[NoveltyDetector], chosen_rows: list[np.ndarray]
) -> list[str]:
    most, at_rest = [], []
    for stream, rows in zip(streams, chosen_rows, strict=True):
        windows = np.lib.stride_tricks.sliding_window_view(stream.features.rotation, IN_A_ROW).max(axis=1)
        most.append(windows[rows[IN_A_ROW - 1 :]])
        at_rest.append(most[-1] < detectors[stream.fold].rest)
    quantiles = np.quantile(np.concatenate(most), QUANTILES)
    return [name, *(f"{1e3 * x:.2f}" for x in quantiles), percent(np.concatenate(at_rest).mean(), 1)]


def _throughout(stream: Stream, label: int) -> np.ndarray:
    """Find the windows that end at least `PERSISTENCE_S` after `label` began."""
    others = np.concatenate([[0], np.cumsum(stream.recording.labels != label)])
    return others[stream.ends] == others[np.maximum(stream.ends - IN_A_ROW * HOP, 0)]


def _on_table(stream: Stream, after_s: float) -> np.ndarray:
    """Find the windows that end at least `after_s` after a phone was put down."""
    chosen = np.zeros(len(stream.ends), bool)
    for first, end in _real_tables(stream.recording):
        chosen |= (stream.ends >= first + after_s * frontend.RATE_HZ) & (stream.ends <= end)
    return chosen


def _shares(name: str, said: np.ndarray, done: np.ndarray | int) -> list[str]:
    is_unknown = said == NO_DECISION
    is_right = ~is_unknown & (said == done)
    return [name, *(percent(x.mean(), 1) for x in (is_unknown, is_right, ~is_unknown & ~is_right))]


def _tables() -> list[np.ndarray]:
    """`TABLE_S` of noise on each of a phone's six faces, `[n, 6]` each, in g and rad/s."""
    rng = np.random.default_rng(0)
    gravities = [sign * axis for axis in np.eye(3, 6) for sign in (1.0, -1.0)]
    return [rng.normal(gravity, NOISE, (TABLE_S * frontend.RATE_HZ, 6)) for gravity in gravities]


def _real_tables(recording: Recording) -> list[tuple[int, int]]:
    """First sample and end of each stretch in which the phone lies on its back and is not touched."""
    rate = round(recording.rate_hz)
    n_seconds = len(recording.samples) // rate
    seconds = recording.samples[: n_seconds * rate].reshape(n_seconds, rate, -1)[..., :3].mean(axis=1)
    unlabelled = (recording.labels[: n_seconds * rate].reshape(n_seconds, rate) < 0).all(axis=1)
    steady = np.linalg.norm(np.diff(seconds, axis=0, prepend=seconds[:1]), axis=1) < STEADY_G
    lies = segments(unlabelled & steady & (seconds[:, 2] > FLAT_G))
    return [(first * rate, end * rate) for first, end, flat in lies if flat and end - first >= SHORTEST_S]
