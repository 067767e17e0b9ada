"""Build the results of a run from all rounds: one result per model, the comparisons and the control."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import numpy as np

from edge_runtime.bench import doubts, statistics
from edge_runtime.bench.baselines import pairs_with_baselines
from edge_runtime.bench.measured import Interval, Round, Samples, together
from edge_runtime.bench.results import Comparison, Control, Result
from edge_runtime.bench.rounds import MeasurementSettings, Participant
from edge_runtime.data import scores
from edge_runtime.data.dataset import Dataset
from edge_runtime.errors import InputError
from edge_runtime.model.graphs import running
from edge_runtime.model.model_card import Card
from edge_runtime.model.scheme_names import FLOAT, FLOAT32


@dataclass(frozen=True)
class MeasuredRun:
    """The models of a run, its data, how it was measured, whether ratios are as precise as asked for, and the control.

    `data` are all windows or every n-th window of `all_data`.
    """

    models: Sequence[Participant]
    data: Dataset
    all_data: Dataset
    settings: MeasurementSettings
    is_precise: bool
    control: Control | None

    @cached_property
    def turn_times(self) -> dict[str, statistics.Floats]:
        """The logarithm of the time in ms of each turn, `[rounds, turns, models]`, by kind of time."""
        kinds = ("latency_ns", "end_to_end_ns")
        return {
            kind: statistics.turn_times([[getattr(x, kind) / 1e6 for x in model.rounds] for model in self.models])
            for kind in kinds
        }

    @cached_property
    def precision(self) -> float:
        """The widest half of an interval of a ratio of times, as a share of the ratio."""
        return statistics.precision(self.turn_times["latency_ns"], [x.model.scheme in FLOAT for x in self.models])


def result_of(run: MeasuredRun, place: int) -> Result:
    """Build the result of the model at `place` of `run` from all its rounds."""
    measured, data, settings = run.models[place], run.data, run.settings
    model, rounds, predicted = measured.model, measured.measured, measured.predicted
    card, first, samples, is_timed = model.card, rounds[0], _samples(measured.rounds), measured.is_timed
    facts, content = together(rounds), model.library or model.content
    score = scores.score(data.test, predicted, data.labels, data.mountings)
    latency, end_to_end = (
        statistics.latency(getattr(samples, kind), statistics.undisturbed_time(run.turn_times[f"{kind}_ns"], place))
        for kind in ("latency", "end_to_end")
    )
    evidence = doubts.Evidence(
        is_timed=is_timed,
        kernel=first.machine.kernel,
        before=run.models[0].measured[0].before,
        rounds=[(round.before, round.after) for round in rounds],
        others_busy=[round.others_busy for each in run.models for round in each.measured],
        operators=Counter(operator.name for graph in running(model.graphs) for operator in graph.operators),
        xnnpack=None if model.rival else first.xnnpack,  # nothing here can bring more into XNNPACK
        converted=bool(card.quantisation),
        same_answers=all(
            (predicted == round.logits.argmax(1)).all() for round in measured.rounds if round.logits is not None
        ),
        paced=settings.paced,
        warm_up=facts.warm_up,
        latency=latency,
        precision=run.precision,
        until=None if settings.rounds else settings.until,
        is_precise=run.is_precise,
        control=run.control,
        trained_on=_trained_on(card),
        data=(data.name, _fingerprint(run.all_data, card)),
    )
    return Result(
        **_of_result(replace(facts, threads=facts.threads or settings.threads), score),
        model=card.name,
        file=model.title,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        quantization=model.scheme,
        operators=model.n_operators,
        raw_input=card.raw_input,
        frame=card.frame,
        pinned_cpu=first.pinned_cpu,
        rival=model.rival.tool if model.rival else None,
        runtime=first.runtime.name,
        runtime_version=first.runtime.version,
        xnnpack_operators=None if first.xnnpack is None else sum(first.xnnpack.values()),
        latency_ms=latency if is_timed else None,
        end_to_end_ms=end_to_end if is_timed else None,
        samples_ms=samples if is_timed else None,
        instructions=measured.instructions,
        labels=data.labels,
        accuracy_subjects_ci95=statistics.accuracy_interval(predicted == data.test.y, data.test.subject),
        calibration_error=scores.calibration_error(measured.logits / card.temperature, data.test.y),
        agreement=_agreement(measured, run.models),
        doubts=doubts.find_doubts(evidence),
    )


def _samples(rounds: Sequence[Round]) -> Samples:
    """Return the raw times of all rounds, rounded to 10 ns."""
    latency, end_to_end = (
        tuple(tuple(np.round(getattr(round, key).ravel() / 1e6, 5).tolist()) for round in rounds)
        for key in ("latency_ns", "end_to_end_ns")
    )
    return Samples(latency, end_to_end, tuple(len(round.latency_ns) for round in rounds))


def _of_result(*parts: object) -> dict[str, Any]:
    """Return the fields of the dataclasses `parts` that `Result` has too, by name."""
    names = {field.name for field in fields(Result)}
    return {name: value for part in parts for name, value in vars(part).items() if name in names}


def _agreement(measured: Participant, run: Sequence[Participant]) -> float | None:
    """Return the share of windows that the float32 form of the network answers alike; None for that form itself."""
    forms = [other for other in run if other.model.card.name == measured.model.card.name and not other.model.rival]
    original = next((form for form in forms if form.model.scheme == FLOAT32), None)
    is_float32 = measured.model.scheme == FLOAT32 and not measured.model.rival
    return None if is_float32 or original is None else float(np.mean(measured.predicted == original.predicted))


def control_of(first: Participant, again: Participant) -> Control:
    """Compare a model with itself, measured twice in the same rounds."""
    times = statistics.turn_times([[x.latency_ns for x in model.rounds] for model in (first, again)])
    ratio, interval = statistics.undisturbed_ratio(times, 1, 0)
    return Control(ratio, interval, interval[0] <= 1 <= interval[1])


def comparisons(run: MeasuredRun, results: Sequence[Result]) -> list[Comparison]:
    """Compare each model of `run` with the baseline of its result."""
    return [_compare(run, i, j) for i, j in pairs_with_baselines(results)]


def _compare(run: MeasuredRun, i: int, j: int) -> Comparison:
    one, against, data = run.models[i], run.models[j], run.data
    ratios: Iterable[tuple[float | None, Interval | None]] = [(None, None)] * 2
    if one.is_timed:
        ratios = (statistics.undisturbed_ratio(times, i, j) for times in run.turn_times.values())
    latency, end_to_end = ratios
    right, other = one.predicted == data.test.y, against.predicted == data.test.y
    difference = statistics.accuracy_difference(right, other, data.test.subject)
    agreement = float(np.mean(one.predicted == against.predicted))
    return Comparison(i, j, *latency, *end_to_end, *difference, agreement)


def _trained_on(card: Card) -> tuple[str, str] | None:
    """Return name and fingerprint of the training data, if the card has them."""
    data = card.training.get("data")
    if not isinstance(data, Mapping) or "fingerprint" not in data:
        return None
    return str(data.get("name", "unnamed")), str(data["fingerprint"])


def _fingerprint(data: Dataset, card: Card) -> str:
    """Return the fingerprint of `data` as a model takes it; "" if the model cannot take it."""
    try:
        return data.as_for(card).fingerprint
    except InputError:
        return ""
