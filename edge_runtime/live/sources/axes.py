"""Map the axes of a board to those of the training data, which a phone recorded at the waist.

There, x points up while the wearer stands (+1 g), y and z are horizontal, and the three are right-handed.
"""

import re
from typing import Self

import numpy as np

from edge_runtime.errors import InputError
from edge_runtime.live.sources import Array
from edge_runtime.system.printable import quoted

_AXIS = re.compile(r"\s*([+-]?)\s*([xyz])\s*", re.IGNORECASE)


class Axes:
    """A rotation by quarter turns, written as the board's axes in place of x, y and z: `z,-x,y`."""

    def __init__(self, rotation: Array) -> None:
        # Columns are moved, not multiplied: 0 times infinity would make NaN of the other axes.
        places = np.abs(rotation).argmax(axis=1)
        self._columns = np.concatenate([places, places + 3])  # the same for acceleration and angular rate
        self._signs = np.tile(rotation.sum(axis=1), 2)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The mapping that `text` writes. Raises `InputError` for anything else, and for a mirror image."""
        matches = [_AXIS.fullmatch(x) for x in text.split(",")]
        named = [x.group(2).lower() for x in matches if x]
        if len(matches) != 3 or sorted(named) != ["x", "y", "z"]:
            raise InputError(
                f"--axes {quoted(text)} is no mapping: give the board's axes in place of x, y and z, such as '-y,x,z'"
            )
        rotation = np.zeros((3, 3))
        for row, match in enumerate(matches):
            assert match
            rotation[row, "xyz".index(match.group(2).lower())] = -1.0 if match.group(1) == "-" else 1.0
        if np.linalg.det(rotation) < 0:
            raise InputError(
                f"--axes {quoted(text)} is a mirror image, which no mounting of a board gives: turn one sign round"
            )
        return cls(rotation)

    def __call__(self, samples: Array) -> Array:
        """`samples` `[n, 6]` of the board in the axes of the training data."""
        turned: Array = samples[:, self._columns] * self._signs
        return turned
