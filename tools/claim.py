"""Define a claim: its limit, the measured value, and the evidence with its machine and doubt."""

import json
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools import COMMAND

MEASURED = "measured now"


@dataclass(frozen=True)
class Claim:
    """A statement with its limit and the value that was `found`.

    `source` is `MEASURED`, or a file in docs/results, measured on `machine`. `doubt` says why the row may mislead.
    """

    text: str
    limit: str
    found: str
    holds: bool
    evidence: str
    source: str = MEASURED
    machine: str = ""
    doubt: str = ""


def at_most(text: str, value: float, limit: float, unit: str, evidence: str) -> Claim:
    """Claim that `value` is no more than `limit`."""
    return Claim(text, f"at most {limit:g} {unit}".strip(), f"{value:.2f} {unit}".strip(), value <= limit, evidence)


def at_least(text: str, value: float, limit: float, unit: str, evidence: str, digits: int = 2) -> Claim:
    """Claim that `value` is no less than `limit`; `digits` are shown."""
    shown = f"{value:.{digits}f} {unit}".strip()
    return Claim(text, f"at least {limit:g} {unit}".strip(), shown, value >= limit, evidence)


def har_edge_json(path: Path, *arguments: str) -> Any:
    """Run `har-edge` with `arguments`, and return the JSON that it writes to `path`."""
    subprocess.run([*COMMAND, *arguments, "--json", str(path)], check=True, stdout=subprocess.DEVNULL)
    return json.loads(path.read_text())


def seconds_of(command: Sequence[str]) -> float:
    """Run `command`, and return its seconds by the wall clock. Raises `CalledProcessError` if it fails."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start
