"""Compare recipes and networks by cross-validation over the training subjects: `python -m tools.choose_recipe`.

The table of the default recipe and network, in float32 and in int8; the test subjects are not used. Writes
`docs/results/recipe.md` after each candidate. The folds share the CPUs; `--seeds N` takes N times as long, and tells
chance from gain.
"""

import dataclasses
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from convert.conversion_job import CALIBRATION
from convert.tensorflow_setup import import_tensorflow
from edge_runtime.data import loading
from edge_runtime.data.dataset import Dataset
from edge_runtime.errors import InputError
from edge_runtime.model import model_card as cards
from edge_runtime.model.classifier import Classifier
from edge_runtime.signals.filters import FILTERS
from edge_runtime.system.files import write_text
from tools import RESULTS, table
from train.cross_validation import choose_folds
from train.fit.fit_job import FitJob, FitOutcome, Key, held_rows, load_logits, plan_fit
from train.fit.networks import strided_lstm
from train.fit.recipe import Recipe
from train.run.fit_processes import run_jobs

RECIPES = RESULTS / "recipe.md"
FOLDS = 4
CANDIDATES: dict[str, dict[str, Any]] = {
    "the default": {},
    "all signals linear": {"knee": 0.0},
    "official windows only": {"shift": False},
    "turn 0.2": {"turn": 0.2},
    "intensity 0": {"intensity": 0.0},
    "steps of 8 samples, kernel 17": {"network": "tools.choose_recipe:steps_of_8"},
    "steps of 10 samples, kernel 21": {"network": "tools.choose_recipe:steps_of_10"},
    "96 units": {"network": "tools.choose_recipe:units_96"},
    "edge-small": {"network": "edge-small"},
    "edge-small with 40 units": {"network": "tools.choose_recipe:units_40"},
    "100 epochs": {"epochs": 100},
    "knee 0.5": {"knee": 0.5},
    "rotation 0.1": {"rotation": 0.1},
    "rotation 0.3": {"rotation": 0.3},
    "noise 0": {"noise": 0.0},
    "kernel 17": {"network": "tools.choose_recipe:kernel_17"},
    "two layers": {"network": "tools.choose_recipe:two_layers"},
    "both directions": {"network": "tools.choose_recipe:both_directions"},
    "turn 0.8": {"turn": 0.8},
    "intensity 0.35": {"intensity": 0.35},
    "gain 0.1": {"gain": 0.1},
    "clip 4": {"clip": 4.0},
    "knee 0.12": {"knee": 0.12},
    "kernel 33": {"network": "tools.choose_recipe:kernel_33"},
}


steps_of_8 = partial(strided_lstm, "steps-of-8", filters=64, kernel=17, stride=8, units=64)
steps_of_10 = partial(strided_lstm, "steps-of-10", filters=64, kernel=21, stride=10, units=64)
kernel_17 = partial(strided_lstm, "kernel-17", filters=64, kernel=17, stride=16, units=64)
kernel_33 = partial(strided_lstm, "kernel-33", filters=64, kernel=33, stride=16, units=64)
units_96 = partial(strided_lstm, "units-96", filters=64, kernel=25, stride=16, units=96)
units_40 = partial(strided_lstm, "units-40", filters=32, kernel=25, stride=16, units=40)


def both_directions(input_shape: tuple[int, int], n_classes: int) -> Any:
    """The LSTM forwards and backwards."""
    from keras import layers

    return _with_recurrence([layers.Bidirectional(layers.LSTM(64, unroll=True))], input_shape, n_classes)


def two_layers(input_shape: tuple[int, int], n_classes: int) -> Any:
    """Two LSTMs, one upon the other."""
    from keras import layers

    recurrence = [layers.LSTM(64, unroll=True, return_sequences=True), layers.LSTM(64, unroll=True)]
    return _with_recurrence(recurrence, input_shape, n_classes)


def _with_recurrence(recurrence: list[Any], input_shape: tuple[int, int], n_classes: int) -> Any:
    """`edge` with other layers in its LSTM's place."""
    import keras

    network = strided_lstm("edge", input_shape, n_classes, filters=64, kernel=25, stride=16, units=64)
    # Made anew: those of a network know the shape of what came before them.
    layers = [
        x
        for layer in network.layers
        for x in (recurrence if layer.name == "lstm" else [type(layer).from_config(layer.get_config())])
    ]
    return keras.Sequential([keras.Input(input_shape), *layers])


@click.command()
@click.argument("candidates", nargs=-1, metavar="[CANDIDATE]...", type=click.Choice(list(CANDIDATES)))
@click.option("--seeds", default=1, metavar="N", help="Fits of each fold, which are averaged.")
def main(candidates: Sequence[str], seeds: int) -> None:
    """Train every CANDIDATE, or all, on each fold; write the table when it was all."""
    import_tensorflow("choosing a recipe")
    data = loading.load_data()
    rows = []
    for name in candidates or CANDIDATES:
        recipe = dataclasses.replace(Recipe(), **CANDIDATES[name])
        rows.append(_row(name, cross_validate(recipe, data, seeds)))
        print(" | ".join(rows[-1]), flush=True)
        if not candidates:
            write_text(RECIPES, _table(rows, seeds))


def cross_validate(recipe: Recipe, data: Dataset, n_seeds: int) -> np.ndarray:
    """Train on the other folds for each fold; accuracies on its subjects, `[fold, seed, scheme]`, float32 and int8.

    int8 is NaN for a network that cannot be converted.
    """
    with tempfile.TemporaryDirectory(prefix="har-edge-") as folder:
        jobs = [
            plan(recipe, data, subjects, fold, fold + FOLDS * i, Path(folder))
            for fold, subjects in enumerate(choose_folds(data.train, data.labels, FOLDS))
            for i in range(n_seeds)
        ]
        run_jobs(jobs, data, lambda job, step: None)
        return np.reshape([_accuracies(job, data) for job in jobs], (FOLDS, n_seeds, 2))


def plan(recipe: Recipe, data: Dataset, held_out: list[int], fold: int, seed: int, folder: Path) -> FitJob:
    """The job of a fit that does not see one fold's subjects."""
    title = f"fit of fold {fold + 1}, seed {seed}"
    return plan_fit("fit", title, data, recipe, Key(seed, 0), folder / f"seed-{seed}", held_out)


def int8_classifier(job: FitJob, data: Dataset) -> Classifier:
    """The int8 form of a fit, calibrated on windows it was trained on."""
    from convert.keras_files import load_network
    from convert.lowering.network import lower
    from convert.quantise import tflite_converter
    from convert.quantise.calibration import calibrate, draw_windows

    normalisation = FitOutcome.load(job).normalisation
    fitting = data.train.select(~held_rows(data.train, job.held_out))
    lowered = lower(load_network(job.model))
    windows = normalisation.apply(fitting.X[draw_windows(fitting, CALIBRATION, job.key.seed)])
    flatbuffer = tflite_converter.to_int8(lowered, calibrate(lowered, windows, lambda done, of: None))
    path = job.folder / "model.tflite"
    card = cards.Card(job.name, data.labels, data.signals, data.window, normalisation, front_end=FILTERS)
    cards.write_model(path, flatbuffer, card)
    return Classifier(path)


def _accuracies(job: FitJob, data: Dataset) -> tuple[float, float]:
    held = held_rows(data.train, job.held_out)
    X, y = data.train.X[held], data.train.y[held]
    float32 = float(np.mean(load_logits(job).argmax(1) == y))
    try:
        return float32, float(np.mean(int8_classifier(job, data).logits(X).argmax(1) == y))
    except InputError:  # the network has a layer that is not converted
        return float32, float("nan")


def _row(name: str, accuracies: np.ndarray) -> list[str]:
    folds, (float32, int8) = 100 * accuracies[..., 0].mean(axis=1), 100 * accuracies.mean(axis=(0, 1))
    return [name, *(f"{x:.2f}" for x in (*folds, float32)), "–" if np.isnan(int8) else f"{int8:.2f}"]


def _table(rows: list[list[str]], n_seeds: int) -> str:
    seeds = f"the mean of {n_seeds} seeds" if n_seeds > 1 else "one seed: differences below about 0.3 may be chance"
    names = ("knee", "turn", "rotation", "intensity", "gain", "noise", "clip", "epochs")
    defaults = ", ".join(f"{name} {getattr(Recipe(), name):g}" for name in names)
    return f"""# Recipes and networks, by cross-validation over the 21 training subjects

Accuracy in percent on each fold's subjects, in float32 and, last, the mean in int8; {seeds}. Written by
`python -m tools.choose_recipe`. Each row is the default but for what its name says: the network `edge`, windows at any
offset, {defaults}.

{table(f"recipe | {' | '.join(f'fold {i + 1}' for i in range(FOLDS))} | mean | mean, int8", rows)}
## Distillation

Also tried, with the same folds and seed: three other fits of the same recipe came first, whose answers the network
learnt beside the labels (Hinton, Vinyals, Dean: Distilling the Knowledge in a Neural Network, 2015; temperature 2, half
of the loss). It was no better than the default, in four times the time: removed. No file was kept.
"""


if __name__ == "__main__":
    main()
