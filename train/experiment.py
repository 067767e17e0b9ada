"""One training from beginning to end: two fits with the same fixed schedule, and the run folder they leave.

The selection fit holds out a few training subjects; every choice that comes after (the gate of the conversion,
temperature) is made on them. The final fit uses all training subjects. The test subjects are only scored, once, at the
end.
"""

import csv
import dataclasses
import io
import json
import platform
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

import edge_runtime
from edge_runtime.card import Card, save
from edge_runtime.dataset import Dataset, Split
from edge_runtime.errors import InputError
from edge_runtime.files import atomic_path, write_text
from edge_runtime.runs import Run, make_latest
from train.checkpoint import Epoch
from train.evaluate import fit_temperature, score
from train.fit import FitResult, Progress, fit, hash_weights, logits, steps_per_epoch
from train.plots import plot_confusion, plot_curves
from train.recipe import Recipe


@dataclass(frozen=True)
class Settings:
    """What decides the outcome of a training; kept beside the checkpoints so that it can go on."""

    recipe: Recipe
    seed: int
    data: str | None  # the path given by the user; None is the embedded data
    fingerprint: str

    def save(self, path: Path) -> None:
        """Write the settings as JSON, whole or not at all."""
        write_text(path, json.dumps(dataclasses.asdict(self), indent=1) + "\n")

    def check(self) -> None:
        """Raise `TypeError` when a value is of another type than it was saved with."""
        kinds: dict[Any, Any] = {str: str, int: int, float: (int, float)}
        values = [(x.name, getattr(self.recipe, x.name), kinds[x.type]) for x in dataclasses.fields(self.recipe)]
        values += [("seed", self.seed, int), ("data", self.data, (str, type(None)))]
        values += [("fingerprint", self.fingerprint, str)]
        wrong = [name for name, value, kind in values if not isinstance(value, kind)]
        if wrong:
            raise TypeError(f"{wrong[0]} has the wrong type")

    @classmethod
    def load(cls, path: Path) -> "Settings":
        """Read settings; `InputError` when they are missing or damaged."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            settings = cls(Recipe(**content.pop("recipe")), **content)
            settings.check()
            return settings
        except FileNotFoundError as error:
            raise InputError(f"{path.parent.parent} has no stopped training to resume") from error
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(f"{path} is damaged ({error}); remove {path.parent} and train again") from error


def checkpoint_folder(run: Run) -> Path:
    """Where a training that has not ended keeps its state; gone when it has."""
    return run.folder / "checkpoint"


def settings_path(run: Run) -> Path:
    """The settings of a training that has not ended."""
    return checkpoint_folder(run) / "settings.json"


def hold_out(subjects: npt.NDArray[np.generic]) -> list[Any]:
    """Every fourth training subject, from the second on: the same for every seed, so that runs can be compared.

    Raises `InputError` when there are fewer than two.
    """
    ordered = _distinct(subjects)
    if len(ordered) < 2:
        raise InputError("training needs at least two training subjects, since one is held out: record another person")
    return ordered[1::4]


def run_experiment(settings: Settings, dataset: Dataset, run: Run, on_step: Callable[[Progress], None]) -> Card:
    """Train as `settings` say, write the run folder, return its card.

    Stopped at any moment it can be called again with the same arguments: finished epochs are not repeated, and the
    weights come out the same.
    """
    tf.config.experimental.enable_op_determinism()
    held_subjects = hold_out(dataset.train.subject)
    held = np.isin(dataset.train.subject, held_subjects)
    fitting, held_out = dataset.train.select(~held), dataset.train.select(held)
    _check_classes(dataset, fitting)
    _check_signals(dataset, fitting)
    folder = checkpoint_folder(run)
    common = (len(dataset.labels), settings.recipe, settings.seed)
    selection = fit("selection", fitting, held_out, *common, folder / "selection.npz", on_step)
    final = fit("final", dataset.train, None, *common, folder / "final.npz", on_step)

    held_out_logits = logits(selection.model, selection.normalisation.apply(held_out.X))
    test_logits = logits(final.model, final.normalisation.apply(dataset.test.X))
    scores = {
        "held_out": score(held_out, held_out_logits.argmax(1), dataset.labels),
        "test": score(dataset.test, test_logits.argmax(1), dataset.labels),
    }
    card = _make_card(settings, dataset, selection, final, held_subjects, scores)
    card = dataclasses.replace(card, temperature=fit_temperature(held_out_logits, held_out.y))
    _write(run, card, selection, final)
    make_latest(run)
    # Without its settings a training counts as ended, whatever else is still there.
    settings_path(run).unlink()
    shutil.rmtree(folder)
    return card


def count_steps(settings: Settings, dataset: Dataset) -> dict[str, int]:
    """How many batches each fit of the whole training takes."""
    held = np.isin(dataset.train.subject, hold_out(dataset.train.subject))
    sizes = {"selection": int((~held).sum()), "final": len(dataset.train)}
    return {name: settings.recipe.epochs * steps_per_epoch(n, settings.recipe) for name, n in sizes.items()}


def _distinct(subjects: npt.NDArray[np.generic]) -> list[Any]:
    """Each subject once, in the order of the data."""
    return list(dict.fromkeys(subjects.tolist()))


def _check_classes(dataset: Dataset, fitting: Split) -> None:
    absent = [label for i, label in enumerate(dataset.labels) if not (fitting.y == i).any()]
    if absent:
        raise InputError(
            f"{', '.join(absent)}: only held-out subjects have windows of this class; record it with more people"
        )


def _check_signals(dataset: Dataset, fitting: Split) -> None:
    constant = [x.name for i, x in enumerate(dataset.signals) if not fitting.X[..., i].std(dtype=np.float64) > 1e-6]
    if constant:
        raise InputError(f"the data has no variation in {', '.join(constant)}: was this sensor on while recording?")


def _make_card(
    settings: Settings,
    dataset: Dataset,
    selection: FitResult,
    final: FitResult,
    held_subjects: list[Any],
    scores: dict[str, Any],
) -> Card:
    model = final.model
    return Card(
        name=settings.recipe.network,
        labels=dataset.labels,
        signals=dataset.signals,
        window=dataset.window,
        normalisation=final.normalisation,
        network={
            "name": settings.recipe.network,
            "parameters": model.count_params(),
            "layers": [f"{x.name}: {type(x).__name__}" for x in model.layers],
        },
        training={
            "data": {"name": dataset.name, "fingerprint": dataset.fingerprint},
            "seed": settings.seed,
            "recipe": dataclasses.asdict(settings.recipe),
            "subjects": _distinct(dataset.train.subject),
            "held_out_subjects": held_subjects,
            "test_subjects": _distinct(dataset.test.subject),
            "selection_normalisation": dataclasses.asdict(selection.normalisation),
            "weights_sha256": {"model": hash_weights(final.model), "selection": hash_weights(selection.model)},
            "versions": {
                "har-edge": edge_runtime.__version__,
                "python": platform.python_version(),
                "tensorflow": tf.__version__,
                "keras": keras.__version__,
                "numpy": np.__version__,
            },
        },
        scores=scores,
    )


def _write(run: Run, card: Card, selection: FitResult, final: FitResult) -> None:
    """The card comes last: a folder that has it has everything."""
    for path, model in ((run.selection, selection.model), (run.model, final.model)):
        with atomic_path(path) as temporary:
            model.save(temporary)
    write_text(run.history, _history_csv(selection.history, final.history))
    title = f"{card.name}, seed {card.training['seed']}"
    plot_curves(selection.history, final.history, title, run.folder / "curves.png")
    for part, words, name in (("test", "test", "confusion"), ("held_out", "held-out", "confusion_held_out")):
        scores = card.scores[part]
        plot_confusion(
            scores["confusion"],
            card.labels,
            f"{card.name}: {scores['accuracy']:.2%} of {scores['windows']} {words} windows "
            f"({len(scores['per_subject'])} subjects)",
            run.folder / f"{name}.png",
        )
    save(card, run.card)


def _history_csv(selection: list[Epoch], final: list[Epoch]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["fit", *(x.name for x in dataclasses.fields(Epoch))])
    for name, history in (("selection", selection), ("final", final)):
        for epoch in history:
            writer.writerow([name, *("" if value != value else f"{value:.6g}" for value in dataclasses.astuple(epoch))])
    return text.getvalue()
