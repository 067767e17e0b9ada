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
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import commands
from targets import TARGETS

from edge_runtime.bench import machine

MEMORY_LIMIT_MB = 1024
FIRST_SEED = 1_000_000  # beyond those of `make test`


@click.command()
@click.argument("targets", nargs=-1, metavar="[TARGET]...", type=click.Choice(list(TARGETS)))
@click.option("--seconds", type=float, default=60.0, show_default=True, help="Of each target.")
@click.option("--seed", type=int, default=0, show_default=True, help="Draw other inputs than with another seed.")
@click.option("--jobs", type=int, default=2, show_default=True, help="Targets at the same time.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/fuzz"), help="Where findings are kept.")
@click.option("--document", type=click.Path(path_type=Path), help="Write the table here too, as Markdown.")
@click.option("--one", is_flag=True, hidden=True, help="Fuzz the one TARGET in this process.")
def main(
    targets: Sequence[str], seconds: float, seed: int, jobs: int, out: Path, document: Path | None, one: bool
) -> None:
    """Fuzz each TARGET, print executions and findings, and exit with 1 when there is a finding."""
    if one:
        print(json.dumps(fuzz(targets[0], seconds, seed, out.absolute())))
        return
    with ThreadPoolExecutor(jobs) as pool:
        found = dict(pool.map(lambda x: (x, _in_a_process(x, seconds, seed, out)), targets or TARGETS))
    text = _table(found, seconds)
    print(text)
    if document:
        document.write_text(text)
    sys.exit(any(x["findings"] for x in found.values()))


def fuzz(name: str, seconds: float, seed: int, out: Path) -> dict[str, Any]:
    """Draw inputs for so long; one of each fault is kept in a file."""
    target, deadline = TARGETS[name], time.monotonic() + seconds
    findings: dict[str, str] = {}
    number = first = FIRST_SEED * (seed + 1)
    with tempfile.TemporaryDirectory(prefix="fuzz-har-edge-") as folder, commands.limited_memory():
        while time.monotonic() < deadline:
            content = target.draw(number)
            number += 1
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
            faults = [x.fault for x in target.run(content, Path(folder)) if x.fault]
            for fault in [*faults, *(["too much memory"] if peak > MEMORY_LIMIT_MB else [])]:
                path = out / name / hashlib.sha256(content).hexdigest()[:16]
                if fault not in findings:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
                    findings[fault] = str(path)
    return {"inputs": number - first, "peak_mb": peak, "findings": findings}


def _in_a_process(name: str, seconds: float, seed: int, out: Path) -> dict[str, Any]:
    """Fuzz a target in a fresh process; a crash of it is a finding."""
    options = ("--one", "--seconds", str(seconds), "--seed", str(seed), "--out", str(out))
    with tempfile.TemporaryDirectory(prefix="fuzz-har-edge-") as cache:
        environment = os.environ | {"HAR_EDGE_CACHE": cache, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, __file__, name, *options]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        return {"inputs": 0, "peak_mb": 0, "findings": {f"exit code {done.returncode}": done.stderr[-500:]}}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _table(found: dict[str, dict[str, Any]], seconds: float) -> str:
    """What was found, as Markdown."""
    facts = machine.read_facts()
    where = f"`make fuzz SECONDS={seconds:g}` on {facts.cpu}, {facts.cores} cores, on {datetime.now(UTC):%Y-%m-%d}"
    lines = [
        "# What changed inputs made of the parsers\n",
        f"Written by {where}. A finding is an input that a command answers neither well nor with one sentence, that "
        f"takes more than {commands.CPU_SECONDS:g} s of CPU, or more than {MEMORY_LIMIT_MB} MB of memory.\n",
        "| parser | seconds | inputs | peak memory | findings |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    for name, x in found.items():
        lines.append(f"| {name} | {seconds:g} | {x['inputs']} | {x['peak_mb']} MB | {len(x['findings'])} |")
        lines += [f"| {fault}: {file} | | | | |" for fault, file in x["findings"].items()]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
