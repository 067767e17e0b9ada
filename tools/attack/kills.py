"""Kill commands at random moments: nothing is lost or half-written, no process stays, and the next one goes on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

from edge_runtime.system.files import sha256
from tools import COMMAND
from tools.attack import whole_files
from tools.attack.ground import Ground
from tools.attack.harness import Ending, Fault, Finding, Place, finding, judge, wait_for

SIGNALS = (signal.SIGKILL, signal.SIGINT, signal.SIGTERM)
INTERRUPTED = 130
DIES_WITHIN_S = 30.0
ORPHANS_END_WITHIN_S = 15.0
FIRST_S = 0.5  # before that a process is Python that starts
FINISHES_WITHIN_S = 600.0
LIMITS = f"{DIES_WITHIN_S:g} s from the signal, {FINISHES_WITHIN_S:g} s to go on, memory not measured"
ATTEMPTS = 4
"""To hit a command before it ends; exit code 0 after the last is a fault."""
MARK = "HAR_EDGE_ATTACK"
"""In the environment of a killed command and of all that it starts."""

Words = tuple[object, ...]


@dataclass(frozen=True)
class Victim:
    """A command that is killed `times`.

    `prepare` makes its folder, `line` is the command, `again` the one that goes on, and `outcome` what the folder holds
    then, which is the same as without a kill. `kept` are files that a kill leaves as they were, or whole and new.
    """

    name: str
    times: int
    line: Callable[[Path], Words]
    again: Callable[[Path], Words]
    outcome: Callable[[Path], object]
    prepare: Callable[[Path], object] = lambda folder: folder.mkdir()
    kept: tuple[str, ...] = ()


class Reference:
    """A run of a victim that nothing disturbs: how long it takes and what it leaves."""

    def __init__(self, victim: Victim, folder: Path, environment: dict[str, str]) -> None:
        self._victim, self._folder, self._environment = victim, folder, environment
        self._lock = threading.Lock()
        self._found: tuple[float, object] | None = None

    def _run(self) -> tuple[float, object]:
        """Run the command, once."""
        with self._lock:
            self._found = self._found or self._measure()
        return self._found

    def _measure(self) -> tuple[float, object]:
        self._victim.prepare(self._folder)
        started = time.monotonic()
        line = [*COMMAND, *map(str, self._victim.line(self._folder))]
        done = subprocess.run(line, cwd=self._folder.parent, env=self._environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr
        return time.monotonic() - started, self._victim.outcome(self._folder)

    @property
    def seconds(self) -> float:
        """How long the command takes."""
        return self._run()[0]

    @property
    def outcome(self) -> object:
        """What it leaves."""
        return self._run()[1]


@dataclass(frozen=True)
class Kill:
    """One kill of a victim, by a signal, after a share of its time."""

    name: str
    victim: Victim
    reference: Reference
    folder: Path
    number: signal.Signals
    share: float
    finishes: bool

    def run(self, place: Place) -> Finding:
        """Start, kill, look for what is wrong, go on, and compare; a command that was quicker is killed earlier."""
        mark = f"{self.name}-{os.getpid()}"
        for sooner in range(ATTEMPTS):
            shutil.rmtree(self.folder, ignore_errors=True)
            self.victim.prepare(self.folder)
            before = {x: sha256(self.folder / x) for x in self.victim.kept}
            ending = self._killed(place, mark, self.share / 2**sooner)
            if ending.code != 0:
                break
        faults = judge(ending, (INTERRUPTED, -self.number))
        faults = [x for x in faults if x.kind != "signal" or ending.code != -self.number]
        if not wait_for(lambda: not _marked(mark), ORPHANS_END_WITHIN_S):
            faults.append(Fault("lost", f"processes stay: {_marked(mark)}"))
            for process in _marked(mark):
                os.kill(process, signal.SIGKILL)
        faults += [Fault("lost", f"{x} is gone") for x in before if not (self.folder / x).exists()]
        # A temporary file cannot be removed by who is killed by SIGKILL, but by who is interrupted.
        is_mine = self.number != signal.SIGKILL
        faults += [Fault("lost", x) for x in whole_files.faults(self.folder) if is_mine or "left behind" not in x]
        if self.finishes:
            faults += self._finish(place)
        shutil.rmtree(self.folder, ignore_errors=True)
        return finding(self.name, self.victim.line(self.folder), ending, faults, LIMITS)

    def _killed(self, place: Place, mark: str, share: float) -> Ending:
        wait_s = FIRST_S + share * max(0.0, self.reference.seconds - FIRST_S)
        started = time.monotonic()
        process = self._start(place, self.victim.line(self.folder), {MARK: mark})
        try:
            process.wait(wait_s)
        except subprocess.TimeoutExpired:
            process.send_signal(self.number)
        try:
            out, error = process.communicate(timeout=DIES_WITHIN_S)
            hung = False
        except subprocess.TimeoutExpired:
            process.kill()
            out, error = process.communicate()
            hung = True
        return Ending(process.returncode, hung, time.monotonic() - started, 0, out, error)

    def _finish(self, place: Place) -> list[Fault]:
        line = self.victim.again(self.folder)
        process = self._start(place, line, {})
        try:
            _, error = process.communicate(timeout=FINISHES_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return [Fault("hang", f"going on took more than {FINISHES_WITHIN_S:g} s")]
        if process.returncode:
            return [Fault("lost", f"going on fails with {process.returncode}: {error.decode(errors='replace')[-300:]}")]
        faults = [Fault("lost", x) for x in whole_files.faults(self.folder)]
        if self.victim.outcome(self.folder) != self.reference.outcome:
            faults.append(Fault("lost", "going on ended with something else than without a kill"))
        return faults

    def _start(self, place: Place, line: Words, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [*COMMAND, *map(str, line)],
            cwd=place.folder,
            env=place.environment | environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )


def cases(ground: Ground) -> Iterator[Kill]:
    """All kills: signals in turn, at random moments."""
    folder = ground.place("kills")
    random = ground.random("kills")
    environment = Place(folder, folder / "scratch", 0).environment
    for victim in _victims(ground):
        reference = Reference(victim, folder / f"{victim.name}-reference", environment)
        yield from _kills(victim, reference, folder, random)


def _kills(victim: Victim, reference: Reference, folder: Path, random: Random) -> Iterator[Kill]:
    for i in range(victim.times):
        number = SIGNALS[i % len(SIGNALS)]
        name = f"{victim.name} {i} {number.name}"
        place = folder / name.replace(" ", "-")
        # Each signal is followed by going on, every other time.
        yield Kill(name, victim, reference, place, number, random.random(), finishes=i // len(SIGNALS) % 2 == 0)


def _victims(ground: Ground) -> Iterator[Victim]:
    data: Words = ("--data", ground.data)
    fit: Words = ("--network", "edge-small", *data)
    train: Words = ("train", *fit, "--epochs", 2, "--out")
    crossval: Words = ("crossval", *fit, "--epochs", 1, "--folds", 2, "--out")
    bench: Words = ("bench", "edge-small", "--rounds", 2, "--runs", 20, *data, "--json")
    models = ("model_float32.tflite", "model_int8.tflite")

    def resume(folder: Path) -> Words:
        has_begun = folder.exists() and any(folder.iterdir())
        return ("train", "--resume", "--out", folder) if has_begun else (*train, folder)

    def convert(folder: Path) -> Words:
        return ("convert", folder, "--quantize", "--max-drop", 100, *data)

    def measure(folder: Path) -> Words:
        return (*bench, folder / "b.json", "--csv", folder / "b.csv")

    def personalise(folder: Path) -> Words:
        return ("personalise", "edge-small", "--data", ground.person, "-o", folder / "m.tflite")

    def adapted(folder: Path) -> Words:
        return ("info", folder / "m.tflite") if (folder / "m.tflite").exists() else personalise(folder)

    def cross_validate(folder: Path) -> Words:
        return (*crossval, folder / "out")

    def old_result(folder: Path) -> None:
        folder.mkdir()
        shutil.copy(ground.result, folder / "b.json")

    yield Victim("train", 12, lambda folder: (*train, folder), resume, _weights, lambda folder: None)
    yield Victim("convert", 9, convert, convert, _digests, lambda folder: shutil.copytree(ground.run, folder), models)
    yield Victim("bench", 9, measure, measure, _measured, old_result, ("b.json",))
    yield Victim("personalise", 9, personalise, adapted, _digests)
    yield Victim("crossval", 6, cross_validate, cross_validate, _validated)


def _weights(folder: Path) -> object:
    """The digests of the trained weights."""
    card: dict[str, Any] = json.loads((folder / "card.json").read_text())
    return card["training"]["weights_sha256"]


def _digests(folder: Path) -> object:
    """The digests of the models in a folder."""
    return {path.name: sha256(path) for path in sorted(folder.glob("*.tflite"))}


def _measured(folder: Path) -> object:
    """What each model of a result answered, and that the table is there."""
    results = json.loads((folder / "b.json").read_text())["results"]
    return [(x["model"], x["confusion"]) for x in results], (folder / "b.csv").exists()


def _validated(folder: Path) -> object:
    """What all folds answered."""
    return json.loads((folder / "out/crossval.json").read_text())["scores"]["confusion"]


def _marked(mark: str) -> list[int]:
    """The processes that a marked command has started, zombies left out."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}\0".encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it has just ended, or is another user's
            continue
    return found
