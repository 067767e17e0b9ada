"""Take rounds of measurements until the ratios of all models are sure.

A round is a new set of processes, one per model. They take turns in short slices, so that a disturbance slows all
models alike. Rounds differ as processes do, by their place in memory. Rounds follow until the interval of every ratio
is narrow, or the time is up.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge_runtime.bench import statistics
from edge_runtime.bench.measured import Measured, Round, read_round
from edge_runtime.bench.measurement_job import Answers, Device, Instructions, JobModel, MeasurementJob
from edge_runtime.bench.results import AbsentRival
from edge_runtime.errors import HarEdgeError
from edge_runtime.model.model_file import ModelFile
from edge_runtime.model.scheme_names import FLOAT
from edge_runtime.system.progress import OnProgress

UNTIL = 0.02
DURATION_S = 40.0
LEAST_ROUNDS = 24
PACED_ROUNDS = 8
PACED_TURNS = 3

# Rounds that classify all windows; two rounds show whether answers repeat.
_SCORED_ROUNDS = 2
_CHECK_REPLICATES = 400  # to see whether intervals are narrow


@dataclass(frozen=True)
class MeasurementSettings:
    """Set how to measure.

    `until` is a share: rounds end when half the interval of each ratio is at most this share of the ratio, at two looks
    in a row, but not before `LEAST_ROUNDS`. No round begins after `duration_s`. `rounds` sets their number instead.
    `paced` spaces inferences as a stream does. `absent_rivals` could not be made; None if rivals are not requested.
    `without_c` says why a model is not C; unless a run `needs_c`, a form in C that cannot be measured is not a failure.
    """

    runtime: str = "auto"
    threads: int = 1
    until: float = UNTIL
    duration_s: float = DURATION_S
    rounds: int | None = None
    paced: bool = False
    control: bool = True
    absent_rivals: tuple[AbsentRival, ...] | None = None
    without_c: str | None = None
    needs_c: bool = False


@dataclass
class Participant:
    """A model that takes turns with the others, or the control; `failure` is the error of its worker."""

    model: ModelFile
    name: str
    job: JobModel
    is_control: bool = False
    rounds: list[Round] = field(default_factory=list)
    failure: HarEdgeError | None = None
    instructions: Instructions | None = None

    @property
    def is_timed(self) -> bool:
        """Tell whether the times and the memory mean something: the CPU is not emulated, as far as is known."""
        return not (self.rounds and self.rounds[0].measured.machine.emulated)

    @property
    def measured(self) -> list[Measured]:
        """The facts of each round."""
        return [round.measured for round in self.rounds]

    @property
    def logits(self) -> npt.NDArray[np.float32]:
        """The answers to all windows in the first round."""
        logits = self.rounds[0].logits
        assert logits is not None
        return logits

    @property
    def predicted(self) -> npt.NDArray[np.intp]:
        """The class of each window in the first round."""
        return np.argmax(self.logits, axis=1)


@dataclass
class Rounds:
    """The rounds of `participants` on a `device`, whose models and windows are in `folder`.

    `job` is the part that all rounds share. `error` ended the rounds early, after enough to score the models.
    """

    participants: Sequence[Participant]
    job: MeasurementJob
    device: Device
    folder: Path
    settings: MeasurementSettings
    _n: int = 0
    error: HarEdgeError | None = None
    _precisions: tuple[float, float] = (math.inf, math.inf)
    _began: float = field(default_factory=time.monotonic)

    def take(self, on_progress: OnProgress) -> None:
        """Measure rounds until they are enough, or no model is left; a participant that fails takes part no more."""
        while not self._are_enough:
            active = [
                each for each in self.participants if not each.failure and (self._is_timed or not each.is_control)
            ]
            if all(each.is_control or each.model.rival for each in active):
                return
            try:
                answers = self._measure(active, on_progress)
            except HarEdgeError as error:
                if not self._is_scored:  # keep the rounds before
                    self.error = error
                    return
                answers = [error] * len(active)
            for each, answer in zip(active, answers, strict=True):
                try:
                    if isinstance(answer, HarEdgeError):
                        raise answer
                    each.rounds.append(read_round(answer, each.name, self.device.name))
                except HarEdgeError as error:
                    each.failure = error
            self._n += 1
            least_rounds = PACED_ROUNDS if self.settings.paced else LEAST_ROUNDS
            if not self.settings.rounds and self._n >= least_rounds - 4 and self._n % 4 == 0:
                self._precisions = (self._precisions[1], self._reached())

    @property
    def _are_enough(self) -> bool:
        if not self._n:
            return False
        if not self._is_timed:
            return not self._is_scored
        if self.settings.rounds:
            return self._n >= self.settings.rounds
        return self.is_precise or self._elapsed > self.settings.duration_s

    @property
    def is_precise(self) -> bool:
        """Tell whether ratios are as precise as asked for, at two looks in a row."""
        return max(self._precisions) <= self.settings.until

    @property
    def _elapsed(self) -> float:
        return time.monotonic() - self._began

    @property
    def _is_scored(self) -> bool:
        return self._n < _SCORED_ROUNDS

    @property
    def _is_timed(self) -> bool:
        return all(each.is_timed for each in self.participants)

    def _measure(self, active: Sequence[Participant], on_progress: OnProgress) -> Answers:
        job = replace(
            self.job,
            name=f"round-{self._n}",
            models=tuple(each.job for each in active),
            turns=PACED_TURNS if self.settings.paced else 0 if self._is_timed else 1,
            score=self._is_scored,
            energy=self._n == 0,
        )
        share, text = self._progress()
        on_progress(share, text)
        return self.device.run(job, self.folder, lambda _, stage: on_progress(share, f"{text}, {stage}"))

    def _progress(self) -> tuple[float, str]:
        """Return the finished share, and a text about it."""
        n = self.settings.rounds
        if n:
            return self._n / n, f"rounds: {min(self._n + 1, n)} of {n}"
        reached = f", ±{100 * self._precisions[1]:.1f} %" if self._precisions[1] < math.inf else ""
        return min(1.0, self._elapsed / self.settings.duration_s), f"rounds: {self._n + 1}{reached}"

    def _reached(self) -> float:
        """Return the widest half of an interval of a ratio to the fastest float form, as a share of the ratio."""
        measured = [each for each in self.participants if not each.failure]
        times = statistics.turn_times([[round.latency_ns for round in each.rounds] for each in measured])
        return statistics.precision(times, [each.model.scheme in FLOAT for each in measured], _CHECK_REPLICATES)
