"""Tell progress: the type of the functions that hear it."""

from collections.abc import Callable

OnProgress = Callable[[float, str], None]
"""Hears the share of the work that is done, in [0, 1], and its present part: `stage`, or `stage: detail`."""


def ignore_progress(share: float, text: str) -> None:
    """Ignore progress."""
