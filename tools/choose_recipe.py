"""Compare training recipes by cross-validation over the training subjects: `python tools/choose_recipe.py`.

The default recipe's numbers were chosen this way; the test subjects are never looked at. Writes `results/recipe.md`
after each recipe. The folds share the CPUs; `--seeds N` takes N times as long, and tells chance from gain.
"""

import argparse
import dataclasses
import tempfile
from pathlib import Path

import numpy as np
from sklearn.model_selection import GroupKFold

from edge_runtime import dataset
from edge_runtime.dataset import Dataset, Split
from edge_runtime.files import write_text
from train.jobs import FitJob, held_rows, load_logits, plan_fit
from train.processes import run_jobs
from train.recipe import Recipe

RESULTS = Path(__file__).resolve().parent.parent / "results" / "recipe.md"
FOLDS = 4
CANDIDATES: dict[str, dict[str, float]] = {
    "the default": {},
    "noise 0": {"noise": 0.0},
    "noise 0.05": {"noise": 0.05},
    "gain 0.1": {"gain": 0.1},
    "gain 0.2": {"gain": 0.2},
    "rotation 0.1": {"rotation": 0.1},
    "rotation 0.3": {"rotation": 0.3},
    "clip 4": {"clip": 4.0},
    "30 epochs": {"epochs": 30},
    "any offset": {"shift": True},
    "3 teachers": {"teachers": 3},
}


def main() -> None:
    """Train every candidate (or those named as arguments) on each fold; leave a table."""
    parser = argparse.ArgumentParser(description="Compare training recipes by cross-validation.")
    parser.add_argument("candidates", nargs="*", metavar="CANDIDATE", help=", ".join(CANDIDATES))
    parser.add_argument("--seeds", type=int, default=1, metavar="N", help="fits of each fold, which are averaged")
    arguments = parser.parse_args()
    data = dataset.load(None)
    rows = []
    for name in arguments.candidates or CANDIDATES:
        recipe = dataclasses.replace(Recipe(), **CANDIDATES[name])
        accuracies = [100 * np.mean(x) for x in cross_validate(recipe, data, arguments.seeds)]
        rows.append(f"| {name} | {' | '.join(f'{x:.2f}' for x in accuracies)} | {np.mean(accuracies):.2f} |")
        print(rows[-1], flush=True)
        write_text(RESULTS, _table(rows, arguments.seeds))


def cross_validate(recipe: Recipe, data: Dataset, n_seeds: int) -> list[list[float]]:
    """For each fold the accuracies, one a seed, on its subjects of networks trained on the others."""
    with tempfile.TemporaryDirectory(prefix="har-edge-") as folder:
        plans = [
            [_plan(recipe, data, subjects, fold, fold + FOLDS * i, Path(folder)) for i in range(n_seeds)]
            for fold, subjects in enumerate(_folds(data.train))
        ]
        jobs = [job for plans_of_fold in plans for plan in plans_of_fold for job in plan]
        run_jobs(jobs, data, lambda job, step: None)
        return [[_accuracy(plan[-1], data.train) for plan in plans_of_fold] for plans_of_fold in plans]


def _folds(train: Split) -> list[list[int]]:
    """The subjects of each fold."""
    folds = GroupKFold(FOLDS).split(train.X, train.y, train.subject)
    return [np.unique(train.subject[rows]).tolist() for _, rows in folds]


def _plan(recipe: Recipe, data: Dataset, held_out: list[int], fold: int, seed: int, folder: Path) -> list[FitJob]:
    return plan_fit(
        "fit", f"fit of fold {fold + 1}, seed {seed}", data, recipe, seed, 0, 1, folder / f"seed-{seed}", held_out
    )


def _accuracy(job: FitJob, train: Split) -> float:
    y = train.y[held_rows(train, job.held_out)]
    return float(np.mean(load_logits(job).argmax(1) == y))


def _table(rows: list[str], n_seeds: int) -> str:
    folds = " | ".join(f"fold {i + 1}" for i in range(FOLDS))
    averaged = f", the mean of {n_seeds} seeds" if n_seeds > 1 else ""
    return (
        "# Recipes, by cross-validation over the 21 training subjects\n\n"
        f"Float accuracy in percent on each fold's subjects{averaged}, written by `python tools/choose_recipe.py`. "
        f"Each row changes one number of the default recipe: {_describe(Recipe())}.\n\n"
        f"| recipe | {folds} | mean |\n|---|{'---|' * (FOLDS + 1)}\n" + "\n".join(rows) + "\n"
    )


def _describe(recipe: Recipe) -> str:
    names = ("noise", "gain", "rotation", "clip", "epochs")
    return ", ".join(f"{name} {getattr(recipe, name):g}" for name in names)


if __name__ == "__main__":
    main()
