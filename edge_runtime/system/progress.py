"""Define the types of functions that progress and notices are reported to."""

from collections.abc import Callable

OnProgress = Callable[[float, str], None]
"""Takes the finished share of the work, in [0, 1], and the present `stage`, or `stage: detail`."""

OnNotice = Callable[[str], None]
"""Takes a sentence for the user."""


def ignore_progress(share: float, text: str) -> None:
    """Ignore progress."""
