"""Describe one fit without TensorFlow: its job, its progress and its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.data.names import coarse_classes
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.system.dataclass_json import from_text
from train.fit.made_postures import MadePosture, plan_made_postures
from train.fit.placement_labels import plan_placement_labels
from train.fit.recipe import Recipe


@dataclass(frozen=True)
class Key:
    """The key of one fit's random numbers: fits of one training share the seed, but never the stream."""

    seed: int
    stream: int

    def sequence(self, *rest: int) -> np.random.SeedSequence:
        """Return the seed sequence of one part of the fit, such as an epoch."""
        return np.random.SeedSequence([self.seed, self.stream, *rest])


@dataclass(frozen=True)
class FitJob:
    """One fit to `n_windows` windows, `hop` samples apart, of the training subjects that are not `held_out`.

    All files lie in `folder` and begin with `name`; `title` is for sentences. `coarse` is the coarse class of each
    class, for recipes that learn coarse classes too. `placement_labels` are the possible classes of each mounting,
    empty for all.
    """

    name: str
    title: str
    recipe: Recipe
    key: Key
    folder: Path
    held_out: tuple[int | str, ...]
    n_windows: int
    n_classes: int
    signals: tuple[str, ...]
    hop: int
    coarse: tuple[int, ...] = ()
    made_postures: tuple[MadePosture, ...] = ()
    placement_labels: tuple[tuple[int, ...], ...] = ()

    @property
    def checkpoint(self) -> Path:
        """The state after the last finished epoch."""
        return self.folder / f"{self.name}.npz"

    @property
    def lock(self) -> Path:
        """The lock of the process that is at work on this fit."""
        return self.folder / f"{self.name}.lock"

    @property
    def model(self) -> Path:
        """The trained network."""
        return self.folder / f"{self.name}.keras"

    @property
    def logits(self) -> Path:
        """The logits on the windows of the held-out subjects, or of the test subjects if nobody is held out."""
        return self.folder / f"{self.name}.npy"

    @property
    def outcome(self) -> Path:
        """All other facts about the trained network; this file is written last."""
        return self.folder / f"{self.name}.json"

    @property
    def is_done(self) -> bool:
        """Tell whether nothing is left to do."""
        return self.outcome.exists()


def plan_fit(
    name: str, title: str, dataset: Dataset, recipe: Recipe, key: Key, folder: Path, held_out: Sequence[Any] = ()
) -> FitJob:
    """Return the job of fitting the recipe's network to the training windows of all subjects but `held_out`."""
    postures = plan_made_postures(dataset, recipe)
    rows = ~held_rows(dataset.train, held_out)
    return FitJob(
        name=name,
        title=title,
        recipe=recipe,
        key=key,
        folder=folder,
        held_out=tuple(held_out),
        n_windows=int(rows.sum()),
        n_classes=len(dataset.labels),
        signals=tuple(x.name for x in dataset.signals),
        hop=dataset.window.hop,
        coarse=coarse_classes(dataset.labels)[1] if recipe.coarse_epochs else (),
        made_postures=postures,
        placement_labels=plan_placement_labels(dataset, rows, postures) if recipe.own_labels else (),
    )


def held_rows(train: Split, held_out: Sequence[Any]) -> npt.NDArray[np.bool_]:
    """Find the windows `[n]` of the subjects `held_out`."""
    return np.isin(train.subject, np.array(held_out, train.subject.dtype))


@dataclass(frozen=True)
class Epoch:
    """One row of the history, `epoch` from 1; the held-out columns are NaN if nobody is held out."""

    epoch: int
    loss: float
    accuracy: float
    held_out_loss: float
    held_out_accuracy: float


@dataclass(frozen=True)
class FitOutcome:
    """The facts of a trained network."""

    normalisation: Normalisation
    history: list[Epoch]
    weights_sha256: str
    parameters: int
    layers: list[str]
    versions: dict[str, str]

    @classmethod
    def load(cls, job: FitJob) -> "FitOutcome":
        """Read the job's outcome."""
        return from_text(cls, job.outcome.read_text(encoding="utf-8"))


def load_logits(job: FitJob) -> npt.NDArray[np.float32]:
    """Read the job's logits `[n, n_classes]`."""
    logits: npt.NDArray[np.float32] = np.load(job.logits, allow_pickle=False)
    return logits
