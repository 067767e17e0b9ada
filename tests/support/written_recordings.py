"""Write CSV recordings as a user does: synthetic motion, real postures, or a few windows of real movement."""

import io
import zipfile
from collections.abc import Sequence
from functools import cache
from itertools import chain
from pathlib import Path

import numpy as np

from edge_runtime.data import embedded_recordings, uci_har
from edge_runtime.data.dataset import WINDOW
from edge_runtime.data.recording import Recording, label_runs

HEADER = "timestamp[s],ax[g],ay[g],az[g],gx[rad/s],gy[rad/s],gz[rad/s],label,subject"


@cache
def recordings() -> tuple[Recording, ...]:
    """Decode the embedded recordings once for all tests."""
    return embedded_recordings.load()


def longest(label: str, subject: int) -> np.ndarray:
    """Return samples `[n, 6]` of the longest stretch of `label` of a subject."""
    return max(chain(*(_stretches(source, label) for source in recordings() if source.subject == subject)), key=len)


def _stretches(recording: Recording, label: str) -> list[np.ndarray]:
    number = recording.label_names.index(label)
    return [recording.samples[first:end] for first, end, other in label_runs(recording.labels) if other == number]


def motion(n, seed=0, rate=50.0):
    """Return seconds `[n]` and samples `[n, 6]` of smooth motion."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(n) / rate
    waves = np.sin(2 * np.pi * rng.uniform(0.2, 2, 6) * seconds[:, np.newaxis] + rng.uniform(0, 6, 6))
    return seconds, waves + np.array([0, 0, 1, 0, 0, 0])


def on_grid(seconds, samples, n):
    """Interpolate the samples at `n` times of 50 Hz."""
    return np.stack([np.interp(np.arange(n) / 50, seconds, axis) for axis in samples.T], axis=1)


def write(path, seconds, samples, labels, subject, header=HEADER):
    rows = (
        ",".join([*map(repr, (float(t), *map(float, values))), label, str(subject)])
        for t, values, label in zip(seconds, samples, labels, strict=True)
    )
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def write_subjects(folder, subjects, labels=("walk", "rest"), n=300):
    """Write a file for each subject with `n` samples of each label."""
    for seed, subject in enumerate(subjects):
        seconds, samples = motion(n * len(labels), seed)
        write(folder / f"rec-{subject}.csv", seconds, samples, np.repeat(labels, n).tolist(), subject)
    return folder


def spoil(folder, line, text, name="rec-a.csv"):
    """Replace a line of a file."""
    path = folder / name
    lines = path.read_text().splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines) + "\n")


def posture(label: str, seconds: float = 60.0, recording: int = 0) -> np.ndarray:
    """Play a training subject's first stretch of `label` forwards and backwards; return samples `[n, 6]`."""
    stretch, *_ = _stretches(recordings()[recording], label)
    n = round(seconds * recordings()[recording].rate_hz)
    there_and_back = np.concatenate([stretch, stretch[::-1]])
    return np.tile(there_and_back, (n // len(there_and_back) + 1, 1))[:n]


def write_pieces(path: Path, pieces: Sequence[tuple[str, np.ndarray]], subject: str = "me") -> Path:
    """Write a recording at 50 Hz of labelled pieces in their order; return its folder."""
    path.parent.mkdir(exist_ok=True)
    labels = [label for label, samples in pieces for _ in samples]
    write(path, np.arange(len(labels)) / 50, np.concatenate([samples for _, samples in pieces]), labels, subject)
    return path.parent


def write_few(folder: Path, windows: int = 2) -> Path:
    """Write a few windows of each activity of two training subjects and a test subject; return `folder`."""
    n = WINDOW.samples + (windows - 1) * WINDOW.hop
    for subject in (1, 3, 5):
        pieces = [(label, longest(label, subject)[:n]) for label in uci_har.LABELS]
        write_pieces(folder / f"{subject}.csv", pieces, str(subject))
    return folder


def zipped(files, compression=zipfile.ZIP_DEFLATED, before=b"", comment=b""):
    """Return `before` and behind it a zip of `files`, with fixed dates."""
    content = io.BytesIO(before)
    with zipfile.ZipFile(content, "a", compression) as archive:
        for name, text in files.items():
            archive.writestr(zipfile.ZipInfo(name), text, compression)
        archive.comment = comment
    return content.getvalue()
