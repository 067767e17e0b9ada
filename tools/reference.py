"""Train and convert the reference models that travel in `edge_runtime/models`: the default network, seed 0."""

import subprocess
import sys
import tempfile
from pathlib import Path

from edge_runtime.files import write_bytes
from edge_runtime.runs import Run

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [sys.executable, str(ROOT / "har_edge.py")]


def main() -> None:
    """Leave `edge_float32.tflite` and `edge_int8.tflite` in `edge_runtime/models`."""
    with tempfile.TemporaryDirectory(prefix="har-edge-reference-") as folder:
        run = Run(Path(folder) / "run")
        subprocess.run([*COMMAND, "train", "--out", str(run.folder)], check=True)
        subprocess.run([*COMMAND, "convert", str(run.folder), "--quantize"], check=True)
        for scheme in ("float32", "int8"):
            path = ROOT / "edge_runtime" / "models" / f"edge_{scheme}.tflite"
            write_bytes(path, run.tflite(scheme).read_bytes())
            print(path.relative_to(ROOT))


if __name__ == "__main__":
    main()
