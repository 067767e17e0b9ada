"""Recordings as a bad connection delivers them."""

import numpy as np


def delivered(n: int, rate_hz: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of `n` samples arrive, in which order, and the times that they carry.

    1 % are lost, 1 % come twice, 1 % are overtaken by the next; times are up to 5 ms wrong.
    """
    rng = np.random.default_rng(seed)
    seconds = np.arange(n) / rate_hz + rng.uniform(-0.005, 0.005, n)
    rows = np.flatnonzero(rng.random(n) > 0.01)
    rows = np.sort(np.concatenate([rows, rows[rng.random(len(rows)) < 0.01]]))
    for place in np.flatnonzero(rng.random(len(rows) - 1) < 0.01):
        rows[[place, place + 1]] = rows[[place + 1, place]]
    return rows, seconds[rows]
