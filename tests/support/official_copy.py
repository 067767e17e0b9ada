"""Make a copy of the official data set with made-up windows."""

from functools import cache
from pathlib import Path

import numpy as np

from edge_runtime.data import uci_har
from edge_runtime.signals.frontend import SIGNALS

ROOT = "UCI HAR Dataset"


@cache
def folder(base: Path) -> Path:
    """The official folder, written once a session below pytest's base of temporary folders; not to be changed.

    Labels and subjects are the official ones, windows those of `expected`.
    """
    root = base / "official" / ROOT
    for part, split in (("train", uci_har.load().train), ("test", uci_har.load().test)):
        (root / part / "Inertial Signals").mkdir(parents=True)
        (root / part / f"y_{part}.txt").write_text("".join(f"{y + 1}\n" for y in split.y.tolist()))
        (root / part / f"subject_{part}.txt").write_text("".join(f"{x}\n" for x in split.subject.tolist()))
        for number, signal in enumerate(SIGNALS):
            rest = " ".join(f"{x:g}" for x in expected(1, number)[0, 1:])
            lines = [
                f"  {1e-4 * row: .7e} {rest}\n".replace("e-", "e-0").replace("e+", "e+0") for row in range(len(split))
            ]
            (root / part / "Inertial Signals" / f"{signal.name}_{part}.txt").write_text("".join(lines))
    return root


def expected(n: int, number: int) -> np.ndarray:
    """The windows `[n, 128]` of a signal: the row's number, then digits that no other signal has in this order."""
    digits = (np.arange(128) * (number + 2)) % 11
    X = np.tile(digits, (n, 1)).astype(np.float32)
    X[:, 0] = [float(f"{1e-4 * row:.7e}") for row in range(n)]
    return X
