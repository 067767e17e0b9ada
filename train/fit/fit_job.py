"""Describe one fit without TensorFlow: its job, its progress and its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.system.dataclass_json import from_text
from train.fit.made_postures import MadePosture, plan_made_postures
from train.fit.recipe import Recipe


@dataclass(frozen=True)
class FitJob:
    """One fit to windows, `hop` samples apart, of the training subjects that are not `held_out`.

    Fits of one training share the `seed` of random numbers, but never the `stream`. All files lie in `folder` and begin
    with `name`; `title` is for sentences. `placement_labels` are the possible classes of each mounting, empty for all.
    """

    name: str
    title: str
    recipe: Recipe
    seed: int
    stream: int
    folder: Path
    held_out: tuple[int | str, ...]
    n_classes: int
    signals: tuple[str, ...]
    hop: int
    made_postures: tuple[MadePosture, ...] = ()
    placement_labels: tuple[tuple[int, ...], ...] = ()

    def sequence(self, *rest: int) -> np.random.SeedSequence:
        """Return the seed sequence of one part of the fit, such as an epoch."""
        return np.random.SeedSequence([self.seed, self.stream, *rest])

    @property
    def checkpoint(self) -> Path:
        """The state after the last finished epoch."""
        return self.folder / f"{self.name}.npz"

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
    name: str,
    title: str,
    dataset: Dataset,
    recipe: Recipe,
    seed: int,
    stream: int,
    folder: Path,
    held_out: Sequence[Any] = (),
) -> FitJob:
    """Return the job of fitting the recipe's network to the training windows of all subjects but `held_out`."""
    postures = plan_made_postures(dataset, recipe)
    rows = ~held_rows(dataset.train, held_out)
    return FitJob(
        name=name,
        title=title,
        recipe=recipe,
        seed=seed,
        stream=stream,
        folder=folder,
        held_out=tuple(held_out),
        n_classes=len(dataset.labels),
        signals=tuple(x.name for x in dataset.signals),
        hop=dataset.window.hop,
        made_postures=postures,
        placement_labels=plan_placement_labels(dataset, rows, postures) if recipe.own_labels else (),
    )


def plan_placement_labels(
    dataset: Dataset, rows: npt.NDArray[np.bool_], postures: Sequence[MadePosture]
) -> tuple[tuple[int, ...], ...]:
    """Return, by mounting, the classes of its placement in the training windows `rows`, and the made `postures`.

    The loss of a window is limited to these classes: a network that only meets pockets in walking would learn that
    every pocket walks. After X. Zhou, V. Koltun, P. Krähenbühl: Simple Multi-dataset Detection, CVPR 2022; they take
    the labels of the window's own data set. The data set stands for an unknown placement. Empty if all have the same
    classes, or without mountings.
    """
    train = dataset.train.select(rows)
    if train.mounting is None:
        return ()
    places = [mounting.placement or mounting.source for mounting in dataset.mountings]
    classes: dict[str, set[int]] = {place: set() for place in places}
    for mounting, y in np.unique(np.stack([train.mounting, train.y]), axis=1).T.tolist():
        classes[places[mounting]].add(y)
    for posture in postures:
        for mounting in posture.mountings:
            labels = classes[places[mounting]]
            if labels.intersection(posture.still):
                labels.add(posture.posture)
    by_place = {place: tuple(sorted(labels)) for place, labels in classes.items() if labels}
    if len(set(by_place.values())) < 2:
        return ()
    return tuple(by_place.get(place, ()) for place in places)


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
