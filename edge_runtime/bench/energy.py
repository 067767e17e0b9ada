"""Measure the energy of one inference: power while inferring minus power at rest, divided by the rate.

Sources, best first: the counters of the processor's packages (RAPL, x86), and the power controller of a Raspberry Pi 5,
which measures the rails of the board. Like the worker, this needs only Python.
"""

import os
import re
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from edge_runtime.bench.machine_state import ROOT, ask, number, read
from edge_runtime.bench.measured import Energy

SAMPLE_SECONDS = 0.1  # between two readings of a meter of power


@dataclass(frozen=True)
class Counter:
    """Counters of microjoules, each in a file, which restart at 0 after their `ranges`."""

    name: str
    paths: Sequence[Path]
    ranges: Sequence[int]

    def watts_during(self, work: Callable[[], float]) -> float | None:
        """Return the mean power while `work` runs and returns its seconds; None if a counter cannot be read."""
        before = self._read()
        elapsed = work()
        after = self._read()
        if before is None or after is None:
            return None
        used = sum((after[i] - before[i]) % (most + 1) for i, most in enumerate(self.ranges))
        return used / 1e6 / elapsed

    def _read(self) -> list[int] | None:
        values = [number(path) for path in self.paths]
        return None if None in values else [value for value in values if value is not None]


@dataclass(frozen=True)
class Gauge:
    """A meter of the present power; a thread reads it at rest too, so that the thread's own power cancels."""

    name: str
    watts: Callable[[], float | None]

    def watts_during(self, work: Callable[[], float]) -> float | None:
        """Return the mean power while `work` runs; None when it cannot be read."""
        samples: list[float | None] = []
        done = threading.Event()
        sampler = threading.Thread(target=self._sample, args=(samples, done), daemon=True)
        sampler.start()
        try:
            work()
        finally:
            done.set()
            sampler.join()
        # Short work may end before the first sample.
        readings = [watts for watts in samples or [self.watts()] if watts is not None]
        return sum(readings) / len(readings) if len(readings) == max(1, len(samples)) else None

    def _sample(self, samples: list[float | None], done: threading.Event) -> None:
        # This moves only the calling thread: the inferring thread stays on its CPU.
        with suppress(OSError):
            os.sched_setaffinity(0, range(os.cpu_count() or 1))
        while not done.wait(SAMPLE_SECONDS):
            samples.append(self.watts())


def per_inference(
    call: Callable[[], object],
    seconds: float = 2.0,
    root: Path = ROOT,
    clock: Callable[[], int] = time.perf_counter_ns,
    sleep: Callable[[float], object] = time.sleep,
) -> Energy:
    """Measure the energy of `call`, one inference: at rest, inferring and at rest again, `seconds` each.

    Returns at once on a machine without a source. The process should be pinned and warm. `clock` returns nanoseconds.
    """
    source = find_source(root)
    if isinstance(source, str):
        return Energy(None, reason=source)
    calls = 0
    busy_seconds = 0.0

    def rest() -> float:
        began = clock()
        sleep(seconds)
        return (clock() - began) / 1e9

    def infer() -> float:
        nonlocal calls, busy_seconds
        began = clock()
        end = began + int(seconds * 1e9)
        while clock() < end:
            call()
            calls += 1
        busy_seconds = (clock() - began) / 1e9
        return busy_seconds

    before, busy, after = (source.watts_during(work) for work in (rest, infer, rest))
    if before is None or busy is None or after is None:
        return Energy(None, source.name, reason=f"{source.name} stopped responding during the measurement: run again")
    idle = (before + after) / 2
    if busy - idle <= abs(after - before):
        return Energy(
            None,
            source.name,
            round(idle, 4),
            f"inferring took {busy:.3g} W, too close to {before:.3g} W at rest before and {after:.3g} W "
            "after: wait until the machine is idle and run again",
        )
    return Energy(round((busy - idle) * busy_seconds / calls * 1e3, 6), source.name, round(idle, 4))


def find_source(root: Path = ROOT) -> Counter | Gauge | str:
    """Return the best source of this machine, or the reason why it has no source."""
    counters = _rapl(root)
    if isinstance(counters, Counter):
        return counters
    return _pmic(root) or counters or "this machine has neither RAPL counters nor a power controller"


def _rapl(root: Path) -> Counter | str | None:
    # A zone with one colon is whole, a zone with two colons is a part. psys, if it exists, contains the packages.
    zones = sorted((root / "sys/class/powercap").glob("intel-rapl:*"))
    zones = [zone for zone in zones if zone.name.count(":") == 1 and (read(zone / "name") or "").startswith("package")]
    if not zones:
        return None
    paths = [zone / "energy_uj" for zone in zones]
    closed = [path for path in paths if number(path) is None]
    if closed:
        return f"{closed[0]} cannot be read: run as root, or 'sudo chmod a+r {' '.join(map(str, closed))}'"
    return Counter("RAPL", paths, [number(zone / "max_energy_range_uj") or 2**32 - 1 for zone in zones])


def _pmic(root: Path) -> Gauge | None:
    def watts() -> float | None:
        return _rail_watts(ask("vcgencmd", "pmic_read_adc", root=root) or "")

    return Gauge("Raspberry Pi power controller", watts) if watts() is not None else None


def _rail_watts(text: str) -> float | None:
    """Sum current times voltage over all rails."""
    current, voltage = (
        {
            name: float(value)
            for name, value in re.findall(rf"^\s*(\S+)_{letter} .*=([\d.]+){letter}", text, re.MULTILINE)
        }
        for letter in "AV"
    )
    rails = current.keys() & voltage.keys()
    return sum(current[rail] * voltage[rail] for rail in rails) if rails else None
