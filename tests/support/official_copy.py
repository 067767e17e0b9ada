"""Write a copy of the official data set with synthetic windows."""

from functools import cache
from pathlib import Path

import numpy as np

from edge_runtime.data import uci_har
from edge_runtime.signals.frontend import SIGNALS

ROOT = "UCI HAR Dataset"


@cache
def folder(base: Path) -> Path:
    """Write the official folder once a session below pytest's temporary folder; tests must not change it.

    Labels and subjects are official; `expected` computes the windows.
    """
    root = base / "official" / ROOT
    for part, split in (("train", uci_har.load().train), ("test", uci_har.load().test)):
        (root / part / "Inertial Signals").mkdir(parents=True)
        (root / part / f"y_{part}.txt").write_text("".join(f"{y + 1}\n" for y in split.y.tolist()))
        (root / part / f"subject_{part}.txt").write_text("".join(f"{subject}\n" for subject in split.subject.tolist()))
        for place, signal in enumerate(SIGNALS):
            rest = " ".join(f"{digit:g}" for digit in expected(1, place)[0, 1:])
            numbers = (f"{1e-4 * row: .7e}".replace("e-", "e-0").replace("e+", "e+0") for row in range(len(split)))
            lines = [f"  {number} {rest}\n" for number in numbers]
            (root / part / "Inertial Signals" / f"{signal.name}_{part}.txt").write_text("".join(lines))
    return root


def expected(n: int, number: int) -> np.ndarray:
    """Return windows `[n, 128]` of a signal: the number of the row, then digits in an order unique to the signal."""
    digits = (np.arange(128) * (number + 2)) % 11
    X = np.tile(digits, (n, 1)).astype(np.float32)
    X[:, 0] = [float(f"{1e-4 * row:.7e}") for row in range(n)]
    return X
