"""Put the names of labels and subjects in order, and in groups: test subjects, blocks of windows."""

import re
from collections.abc import Iterable
from contextlib import suppress

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError

UCI_HAR = ("WALKING", "WALKING_UPSTAIRS", "WALKING_DOWNSTAIRS", "SITTING", "STANDING", "LAYING")

MIN_SUBJECTS = 3  # fewer cannot be divided into training, held-out and test subjects

N_BLOCKS = 12
_BLOCK = re.compile(r"(test-)?block-\d+")  # the names that `blocks` gives


def labels_in_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Each of the `labels` once: UCI HAR's labels in its order, then all others by name."""
    distinct = set(labels)
    return (*(label for label in UCI_HAR if label in distinct), *sorted(distinct.difference(UCI_HAR)))


def test_group(subjects: Iterable[int | str]) -> list[int | str]:
    """Every third of the `subjects`; the last third of blocks, which overlap; all where a training needs more."""
    ordered = natural_order(subjects)
    if len(ordered) < MIN_SUBJECTS:
        return ordered
    return ordered[-(len(ordered) // 3) :] if noun_of(ordered) == "block" else ordered[2::3]


def default_held_out(subjects: Iterable[int | str]) -> list[int | str]:
    """Every fourth training subject, in the data's order, from the second on. Raises `InputError` for less than two."""
    held_out = [*dict.fromkeys(subjects)][1::4]
    if not held_out:
        raise InputError("this data has fewer than two training subjects: add others with --data")
    return held_out


def natural_order(subjects: Iterable[int | str]) -> list[int | str]:
    """Each of the `subjects` once: numbers by value, names in natural order (s2 before s10)."""
    return sorted(set(subjects), key=lambda x: natural(str(x)) if isinstance(x, str) else [(0, 0, x)])


def natural(text: str) -> list[tuple[int, int, str]]:
    """A key by which s2 comes before s10, whatever the number of digits, and s02 before s2."""
    parts = (x.lstrip("0") if x.isdecimal() else x for x in re.split(r"(\d+)", text))
    key = ((1, len(part), part) if part.isdecimal() or not part else (2, 0, part) for part in parts)
    return [*key, (0, 0, text)]


def noun_of(subjects: Iterable[int | str]) -> str:
    """The word for `subjects`: `subject`, or `block` where blocks of windows stand for people."""
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
    for part in (False, True):
        inside = np.full(len(y), not part) if is_test is None else is_test == part
        for label in np.unique(y[inside]):
            rows = np.flatnonzero(inside & (y == label))
            numbers = np.arange(len(rows)) * N_BLOCKS // len(rows) + 1
            names[rows] = [f"{'test-' if part else ''}block-{number}" for number in numbers]
    return names


def plain_name(person: int | str) -> str:
    """The name of a person without the data set of SET-NAME; "" for numbers, which stand for other people elsewhere."""
    name = str(person).rpartition("-")[2]
    return "" if any(map(str.isdigit, name)) else name


def without_fraction(number: str) -> str:
    """Write 1 for 1.0; other texts stay."""
    with suppress(ValueError):
        if "_" not in number and float(number).is_integer():
            return str(int(float(number)))
    return number
