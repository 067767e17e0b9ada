"""Reasons why a result may mislead, each with what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# A percentile needs samples beyond it: below this, p99 rests on fewer than five.
FEWEST_RUNS = 500
# More than this waited for a CPU, on average over the minute before: something else was running.
BUSY_LOAD = 0.5
# A graph with more than this share of its operators outside XNNPACK is not what that runtime can do.
MOST_OUTSIDE = 0.1


def find(
    machine: Mapping[str, Any], model: Mapping[str, Any], runtime: str, runs: int, same_answers: bool
) -> tuple[str, ...]:
    """The doubts about a model's result.

    `machine` is what the first worker of all found before it began, `model` and `runtime` what a worker of this model
    answered, `runs` the timed inferences, and `same_answers` whether every round classified all windows alike.
    """
    found = (
        _emulated(machine) or _busy(machine) or "",
        _governor(machine),
        _few_runs(runs),
        _outside_xnnpack(model, runtime),
        "" if same_answers else "the rounds did not give the same answers: run again with --threads 1",
    )
    return tuple(doubt for doubt in found if doubt)


def _emulated(machine: Mapping[str, Any]) -> str:
    if not machine["emulated"]:
        return ""
    return "the CPU is emulated, so its times and memory mean nothing and are left out: measure on the real device"


def _busy(machine: Mapping[str, Any]) -> str:
    load = machine["load_average"]
    if load is None or load <= BUSY_LOAD:
        return ""
    return f"the machine was busy before the run (load average {load:g}): let it come to rest and run again"


def _governor(machine: Mapping[str, Any]) -> str:
    governor = machine["governor"]
    if governor in (None, "performance"):
        return ""
    return f"the CPU governor is '{governor}', which changes the clock: 'sudo cpupower frequency-set -g performance'"


def _few_runs(runs: int) -> str:
    if runs >= FEWEST_RUNS:
        return ""
    return f"{runs} timed inferences are too few for p99: use --runs {FEWEST_RUNS} or more"


def _outside_xnnpack(model: Mapping[str, Any], runtime: str) -> str:
    taken, total = sum(model["xnnpack"].values()), sum(model["operators"].values())
    if total - taken <= MOST_OUTSIDE * total:
        return ""
    left = sorted(name for name, n in model["operators"].items() if n > model["xnnpack"].get(name, 0))
    names = ", ".join(left[:3]) + (" and others" if len(left) > 3 else "")
    advice = "use LiteRT, which takes more" if runtime == "tflite-runtime" else "convert it with 'har-edge convert'"
    return f"XNNPACK took {taken} of {total} operators, not {names}, which run in slower kernels: {advice}"
