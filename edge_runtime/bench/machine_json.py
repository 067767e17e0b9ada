"""What a machine is and what it does now, as one line of JSON: for a device on which nothing is installed yet."""

from __future__ import annotations

import json
from dataclasses import asdict

from edge_runtime.bench import machine


def main() -> None:
    """Print `machine` (`machine.describe`) and `state` (`machine.State`)."""
    print(json.dumps({"machine": machine.describe(), "state": asdict(machine.state())}))
