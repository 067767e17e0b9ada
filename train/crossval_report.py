"""What a cross-validation leaves: a table in the terminal, JSON, CSV and a picture."""

import csv
import dataclasses
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.table import Table

from edge_runtime.system.files import write_text
from edge_runtime.system.quantities import percent
from edge_runtime.system.terminal import Console
from train.cross_validation import CrossValidation
from train.spread import in_order
from train.training_plots import plot_confusion, plot_subjects

FORMAT = 1


def write(result: CrossValidation, asked: Mapping[str, Any], title: str, labels: tuple[str, ...], folder: Path) -> None:
    """Leave `crossval.csv`, the pictures and, last, `crossval.json` in `folder`; `asked` is what was to be trained."""
    write_text(folder / "crossval.csv", _to_csv(result))
    per_subject = result.scores["per_subject"]
    folds = {
        f"fold {i + 1}": {str(x): per_subject[str(x)] for x in fold.subjects} for i, fold in enumerate(result.folds)
    }
    plot_subjects(folds, title, f"Folds: {result.accuracy}.", folder / "crossval.png")
    plot_confusion(result.scores["confusion"], labels, title, folder / "confusion.png")
    content = {"format": FORMAT, **asked, **dataclasses.asdict(result)}
    del content["accuracy"]["per_seed"]  # it is that of each of the folds
    write_text(folder / "crossval.json", json.dumps(content, indent=1) + "\n")


def show(result: CrossValidation, title: str, folder: Path) -> None:
    """The folds, their mean and deviation, and the subjects."""
    table = Table(title=f"{title}: {result.parameters:,} parameters", title_justify="left")
    for name in ("", "subjects", "windows", "accuracy"):
        table.add_column(name, justify="left" if name in ("", "subjects") else "right")
    for i, fold in enumerate(result.folds):
        subjects = ", ".join(map(str, fold.subjects))
        table.add_row(f"fold {i + 1}", subjects, str(fold.windows), percent(fold.accuracy))
    table.add_section()
    table.add_row("mean ± sd of folds", "", "", str(result.accuracy))
    table.add_row("macro F1", "", str(result.scores["windows"]), percent(result.scores["macro_f1"]))
    table.add_section()
    for subject, accuracy in in_order(result.scores["per_subject"]).items():
        table.add_row("", subject, "", percent(accuracy))
    console = Console(markup=False)  # subjects are other people's text
    console.print(table)
    console.print(f"Scores and pictures: {folder}", soft_wrap=True)


def _to_csv(result: CrossValidation) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["fold", "subject", "windows", "accuracy"])
    for i, fold in enumerate(result.folds):
        writer.writerow([i + 1, "", fold.windows, fold.accuracy])
        writer.writerows([i + 1, x, "", result.scores["per_subject"][str(x)]] for x in fold.subjects)
    return text.getvalue()
