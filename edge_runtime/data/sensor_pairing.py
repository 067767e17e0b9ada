"""Pair the samples of two sensors that have rows or files of their own, by their times."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from edge_runtime.data.csv_table import Table
from edge_runtime.data.layout import Layout
from edge_runtime.signals.resampling import MAX_GAP_S

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PairedSamples:
    """Samples `values` `[n, 6]` in g and rad/s, `[n, 3]` without rotation, at `seconds` `[n]`.

    `rows` `[n]` are those of the file of acceleration. Times never stand still; they may go back. `n_repeated` rows
    were left out whose time is that of the row before.
    """

    rows: npt.NDArray[np.intp]
    seconds: Array
    values: Array
    n_repeated: int = 0

    def part(self, chosen: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> "PairedSamples":
        """Those that are `chosen`."""
        return PairedSamples(self.rows[chosen], self.seconds[chosen], self.values[chosen])


def paired(tables: Sequence[Table], layout: Layout) -> PairedSamples:
    """The samples of one recording, whose sensors may be in two `tables`.

    Rotation is interpolated linearly at the times of acceleration. It is not known before its first sample, after its
    last, and where it paused for more than `MAX_GAP_S`: such rows are left out, which may be all.
    """
    table = next(x for x in tables if x.acceleration)
    assert table.acceleration
    begin, seconds, values = table.acceleration[:3]
    found = PairedSamples(np.arange(len(seconds)), seconds, values)
    rotation = next((x.rotation for x in tables if x.rotation), None)
    if rotation is not None and len(tables) == 1 and table.is_paired:
        found = PairedSamples(found.rows, seconds, np.concatenate([values, rotation.values], axis=1))
    elif rotation is not None:
        turn_seconds = rotation.seconds + (rotation.begin - begin) * table.time_factor
        rows, turns = _interpolated(seconds, turn_seconds, rotation.values)
        found = PairedSamples(rows, seconds[rows], np.concatenate([values[rows], turns], axis=1))
    if layout.time and layout.time.steady:
        return found
    moves_on = np.ones(len(found.seconds), np.bool_)
    moves_on[1:] = np.diff(found.seconds) != 0
    return replace(found.part(moves_on), n_repeated=int(np.count_nonzero(~moves_on)))


def _interpolated(seconds: Array, turn_seconds: Array, turns: Array) -> tuple[npt.NDArray[np.intp], Array]:
    """The rows of `seconds` `[n]` at which rotation is known, and rotation there `[m, 3]`."""
    turn_seconds, places = np.unique(turn_seconds, return_index=True)
    turns = turns[places]
    if len(turns) < 2:
        return np.empty(0, np.intp), np.empty((0, 3))
    after = np.clip(np.searchsorted(turn_seconds, seconds), 1, len(turn_seconds) - 1)
    is_near = (turn_seconds[after] - turn_seconds[after - 1] <= MAX_GAP_S) | (turn_seconds[after] == seconds)
    rows = np.flatnonzero(is_near & (seconds >= turn_seconds[0]) & (seconds <= turn_seconds[-1]))
    return rows, np.stack([np.interp(seconds[rows], turn_seconds, x) for x in turns.T], axis=1)
