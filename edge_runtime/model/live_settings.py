"""Hold what a card says about live recognition: smoothing and novelty detection."""

from __future__ import annotations  # the benchmark's worker, which reads cards, also runs on Python 3.9

from dataclasses import dataclass, field

from edge_runtime.model.novelty import NoveltyDetector

_MOST_EVIDENCE = 10.0  # of more, all products of probabilities could round to 0


@dataclass(frozen=True)
class Smoothing:
    """The numbers of the hidden Markov model, for one window a hop of the card's window.

    Chosen by cross-validation over the training subjects (docs/results/live.md).
    """

    evidence: float = 0.5  # exponent of a window's probabilities, since successive windows are not independent
    change_still: float = 0.001  # probability that an activity ends within a hop while the body is still
    change_moving: float = 0.7  # the same while it moves
    movement: float = 0.045  # g: mean body acceleration of the last hop from which on the body moves
    confidence: float = 0.8  # a new activity is reported from this probability on

    def fault(self) -> str | None:
        """State what makes it unusable, if anything does."""
        shares = (self.change_still, self.change_moving, self.confidence)
        usable = 0 < self.evidence <= _MOST_EVIDENCE and self.movement >= 0 and all(0 < x < 1 for x in shares)
        if usable:
            return None
        return (
            f"needs smoothing with evidence above 0 and at most {_MOST_EVIDENCE:g}, and probabilities between 0 and 1"
        )


@dataclass(frozen=True)
class LiveSettings:
    """Settings of live recognition; without `novelty`, the network's answers are never rejected."""

    smoothing: Smoothing = field(default_factory=Smoothing)
    novelty: NoveltyDetector | None = None

    def fault(self, n_labels: int) -> str | None:
        """State what makes them unusable for so many activities, if anything does."""
        return self.smoothing.fault() or (self.novelty.fault(n_labels) if self.novelty else None)
