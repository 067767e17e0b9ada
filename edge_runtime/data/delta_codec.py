"""Store sensor counts of many recordings in one small file, without loss.

Motion is sampled far faster than it changes: the difference to the sample before is small. Differences are taken
within a recording, modulo 2^16; zigzag puts small ones of either sign first (0, -1, 1, -2 -> 0, 1, 2, 3); high bytes,
nearly all zero, are kept apart from low ones; xz does the rest.
"""

import lzma
import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edge_runtime.errors import InputError
from edge_runtime.signals.frontend import N_CHANNELS

_HEADER = struct.Struct("<8sII")  # mark, number of recordings, number of samples
_MARK = b"harcnt01"
# Low bytes are noise to a dictionary: two bits of the byte before are all the context that pays (tried: 0 to 4).
_FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 2, "lp": 0, "pb": 0}]


@dataclass(frozen=True)
class Counts:
    """Recordings end to end: `counts` `[n, 6]` int16, `labels` `[n]` int8; per recording `lengths` and `subjects`."""

    counts: npt.NDArray[np.int16]
    labels: npt.NDArray[np.int8]
    lengths: npt.NDArray[np.int32]
    subjects: npt.NDArray[np.uint8]


def encode(recordings: Counts) -> bytes:
    """The content of a recordings file; the same recordings give the same bytes (with one version of liblzma)."""
    lengths = np.asarray(recordings.lengths)
    counts = recordings.counts.astype("<i2")
    if (
        lengths.sum() != len(counts)
        or counts.shape != (len(counts), N_CHANNELS)
        or len(recordings.labels) != len(counts)
    ):
        raise ValueError("counts, labels and lengths do not belong together")
    differences = counts.copy()
    differences[1:] -= counts[:-1]
    firsts = _firsts(lengths)
    differences[firsts] = counts[firsts]
    zigzag = ((differences << 1) ^ (differences >> 15)).view("<u2")
    payload = (
        _HEADER.pack(_MARK, len(lengths), len(counts)),
        lengths.astype("<u4").tobytes(),
        recordings.subjects.astype(np.uint8).tobytes(),
        recordings.labels.astype(np.int8).tobytes(),
        (zigzag >> 8).astype(np.uint8).T.tobytes(),
        (zigzag & 255).astype(np.uint8).T.tobytes(),
    )
    return lzma.compress(b"".join(payload), format=lzma.FORMAT_XZ, filters=_FILTERS)


def decode(content: bytes, source: str) -> Counts:
    """The recordings that `encode` was given; `source` names the file in the `InputError` raised when it is damaged."""
    try:
        payload = memoryview(lzma.decompress(content, format=lzma.FORMAT_XZ))
        mark, n_recordings, n_samples = _HEADER.unpack_from(payload)
    except (lzma.LZMAError, struct.error) as error:
        raise InputError(f"{source} is damaged ({error}); install har-edge again") from error
    plane = n_samples * N_CHANNELS
    sizes = (_HEADER.size, 4 * n_recordings, n_recordings, n_samples, plane, plane)
    if mark != _MARK or len(payload) != sum(sizes):
        raise InputError(f"{source} is not a file of recordings, or was cut short; install har-edge again")
    ends = np.cumsum(sizes)
    parts = [payload[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    lengths = np.frombuffer(parts[1], "<u4").astype(np.int32)
    if lengths.sum() != n_samples:
        raise InputError(f"{source} is damaged (its recordings do not add up); install har-edge again")
    high, low = (np.frombuffer(x, np.uint8).reshape(N_CHANNELS, n_samples) for x in parts[4:])
    zigzag = (high.astype(np.uint16) << 8) | low
    differences = ((zigzag >> 1) ^ -(zigzag & 1)).view(np.int16)
    counts = np.empty((n_samples, N_CHANNELS), np.int16)
    for first, length in zip(_firsts(lengths), lengths, strict=True):
        here = slice(first, first + length)
        np.cumsum(differences[:, here], axis=1, dtype=np.int16, out=counts[here].T)
    return Counts(counts, np.frombuffer(parts[3], np.int8), lengths, np.frombuffer(parts[2], np.uint8))


def _firsts(lengths: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """The first sample of each recording."""
    return np.cumsum(lengths, dtype=np.int64) - lengths
