"""Unpack the 61 embedded recordings of HAPT, which UCI HAR's windows are cut from, from `recordings.xz`.

DATA_NOTICE.md names the authors, who published them in 2016 (J. L. Reyes-Ortiz et al., Neurocomputing 171).
"""

import lzma
import struct
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.data.names import UCI_HAR
from edge_runtime.data.recording import Mounting, Recording
from edge_runtime.signals import frontend
from edge_runtime.signals.resampling import resampled
from edge_runtime.signals.types import STANDARD_GRAVITY

NAME = "UCI HAR"
PLACEMENT = "waist"
TRANSITIONS = ("stand_to_sit", "sit_to_stand", "sit_to_lie", "lie_to_sit", "stand_to_lie", "lie_to_stand")
RECORDING_LABELS = UCI_HAR + TRANSITIONS

MOUNTINGS = tuple(Mounting(str(number), NAME, PLACEMENT, "Samsung Galaxy S II") for number in range(61))
"""The mounting of each recording: between two experiments of a person the phone was fixed anew."""

HEADER = struct.Struct("<8sII")  # mark, number of recordings, number of samples
MARK = b"harcnt01"

RECORDINGS_FILE = Path(__file__).parent / "recordings.xz"

# The authors converted sensor counts to g (720 counts, by way of m/s²) and rad/s (17.5 mdps) in single precision. The
# same arithmetic turns the counts into exactly the published numbers.
_METRES_PER_COUNT = np.float32(STANDARD_GRAVITY) / np.float32(720)
_RADIANS_PER_COUNT = np.float32(0.0175 * np.pi / 180)


@dataclass(frozen=True)
class Counts:
    """Recordings end to end: `counts` `[n, 6]` int16, `labels` `[n]` int8; per recording `lengths` and `subjects`."""

    counts: npt.NDArray[np.int16]
    labels: npt.NDArray[np.int8]
    lengths: npt.NDArray[np.int32]
    subjects: npt.NDArray[np.uint8]


def load() -> tuple[Recording, ...]:
    """The 61 continuous recordings of 30 subjects, in g and rad/s, with all twelve labels (`RECORDING_LABELS`)."""
    stored = unpack(RECORDINGS_FILE.read_bytes())
    ends = np.cumsum(stored.lengths)[:-1]
    per_recording = zip(stored.subjects, np.split(stored.counts, ends), np.split(stored.labels, ends), strict=True)
    return tuple(
        Recording(
            int(subject),
            physical(counts),
            np.where(labels > 0, labels - 1, -1).astype(np.int8),  # stored 1 to 12, as published
            RECORDING_LABELS,
            mounting=MOUNTINGS[number],
            n_classes=len(UCI_HAR),
        )
        for number, (subject, counts, labels) in enumerate(per_recording)
    )


def at_rate(recording: Recording, rate_hz: float) -> Recording:
    """Bring a recording to `rate_hz`; each sample has the label of the nearest one."""
    if rate_hz == recording.rate_hz:
        return recording
    samples = resampled(np.arange(len(recording.samples)) / recording.rate_hz, recording.samples, rate_hz)
    nearest = np.round(np.arange(len(samples)) * recording.rate_hz / rate_hz).astype(np.intp)
    labels = recording.labels[np.minimum(nearest, len(recording.labels) - 1)]
    return replace(recording, samples=samples, labels=labels, rate_hz=rate_hz)


def unpack(content: bytes) -> Counts:
    """Unpack the content of `recordings.xz`.

    The file stores the difference of each sample from the sample before, modulo 2^16, by zigzag (0, -1, 1 -> 0, 1, 2).
    The high bytes come before the low bytes, and xz compresses both.
    """
    payload = memoryview(lzma.decompress(content, format=lzma.FORMAT_XZ))
    _, n_recordings, n_samples = HEADER.unpack_from(payload)
    plane = n_samples * frontend.N_CHANNELS
    sizes = (HEADER.size, 4 * n_recordings, n_recordings, n_samples, plane, plane)
    ends = np.cumsum(sizes)
    parts = [payload[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    lengths = np.frombuffer(parts[1], "<u4").astype(np.int32)
    high, low = (np.frombuffer(part, np.uint8).reshape(frontend.N_CHANNELS, n_samples) for part in parts[4:])
    zigzag = (high.astype(np.uint16) << 8) | low
    differences = ((zigzag >> 1) ^ -(zigzag & 1)).view(np.int16)
    counts = np.empty((n_samples, frontend.N_CHANNELS), np.int16)
    for first, length in zip(np.cumsum(lengths) - lengths, lengths, strict=True):
        here = slice(first, first + length)
        np.cumsum(differences[:, here], axis=1, dtype=np.int16, out=counts[here].T)
    return Counts(counts, np.frombuffer(parts[3], np.int8), lengths, np.frombuffer(parts[2], np.uint8))


def physical(counts: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
    """Sensor counts `[n, 6]` in physical units: g and rad/s, float64."""
    acceleration = (counts[:, :3].astype(np.float32) * _METRES_PER_COUNT).astype(np.float64) / STANDARD_GRAVITY
    rotation = (counts[:, 3:].astype(np.float32) * _RADIANS_PER_COUNT).astype(np.float64)
    return np.concatenate([acceleration, rotation], axis=1)
