"""Windows at any offset, from windows that overlap: where one continues another, the signal in between is known."""

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Split


def find_continuations(split: Split, hop: int) -> npt.NDArray[np.bool_]:
    """Which windows, `[n]`, the next one continues `hop` samples later.

    That is so when all samples that the two would share are equal, and subject and class are the same: then both were
    cut from one stretch of one recording.
    """
    continued = np.zeros(len(split), bool)
    if len(split) > 1 and 0 < hop < split.X.shape[1]:
        continued[:-1] = (
            (split.X[:-1, hop:] == split.X[1:, :-hop]).all(axis=(1, 2))
            & (split.y[:-1] == split.y[1:])
            & (split.subject[:-1] == split.subject[1:])
        )
    return continued


class Shifts:
    """Training windows cut anew: each begins up to `hop` samples later than it did, where another continues it."""

    def __init__(self, split: Split, hop: int) -> None:
        self._X, self._hop = split.X, hop
        self._continued = find_continuations(split, hop)

    def draw(self, rows: npt.NDArray[np.intp], generator: np.random.Generator) -> npt.NDArray[np.intp]:
        """Offsets `[len(rows)]` in samples, evenly from 0 to `hop` - 1; 0 where the signal ends with the window."""
        return np.where(self._continued[rows], generator.integers(0, self._hop, len(rows)), 0)

    def cut(self, rows: npt.NDArray[np.intp], offsets: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
        """The windows `[len(rows), samples, n_signals]` that begin `offsets` samples after the windows `rows`."""
        samples = self._X.shape[1]
        rest = self._X[self._next(rows), samples - self._hop :]
        longer = np.concatenate([self._X[rows], rest], axis=1)
        return longer[np.arange(len(rows))[:, np.newaxis], offsets[:, np.newaxis] + np.arange(samples)]

    def blend(
        self, values: npt.NDArray[np.float32], rows: npt.NDArray[np.intp], offsets: npt.NDArray[np.intp]
    ) -> npt.NDArray[np.float32]:
        """`values` `[n, ...]` of whole windows, at `offsets`: linear between a window and the one that continues it."""
        share = (offsets / self._hop).astype(np.float32)[:, np.newaxis]
        return (1 - share) * values[rows] + share * values[self._next(rows)]

    def _next(self, rows: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
        return rows + self._continued[rows]
