"""Made-up streams that are none of the six activities: a phone on a table, and phones worn another way up.

The table's noise is that of a phone's sensors at rest; what is worn another way up are real recordings, turned. Real
tables, for a phone's back alone, are in `tables`.
"""

import numpy as np

RATE_HZ = 50
_NOISE = (0.003, 0.003)  # g, rad/s
_SECONDS = 60

TURNS = {
    "worn upside down": np.diag([-1.0, -1.0, 1.0]),
    "worn sideways": np.array([[0.0, 1.0, 0.0], [-1.0, 0.0, 0.0], [0.0, 0.0, 1.0]]),
}
"""Rotations of the phone, from the axes of the data set to what its sensors then measure."""


def on_a_table(seed: int) -> list[np.ndarray]:
    """A minute on each of a phone's six faces, `[3000, 6]` each, in g and rad/s."""
    rng = np.random.default_rng(seed)
    streams = []
    for axis in range(3):
        for sign in (1.0, -1.0):
            samples = rng.normal(0, np.repeat(_NOISE, 3), (_SECONDS * RATE_HZ, 6))
            samples[:, axis] += sign
            streams.append(samples)
    return streams


def turned(samples: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """What the sensors of a phone worn another way up measure, `[n, 6]`."""
    return np.concatenate([samples[:, :3] @ turn.T, samples[:, 3:] @ turn.T], axis=1)
