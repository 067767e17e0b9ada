"""A stream of an hour, as a bad connection delivers it, holds no more memory at its end."""

import json
from pathlib import Path

from programs import python


def test_memory_does_not_grow_over_an_hour():
    held = json.loads(python((Path(__file__).parent / "long_stream.py").read_text(), 1))
    assert len(held) == 10
    assert max(held) - held[0] < 500_000  # its decisions alone would be more, were they kept
