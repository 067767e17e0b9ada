"""Measure models in sets of processes until their ratios are sure; the same interpreter times and scores.

The control is the first model once more: its ratio to itself shows the error of ratios in this run.
"""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from edge_runtime.bench import aggregation
from edge_runtime.bench.c_library import compile_for
from edge_runtime.bench.measurement_job import Device, JobModel, MeasurementJob
from edge_runtime.bench.results import AbsentRival, EvaluatedData, Failure, MeasuredDevice, Method, Report
from edge_runtime.bench.rounds import MeasurementSettings, Participant, Rounds
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


def measure(
    models: Sequence[ModelFile],
    data: Dataset,
    device: Device,
    settings: MeasurementSettings,
    on_progress: OnProgress = ignore_progress,
) -> Report:
    """Measure `models` on `device` with all test windows of `data`, or every n-th where the device takes fewer.

    The report lists a model that cannot be measured among its `failures`, and a rival among its `absent_rivals`. When
    no model is left, the first error is raised. Windows whose labels the models lack are left out, and windows without
    a walking frame if a model needs it. Raises `InputError` when a model does not fit the data.
    """
    cards = [model.card for model in models]
    moving, motionless = evaluation_data.moving_for(cards, data)
    scored, left_out = evaluation_data.in_labels_of(cards[0], moving)
    for model in models:
        evaluation_data.check_data(model.card, scored)
        if settings.paced and model.card.window.rate_hz is None:
            raise InputError(f"{model.title} does not say how often its windows come: measure it without --paced")
    all_data, every = scored, -(-len(scored.test) // (device.most_windows or len(scored.test)))
    rows = np.arange(len(scored.test)) % every == 0
    if every > 1:
        scored = replace(scored, test=scored.test.select(rows), name=f"{moving.name}, one test window of {every}")
    with scratch_folder() as folder:
        participants = _lay_out(folder, models, moving, rows, settings)
        for participant in participants:
            _compile(participant, device, folder, on_progress)
        period_s = models[0].card.window.hop_s or 0.0 if settings.paced else 0.0
        job = MeasurementJob("", "measure", (), settings.threads, period_s=period_s)
        rounds = Rounds(participants, job, device, folder, settings)
        rounds.take(on_progress)
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
    return _report_of(rounds, scored, all_data, evaluated)


def _report_of(rounds: Rounds, scored: Dataset, all_data: Dataset, evaluated: EvaluatedData) -> Report:
    """Build the report of all rounds. Raises the first error when no model was measured."""
    participants, settings = rounds.participants, rounds.settings
    measured = [each for each in participants if not (each.is_control or each.failure)]
    if all(model.model.rival for model in measured):
        raise next(participant.failure for participant in participants if participant.failure)
    first, last = measured[0].measured[0], measured[-1].measured[-1]
    twice = [x for x in (participants[0], *(x for x in participants if x.is_control)) if x.rounds and not x.failure]
    has_control = len(twice) == 2 and not first.machine.emulated
    control = aggregation.control_of(*twice) if has_control else None
    run = aggregation.MeasuredRun(measured, scored, all_data, settings, rounds.is_precise, control)
    results = [aggregation.result_of(run, place) for place in range(len(measured))]
    overheads = [
        x.harness_overhead_us for model in measured for x in model.measured if x.harness_overhead_us is not None
    ]
    without_c = settings.without_c
    controlled = participants[0].failure is None  # otherwise the control only fails once more
    failed = [(x, str(x.failure)) for x in participants if x.failure and (controlled or not x.is_control)]
    if not settings.needs_c and (in_c := [reason for x, reason in failed if x.model.c_source]):
        without_c, failed = in_c[0], [(x, reason) for x, reason in failed if not x.model.c_source]
    absent = tuple(AbsentRival(x.model.rival.name, reason) for x, reason in failed if x.model.rival)
    return Report(
        device=MeasuredDevice(
            **vars(first.machine), name=rounds.device.name, runtime=first.runtime, before=first.before, after=last.after
        ),
        data=evaluated,
        results=tuple(results),
        settings=Method(
            runtime=settings.runtime,
            threads=settings.threads,
            rounds=len(measured[0].rounds),
            duration_s=None if settings.rounds else settings.duration_s,
            until=None if settings.rounds else settings.until,
            mode="paced" if settings.paced else "back-to-back",
            harness_overhead_us=None if first.machine.emulated else round(median(overheads), 3),
        ),
        comparisons=tuple(aggregation.comparisons(run, results)),
        control=control,
        failures=(
            *(Failure(x.name, reason) for x, reason in failed if not x.model.rival),
            *([Failure(f"round {len(measured[0].rounds) + 1}", str(rounds.error))] if rounds.error else []),
        ),
        absent_rivals=None if settings.absent_rivals is None else settings.absent_rivals + absent,
        without_c=without_c,
    )


def _compile(participant: Participant, device: Device, folder: Path, on_progress: OnProgress) -> None:
    """Compile a model that is measured as C."""
    model, job = participant.model, participant.job
    if model.c_source and not participant.is_control:
        on_progress(0.0, f"compiling {Path(model.title).name}")
        try:
            compiler = compile_for(device, model.c_source, job, folder)
            participant.job = replace(job, compiler=compiler)
            participant.model = replace(model, library=(folder / str(job.library)).read_bytes())
        except HarEdgeError as error:
            participant.failure = error


def _count_instructions(participant: Participant, device: Device, folder: Path, on_progress: OnProgress) -> None:
    """Count instructions on an emulated processor."""
    if not participant.failure and not participant.is_timed:
        on_progress(1.0, f"counting instructions: {Path(participant.name).name}")
        try:
            participant.instructions = device.instructions(participant.job, folder)
        except HarEdgeError as error:
            participant.failure = error


def _lay_out(
    folder: Path, models: Sequence[ModelFile], data: Dataset, rows: npt.NDArray[np.bool_], settings: MeasurementSettings
) -> list[Participant]:
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
        job = JobModel(
            model=f"model-{i}{suffix}",
            title=model.title,
            runtime=ONNX_RUNTIME if model.is_onnx else interpreter,
            library=f"model_{i}.so" if model.c_source else None,
            windows=windows[key],
        )
        participants.append(Participant(model, model.title, job))
    if settings.control:
        first = participants[0]
        job = replace(first.job, is_scored=False)
        participants.append(Participant(first.model, f"{first.name} once more", job, is_control=True))
    return participants
