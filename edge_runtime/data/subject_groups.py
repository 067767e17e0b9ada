"""Group windows by subject: choose test subjects, and make blocks of windows where subjects are not known."""

import re
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

MIN_SUBJECTS = 3
"""Fewer cannot be divided into training, held-out and test subjects."""

N_BLOCKS = 12
_BLOCK = re.compile(r"(test-)?block-\d+")  # the names that `blocks` gives


def last_third(subjects: Iterable[int | str]) -> list[int | str]:
    """The last third of the `subjects`, in natural order; all where a training needs more."""
    ordered = natural_order(subjects)
    return ordered if len(ordered) < MIN_SUBJECTS else ordered[-(len(ordered) // 3) :]


def natural_order(subjects: Iterable[int | str]) -> list[int | str]:
    """Each of the `subjects` once: numbers by value, names such that s2 comes before s10."""
    return sorted(set(subjects), key=lambda x: natural(str(x)) if isinstance(x, str) else [(0, 0, x)])


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key by which s2 comes before s10, whatever the number of digits, and s02 before s2."""
    parts = re.split(r"(\d+)", text)
    digits = [x.lstrip("0") for x in parts]
    key = [(1, len(d), d) if x.isdecimal() else (2, 0, x) for x, d in zip(parts, digits, strict=True)]
    return [*key, (0, 0, text)]


def noun_of(subjects: Iterable[int | str]) -> str:
    """The word for those in `subjects`: `subject`, or `block` where blocks of windows stand for them."""
    names = [*map(str, subjects)]
    return "block" if names and all(map(_BLOCK.fullmatch, names)) else "subject"


def with_noun(subject: int | str) -> str:
    """`subject anna`, or `block-3`, for a sentence."""
    return str(subject) if noun_of([subject]) == "block" else f"subject {subject}"


def blocks(y: npt.NDArray[np.integer], is_test: npt.NDArray[np.bool_] | None) -> npt.NDArray[np.str_]:
    """Names of blocks `[n]` that stand for unknown subjects, since windows that follow each other overlap.

    The windows of each class `y` `[n]` are cut into `N_BLOCKS` parts in their order, and parts of the same number are
    one block. Where `is_test` `[n]` tells the test part, each part of the data has blocks of its own.
    """
    names = np.empty(len(y), "U16")
    for part in (None,) if is_test is None else (False, True):
        inside = np.ones(len(y), np.bool_) if part is None else is_test == part
        for label in np.unique(y[inside]):
            rows = np.flatnonzero(inside & (y == label))
            numbers = np.arange(len(rows)) * N_BLOCKS // len(rows) + 1
            names[rows] = [f"{'test-' if part else ''}block-{x}" for x in numbers]
    return names
