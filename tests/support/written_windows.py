"""Write files of windows as a user does, with two channels and two classes that differ in frequency."""

from pathlib import Path
from typing import Any

import numpy as np

CLASSES = ("slow", "fast")
SUBJECTS = ("anna", "bert", "carl", "dora", "emil")


def two_frequencies(n: int = 100, samples: int = 64, seed: int = 0) -> dict[str, np.ndarray]:
    """Make X `[n, samples, 2]`, whose first channel shows the class, and y as text."""
    generator = np.random.default_rng(seed)
    y = np.arange(n) % 2
    phases = 0.15 * (1 + 3 * y[:, np.newaxis]) * np.arange(samples) + generator.uniform(0, 6, (n, 1))
    X = np.stack([np.sin(phases), generator.normal(size=(n, samples))], axis=-1)
    return {"X": X + 0.1 * generator.normal(size=X.shape), "y": np.array(CLASSES)[y]}


def of_people(n: int = 100, **more: Any) -> dict[str, np.ndarray]:
    """Add five subjects, each with both classes."""
    return two_frequencies(n, **more) | {"subject": np.repeat(SUBJECTS, -(-n // len(SUBJECTS)))[:n]}


def write_windows(path: Path, members: dict[str, Any], **changes: Any) -> Path:
    """Write `members` with `changes`, in which None removes a member; return `path`."""
    arrays = {name: array for name, array in (members | changes).items() if array is not None}
    np.savez(path, **{name: np.asarray(array) for name, array in arrays.items()})
    return path
