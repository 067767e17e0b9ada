"""Fuzz each parser in a process of its own for as long as one likes: `make fuzz SECONDS=600`."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import click
import fuzzing
from fuzzing import Failure
from targets import TARGETS

from tools import ROOT
from tools.attack import figure

MEMORY_LIMIT_MB = 1024
FIRST_SEED = 1_000_000  # beyond those of `make test`


@click.command()
@click.argument("targets", nargs=-1, metavar="[TARGET]...", type=click.Choice(list(TARGETS)))
@click.option("--seconds", type=float, default=60.0, show_default=True, help="Of each target.")
@click.option("--seed", type=int, default=0, show_default=True, help="Draw other inputs than with another seed.")
@click.option("--jobs", type=int, default=2, show_default=True, help="Targets at the same time.")
@click.option("--out", type=click.Path(path_type=Path), default=ROOT / "build/fuzz", help="Where findings are kept.")
@click.option("--document", type=click.Path(path_type=Path), help="Write the table here too, as Markdown.")
@click.option("--one", is_flag=True, hidden=True, help="Fuzz the one TARGET in this process.")
def main(
    targets: Sequence[str], seconds: float, seed: int, jobs: int, out: Path, document: Path | None, one: bool
) -> None:
    """Fuzz each TARGET, print executions and findings, and exit with 1 when there is a finding."""
    if one:
        print(json.dumps(fuzz(targets[0], seconds, seed, out)))
        return
    names = targets or tuple(TARGETS)
    with ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(lambda name: _in_a_process(name, seconds, seed, out), names))
    executions, findings = sum(x["executions"] for x in found), sum(len(x["findings"]) for x in found)
    print(f"{len(found)} targets, {executions} executions, {findings} findings")
    if document:
        document.write_text(described(dict(zip(names, found, strict=True)), seconds))
    sys.exit(1 if any(x["findings"] for x in found) else 0)


def described(found: Mapping[str, dict[str, Any]], seconds: float) -> str:
    """What was found, as Markdown."""
    head = ["parser", "seconds", "inputs", "peak memory", "findings"]
    rows = [
        [name, f"{seconds:g}", x["executions"], f"{x['peak_mb']} MB", len(x["findings"])] for name, x in found.items()
    ]
    text = (
        f"{figure.written_by(f'make fuzz SECONDS={seconds:g}')} A finding is an input that is answered neither by a "
        f"value nor by an error of the project, takes more than {fuzzing.CPU_SECONDS:g} s of CPU, or more than "
        f"{MEMORY_LIMIT_MB} MB of memory."
    )
    return figure.markdown("What changed inputs made of the parsers", text, head, rows)


def fuzz(name: str, seconds: float, seed: int, out: Path) -> dict[str, Any]:
    """Draw inputs for so long; one of each failure is kept in a file."""
    target, deadline = TARGETS[name], time.monotonic() + seconds
    findings: dict[str, dict[str, str]] = {}
    number = FIRST_SEED * (seed + 1)
    first = number
    with tempfile.TemporaryDirectory(prefix="fuzz-har-edge-") as folder, fuzzing.limited_memory():
        while time.monotonic() < deadline:
            content = fuzzing.draw(target, number)
            failure = fuzzing.execute(target, content, Path(folder)) or _too_large(content)
            number += 1
            if failure and failure.place not in findings:
                path = out / name / hashlib.sha256(failure.content).hexdigest()[:16]
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(failure.content)
                findings[failure.place] = {"text": failure.text, "file": str(path)}
    return {"executions": number - first, "peak_mb": _peak_mb(), "findings": findings}


def _too_large(content: bytes) -> Failure | None:
    """Too much memory of this process so far, as a failure; the first, which is kept, is of the input that took it."""
    peak = _peak_mb()
    return Failure(content, "memory", f"{peak} MB") if peak > MEMORY_LIMIT_MB else None


def _peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def _in_a_process(name: str, seconds: float, seed: int, out: Path) -> dict[str, Any]:
    """Fuzz a target in a fresh process; a crash of it is a finding."""
    command = [
        sys.executable,
        __file__,
        name,
        "--one",
        "--seconds",
        str(seconds),
        "--seed",
        str(seed),
        "--out",
        str(out),
    ]
    with tempfile.TemporaryDirectory(prefix="fuzz-har-edge-") as cache:
        environment = os.environ | {"HAR_EDGE_CACHE": cache, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, cwd=ROOT)
    if done.returncode:
        crash = {f"exit code {done.returncode}": {"text": done.stderr[-500:], "file": "unknown"}}
        found = {"executions": 0, "peak_mb": 0, "findings": crash}
    else:
        found = json.loads(done.stdout)
    counts = f"{found['executions']} executions in {seconds:g} s, peak {found['peak_mb']} MB"
    print(f"{name}: {counts}, {len(found['findings'])} findings", flush=True)
    for place, finding in found["findings"].items():
        print(f"  {place}: {finding['text']}\n    {finding['file']}", flush=True)
    return found


if __name__ == "__main__":
    main()
