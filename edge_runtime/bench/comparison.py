"""Compare two benchmark runs or trainings: changes with intervals, reasons not to compare, and gates for CI."""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edge_runtime.bench.doubts import FEWEST_ROUNDS
from edge_runtime.bench.measured import Interval, Latency
from edge_runtime.bench.results import Report, Result
from edge_runtime.bench.statistics import half_width
from edge_runtime.data.scores import Scores
from edge_runtime.errors import InputError
from edge_runtime.model.model_card import load
from edge_runtime.system.dataclass_json import from_json

PERCENT, POINTS = "%", "pp"
_NETWORKS = {"held_out": "selection", "test": "model"}  # the network of a run that the scores of a part belong to
_NOUNS = {"cpu": "CPU", "cores": "number of cores", "emulated": "emulation of the CPU", "python": "Python"}


@dataclass(frozen=True)
class Metric:
    """A number of a result, the unit of its change, and its field, such as `latency_ms.p50`."""

    title: str
    unit: str
    path: str

    def value(self, result: Any) -> float | None:
        """Return the number of a `Result` or of `Scores`; None if it is not known."""
        value = result
        for name in self.path.split("."):
            value = None if value is None else getattr(value, name)
        return value


METRICS: Mapping[str, Metric] = {
    "undisturbed": Metric("undisturbed latency", PERCENT, "latency_ms.undisturbed"),
    **{name: Metric(f"latency {name}", PERCENT, f"latency_ms.{name}") for name in ("p50", "p90", "p95", "p99", "mean")},
    "end_to_end": Metric("undisturbed end to end", PERCENT, "end_to_end_ms.undisturbed"),
    "load": Metric("load", PERCENT, "load_ms"),
    "memory": Metric("peak memory", PERCENT, "peak_memory_bytes"),
    "size": Metric("file size", PERCENT, "size_bytes"),
    "ram": Metric("RAM", PERCENT, "ram_bytes"),
    "instructions": Metric("instructions", PERCENT, "instructions.per_inference"),
    "accuracy": Metric("accuracy", POINTS, "accuracy"),
    "macro_f1": Metric("macro F1", POINTS, "macro_f1"),
}
"""The metrics by name; times in milliseconds, sizes in bytes, scores as shares."""
EXACT = ("size", "ram", "instructions")

_CONDITION = re.compile(
    r"\s*(?P<metric>\w+)\s*(?P<sign>[<>])\s*(?P<limit>[-+]?(?:\d+\.?\d*|\.\d+))\s*(?P<unit>%|pp|)\s*"
)


@dataclass(frozen=True)
class Change:
    """One number, before and after; None if a file does not have it.

    `change` and its 95 % `interval` are in percent of the old value or in percentage points, as `unit` says.
    `beyond_noise` is true if the interval leaves out 0. The metrics of `EXACT` have no noise.
    """

    old: float | None
    new: float | None
    unit: str
    change: float | None
    interval: Interval | None
    beyond_noise: bool | None

    def text(self) -> str:
        """Return the change for people: `+6.9 %`, `-0.03 pp`."""
        return "" if self.change is None else f"{self._signed(self.change)} {self.unit}"

    def interval_text(self) -> str:
        """Return the interval for people: `+4.2 to +9.1 %`."""
        return f"{' to '.join(map(self._signed, self.interval))} {self.unit}" if self.interval else ""

    def _signed(self, value: float) -> str:
        text = f"{value:+.{2 if self.unit == POINTS else 1}f}"
        return text if float(text) else text[1:]


@dataclass(frozen=True)
class ResultChanges:
    """A result before and after: its identifying `facts`, and `changes` by the name of the metric."""

    title: str
    facts: Mapping[str, Any]
    changes: Mapping[str, Change]


@dataclass(frozen=True)
class RunComparison:
    """The comparison of two reports or trainings.

    `obstacles` are reasons not to compare them, `notes` are minor differences, `doubts` belong to each report.
    `only_old` and `only_new` are titles of results. `same_data` is true if both scored the same windows.
    """

    pairs: tuple[ResultChanges, ...]
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]
    obstacles: tuple[str, ...]
    notes: tuple[str, ...]
    doubts: tuple[str, ...]
    same_data: bool


def compare(old: Report, new: Report) -> RunComparison:
    """Match the results of two reports by model and quantisation, and list the changes."""
    before, after = (dict(zip(_titles(report.results), report.results, strict=True)) for report in (old, new))
    matched = {title: (before[title], result) for title, result in after.items() if title in before}
    same_data = old.data.fingerprint == new.data.fingerprint
    return RunComparison(
        pairs=tuple(ResultChanges(title, _facts(a, b), _changes(a, b, same_data)) for title, (a, b) in matched.items()),
        only_old=tuple(title for title in before if title not in matched),
        only_new=tuple(title for title in after if title not in matched),
        obstacles=tuple(_obstacles(old, new, [*matched.values()])),
        notes=tuple(_notes(old, new)),
        doubts=tuple(_doubts(old, new)),
        same_data=same_data,
    )


def compare_trained(old: Path, new: Path) -> RunComparison:
    """List the changes between the scores in the cards of two runs. Raises `InputError` for a card without them."""
    trainings = []
    for path in (old, new):
        card = load(path)
        try:
            data, weights = card.training["data"], card.training["weights_sha256"]
            parts = _NETWORKS.items()
            scores = {part: (from_json(Scores, card.scores[part]), weights[network]) for part, network in parts}
            trainings.append((card.name, (data["name"], data["fingerprint"]), scores))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} has no scores of a training ({error}): name a run, or train again") from error
    (_, old_data, before), (name, new_data, after) = trainings
    obstacles = tuple(_other_data(old_data, new_data))
    unknown = {name: Change(None, None, metric.unit, None, None, None) for name, metric in METRICS.items()}
    pairs = []
    for part in _NETWORKS:
        (a, old_weights), (b, new_weights) = before[part], after[part]
        accuracy = _change("accuracy", a, b, None if obstacles else _accuracy_interval(a, b))
        changes = unknown | {"accuracy": accuracy, "macro_f1": _change("macro_f1", a, b, None)}
        facts = {"model": name, "part": part, "same_file": old_weights == new_weights}
        pairs.append(ResultChanges(part.replace("_", " "), facts, changes))
    return RunComparison(tuple(pairs), (), (), obstacles, (), (), same_data=not obstacles)


@dataclass(frozen=True)
class Gate:
    """A condition that fails when the change of `metric` is above (`>`) or below (`<`) the `limit`."""

    text: str
    metric: str
    sign: str
    limit: float

    def failures(self, pairs: Sequence[ResultChanges]) -> list[str]:
        """Return a clause for each result that fails; an unknown change fails."""
        failures = []
        for pair in pairs:
            change = pair.changes[self.metric]
            if change.change is None:
                noun = METRICS[self.metric].title
                failures.append(f"{self.text} for {pair.title} (unknown: one of the files has no {noun})")
            elif change.change > self.limit if self.sign == ">" else change.change < self.limit:
                interval = f", 95 % interval {change.interval_text()}" if change.interval else ""
                failures.append(f"{self.text} for {pair.title} ({change.text()}{interval})")
        return failures


def parse_gate(text: str) -> Gate:
    """Return the gate that `text` describes: a metric, `>` or `<`, a number, and `%` of the old value.

    Changes of accuracy and macro_f1 are in percentage points, `pp` or no unit. Raises `InputError` for other texts.
    """
    match = _CONDITION.fullmatch(text)
    metric = METRICS.get(match["metric"]) if match else None
    if not match or not metric or (metric.unit == POINTS) is (match["unit"] == "%"):
        raise InputError(
            f"--fail-if {text!r} is not like 'undisturbed>5%' or 'accuracy<-0.3', with one of {', '.join(METRICS)}"
        )
    return Gate(text.strip(), match["metric"], match["sign"], float(match["limit"]))


def _titles(results: Sequence[Result]) -> list[str]:
    """Return the name of each result: network and form, and the file if these are not unique."""
    names = [f"{result.model} {result.form}" for result in results]
    alike = Counter(names)
    named = zip(results, names, strict=True)
    return [name if alike[name] == 1 else f"{name} ({result.file})" for result, name in named]


def _facts(old: Result, new: Result) -> dict[str, Any]:
    files = {"old_file": old.file, "new_file": new.file, "same_file": old.sha256 == new.sha256}
    return {"model": new.model, "quantization": new.quantization, **files}


def _changes(old: Result, new: Result, same_data: bool) -> dict[str, Change]:
    intervals = {"accuracy": _accuracy_interval(old, new) if same_data else None}
    if all(len(result.samples_ms.latency) >= FEWEST_ROUNDS for result in (old, new) if result.samples_ms):
        intervals["undisturbed"] = _time_interval(old.latency_ms, new.latency_ms)
        intervals["end_to_end"] = _time_interval(old.end_to_end_ms, new.end_to_end_ms)
    return {name: _change(name, old, new, intervals.get(name)) for name in METRICS}


def _change(name: str, old: Result | Scores, new: Result | Scores, interval: Interval | None) -> Change:
    metric = METRICS[name]
    before, after = metric.value(old), metric.value(new)
    change = None
    if before is not None and after is not None:
        if metric.unit == POINTS:
            change = 100 * (after - before)
        elif before > 0:
            change = 100 * (after / before - 1)
    beyond = None
    if name in EXACT:
        beyond = round(change or 0.0, 1) != 0  # a few bytes do not count
    elif interval and change is not None:
        beyond = not interval[0] <= 0 <= interval[1]
    return Change(before, after, metric.unit, None if change is None else round(change, 4), interval, beyond)


def _time_interval(old: Latency | None, new: Latency | None) -> Interval | None:
    """Return the interval of the change in percent of the old time; the errors of two runs are independent."""
    if not old or not new:
        return None
    reach = math.hypot(*(float(np.ptp(time.undisturbed_ci95)) / 2 / time.undisturbed for time in (old, new)))
    ratio = new.undisturbed / old.undisturbed
    return round(100 * (ratio / (1 + reach) - 1), 4), round(100 * (ratio * (1 + reach) - 1), 4)


def _accuracy_interval(old: Result | Scores, new: Result | Scores) -> Interval | None:
    """Return the interval in points over subjects, with equal weights: a report has no windows per subject."""
    people = old.per_subject.keys()
    if people != new.per_subject.keys():
        return None
    points = [100 * (new.per_subject[person] - old.per_subject[person]) for person in people]
    reach = half_width(points, [1] * len(people))
    middle = 100 * (new.accuracy - old.accuracy)
    return None if reach is None else (round(middle - reach, 4), round(middle + reach, 4))


def _obstacles(old: Report, new: Report, matched: Sequence[tuple[Result, Result]]) -> Iterator[str]:
    for key in ("machine", "board", "cpu", "cores", "emulated"):
        yield from _differing(_NOUNS.get(key, key), getattr(old.device, key), getattr(new.device, key))
    yield from _other_data(*((report.data.name, report.data.fingerprint) for report in (old, new)))
    yield from _differing("mode", old.settings.mode, new.settings.mode)
    facts: dict[str, Callable[[Result], object]] = {
        "runtime": lambda result: f"{result.runtime} {result.runtime_version or 'of unknown version'}",
        "number of threads": lambda result: result.threads,
    }
    for noun, fact in facts.items():
        for before, after in dict.fromkeys((fact(a), fact(b)) for a, b in matched):
            yield from _differing(noun, before, after)


def _other_data(*data: tuple[str, str]) -> Iterator[str]:
    if len({fingerprint for _, fingerprint in data}) > 1:
        yield from _differing("data", *(f"{name} (windows as scored: {digest[:12]})" for name, digest in data))


def _notes(old: Report, new: Report) -> Iterator[str]:
    yield from _differing("version of har-edge", old.har_edge, new.har_edge)
    for key in ("kernel", "governor", "python", "numpy"):
        yield from _differing(_NOUNS.get(key, key), getattr(old.device, key), getattr(new.device, key))
    for report, name in ((old, "OLD"), (new, "NEW")):
        for failure in report.failures:
            yield f"{failure.file} could not be measured in {name}: {failure.error}"


def _doubts(old: Report, new: Report) -> Iterator[str]:
    for report, name in ((old, "OLD"), (new, "NEW")):
        for doubt, titles in report.doubts(_titles(report.results)):
            yield f"of {', '.join([name, *titles])}: {doubt}"


def _differing(noun: str, old: Any, new: Any) -> Iterator[str]:
    if old != new:
        before, after = ("unknown" if value is None else value for value in (old, new))
        yield f"the {noun} is {before} in OLD, {after} in NEW"
