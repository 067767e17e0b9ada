"""How much is unknown of what is no activity, and by how much a body moves more than a table: a part of `live.md`."""

import functools
from collections.abc import Callable, Iterator

import numpy as np
from live_streams import HOP, Stream, smooth, stream_of
from made_up import TURNS, on_a_table, turned
from tables import on_a_real_table

from edge_runtime.data import dataset, loading
from edge_runtime.data.dataset import Recording
from edge_runtime.live.persistence import PERSISTENCE_S
from edge_runtime.live.stream_scores import NO_DECISION
from edge_runtime.model.classifier import Classifier
from edge_runtime.model.live_settings import Smoothing
from edge_runtime.model.novelty import NoveltyDetector
from edge_runtime.signals import frontend

SETTLED_S = 12
LYING = "LAYING"
STILL = ("SITTING", "STANDING", LYING)
IN_A_ROW = round(PERSISTENCE_S / dataset.WINDOW.hop_s)
QUANTILES = (0, 0.001, 0.01, 0.05, 0.5, 0.95)


def unknown(
    streams: list[Stream], models: list[Classifier], detectors: list[NoveltyDetector], temperature: float
) -> Iterator[str]:
    """The section's lines, of the `streams` of all recordings under the `models` that have not seen their subjects."""
    labels = list(loading.load_data(None).labels)

    def shown(stream: Stream) -> np.ndarray:
        return smooth(stream, stream.novelty(detectors[stream.fold]), Smoothing(), temperature)

    yield "\n## What is unknown\n\n"
    yield (
        f"Shares of windows, after {SETTLED_S} s. Worn another way up: real recordings, turned, which is made up. On a "
        "table: sensor noise on each of six faces, made up; and real phones on their backs, before or after someone "
        f"wore them ({_table_seconds(streams):.0f} s, found by acceleration alone), {PERSISTENCE_S:g} s after they lay "
        f"down, and after {SETTLED_S} s, when the filters have forgotten how.\n\n"
        "| stream | unknown | what was done | another activity |\n|---|---|---|---|\n"
    )
    chosen = [x.recording for x in streams[::4]]
    for name, turn in [("as they are", np.eye(3)), *TURNS.items()]:
        found = [
            stream_of(Recording(x.subject, turned(x.samples, turn), x.labels, x.label_names), models) for x in chosen
        ]
        answers = [(shown(x), x.labels(), x.ends > SETTLED_S * frontend.RATE_HZ) for x in found]
        said, done, is_settled = (np.concatenate(x) for x in zip(*answers, strict=True))
        in_activity = is_settled & (done >= 0) & (done < len(labels))
        is_lying = done == labels.index(LYING)
        for which, rows in (("upright", in_activity & ~is_lying), ("lying", in_activity & is_lying)):
            yield _row(f"phones {name}, {which}", said[rows], done[rows])
    noise = [Recording(chosen[0].subject, x, np.zeros(len(x), np.int8), ()) for x in on_a_table(0)]
    said = np.concatenate(
        [shown(x)[x.ends > SETTLED_S * frontend.RATE_HZ] for x in (stream_of(r, models) for r in noise)]
    )
    yield _row("a table, made up", said, np.full(len(said), NO_DECISION))
    for after_s in (PERSISTENCE_S, SETTLED_S):
        said = np.concatenate([shown(x)[_on_table(x, after_s)] for x in streams])
        yield _row(f"a table, real, after {after_s:g} s", said, np.full(len(said), NO_DECISION))
    yield from _rest(streams, detectors, labels)


def _rest(streams: list[Stream], detectors: list[NoveltyDetector], labels: list[str]) -> Iterator[str]:
    """How much rotation varies on people and on tables."""
    limits = [x.rest for x in detectors]
    yield (
        f"\n### What moves a phone\n\nHow much rotation varies within {dataset.WINDOW.hop_s:g} s (standard deviation, "
        f"mean of the axes, in mrad/s): the most in {IN_A_ROW} windows in a row, quantiles over the windows of each. "
        "At rest is "
        f"below {1e3 * min(limits):.2f} to {1e3 * max(limits):.2f}, fitted to the training windows of each fold; the "
        "last column has the windows that this takes for a table, of people and tables that the fit has not seen. "
        "Filters that ring from how a phone was put down, and whoever touches the table, keep it from rest.\n\n"
        f"| | {' | '.join(f'{q:.1%}' for q in QUANTILES)} | at rest |\n|---|{'---|' * (len(QUANTILES) + 1)}\n"
    )
    yield _spread("a table, real", streams, detectors, lambda x: _on_table(x, PERSISTENCE_S))
    for name in STILL:
        yield _spread(name, streams, detectors, functools.partial(_throughout, label=labels.index(name)))


def _spread(
    name: str, streams: list[Stream], detectors: list[NoveltyDetector], rows_of: Callable[[Stream], np.ndarray]
) -> str:
    most, at_rest = [], []
    for stream in streams:
        windows = np.lib.stride_tricks.sliding_window_view(stream.features.rotation, IN_A_ROW).max(axis=1)
        rows = rows_of(stream)[IN_A_ROW - 1 :]
        most.append(windows[rows])
        at_rest.append(windows[rows] < detectors[stream.fold].rest)
    cells = [f"{1e3 * x:.2f}" for x in np.quantile(np.concatenate(most), QUANTILES)]
    return f"| {name} | {' | '.join(cells)} | {np.concatenate(at_rest).mean():.1%} |\n"


def _throughout(stream: Stream, label: int) -> np.ndarray:
    """Which windows end at least `PERSISTENCE_S` after `label` began."""
    others = np.concatenate([[0], np.cumsum(stream.recording.labels != label)])
    return others[stream.ends] == others[np.maximum(stream.ends - IN_A_ROW * HOP, 0)]


def _on_table(stream: Stream, after_s: float) -> np.ndarray:
    """Which windows end at least `after_s` after a phone was put down."""
    chosen = np.zeros(len(stream.ends), bool)
    for first, end in on_a_real_table(stream.recording):
        chosen |= (stream.ends >= first + after_s * frontend.RATE_HZ) & (stream.ends <= end)
    return chosen


def _table_seconds(streams: list[Stream]) -> float:
    each = {id(x.recording): x.recording for x in streams}.values()
    return sum(end - first for x in each for first, end in on_a_real_table(x)) / frontend.RATE_HZ


def _row(name: str, said: np.ndarray, done: np.ndarray) -> str:
    is_unknown = said == NO_DECISION
    is_right = ~is_unknown & (said == done)
    shares = (is_unknown, is_right, ~is_unknown & ~is_right)
    return f"| {name} | {' | '.join(f'{x.mean():.1%}' for x in shares)} |\n"
