"""Summarise how scores vary over trainings that differ in their seed alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from edge_runtime.data.subject_groups import natural
from edge_runtime.model.model_card import Card

PARTS = {"held_out": "held out", "test": "test"}
MEASURES = {"accuracy": "accuracy", "macro_f1": "macro F1"}


@dataclass(frozen=True)
class Spread:
    """One score over the seeds; `sd` is the standard deviation with n - 1."""

    mean: float
    sd: float
    min: float
    max: float
    per_seed: list[float]

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """The spread of `values`, at least two, in the order of the seeds."""
        mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
        return cls(mean, sd, min(values), max(values), list(map(float, values)))

    def __str__(self) -> str:
        """Mean and deviation in percent."""
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
        """The spread of the scores of each seed's card; subjects are in natural order."""

        def over_seeds(key: str) -> Spread:
            return Spread.of([x[key] for x in scores])

        def of_people(key: str) -> dict[str, Spread]:
            return {x: Spread.of([score[key][x] for score in scores]) for x in sorted(scores[0][key], key=natural)}

        return cls(
            over_seeds("accuracy"), over_seeds("macro_f1"), of_people("per_subject"), of_people("per_subject_macro_f1")
        )


def spread(cards: Sequence[Card]) -> dict[str, PartSpread]:
    """Summarise the spread of the scores of `cards`, one a seed, on the held-out and on the test subjects."""
    return {part: PartSpread.of([card.scores[part] for card in cards]) for part in PARTS}
