"""What a card says about live recognition: how to smooth, and what each activity usually looks like."""

from __future__ import annotations  # the benchmark's worker, which reads cards, also runs on Python 3.9

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edge_runtime.familiarity import Familiarity
from edge_runtime.smoothing import Smoothing


@dataclass(frozen=True)
class Live:
    """Settings of a live stream; without `familiarity`, nothing is ever too strange to be believed."""

    smoothing: Smoothing = field(default_factory=Smoothing)
    familiarity: Familiarity | None = None

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Live:
        """From a card's JSON; what is absent is as in `Live()`. Raises as the parts do."""
        smoothing, familiarity = content.get("smoothing"), content.get("familiarity")
        return cls(
            Smoothing() if smoothing is None else Smoothing.from_dict(smoothing),
            None if familiarity is None else Familiarity.from_dict(familiarity),
        )

    def fault(self, n_labels: int) -> str | None:
        """What makes it unusable for so many activities, if anything."""
        return self.smoothing.fault() or (self.familiarity.fault(n_labels) if self.familiarity else None)
