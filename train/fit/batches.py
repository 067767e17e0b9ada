"""Which windows a step learns from, all drawn from keys: no draw depends on an earlier one."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Split
from train.fit.recipe import Recipe
from train.fit.shift import Shifts


@dataclass(frozen=True)
class Key:
    """Where the random numbers of one fit come from: fits of one training share the seed, never the stream."""

    seed: int
    stream: int

    def sequence(self, *rest: int) -> np.random.SeedSequence:
        """The numbers of one part of the fit, such as an epoch."""
        return np.random.SeedSequence([self.seed, self.stream, *rest])


class Batch(NamedTuple):
    """`X` `[batch, samples, n_signals]` in physical units, `y` `[batch]`, `soft` `[batch, n_classes]` of the teachers.

    `key` is an int32 pair, of the augmentation.
    """

    X: npt.NDArray[np.float32]
    y: npt.NDArray[np.uint8]
    soft: npt.NDArray[np.float32]
    key: npt.NDArray[np.int32]


class Batches:
    """The batches of each epoch; `soft_targets` `[n, n_classes]` are zeros for who has no teachers."""

    def __init__(
        self,
        train: Split,
        n_classes: int,
        recipe: Recipe,
        key: Key,
        hop: int,
        soft_targets: npt.NDArray[np.float32] | None,
    ) -> None:
        self.steps = recipe.steps_per_epoch(len(train))
        self._train, self._key, self._size = train, key, recipe.batch_size
        self._soft = np.zeros((len(train), n_classes), np.float32) if soft_targets is None else soft_targets
        self._shifts = Shifts(train, hop) if recipe.shift and hop else None

    def of_epoch(self, epoch: int) -> Iterator[Batch]:
        """The epoch's batches, in an order of its own."""
        sequence = self._key.sequence(epoch)
        order = np.random.default_rng(sequence).permutation(len(self._train))
        keys = sequence.generate_state(2 * self.steps).view(np.int32).reshape(self.steps, 2)
        offsets_from = np.random.default_rng(self._key.sequence(epoch, 1))
        for step in range(self.steps):
            rows = order[step * self._size : (step + 1) * self._size]
            X, soft = self._train.X[rows], self._soft[rows]
            if self._shifts:
                offsets = self._shifts.draw(rows, offsets_from)
                X, soft = self._shifts.cut(rows, offsets), self._shifts.blend(self._soft, rows, offsets)
            yield Batch(X, self._train.y[rows], soft, keys[step])
