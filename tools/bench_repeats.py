"""Repeat `har-edge bench edge` on a quiet and on a busy CPU: `python -m tools.bench_repeats [--runs N]`.

On the busy CPU, a process pinned to the CPU of the benchmark computes for random 1 to 20 s of every 30. Writes
`docs/results/bench_repeats.json` and `bench_repeats.md`.
"""

import os
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from multiprocessing import Process
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import numpy as np

from edge_runtime.bench import machine
from edge_runtime.bench.results import read_report
from tools import har_edge, table, write_result

FORMS = ("int8", "int8 as C")


@click.command()
@click.option("--runs", default=10, metavar="N", help="Runs on the quiet and on the busy CPU.")
def main(runs: int) -> None:
    """Repeat the benchmark, and write how much its ratios differ."""
    content: dict[str, Any] = {"date": f"{date.today()}", "cpu": machine.read_facts(None).cpu, "runs": {}}
    with TemporaryDirectory() as folder:
        content["runs"]["quiet"] = [measure(Path(folder)) for _ in range(runs)]
        with busy():
            content["runs"]["busy"] = [measure(Path(folder)) for _ in range(runs)]
    write_result("bench_repeats", content, markdown(content))


def measure(folder: Path) -> dict[str, Any]:
    """Run the benchmark once; return its seconds, and for each form the ratio to float32 and its interval."""
    began = time.monotonic()
    har_edge("bench", "edge", "--json", folder / "bench.json")
    run: dict[str, Any] = {"seconds": time.monotonic() - began}
    report = read_report(folder / "bench.json")
    for comparison in report.comparisons:
        run[report.results[comparison.result].form] = [comparison.p50_ratio, *(comparison.p50_ratio_ci95 or ())]
    return run


@contextmanager
def busy() -> Iterator[None]:
    """Keep the CPU of the benchmark busy for random times."""
    process = Process(target=_compute, args=(max(os.sched_getaffinity(0)),))
    process.start()
    try:
        yield
    finally:
        process.kill()


def _compute(cpu: int) -> None:
    os.sched_setaffinity(0, {cpu})
    generator = random.Random(0)
    while True:
        began = time.monotonic()
        seconds = generator.uniform(1, 20)
        while time.monotonic() < began + seconds:
            sum(range(10_000))
        time.sleep(max(0.0, began + 30 - time.monotonic()))


def markdown(content: dict[str, Any]) -> str:
    """Return the text of `bench_repeats.md`; `content` is read from `bench_repeats.json`."""
    rows = []
    for place, runs in content["runs"].items():
        for form in FORMS:
            ratio, low, high = np.array([run[form] for run in runs]).T
            middle = np.median(ratio)
            covering = int(np.sum((low <= middle) & (middle <= high)))
            spread, half = np.ptp(ratio) / middle, np.mean((high - low) / 2 / ratio)
            seconds = np.median([run["seconds"] for run in runs])
            numbers = f"{middle:.3f}", f"{100 * spread:.1f} %", f"{covering} of {len(runs)}", f"{100 * half:.1f} %"
            rows.append([place, form, *numbers, f"{seconds:.0f}"])
    header = "CPU | form | median ratio to float32 | (largest - smallest) / median | intervals with the median"
    return f"""# The benchmark, repeated

Written by `python -m tools.bench_repeats` on {content["date"]}: runs of `har-edge bench edge` on
{content["cpu"]}. On the busy CPU, another process computed for random 1 to 20 s of every 30.

{table(f"{header} | half of an interval | seconds", rows)}"""


if __name__ == "__main__":
    main()
