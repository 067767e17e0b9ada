"""Compare training recipes by cross-validation over the training subjects: `python tools/choose_recipe.py`.

The default recipe's numbers were chosen this way; the test subjects are never looked at. Writes `results/recipe.md`
after each recipe. Takes about three minutes a recipe on two idle cores.
"""

import dataclasses
import sys
import tempfile
from pathlib import Path

from edge_runtime.host import import_tensorflow

import_tensorflow("choosing a recipe")

import numpy as np  # noqa: E402 - TensorFlow first, quietly
from sklearn.model_selection import GroupKFold  # noqa: E402

from edge_runtime import dataset  # noqa: E402
from edge_runtime.dataset import Split  # noqa: E402
from edge_runtime.files import write_text  # noqa: E402
from train.fit import fit, logits  # noqa: E402
from train.recipe import Recipe  # noqa: E402

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
}


def main() -> None:
    """Train every candidate (or those named as arguments) on each fold; leave a table."""
    split = dataset.load(None).train
    rows = []
    for name in sys.argv[1:] or CANDIDATES:
        accuracies = [100 * x for x in cross_validate(dataclasses.replace(Recipe(), **CANDIDATES[name]), split)]
        rows.append(f"| {name} | {' | '.join(f'{x:.2f}' for x in accuracies)} | {np.mean(accuracies):.2f} |")
        print(rows[-1], flush=True)
        write_text(RESULTS, _table(rows))


def cross_validate(recipe: Recipe, split: Split) -> list[float]:
    """The accuracy on each fold's subjects of a network trained on the others; the fold's number is the seed."""
    accuracies = []
    for seed, (train, test) in enumerate(GroupKFold(FOLDS).split(split.X, split.y, split.subject)):
        rows = np.zeros(len(split), bool)
        rows[train] = True
        with tempfile.TemporaryDirectory(prefix="har-edge-") as folder:
            checkpoint = Path(folder) / "fit.npz"
            result = fit("selection", split.select(rows), None, 6, recipe, seed, checkpoint, lambda step: None)
        predicted = logits(result.model, result.normalisation.apply(split.X[test])).argmax(1)
        accuracies.append(float(np.mean(predicted == split.y[test])))
    return accuracies


def _table(rows: list[str]) -> str:
    folds = " | ".join(f"fold {i + 1}" for i in range(FOLDS))
    return (
        "# Recipes, by cross-validation over the 21 training subjects\n\n"
        "Float accuracy in percent on each fold's subjects, written by `python tools/choose_recipe.py`. Each row "
        f"changes one number of the default recipe: {_describe(Recipe())}.\n\n"
        f"| recipe | {folds} | mean |\n|---|{'---|' * (FOLDS + 1)}\n" + "\n".join(rows) + "\n"
    )


def _describe(recipe: Recipe) -> str:
    names = ("noise", "gain", "rotation", "clip", "epochs")
    return ", ".join(f"{name.replace('_', ' ')} {getattr(recipe, name):g}" for name in names)


if __name__ == "__main__":
    main()
