"""Write files of windows as a user makes them: of two channels, and two classes that differ in frequency."""

from pathlib import Path
from typing import Any

import numpy as np

CLASSES = ("slow", "fast")
SUBJECTS = ("anna", "bert", "carl", "dora", "emil")


def two_frequencies(n: int = 100, samples: int = 64, seed: int = 0) -> dict[str, np.ndarray]:
    """X `[n, samples, 2]`, whose first channel tells the class, and y as text, all classes of each of five subjects."""
    generator = np.random.default_rng(seed)
    y = np.arange(n) % 2
    phases = 0.15 * (1 + 3 * y[:, np.newaxis]) * np.arange(samples) + generator.uniform(0, 6, (n, 1))
    X = np.stack([np.sin(phases), generator.normal(size=(n, samples))], axis=-1)
    return {"X": X + 0.1 * generator.normal(size=X.shape), "y": np.array(CLASSES)[y]}


def of_people(n: int = 100, **more: Any) -> dict[str, np.ndarray]:
    """The same, with subjects."""
    return two_frequencies(n, **more) | {"subject": np.repeat(SUBJECTS, -(-n // len(SUBJECTS)))[:n]}


def write_windows(path: Path, members: dict[str, Any], **changes: Any) -> Path:
    """Write `members` with `changes`, of which None takes a member away; `path`."""
    given = {name: x for name, x in (members | changes).items() if x is not None}
    np.savez(path, **{name: np.asarray(x) for name, x in given.items()})
    return path
