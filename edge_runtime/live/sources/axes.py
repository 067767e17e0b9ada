"""Map the axes of a board to those of the training data, which a phone recorded at the waist.

There, x points up while one stands (acceleration of +1 g), y and z lie in the horizontal plane, and the three are
right-handed. A board that is mounted otherwise is turned, not mirrored: a mirrored mapping would be a sensor that
cannot exist, and is refused.
"""

import re
from typing import Self

import numpy as np

from edge_runtime.errors import InputError
from edge_runtime.live.sources import Array
from edge_runtime.system.printable import quoted

_AXIS = re.compile(r"\s*([+-]?)\s*([xyz])\s*", re.IGNORECASE)


class Axes:
    """A rotation by quarter turns, written as the board's axes in the place of x, y and z: `z,-x,y`."""

    def __init__(self, rotation: Array) -> None:
        # Columns are moved, not multiplied as matrices: 0 times an infinite value of one axis would be NaN in others.
        places = np.abs(rotation).argmax(axis=1)
        self._columns = np.concatenate([places, places + 3])  # the same for acceleration and angular rate
        self._signs = np.tile(rotation.sum(axis=1), 2)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The mapping that `text` writes. Raises `InputError` where it is none, or a mirrored one."""
        matches = [_AXIS.fullmatch(x) for x in text.split(",")]
        named = [x.group(2).lower() for x in matches if x]
        if len(matches) != 3 or sorted(named) != ["x", "y", "z"]:
            raise InputError(
                f"--axes {quoted(text)} is no mapping: give the board's axis for each of x, y and z, "
                "each of them once, such as 'x,y,z' or '-y,x,z'"
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
