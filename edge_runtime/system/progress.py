"""Define the functions that hear of progress and of notices."""

from collections.abc import Callable

OnProgress = Callable[[float, str], None]
"""Hears the share of the work that is done, in [0, 1], and its present part: `stage`, or `stage: detail`."""

OnNotice = Callable[[str], None]
"""Hears a sentence for the user."""


def ignore_progress(share: float, text: str) -> None:
    """Ignore progress."""
