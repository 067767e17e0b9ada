"""One fit as a piece of work for a process of its own: what is asked, and the files that answer."""

import dataclasses
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from edge_runtime.data.coarse_labels import coarse_classes
from edge_runtime.data.dataset import Dataset, Split
from edge_runtime.errors import InputError
from edge_runtime.signals.normalisation import Normalisation
from edge_runtime.system.dataclass_json import from_json
from edge_runtime.system.files import atomic_path, write_text
from train.fit.batches import Key
from train.fit.history import Epoch
from train.fit.recipe import Recipe

Windows = Literal["train", "held_out", "test"]


@dataclass(frozen=True)
class FitJob:
    """One fit to the training subjects but those `held_out`, which are only evaluated after each epoch.

    All its files lie in `folder` and begin with its `name`; `title` stands for it in sentences. `teachers` names the
    jobs in the same folder that have to be done before, and whose answers it learns. `answers` are the windows that
    the trained network classifies in the end; `n_windows` are those it is trained on, `hop` samples apart. `coarse` is
    the coarse class of each class, for recipes that learn those too.
    """

    name: str
    title: str
    recipe: Recipe
    key: Key
    folder: Path
    held_out: tuple[Any, ...]
    answers: Windows
    n_windows: int
    n_classes: int
    hop: int
    coarse: tuple[int, ...] = ()
    teachers: tuple[str, ...] = ()

    @property
    def checkpoint(self) -> Path:
        """The state after the last finished epoch."""
        return self.folder / f"{self.name}.npz"

    @property
    def lock(self) -> Path:
        """Held by the process that is at work on this fit."""
        return self.folder / f"{self.name}.lock"

    @property
    def model(self) -> Path:
        """The trained network."""
        return self.folder / f"{self.name}.keras"

    @property
    def logits(self) -> Path:
        """Its logits of the windows that the job asks for."""
        return self.folder / f"{self.name}.npy"

    @property
    def outcome(self) -> Path:
        """Everything else about the trained network; this file comes last."""
        return self.folder / f"{self.name}.json"

    @property
    def steps(self) -> int:
        """Batches in the whole fit."""
        return self.recipe.epochs * self.recipe.steps_per_epoch(self.n_windows)

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return self.outcome.exists()

    @property
    def is_ready(self) -> bool:
        """Whether its teachers are done."""
        return all(dataclasses.replace(self, name=x).is_done for x in self.teachers)

    def soft_targets(self) -> npt.NDArray[np.float32] | None:
        """The mean of the teachers' probabilities at the recipe's temperature, `[n_windows, n_classes]`."""
        if not self.teachers:
            return None
        answers = [load_logits(dataclasses.replace(self, name=x)) for x in self.teachers]
        scaled = np.stack(answers) / self.recipe.distillation_temperature
        shares = np.exp(scaled - scaled.max(axis=-1, keepdims=True))
        return (shares / shares.sum(axis=-1, keepdims=True)).mean(axis=0).astype(np.float32)

    def to_json(self) -> str:
        """For the command line of the process."""
        return json.dumps(dataclasses.asdict(self) | {"folder": str(self.folder)})

    @classmethod
    def from_json(cls, text: str) -> "FitJob":
        """The inverse of `to_json`."""
        content = json.loads(text)
        recipe, key = Recipe(**content.pop("recipe")), Key(**content.pop("key"))
        tuples: dict[str, Any] = {x: tuple(content.pop(x)) for x in ("held_out", "coarse", "teachers")}
        return cls(recipe=recipe, key=key, folder=Path(content.pop("folder")), **tuples, **content)


@dataclass(frozen=True)
class FitOutcome:
    """What is known of a trained network beside its weights."""

    normalisation: Normalisation
    history: list[Epoch]
    weights_sha256: str
    parameters: int
    layers: list[str]
    versions: dict[str, str]

    def save(self, job: FitJob) -> None:
        """Leave it among the job's files, which are complete now."""
        write_text(job.outcome, json.dumps(dataclasses.asdict(self)))

    @classmethod
    def load(cls, job: FitJob) -> "FitOutcome":
        """Read it again; `InputError` naming the file when it is damaged."""
        try:
            content = json.loads(job.outcome.read_text(encoding="utf-8"))
            normalisation = from_json(Normalisation, content["normalisation"])
            history = [Epoch(**x) for x in content["history"]]
            return cls(**content | {"normalisation": normalisation, "history": history})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise _damaged(job.outcome, error) from error


def save_logits(job: FitJob, logits: npt.NDArray[np.float32]) -> None:
    """Leave the logits `[n, n_classes]` that the job asks for."""
    with atomic_path(job.logits) as temporary:
        np.save(temporary, logits)


def load_logits(job: FitJob) -> npt.NDArray[np.float32]:
    """What `save_logits` left; `InputError` naming the file when it is damaged."""
    try:
        logits: npt.NDArray[np.float32] = np.load(job.logits, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise _damaged(job.logits, error) from error
    return logits


def plan_fit(
    name: str,
    title: str,
    dataset: Dataset,
    recipe: Recipe,
    seed: int,
    stream: int,
    streams: int,
    folder: Path,
    held_out: Sequence[Any] = (),
) -> list[FitJob]:
    """The jobs that one fit takes: its teachers, then itself, which answers for the held-out or else the test subjects.

    `stream` is one of the `streams` that fits of the same seed have; the teachers' own streams come after those.
    """
    job = FitJob(
        name=name,
        title=title,
        recipe=recipe,
        key=Key(seed, stream),
        folder=folder,
        held_out=tuple(held_out),
        answers="held_out" if held_out else "test",
        n_windows=int((~held_rows(dataset.train, held_out)).sum()),
        n_classes=len(dataset.labels),
        hop=dataset.window.hop,
        coarse=coarse_classes(dataset.labels)[1] if recipe.coarse_epochs else (),
        teachers=tuple(f"{name}-teacher-{i + 1}" for i in range(recipe.teachers)),
    )
    teachers = [
        dataclasses.replace(
            job,
            name=teacher,
            title=f"teacher {i + 1} of the {title}",
            recipe=recipe.for_teachers(),
            key=Key(seed, stream + streams * (i + 1)),
            answers="train",
            teachers=(),
        )
        for i, teacher in enumerate(job.teachers)
    ]
    return [*teachers, job]


def held_rows(train: Split, held_out: Sequence[Any]) -> npt.NDArray[np.bool_]:
    """Which windows `[n]` belong to the subjects `held_out`."""
    return np.isin(train.subject, np.array(held_out, train.subject.dtype))


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} cannot be used ({error}); remove {path.parent} and train again")
