"""How progress is told, by whatever takes its time."""

from __future__ import annotations

from collections.abc import Callable

OnProgress = Callable[[float, str], None]
"""Hears the share of the work that is done, and what is being done: `stage`, or `stage: detail`."""


def unheard(share: float, text: str) -> None:
    """Tell nobody."""
