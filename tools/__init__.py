"""Hold the makers' programs, each run from the clone's folder as `python -m tools.NAME`."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "docs" / "results"
COMMAND = [sys.executable, str(ROOT / "har_edge.py")]
"""The `har-edge` command of this clone."""
