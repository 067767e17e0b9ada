"""Report the scores of a training, with their spread over trainings that differ only in the seed."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from edge_runtime.data.names import natural, noun_of, with_noun
from edge_runtime.model.model_card import Card
from edge_runtime.runs import SEEDS
from edge_runtime.system.files import write_text
from edge_runtime.system.quantities import counted, percent
from edge_runtime.system.terminal import plain_table

SEEDS_FORMAT = 1
PARTS = {"held_out": "held out", "test": "test"}
MEASURES = {"accuracy": "accuracy", "macro_f1": "macro F1"}


@dataclass(frozen=True)
class Spread:
    """A score over the seeds, in their order; `sd` is the standard deviation with n - 1."""

    mean: float
    sd: float
    min: float
    max: float
    per_seed: list[float]

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Compute the spread of at least two `values`."""
        mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
        return cls(mean, sd, min(values), max(values), list(map(float, values)))

    def __str__(self) -> str:
        """Return mean and deviation in percent."""
        return f"{100 * self.mean:.2f} ± {100 * self.sd:.2f} %"


@dataclass(frozen=True)
class PartSpread:
    """The scores over the seeds on one part of the data, and accuracy and macro-F1 on each of its subjects."""

    accuracy: Spread
    macro_f1: Spread
    per_subject: dict[str, Spread]
    per_subject_macro_f1: dict[str, Spread]

    @classmethod
    def of(cls, scores: Sequence[Mapping[str, Any]]) -> "PartSpread":
        """Compute the spread of the scores of each seed's card; subjects are in natural order."""
        people = sorted(scores[0]["per_subject"], key=natural)
        accuracy, macro_f1 = (Spread.of([score[key] for score in scores]) for key in MEASURES)
        per_subject, per_subject_macro_f1 = (
            {person: Spread.of([score[key][person] for score in scores]) for person in people}
            for key in ("per_subject", "per_subject_macro_f1")
        )
        return cls(accuracy, macro_f1, per_subject, per_subject_macro_f1)


def spread(cards: Sequence[Card]) -> dict[str, PartSpread]:
    """Compute the spread of the scores of `cards`, a card for each seed, by the part of the data."""
    return {part: PartSpread.of([card.scores[part] for card in cards]) for part in PARTS}


def run_table(card: Card) -> Table:
    """Return the scores of one run, on its held-out and on the test subjects, as a table."""
    scores = [card.scores[part] for part in PARTS]
    noun = noun_of(scores[0]["per_subject"])
    table = _table(card, "", [len(score["per_subject"]) for score in scores], noun)
    for key, name in MEASURES.items():
        table.add_row(name, *(percent(score[key]) for score in scores))
    for label in card.labels:
        table.add_row(f"F1 {label}", *(percent(score["per_class"][label]["f1"]) for score in scores))
    worst = [min(score["per_subject_macro_f1"].items(), key=lambda y: y[1]) for score in scores]
    table.add_row(f"worst {noun}, macro F1", *(f"{percent(macro_f1)} ({with_noun(x)})" for x, macro_f1 in worst))
    return table


def seeds_table(cards: Sequence[Card]) -> Table:
    """Return the scores of runs that differ in the seed as a table: mean and standard deviation, and each run."""
    parts = list(spread(cards).values())
    noun = noun_of(parts[0].per_subject)
    note = f", mean ± standard deviation of {len(cards)} seeds"
    table = _table(cards[0], note, [len(part.per_subject) for part in parts], noun)
    for key, name in MEASURES.items():
        table.add_row(name, *(str(getattr(part, key)) for part in parts))
    worst = [min(part.per_subject_macro_f1.items(), key=lambda y: y[1].mean) for part in parts]
    table.add_row(f"worst {noun}, macro F1", *(f"{subject}: {macro_f1}" for subject, macro_f1 in worst))
    for i, card in enumerate(cards):
        for key, name in MEASURES.items():
            cells = [percent(getattr(part, key).per_seed[i]) for part in parts]
            table.add_row(f"{name}, seed {card.training['seed']}", *cells)
    return table


def _table(card: Card, note: str, n_subjects: Sequence[int], noun: str) -> Table:
    columns = [f"{part} ({counted(n, noun)})" for part, n in zip(PARTS.values(), n_subjects, strict=True)]
    return plain_table([""], columns, f"{card.name}: {card.network['parameters']:,} parameters{note}")


def write_seeds(folder: Path, cards: Sequence[Card]) -> None:
    """Write how scores vary with the seed, into `seeds.json`.

    Test subjects are only scored: no seed is chosen by them.
    """
    seeds = [card.training["seed"] for card in cards]
    content = {
        "format": SEEDS_FORMAT,
        "network": cards[0].network,
        "recipe": cards[0].training["recipe"],
        "data": cards[0].training["data"],
        "seeds": seeds,
        "runs": [f"seed-{seed}" for seed in seeds],
        "scores": {part: dataclasses.asdict(x) for part, x in spread(cards).items()},
    }
    write_text(folder / SEEDS, json.dumps(content, indent=1) + "\n")
