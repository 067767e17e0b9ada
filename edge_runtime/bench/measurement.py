"""Measure models in fresh processes that take turns; the same interpreter times and scores.

Rounds are interleaved (A B A B …), so that all models suffer alike when the machine warms up or gets busy. Each round
of a model is one process: it loads the model, infers once, warms up until its times settle, and times. There are many
short rounds, since rounds differ more (place in memory, clock) than the samples within a round. The control is the
first model once more: the ratio of the two shows the error of ratios in this run.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from edge_runtime.bench import aggregation
from edge_runtime.bench.aggregation import MeasuredModel
from edge_runtime.bench.c_library import compile_for
from edge_runtime.bench.measured import Round, read_round
from edge_runtime.bench.measurement_job import Device, Instructions, MeasurementJob
from edge_runtime.bench.results import AbsentRival, EvaluatedData, Failure, MeasuredDevice, Method, Report
from edge_runtime.data import evaluation_data
from edge_runtime.data.dataset import Dataset
from edge_runtime.data.names import natural_order
from edge_runtime.errors import HarEdgeError, InputError
from edge_runtime.model import model_card
from edge_runtime.model.c_model import C
from edge_runtime.model.model_file import ModelFile
from edge_runtime.model.onnx_model import ONNX_RUNTIME
from edge_runtime.system.files import scratch_folder
from edge_runtime.system.progress import OnProgress, ignore_progress

ROUNDS = 10
RUNS = 3000
PACED_ROUNDS = 8
PACED_RUNS = 24

# Rounds that classify all windows; two rounds show whether answers repeat.
_SCORED_ROUNDS = 2


@dataclass(frozen=True)
class MeasurementSettings:
    """Set how to measure; None is the default of the mode.

    Each model has `runs` timed inferences over all `rounds`, or as many as fit into `duration_s`. `paced` spaces them
    as a stream does. `absent_rivals` could not be made; None if rivals are not requested.
    """

    runtime: str = "auto"
    threads: int = 1
    runs: int | None = None
    rounds: int | None = None
    duration_s: float | None = None
    paced: bool = False
    control: bool = True
    absent_rivals: tuple[AbsentRival, ...] | None = None

    @property
    def total_runs(self) -> int:
        """The number of timed inferences per model, unless a duration is set."""
        return self.runs or (PACED_RUNS if self.paced else RUNS)

    @property
    def turns(self) -> int:
        """The number of rounds, at most the number of runs."""
        rounds = self.rounds or (PACED_ROUNDS if self.paced else ROUNDS)
        return rounds if self.duration_s is not None else min(rounds, self.total_runs)


@dataclass
class _Participant:
    """A model that takes turns with the others, or the control; `failure` is the error of its worker."""

    model: ModelFile
    name: str
    job: MeasurementJob
    is_control: bool = False
    rounds: list[Round] = field(default_factory=list)
    failure: HarEdgeError | None = None
    instructions: Instructions | None = None


def measure(
    models: Sequence[ModelFile],
    data: Dataset,
    device: Device,
    settings: MeasurementSettings = MeasurementSettings(),
    on_progress: OnProgress = ignore_progress,
) -> Report:
    """Measure `models` on `device` with all test windows of `data`, or every n-th where the device takes fewer.

    The report lists a model that cannot be measured among its `failures`, and a rival among its `absent_rivals`. When
    no model is left, the first error is raised. Windows whose labels the models lack are left out, and windows without
    a walking frame if a model needs it. Raises `InputError` when a model does not fit the data.
    """
    cards = [model.card for model in models]
    moving, motionless = evaluation_data.moving_for(cards, data)
    scored, left_out = evaluation_data.in_labels_of(cards, moving)
    for model in models:
        evaluation_data.check_data(model.card, scored)
        if settings.paced and model.card.window.rate_hz is None:
            raise InputError(f"{model.title} does not say how often its windows come: measure it without --paced")
    every = -(-len(scored.test) // (device.most_windows or len(scored.test)))
    rows = np.arange(len(scored.test)) % every == 0
    if every > 1:
        scored = replace(scored, test=scored.test.select(rows), name=f"{moving.name}, one test window of {every}")
    with scratch_folder() as folder:
        participants = _lay_out(folder, models, moving, rows, settings)
        for participant in participants:
            _compile(participant, device, folder, on_progress)
        _take_turns(participants, scored, device, folder, settings, on_progress)
        for participant in participants:
            _count_instructions(participant, device, folder, on_progress)
    evaluated = EvaluatedData(
        name=scored.name,
        fingerprint=scored.fingerprint,
        windows=len(scored.test),
        period_s=moving.window.hop_s,
        left_out=left_out,
        not_scored=tuple(map(str, natural_order(moving.train.subject.tolist()))),
        motionless=motionless.windows,
        motionless_mountings=motionless.mountings,
    )
    return _report_of(participants, scored, evaluated, device.name, settings)


def _report_of(
    participants: Sequence[_Participant],
    scored: Dataset,
    evaluated: EvaluatedData,
    device: str,
    settings: MeasurementSettings,
) -> Report:
    """Build the report of all rounds. Raises the first error when no model was measured."""
    measured = [
        MeasuredModel(participant.model, participant.rounds, participant.instructions)
        for participant in participants
        if not (participant.is_control or participant.failure)
    ]
    if all(model.model.rival for model in measured):
        raise next(participant.failure for participant in participants if participant.failure)
    first, last = measured[0].measured[0], measured[-1].measured[-1]
    twice = [x for x in (participants[0], *(x for x in participants if x.is_control)) if x.rounds and not x.failure]
    control = aggregation.control_of(*(MeasuredModel(x.model, x.rounds) for x in twice)) if len(twice) == 2 else None
    results = [
        aggregation.result_of(model, measured, scored, settings.threads, settings.paced, control) for model in measured
    ]
    overheads = [
        x.harness_overhead_us for model in measured for x in model.measured if x.harness_overhead_us is not None
    ]
    failed = [(x, str(x.failure)) for x in participants if x.failure]
    absent = tuple(AbsentRival(x.model.rival.name, reason) for x, reason in failed if x.model.rival)
    return Report(
        device=MeasuredDevice(
            **vars(first.machine), name=device, runtime=first.runtime, before=first.before, after=last.after
        ),
        data=evaluated,
        results=tuple(results),
        settings=Method(
            runtime=settings.runtime,
            threads=settings.threads,
            runs=settings.total_runs if settings.duration_s is None else None,
            rounds=settings.turns,
            duration_s=settings.duration_s,
            paced=settings.paced,
            control=settings.control,
            mode="paced" if settings.paced else "back-to-back",
            harness_overhead_us=None if first.machine.emulated else round(median(overheads), 3),
        ),
        comparisons=tuple(aggregation.comparisons(results, measured, scored)),
        control=control,
        failures=tuple(Failure(x.name, reason) for x, reason in failed if not x.model.rival),
        absent_rivals=None if settings.absent_rivals is None else settings.absent_rivals + absent,
    )


def _compile(participant: _Participant, device: Device, folder: Path, on_progress: OnProgress) -> None:
    """Compile a model that is measured as C."""
    model, job = participant.model, participant.job
    if model.is_c and not participant.is_control:
        on_progress(0.0, f"writing and compiling {model.title}")
        try:
            compiler = compile_for(device, folder / job.model, job, folder)
            participant.job = replace(job, compiler=compiler)
            participant.model = replace(model, library=(folder / str(job.library)).read_bytes())
        except HarEdgeError as error:
            participant.failure = error


def _take_turns(
    participants: Sequence[_Participant],
    data: Dataset,
    device: Device,
    folder: Path,
    settings: MeasurementSettings,
    on_progress: OnProgress,
) -> None:
    """Give every participant its turns, each of which adds a round; after a failure it gets no more turns."""
    turns, shape = settings.turns, (len(data.test), len(data.labels))
    total = turns * len(participants)
    for turn in range(turns):
        for i, participant in enumerate(participants):
            if participant.failure or _pointless(i, turn, participants):
                continue
            step, text = turn * len(participants) + i, f"round {turn + 1} of {turns}: {participant.name}"

            def report(share: float, stage: str, step: int = step, text: str = text) -> None:
                on_progress((step + share) / total, f"{text}, {stage}")

            report(0.0, "starting")
            try:
                job = replace(_turn(participant.job, turn, settings), name=f"{turn}-{i}")
                answer = device.run(job, folder, report)
                participant.rounds.append(read_round(answer, job, device.name, shape))
            except HarEdgeError as error:
                participant.failure = error


def _turn(job: MeasurementJob, turn: int, settings: MeasurementSettings) -> MeasurementJob:
    """Return the part of `job` for this `turn`; the first turns score and measure energy, which takes long."""
    runs, turns = settings.total_runs, settings.turns
    return replace(
        job,
        runs=runs * (turn + 1) // turns - runs * turn // turns,
        seconds=None if settings.duration_s is None else settings.duration_s / turns,
        score=job.score and turn < _SCORED_ROUNDS,
        energy=job.energy and turn == 0,
    )


def _count_instructions(participant: _Participant, device: Device, folder: Path, on_progress: OnProgress) -> None:
    """Count instructions on an emulated processor."""
    if participant.rounds and not participant.failure and participant.rounds[0].measured.machine.emulated:
        on_progress(1.0, f"counting instructions: {participant.name}")
        try:
            participant.instructions = device.instructions(replace(participant.job, name="instructions"), folder)
        except HarEdgeError as error:
            participant.failure = error


def _pointless(i: int, turn: int, participants: Sequence[_Participant]) -> bool:
    """Tell whether a turn would only repeat meaningless times, or is the control of a failed model."""
    first = participants[0]
    untimed = bool(first.rounds) and first.rounds[0].measured.machine.emulated
    if not participants[i].is_control:
        return untimed and turn >= _SCORED_ROUNDS
    return untimed or first.failure is not None


def _lay_out(
    folder: Path,
    models: Sequence[ModelFile],
    data: Dataset,
    rows: npt.NDArray[np.bool_],
    settings: MeasurementSettings,
) -> list[_Participant]:
    """Write models and the windows `rows` into `folder`, and return the participants.

    A walking frame is determined from all windows.
    """
    windows: dict[tuple[str, ...], str] = {}
    participants = []
    interpreter = "auto" if settings.runtime == C else settings.runtime
    for i, model in enumerate(models):
        signals = [signal.name for signal in model.card.signals]
        key = (model.card.frame, *signals)
        if key not in windows:
            windows[key] = f"windows-{len(windows)}.npy"
            np.save(folder / windows[key], evaluation_data.evaluated(model.card, data).test.X[rows])
        suffix = ".onnx" if model.is_onnx else ".tflite"
        # A rival has no card in its file.
        content = model_card.attach(model.content, model.card) if model.rival else model.content
        (folder / f"model-{i}{suffix}").write_bytes(content)
        job = MeasurementJob(
            name="",
            task="measure",
            model=f"model-{i}{suffix}",
            title=model.title,
            runtime=ONNX_RUNTIME if model.is_onnx else interpreter,
            library=f"model_{i}.so" if model.is_c else None,
            threads=settings.threads,
            windows=windows[key],
            period_s=(model.card.window.hop_s or 0.0) if settings.paced else 0.0,
            energy=True,
        )
        participants.append(_Participant(model, model.title, job))
    if settings.control:
        first = participants[0]
        job = replace(first.job, score=False, energy=False)
        participants.append(_Participant(first.model, f"{first.name} once more (control)", job, is_control=True))
    return participants
