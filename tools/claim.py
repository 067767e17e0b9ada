"""One claim, with its limit and what was measured."""

import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMAND = [str(Path(sys.executable).with_name("har-edge"))]


@dataclass(frozen=True)
class Claim:
    """One statement with a limit, what was measured, and how."""

    text: str
    limit: str
    measured: str
    holds: bool
    evidence: str


def at_most(text: str, value: float, limit: float, unit: str, evidence: str, digits: int = 2) -> Claim:
    """That a measured `value` is no more than its `limit`, shown with so many `digits`."""
    return Claim(
        text, f"at most {limit:g} {unit}".strip(), f"{value:.{digits}f} {unit}".strip(), value <= limit, evidence
    )


def at_least(text: str, value: float, limit: float, unit: str, evidence: str, digits: int = 2) -> Claim:
    """That a measured `value` is no less than its `limit`, shown with so many `digits`."""
    return Claim(
        text, f"at least {limit:g} {unit}".strip(), f"{value:.{digits}f} {unit}".strip(), value >= limit, evidence
    )
