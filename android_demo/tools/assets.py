"""Write the app's assets: `python3 android_demo/tools/assets.py FOLDER`.

The models, their labels' test windows, the recordings these are cut from, and the libraries' licence. Needs nothing
but Python, since Gradle runs it too.
"""

import lzma
import shutil
import struct
import sys
from itertools import accumulate
from pathlib import Path

DEMO = Path(__file__).resolve().parents[1]
PACKAGE = DEMO.parent / "edge_runtime"
LICENCE = "LICENSE-TensorFlow-Lite-and-JavaCPP"  # Apache-2.0, under which both are taken
MODELS = ("edge_int8.tflite", "edge_float32.tflite")
TEST_SUBJECTS = (2, 4, 9, 10, 12, 13, 18, 20, 24)
# SHA-256 of what the models learned from and are tested with: `Dataset.fingerprint`.
FINGERPRINT = "e82f24a7ee71032620277474d4b31caee8312a41c20af5be8e668b3222bdb850"

# See edge_runtime/data/uci_har.py: labels, then high and low bytes of zigzag differences, a channel after the
# other.
_HEADER = struct.Struct("<8sII")
_PLANES = 12


def recordings(content: bytes, subjects: tuple[int, ...]) -> tuple[bytes, list[int]]:
    """The recordings of `subjects` in the same layout, not compressed, and which they were."""
    data = lzma.decompress(content)
    mark, n_recordings, n_samples = _HEADER.unpack_from(data)
    lengths = struct.unpack_from(f"<{n_recordings}I", data, _HEADER.size)
    start = _HEADER.size + 4 * n_recordings
    whose = data[start : start + n_recordings]
    chosen = [i for i, subject in enumerate(whose) if subject in subjects]
    ends = list(accumulate(lengths))
    first_plane = start + n_recordings
    planes = [
        data[first_plane + plane * n_samples + ends[i] - lengths[i] : first_plane + plane * n_samples + ends[i]]
        for plane in range(1 + _PLANES)
        for i in chosen
    ]
    head = _HEADER.pack(mark, len(chosen), sum(lengths[i] for i in chosen))
    kept = struct.pack(f"<{len(chosen)}I", *(lengths[i] for i in chosen)), bytes(whose[i] for i in chosen)
    return b"".join((head, *kept, *planes)), chosen


def test_windows(table: str, chosen: list[int]) -> str:
    """The test part of `windows.txt`, with recordings counted as in `chosen`."""
    part = table.split("# test\n", 1)[1].split("#", 1)[0]
    rows = (line.split(":") for line in part.splitlines())
    return "".join(f"{chosen.index(int(number))}:{runs}\n" for number, runs in rows)


def write(folder: Path) -> None:
    """Fill `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    counts, chosen = recordings((PACKAGE / "data/recordings.xz").read_bytes(), TEST_SUBJECTS)
    (folder / "recordings.bin").write_bytes(counts)
    table = (PACKAGE / "data/windows.txt").read_text(encoding="ascii")
    (folder / "windows.txt").write_text(f"# UCI HAR {FINGERPRINT}\n{test_windows(table, chosen)}", encoding="ascii")
    for name in MODELS:
        shutil.copyfile(PACKAGE / "models" / name, folder / name)
    shutil.copyfile(DEMO / LICENCE, folder / LICENCE)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
