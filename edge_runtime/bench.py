"""The measurement: every model in fresh processes that take turns, timed and scored by the same interpreter.

Rounds are interleaved (A B A B …), so that a machine that warms up or gets busy does so to all models alike. Each round
of a model is one process: it loads the model, infers once, warms up, times and then classifies all test windows.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

from edge_runtime import card as cards
from edge_runtime import doubts, scores
from edge_runtime.dataset import Dataset
from edge_runtime.devices import Device
from edge_runtime.errors import InputError
from edge_runtime.job import Answer, Job
from edge_runtime.results import Latency, Report, Result, Samples, milliseconds

ROUNDS = 3
RUNS = 3000

OnProgress = Callable[[float, str], None]
"""Hears the share of the whole that is done, and what is being done: the round and model, then `: ` and the stage."""


@dataclass(frozen=True)
class ModelFile:
    """A model file as it will be measured; `title` is its path or another name for people."""

    title: str
    content: bytes
    card: cards.Card


@dataclass(frozen=True)
class Settings:
    """How to measure; `runs` timed inferences per model, over all rounds together."""

    runtime: str = "auto"
    threads: int = 1
    runs: int = RUNS
    rounds: int = ROUNDS


def open_file(path: Path, title: str | None = None) -> ModelFile:
    """The model at `path`. Raises `InputError` when it is missing, damaged or without a card."""
    _, card = cards.read_model(path)
    return ModelFile(title or str(path), path.read_bytes(), card)


def check_data(model: ModelFile, data: Dataset) -> None:
    """Raise `InputError` unless `data` has the classes, the signals and the windows that `model` was made for."""
    card = model.card
    if card.labels != data.labels:
        raise InputError(
            f"{model.title} tells {', '.join(card.labels)} apart, but the data '{data.name}' has the classes "
            f"{', '.join(data.labels)}: give the data of this model with --data"
        )
    offered = {signal.name: signal.unit for signal in data.signals}
    for signal in card.signals:
        if offered.get(signal.name) != signal.unit:
            raise InputError(
                f"{model.title} takes the signal {signal.name} in {signal.unit}, which the data '{data.name}' does not "
                f"have: give the data of this model with --data"
            )
    wanted, given = card.window, data.window
    if (wanted.samples, wanted.rate_hz) != (given.samples, given.rate_hz):
        raise InputError(
            f"{model.title} takes windows of {wanted.samples} samples at {wanted.rate_hz:g} Hz, but those of "
            f"'{data.name}' have {given.samples} at {given.rate_hz:g} Hz: give the data of this model with --data"
        )
    if not len(data.test):
        raise InputError(f"the data '{data.name}' has no test windows: give other data with --data")


def measure(
    models: Sequence[ModelFile],
    data: Dataset,
    device: Device,
    settings: Settings = Settings(),
    on_progress: OnProgress = lambda share, text: None,
) -> Report:
    """Measure `models` on `device` with all test windows of `data`.

    Raises `InputError` when a model does not fit the data or the runtime does not take it, `DeviceError` when a worker
    dies or hangs.
    """
    for model in models:
        check_data(model, data)
    rounds = min(settings.rounds, settings.runs)
    answers: list[list[Answer]] = [[] for _ in models]
    with tempfile.TemporaryDirectory(prefix="har-edge-") as name:
        folder = Path(name)
        jobs = _lay_out(folder, models, data, settings)
        for turn in range(rounds):
            runs = settings.runs * (turn + 1) // rounds - settings.runs * turn // rounds
            for i, job in enumerate(jobs):
                step, text = turn * len(jobs) + i, f"round {turn + 1} of {rounds}, {job.title}"

                def report(stage: str, share: float, step: int = step, text: str = text) -> None:
                    on_progress((step + share) / (rounds * len(jobs)), f"{text}: {stage}")

                report("starting", 0.0)
                answers[i].append(device.run(replace(job, name=f"{turn}-{i}", runs=runs), folder, report))
    first = answers[0][0].facts
    results = [_result(*pair, data, settings, first["machine"]) for pair in zip(models, answers, strict=True)]
    predictions = [_predictions(parts) for parts in answers]
    about = {"name": data.name, "fingerprint": data.fingerprint, "windows": len(data.test)}
    return Report(
        device={"name": device.name} | first["machine"] | {"runtime": first["runtime"]},
        data=about,
        results=tuple(_with_agreement(results, predictions)),
    )


def _lay_out(folder: Path, models: Sequence[ModelFile], data: Dataset, settings: Settings) -> list[Job]:
    """Write models and windows into `folder`, each distinct choice of signals once; a job per model."""
    windows: dict[tuple[str, ...], str] = {}
    jobs = []
    for i, model in enumerate(models):
        signals = tuple(signal.name for signal in model.card.signals)
        if signals not in windows:
            windows[signals] = f"windows-{len(windows)}.npy"
            np.save(folder / windows[signals], data.select(signals).test.X)
        (folder / f"model-{i}.tflite").write_bytes(model.content)
        jobs.append(
            Job(
                name="",
                task="measure",
                model=f"model-{i}.tflite",
                title=model.title,
                runtime=settings.runtime,
                threads=settings.threads,
                windows=windows[signals],
            )
        )
    return jobs


def _result(
    model: ModelFile, answers: Sequence[Answer], data: Dataset, settings: Settings, machine: Mapping[str, Any]
) -> Result:
    """Merge the rounds of one model; `machine` is how the first worker of all found it."""
    facts = answers[0].facts
    predicted = _predictions(answers)
    confusion = scores.confusion_matrix(data.test.y, predicted, len(data.labels))
    same = all(np.array_equal(predicted, _predictions([answer])) for answer in answers)
    samples = Samples(
        *(tuple(milliseconds(answer.arrays[key]) for answer in answers) for key in ("latency_ns", "end_to_end_ns"))
    )
    # Times and memory of an emulated machine are the emulator's.
    real = not machine["emulated"]
    return Result(
        model=model.card.name,
        file=model.title,
        sha256=hashlib.sha256(model.content).hexdigest(),
        runtime=facts["runtime"]["name"],
        runtime_version=facts["runtime"]["version"],
        quantization=facts["model"]["scheme"],
        threads=settings.threads,
        pinned_cpu=facts["pinned_cpu"],
        size_bytes=len(model.content),
        operators=sum(facts["model"]["operators"].values()),
        xnnpack_operators=sum(facts["model"]["xnnpack"].values()),
        load_ms=round(median(answer.facts["load_ms"] for answer in answers), 3) if real else None,
        first_ms=round(median(answer.facts["first_ms"] for answer in answers), 3) if real else None,
        latency_ms=Latency.of(samples.latency) if real else None,
        end_to_end_ms=Latency.of(samples.end_to_end) if real else None,
        peak_memory_bytes=_largest(answers, "peak_memory_bytes") if real else None,
        baseline_memory_bytes=_largest(answers, "baseline_memory_bytes") if real else None,
        labels=data.labels,
        windows=len(predicted),
        accuracy=scores.accuracy(confusion),
        macro_f1=scores.macro_f1(confusion),
        confusion=tuple(map(tuple, confusion.tolist())),
        per_subject=scores.accuracy_per_subject(data.test.y, predicted, data.test.subject),
        agreement=None,
        doubts=doubts.find(machine, facts["model"], facts["runtime"]["name"], settings.runs, same),
        samples_ms=samples if real else None,
    )


def _predictions(answers: Sequence[Answer]) -> npt.NDArray[np.intp]:
    """The class of each window, from the first round."""
    return np.argmax(answers[0].arrays["logits"], axis=1)


def _largest(answers: Sequence[Answer], key: str) -> int | None:
    values = [answer.facts[key] for answer in answers if answer.facts[key] is not None]
    return max(values, default=None)


def _with_agreement(results: Sequence[Result], predictions: Sequence[npt.NDArray[np.intp]]) -> list[Result]:
    """Say of each quantised result how often it answers as the float32 form of the same network does."""
    originals: Mapping[str, Any] = {
        result.model: predicted
        for result, predicted in reversed(list(zip(results, predictions, strict=True)))
        if result.quantization == "float32"
    }
    return [
        replace(result, agreement=float(np.mean(predicted == originals[result.model])))
        if result.quantization != "float32" and result.model in originals
        else result
        for result, predicted in zip(results, predictions, strict=True)
    ]
