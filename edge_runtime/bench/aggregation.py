"""Make results of the workers' answers: one per model, the comparisons between them, and the control."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from edge_runtime.bench import doubts, statistics
from edge_runtime.bench.measured import Measured, Round, WarmUp
from edge_runtime.bench.measurement_job import Instructions
from edge_runtime.bench.results import Comparison, Control, Result, Samples, compared
from edge_runtime.data import scores
from edge_runtime.data.dataset import Dataset
from edge_runtime.errors import InputError
from edge_runtime.model import model_card, operator_costs
from edge_runtime.model.graphs import Graph, read_graphs, running, scheme_of
from edge_runtime.model.model_card import Card
from edge_runtime.model.onnx_model import count_operators
from edge_runtime.model.rivals import Rival


@dataclass(frozen=True)
class ModelFile:
    """A model file; `title` is its path or another name for people. The file of a `rival` has no card inside.

    One that `is_c` is measured as C, by its `library` once that is compiled.
    """

    title: str
    content: bytes
    card: Card
    path: Path | None = None
    rival: Rival | None = None
    is_c: bool = False
    library: bytes | None = None

    @property
    def is_onnx(self) -> bool:
        """Tell whether ONNX Runtime runs it."""
        return self.rival is not None and self.rival.file.endswith(".onnx")

    @cached_property
    def graphs(self) -> tuple[Graph, ...]:
        """The graphs of a TFLite model, () for ONNX. Raises `InputError` when it is damaged."""
        try:
            return () if self.is_onnx else read_graphs(model_card.strip(self.content))
        except ValueError as error:
            raise InputError(f"{self.title} is damaged ({error}): copy or convert it again") from error

    @property
    def n_operators(self) -> int:
        """How many operators an inference runs, each once."""
        if self.is_onnx:
            return sum(count_operators(self.content).values())
        return sum(len(x.operators) for x in running(self.graphs))

    @property
    def scheme(self) -> str:
        """The quantisation; an ONNX model's is not read from its graph."""
        return self.rival.scheme if self.rival else scheme_of(self.graphs)


@dataclass(frozen=True)
class MeasuredModel:
    """A model and all its rounds. The first has `logits`."""

    model: ModelFile
    rounds: Sequence[Round]
    instructions: Instructions | None = None

    @cached_property
    def samples(self) -> Samples:
        """The raw times of all rounds, rounded to 10 ns."""
        latency, end_to_end = (
            tuple(tuple(np.round(getattr(x, key) / 1e6, 5).tolist()) for x in self.rounds)
            for key in ("latency_ns", "end_to_end_ns")
        )
        return Samples(latency, end_to_end)

    @property
    def logits(self) -> npt.NDArray[np.float32]:
        """The answers to all windows in the first round."""
        logits = self.rounds[0].logits
        assert logits is not None
        return logits

    @cached_property
    def predicted(self) -> npt.NDArray[np.intp]:
        """The class of each window in the first round."""
        return np.argmax(self.logits, axis=1)

    @property
    def measured(self) -> list[Measured]:
        """What the worker of each round measured."""
        return [x.measured for x in self.rounds]


def result_of(
    measured: MeasuredModel,
    run: Sequence[MeasuredModel],
    data: Dataset,
    threads: int,
    paced: bool,
    control: Control | None,
) -> Result:
    """The result of a model, one of all that are `measured` in a `run`, with its rounds merged."""
    model, rounds, predicted = measured.model, measured.measured, measured.predicted
    first, rival, samples = rounds[0], model.rival, measured.samples
    real = not first.machine.emulated  # an emulator's times and memory mean nothing
    found = scores.score(data.test, predicted, data.labels, data.mountings)
    latency = statistics.latency(samples.latency)
    over_subjects = statistics.intervals_over_subjects(data.test.y, predicted, data.test.subject, len(data.labels))
    warm_up = _warm_up(rounds)
    # A quantised form, or a rival, is compared with the float32 form of the network.
    namesakes = [x for x in run if x.model.card.name == model.card.name]
    original = next((x for x in namesakes if x.model.scheme == "float32" and not x.model.rival), measured)
    is_original = model.scheme == "float32" and not rival
    evidence = doubts.Evidence(
        is_timed=real,
        before=run[0].measured[0].before,
        rounds=[(x.before, x.after) for x in rounds],
        others_busy=[x.others_busy for each in run for x in each.measured],
        operators=Counter(x.name for graph in running(model.graphs) for x in graph.operators),
        xnnpack=None if rival else first.xnnpack,  # nothing here can bring more into XNNPACK
        converted=bool(model.card.quantisation),
        same_answers=all((predicted == x.logits.argmax(1)).all() for x in measured.rounds if x.logits is not None),
        paced=paced,
        warm_up=warm_up,
        latency=latency,
        control=control,
        trained_on=_trained_on(model.card),
        data=(data.name, _fingerprint(data, model.card)),
    )
    return Result(
        model=model.card.name,
        file=model.title,
        sha256=hashlib.sha256(model.library or model.content).hexdigest(),
        runtime=first.runtime.name,
        runtime_version=first.runtime.version,
        quantization=model.scheme,
        threads=first.threads or threads,
        pinned_cpu=first.pinned_cpu,
        size_bytes=len(model.library or model.content),
        operators=model.n_operators,
        xnnpack_operators=None if first.xnnpack is None else sum(first.xnnpack.values()),
        load_ms=round(median(x.load_ms for x in rounds), 3) if real else None,
        first_ms=round(median(x.first_ms for x in rounds), 3) if real else None,
        latency_ms=latency if real else None,
        end_to_end_ms=statistics.latency(samples.end_to_end) if real else None,
        peak_memory_bytes=max((x.peak_memory_bytes or 0 for x in rounds if real), default=0) or None,
        baseline_memory_bytes=max((x.baseline_memory_bytes or 0 for x in rounds if real), default=0) or None,
        labels=data.labels,
        windows=len(predicted),
        accuracy=found.accuracy,
        macro_f1=found.macro_f1,
        confusion=found.confusion,
        per_subject=found.per_subject,
        agreement=None if is_original or original is measured else float(np.mean(predicted == original.predicted)),
        doubts=doubts.find_doubts(evidence),
        samples_ms=samples if real else None,
        accuracy_ci95=statistics.wilson_interval(int(np.trace(found.confusion)), len(predicted)),
        accuracy_subjects_ci95=over_subjects[0] if over_subjects else None,
        macro_f1_subjects_ci95=over_subjects[1] if over_subjects else None,
        per_class=found.per_class,
        per_subject_macro_f1=found.per_subject_macro_f1,
        per_placement=found.per_placement,
        per_source=found.per_source,
        calibration_error=scores.calibration_error(measured.logits / model.card.temperature, data.test.y),
        warm_up=warm_up if real else None,
        energy=next((x.energy for x in rounds if real and x.energy), None),
        operator_costs=operator_costs.count(model.graphs),
        instructions=measured.instructions,
        ram_bytes=first.ram_bytes,
        raw_input=model.card.raw_input,
        rival=rival.tool if rival else None,
        frame=model.card.frame,
    )


def control_of(first: MeasuredModel, again: MeasuredModel) -> Control:
    """The same model, measured twice in the same turns."""
    ratio, interval = statistics.p50_ratio(again.samples.latency, first.samples.latency)
    return Control(ratio, interval, interval[0] <= 1 <= interval[1])


def comparisons(results: Sequence[Result], measured: Sequence[MeasuredModel], data: Dataset) -> list[Comparison]:
    """The comparisons of all pairs that are `compared`."""
    return [_compare(i, j, measured[i], measured[j], data) for i, j in compared(results)]


def _compare(i: int, j: int, one: MeasuredModel, against: MeasuredModel, data: Dataset) -> Comparison:
    latency = end_to_end = None
    if not one.measured[0].machine.emulated:
        latency = statistics.p50_ratio(one.samples.latency, against.samples.latency)
        end_to_end = statistics.p50_ratio(one.samples.end_to_end, against.samples.end_to_end)
    right, other = one.predicted == data.test.y, against.predicted == data.test.y
    difference, interval = statistics.accuracy_difference(right, other, data.test.subject)
    return Comparison(
        result=i,
        against=j,
        p50_ratio=latency[0] if latency else None,
        p50_ratio_ci95=latency[1] if latency else None,
        end_to_end_ratio=end_to_end[0] if end_to_end else None,
        end_to_end_ratio_ci95=end_to_end[1] if end_to_end else None,
        accuracy_difference=difference,
        accuracy_difference_ci95=interval,
        agreement=float(np.mean(one.predicted == against.predicted)),
        only_result_right=int(np.sum(right & ~other)),
        only_against_right=int(np.sum(other & ~right)),
        sign_flip_p=statistics.sign_flip_test(right, other, data.test.subject),
    )


def _warm_up(rounds: Sequence[Measured]) -> WarmUp:
    """The warm-ups of all rounds together, which are stable when most are."""
    found = [x.warm_up for x in rounds]
    settled = sum(x.stable for x in found)
    return WarmUp(sum(x.calls for x in found), round(sum(x.seconds for x in found), 3), 2 * settled > len(found))


def _trained_on(card: Card) -> tuple[str, str] | None:
    """Name and fingerprint of the data of the training, if the card has them."""
    data = card.training.get("data")
    if not isinstance(data, Mapping) or "fingerprint" not in data:
        return None
    return str(data.get("name", "unnamed")), str(data["fingerprint"])


def _fingerprint(data: Dataset, card: Card) -> str:
    """Return that of `data` as a model takes it; "" when it cannot take the data."""
    try:
        return data.as_for(card).fingerprint
    except InputError:
        return ""
