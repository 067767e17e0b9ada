"""Recordings of one person as a user makes them: a posture, a minute long, then another."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edge_runtime.data import uci_har
from edge_runtime.data.dataset import segments

HEADER = "timestamp[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s],label,subject"


def posture(label: str, seconds: float = 60.0, recording: int = 0) -> np.ndarray:
    """Samples `[n, 6]` of a training subject's first stretch of `label`, to and fro for so long: without a jump."""
    found = uci_har.recordings()[recording]
    first, end, _ = next(x for x in segments(found.labels) if x[2] == found.label_names.index(label))
    stretch = found.samples[first:end]
    n = round(seconds * found.rate_hz)
    there_and_back = np.concatenate([stretch, stretch[::-1]])
    return np.tile(there_and_back, (n // len(there_and_back) + 1, 1))[:n]


def write(path: Path, pieces: Sequence[tuple[str, np.ndarray]], subject: str = "me") -> Path:
    """A CSV recording at 50 Hz of labelled pieces, one after the other; its folder."""
    path.parent.mkdir(exist_ok=True)
    rows = [(label, sample) for label, samples in pieces for sample in samples.tolist()]
    lines = [
        f"{i / 50:.2f},{','.join(f'{x:.7g}' for x in sample)},{label},{subject}"
        for i, (label, sample) in enumerate(rows)
    ]
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path.parent
