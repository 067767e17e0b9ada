"""Run a whole training, of one seed or several; a stopped one can go on."""

import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edge_runtime.data.dataset import Dataset
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card, load
from edge_runtime.runs import SEEDS, Run, checkpoint_folder, make_latest, settings_path
from edge_runtime.system.dataclass_json import from_json, to_text
from edge_runtime.system.files import write_csv, write_text
from train.fit.fit_job import FitJob
from train.fit.recipe import Recipe
from train.run.experiment import Experiment
from train.run.fit_processes import OnStep, locked, run_jobs
from train.spread import MEASURES, PARTS, PartSpread, spread
from train.training_plots import plot_seeds

SEEDS_FORMAT = 1


@dataclass(frozen=True)
class TrainingSettings:
    """All that decides the outcome of a training: of one seed, or of as many as `seeds` from `seed` on.

    They are stored beside the checkpoints, so that the training can go on.
    """

    recipe: Recipe
    seed: int
    data: str | None  # the path given by the user; None is the embedded data
    fingerprint: str
    seeds: int | None = None
    sensors: str = "all"
    classes: str = "six"

    def save(self, path: Path) -> None:
        """Write the settings as JSON, whole or not at all."""
        write_text(path, to_text(self))

    @classmethod
    def load(cls, path: Path) -> "TrainingSettings":
        """Read settings; `InputError` when they are missing or damaged."""
        try:
            return from_json(cls, json.loads(path.read_text(encoding="utf-8")), known_keys_only=True)
        except FileNotFoundError as error:
            raise InputError(f"{path.parent.parent} has no stopped training to resume") from error
        except (OSError, ValueError) as error:
            raise InputError(f"{path} is damaged ({error}); remove {path.parent} and train again") from error


def folder_lock(folder: Path) -> AbstractContextManager[None]:
    """Keep other trainings out of `folder` within the block. Raises `InputError` when one is at work there."""
    return locked(checkpoint_folder(folder) / "lock")


@dataclass(frozen=True)
class Training:
    """The training that `settings` ask for, on `dataset`, into `folder`."""

    settings: TrainingSettings
    dataset: Dataset
    folder: Path

    @cached_property
    def experiments(self) -> list[Experiment]:
        """One for each seed, in `folder` itself or, of several, each in a folder in it."""
        recipe, first, n = self.settings.recipe, self.settings.seed, self.settings.seeds
        if n is None:
            return [Experiment(recipe, first, self.dataset, Run(self.folder))]
        return [
            Experiment(recipe, seed, self.dataset, Run(self.folder / f"seed-{seed}"), f" of seed {seed}")
            for seed in range(first, first + n)
        ]

    def jobs(self) -> list[FitJob]:
        """All fits that are still to be done; the two fits of a seed side by side."""
        unfinished = [x for x in self.experiments if not x.is_finished]
        return [job for x in unfinished for job in x.jobs.values() if not job.is_done]

    def run(self, on_step: OnStep) -> list[Card]:
        """Train; write the run folders and, for several seeds, their common summary; return the cards.

        Stopped at any moment, a training with the same arguments goes on from there: finished epochs are not repeated,
        and the weights come out the same. To be called under the `folder_lock`. Raises the errors of `run_jobs`.
        """
        self._finish_trained()
        run_jobs(self.jobs(), self.dataset, on_step, lambda job: self._finish_trained())
        cards = [load(x.run.card) for x in self.experiments]
        if self.settings.seeds is not None:
            write_seeds(self.folder, cards)
        make_latest(Run(self.folder))
        # Without its settings a training counts as ended, whatever else is still there.
        settings_path(self.folder).unlink(missing_ok=True)
        shutil.rmtree(checkpoint_folder(self.folder))
        return cards

    def _finish_trained(self) -> None:
        for experiment in self.experiments:
            if not experiment.is_finished and all(job.is_done for job in experiment.jobs.values()):
                experiment.finish()
            if experiment.is_finished and self.settings.seeds is not None:
                # Nothing needs the state of its fits any more.
                shutil.rmtree(checkpoint_folder(experiment.run.folder), ignore_errors=True)


def write_seeds(folder: Path, cards: Sequence[Card]) -> None:
    """Write how scores vary with the seed: `seeds.csv`, `seeds.png` and, last, `seeds.json`, which completes them.

    As in each of the trainings, test subjects are only scored: neither a seed nor anything else is chosen by them.
    """
    parts = spread(cards)
    seeds = [card.training["seed"] for card in cards]
    write_csv(folder / "seeds.csv", _rows(seeds, parts))
    plot_seeds(
        {name: parts[part].per_subject for part, name in PARTS.items()},
        {name: parts[part].accuracy for part, name in PARTS.items()},
        f"{cards[0].name}, seeds {seeds[0]} to {seeds[-1]}",
        folder / "seeds.png",
    )
    content = {
        "format": SEEDS_FORMAT,
        "network": cards[0].network,
        "recipe": cards[0].training["recipe"],
        "data": cards[0].training["data"],
        "seeds": seeds,
        "runs": [f"seed-{seed}" for seed in seeds],
        "scores": {part: dataclasses.asdict(x) for part, x in parts.items()},
    }
    write_text(folder / SEEDS, json.dumps(content, indent=1) + "\n")


def _rows(seeds: Sequence[int], parts: Mapping[str, PartSpread]) -> Iterator[Sequence[object]]:
    yield "seed", "part", "subject", *MEASURES
    for i, seed in enumerate(seeds):
        for part, spreads in parts.items():
            yield seed, part, "", spreads.accuracy.per_seed[i], spreads.macro_f1.per_seed[i]
            yield from ((seed, part, subject, x.per_seed[i], "") for subject, x in spreads.per_subject.items())
