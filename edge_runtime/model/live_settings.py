"""What a card says about live recognition: how to smooth, and what each activity usually looks like."""

from __future__ import annotations  # the benchmark's worker, which reads cards, also runs on Python 3.9

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from edge_runtime.model.novelty import NoveltyDetector

STEP_S = 1.28
"""Seconds from one window to the next, which the numbers of `Smoothing` are for."""


@dataclass(frozen=True)
class Smoothing:
    """The numbers of the model, chosen by cross-validation over the training subjects (docs/results/live.md)."""

    evidence: float = 0.5  # of one window per 1.28 s: the exponent of its probabilities, which are not independent
    change_still: float = 0.001  # probability that an activity ends within 1.28 s while the body is still
    change_moving: float = 0.7  # the same while it moves
    movement: float = 0.045  # g: mean body acceleration of the last 1.28 s that is not stillness
    confidence: float = 0.8  # a new activity is reported from this probability on

    def fault(self) -> str | None:
        """What makes it unusable, if anything."""
        shares = (self.change_still, self.change_moving, self.confidence)
        usable = self.evidence > 0 and self.movement >= 0 and all(0 < x < 1 for x in shares)
        return None if usable else "needs smoothing with evidence above 0 and probabilities between 0 and 1"

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Smoothing:
        """From a card's JSON. Raises `KeyError`, `TypeError` or `ValueError` when it is none."""
        return cls(**{x.name: float(content[x.name]) for x in fields(cls)})


@dataclass(frozen=True)
class Live:
    """Settings of a live stream; without `familiarity`, nothing is ever too strange to be believed."""

    smoothing: Smoothing = field(default_factory=Smoothing)
    familiarity: NoveltyDetector | None = None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Live:
        """From a card's JSON; what is absent is as in `Live()`. Raises as the parts do."""
        smoothing, familiarity = content.get("smoothing"), content.get("familiarity")
        return cls(
            Smoothing() if smoothing is None else Smoothing.from_dict(smoothing),
            None if familiarity is None else NoveltyDetector.from_dict(familiarity),
        )

    def fault(self, n_labels: int) -> str | None:
        """What makes it unusable for so many activities, if anything."""
        return self.smoothing.fault() or (self.familiarity.fault(n_labels) if self.familiarity else None)
