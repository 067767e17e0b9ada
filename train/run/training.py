"""Run a whole training, of one seed or several; a stopped one can go on."""

import dataclasses
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from edge_runtime.data.dataset import WINDOW, Dataset
from edge_runtime.data.labels import is_coarse
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import Card, load
from edge_runtime.runs import (
    SEEDS,
    Run,
    checkpoint_folder,
    find_all,
    lock_path,
    make_latest,
    named_data,
    settings_path,
)
from edge_runtime.signals.frontend import RATE_HZ
from edge_runtime.signals.types import Frame, Window
from edge_runtime.system.dataclass_json import from_json, to_text
from edge_runtime.system.files import write_csv, write_text
from edge_runtime.system.outside_files import parse_json, read_text
from train.fit.fit_job import FitJob
from train.fit.recipe import Recipe
from train.run.experiment import Experiment
from train.run.fit_processes import OnStep, locked, run_jobs
from train.spread import MEASURES, PARTS, PartSpread, spread
from train.training_data import hold_out, load_data, subjects_named
from train.training_plots import plot_seeds

SEEDS_FORMAT = 1


@dataclass(frozen=True)
class TrainingSettings:
    """All that decides the outcome of a training: of one seed, or of as many as `seeds` from `seed` on.

    They are stored beside the checkpoints, so that the training can go on.
    """

    recipe: Recipe
    seed: int
    data: tuple[str, ...] | None  # as --data names it; None is the embedded data
    fingerprint: str
    seeds: int | None = None
    sensors: str = "all"
    classes: str = "six"
    frame: Frame = "device"
    test_subjects: tuple[str, ...] | None = None  # None: those of the data
    held_out: tuple[str, ...] | None = None
    pictures: str = "png"
    window: Window | None = None  # None: that of the data, of recordings the standard one

    def load_data(self) -> Dataset:
        """Load the data as the training takes it; errors as of `training_data.load_data`."""
        return load_data(self.data, self.sensors, self.classes, self.frame, self.test_subjects, self.window)

    def held_out_of(self, dataset: Dataset) -> list[int | str]:
        """The training subjects of `dataset` whom `held_out` names, or else `hold_out`. Raises `InputError` as both."""
        if self.held_out is None:
            return hold_out(dataset.train.subject)
        return subjects_named("--held-out", self.held_out, dataset.train.subject.tolist(), "the training subjects")

    @classmethod
    def of(cls, cards: Sequence[Card], has_seeds: bool) -> "TrainingSettings":
        """The settings of the training that left `cards`, one a seed. Raises `ValueError` or others for other cards."""
        card, record = cards[0], cards[0].training
        return cls(
            recipe=from_json(Recipe, record["recipe"]),
            seed=record["seed"],
            data=named_data(record["data"].get("path")),
            fingerprint=record["data"]["fingerprint"],
            seeds=len(cards) if has_seeds else None,
            sensors="all" if not card.front_end or any(x.is_rotation for x in card.signals) else "accelerometer",
            classes="coarse" if is_coarse(card.labels) else "six",
            frame=card.frame,
            test_subjects=tuple(sorted(map(str, record["test_subjects"]))),
            held_out=tuple(sorted(map(str, record["held_out_subjects"]))),
            window=None if card.front_end is None or card.window == WINDOW else card.window,
        )

    def options(self) -> dict[str, object]:
        """The options of `har-edge train` that decide the outcome, by name."""
        own: dict[str, object] = {"network": self.recipe.network, "epochs": self.recipe.epochs}
        if self.window:
            own |= {"window": f"{self.window.samples / RATE_HZ:g}s", "hop": f"{self.window.hop / RATE_HZ:g}s"}
        else:
            own |= {"window": None, "hop": None}
        names = ("data", "sensors", "classes", "frame", "test_subjects", "seed", "seeds", "held_out")
        return own | {name: getattr(self, name) for name in names}

    def save(self, path: Path) -> None:
        """Write the settings as JSON, whole or not at all."""
        write_text(path, to_text(self))

    @classmethod
    def load(cls, path: Path) -> "TrainingSettings":
        """Read settings; `InputError` when they are missing or damaged."""
        try:
            content = parse_json(read_text(path, "the settings of a training"))
            return from_json(cls, content, known_keys_only=True)
        except FileNotFoundError as error:
            raise InputError(f"{path.parent.parent} has no stopped training to resume") from error
        except (OSError, ValueError) as error:
            raise InputError(f"{path} is damaged ({error}); remove {path.parent} and train again") from error


def load_finished(folder: Path) -> tuple[TrainingSettings, list[Card]] | None:
    """What the training that ended in `folder` was asked for, as its cards tell it, and those; None without one.

    Raises `InputError` when a card is damaged.
    """
    if not any(x.exists() for x in (Run(folder).card, folder / SEEDS)):
        return None
    cards = [load(run.card) for run in find_all(folder)]
    try:
        return TrainingSettings.of(cards, (folder / SEEDS).exists()), cards
    except (ValueError, LookupError, TypeError) as error:
        raise InputError(f"{folder} is not the folder of a training ({error}): name another with --out") from error


def folder_lock(folder: Path) -> AbstractContextManager[None]:
    """Keep other trainings out of `folder` within the block. Raises `InputError` when one is at work there."""
    return locked(lock_path(folder))


@dataclass(frozen=True)
class Training:
    """The training that `settings` ask for, on `dataset`, into `folder`."""

    settings: TrainingSettings
    dataset: Dataset
    folder: Path

    @cached_property
    def experiments(self) -> list[Experiment]:
        """One for each seed, in `folder` itself or, of several, each in a folder in it."""
        settings = self.settings
        first, held_out = settings.seed, settings.held_out_of(self.dataset)

        def experiment(seed: int, folder: Path, title: str) -> Experiment:
            return Experiment(
                settings.recipe, seed, self.dataset, Run(folder, settings.pictures), held_out, title, settings.data
            )

        if settings.seeds is None:
            return [experiment(first, self.folder, "")]
        seeds = range(first, first + settings.seeds)
        return [experiment(seed, self.folder / f"seed-{seed}", f" of seed {seed}") for seed in seeds]

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
            write_seeds(self.folder, cards, self.settings.pictures)
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


def write_seeds(folder: Path, cards: Sequence[Card], pictures: str) -> None:
    """Write how scores vary with the seed: `seeds.csv`, a picture and, last, `seeds.json`, which completes them.

    As in each of the trainings, test subjects are only scored: neither a seed nor anything else is chosen by them.
    """
    parts = spread(cards)
    seeds = [card.training["seed"] for card in cards]
    write_csv(folder / "seeds.csv", _rows(seeds, parts))
    plot_seeds(
        {name: parts[part].per_subject for part, name in PARTS.items()},
        {name: parts[part].accuracy for part, name in PARTS.items()},
        f"{cards[0].name}, seeds {seeds[0]} to {seeds[-1]}",
        folder / f"seeds.{pictures}",
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
            for subject, accuracy in spreads.per_subject.items():
                yield seed, part, subject, accuracy.per_seed[i], spreads.per_subject_macro_f1[subject].per_seed[i]
