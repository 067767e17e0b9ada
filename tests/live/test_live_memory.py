"""A stream of an hour, as a bad connection delivers it, holds no more memory at its end."""

import json
import sys
from pathlib import Path

import programs

ROOT = Path(__file__).resolve().parents[2]


def test_memory_does_not_grow_over_an_hour():
    done = programs.run(
        sys.executable,
        ROOT / "tests/live/long_stream.py",
        "1",
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tests/support'}"},
    )
    assert done.returncode == 0, done.stderr
    held = json.loads(done.stdout)
    assert len(held) == 10
    assert max(held) - held[0] < 500_000  # its decisions alone would be more, were they kept
