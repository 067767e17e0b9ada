"""Map the axes of a board to the axes of the training data, which a phone recorded at the waist.

There, x points up while the wearer stands (+1 g), y and z are horizontal, and the three are right-handed.
"""

import re

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError

UPRIGHT_AXES = {"-x": "-x,-y,z", "y": "y,-x,z", "-y": "-y,x,z", "z": "z,y,-x", "-z": "-z,y,x"}
"""The mapping for each axis that may point up in place of x."""
BACKWARDS_AXES = "x,-y,-z"

_AXIS = re.compile(r"\s*([+-]?)\s*([xyz])\s*", re.IGNORECASE)


class Axes:
    """A rotation by quarter turns, written as the board's axes in place of x, y and z: `z,-x,y`."""

    def __init__(self, text: str) -> None:
        """Parse `text`. Raises `InputError` for anything else, and for a mirror image."""
        matches = [_AXIS.fullmatch(x) for x in text.split(",")]
        named = [match.group(2).lower() for match in matches if match]
        if len(matches) != 3 or sorted(named) != ["x", "y", "z"]:
            raise InputError(f"axes {text!r} is not a mapping: give the board's axes for x, y and z, as '-y,x,z'")
        places = np.array(["xyz".index(axis) for axis in named])
        signs = np.array([-1.0 if match and match.group(1) == "-" else 1.0 for match in matches])
        if np.linalg.det(np.eye(3)[places] * signs) < 0:
            raise InputError(f"axes {text!r} is a mirror image, which no board can be: turn one sign round")
        self._columns = np.concatenate([places, places + 3])  # the same for acceleration and angular rate
        self._signs = np.tile(signs, 2)

    def __call__(self, samples: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """`samples` `[n, 6]` of the board, or `[n, 3]` of one sensor, in the axes of the training data."""
        n = samples.shape[1]
        turned: npt.NDArray[np.float64] = samples[:, self._columns[:n]] * self._signs[:n]
        return turned
