"""Write the sentences of a report: title, gain and cost of quantisation, control, doubts, failures."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge_runtime.bench.baselines import costs
from edge_runtime.bench.doubts import WIDEST_INTERVAL
from edge_runtime.bench.measured import Interval
from edge_runtime.bench.results import Comparison, Report, Result
from edge_runtime.data.names import with_noun
from edge_runtime.data.scores import is_chance
from edge_runtime.model.scheme_names import CALIBRATED, FLOAT32
from edge_runtime.system.quantities import counted


@dataclass(frozen=True)
class ComparedResults:
    """A result, the result that it is compared with, and their comparison; the names come from `titles`."""

    name: str
    result: Result
    against_name: str
    against: Result
    comparison: Comparison


def unit_of_times(results: Sequence[Result]) -> str:
    """Return microseconds if every p50 is below a millisecond, otherwise milliseconds."""
    return "µs" if all(result.latency_ms is None or result.latency_ms.p50 < 1 for result in results) else "ms"


def title(report: Report) -> str:
    """Return networks, runtime, device, threads and data in one line, and name networks whose windows are turned."""
    device = report.device
    where = device.board or device.cpu or device.machine
    about = f"test windows of {report.data.name}"
    if not report.results:
        return f"nothing could be measured on {where}: {about}"
    first = report.results[0]
    runtime = f"{first.runtime} {first.runtime_version or ''}".rstrip()
    paced = ", paced" if report.settings.mode == "paced" else ""
    networks = list(dict.fromkeys(result.model for result in report.results))
    what = _listed(networks) if len(networks) <= 3 else f"{len(networks)} networks"
    turned = list(dict.fromkeys(result.model for result in report.results if result.frame == "walking"))
    frame = f", for {_listed(turned)} turned into the walking frame" if turned else ""
    return f"{what} by {runtime} on {where}, {counted(first.threads, 'thread')}{paced}: {first.windows} {about}{frame}"


def titles(results: Sequence[Result]) -> list[str]:
    """Return a short name for each result: as much of scheme, model and file as makes it unique."""
    has_rivals = any(result.rival for result in results)
    forms = [f"har-edge {result.form}" if has_rivals and not result.rival else result.form for result in results]
    of_networks = [f"{result.model} {form}" for result, form in zip(results, forms, strict=True)]
    files = [result.file for result in results]
    numbered = [f"{i + 1}: {file}" for i, file in enumerate(files)]
    return next(names for names in (forms, of_networks, files, numbered) if len({*names}) == len(names))


def pairs(report: Report) -> list[ComparedResults]:
    """Return the comparisons of quantised results with a float form of their network or, without any, all.

    Rivals are only baselines: they are not compared themselves.
    """
    results, names = report.results, titles(report.results)
    compared = [
        ComparedResults(names[x.result], results[x.result], names[x.against], results[x.against], x)
        for x in report.comparisons
        if not results[x.result].rival
    ]
    quantised = [
        pair
        for pair in compared
        if pair.result.model == pair.against.model and pair.result.quantization != FLOAT32 and pair.against.is_float
    ]
    return quantised or compared


def verdicts(report: Report) -> list[str]:
    """Name results that only guess, compare all others, the fastest first, and our fastest form (or C) with rivals."""
    useful = [pair for pair in pairs(report) if not is_chance(pair.result.per_class)]
    useful.sort(key=lambda pair: _ratio_of_pair(pair) or 1)
    gains = [sentence for pair in useful for sentence in (_gain(pair), *_work(pair))]
    fastest = {pair.result.model: pair for pair in reversed(useful)}
    faster_rivals = [sentence for pair in fastest.values() for sentence in _faster_rivals(report, pair)]
    return [*_guesses(report), *gains, *faster_rivals, *_yardsticks(report)]


def control_sentence(report: Report) -> str | None:
    """Return the ratio of the first model to itself, which shows how far off ratios of this run can be."""
    if report.control is None:
        return None
    low, high = report.control.p50_ratio_ci95
    reach = max(high - 1, 1 - low)
    outcome = ""
    if not report.control.passed:
        outcome = ", which leaves out 1: ratios of this run are biased"
    elif reach > WIDEST_INTERVAL[report.settings.mode == "paced"]:
        outcome = f", too wide to tell differences below {100 * reach:.0f} %"
    ratio = f"{report.control.p50_ratio:.3f} times as long ({low:.3f} to {high:.3f})"
    return f"Control: {titles(report.results)[0]} against itself took {ratio}{outcome}."


def doubts(report: Report) -> list[str]:
    """Return every doubt once, after the results that it concerns, unless it concerns all."""
    named = report.doubts(titles(report.results))
    return [f"{', '.join(names)}: {doubt}" if names else doubt for doubt, names in named]


def left_out(windows: Mapping[str, int]) -> str | None:
    """Say how many `windows` by label were left out because the model lacks the label."""
    named = ", ".join(f"{n} of {label}" for label, n in windows.items())
    return f"Windows left out, since the model has no such label: {named}." if windows else None


def motionless(windows: Mapping[str, int], mountings: int) -> str | None:
    """Say how many `windows` by label were left out because nobody moves in their `mountings`."""
    named = ", ".join(f"{n} of {label}" for label, n in windows.items())
    where = f"in {counted(mountings, 'mounting')} in which nobody moves"
    return f"Windows left out: {named}, {where}." if windows else None


def exchanged_labels(pairs: Mapping[str, Sequence[str]]) -> list[str]:
    """A sentence for each person of whom most windows of two labels have the other label as answer."""
    text = "Most windows of {} of {} are answered by the other label: check whether these are exchanged."
    return [text.format(" and ".join(pair), with_noun(person)) for person, pair in pairs.items()]


def windows_left_out(report: Report) -> list[str]:
    """Say which windows of a report were left out, and why."""
    data = report.data
    return [*filter(None, (left_out(data.left_out), motionless(data.motionless, data.motionless_mountings)))]


def failures(report: Report) -> list[str]:
    """Return the models that could not be measured, each with the reason."""
    return [x.error if x.file in x.error else f"{x.file}: {x.error}" for x in report.failures]


def energy(report: Report) -> str | None:
    """Say why energy was not measured, if it was not."""
    energies = [result.energy for result in report.results if result.energy]
    reasons = {energy.reason for energy in energies if energy.per_inference_mj is None}
    return f"energy: not measured: {'; '.join(sorted(filter(None, reasons)))}" if any(reasons) else None


def _guesses(report: Report) -> Iterator[str]:
    """Name the results that are hardly better than chance."""
    names = titles(report.results)
    wrong = [name for name, x in zip(names, report.results, strict=True) if is_chance(x.per_class)]
    if wrong:
        yield f"Hardly better than chance: {_listed(wrong)}. Check labels, signals and normalisation in the card."


def _kind(pair: ComparedResults) -> str:
    """Return the times to compare: of inferences, if both models prepare windows or neither does."""
    return "p50" if pair.result.raw_input == pair.against.raw_input else "end_to_end"


def _ratio_of_pair(pair: ComparedResults) -> float | None:
    ratio: float | None = getattr(pair.comparison, f"{_kind(pair)}_ratio")
    return ratio


def _gain(pair: ComparedResults) -> str:
    """Say how fast, large and accurate a form is: `int8 is 1.8 times as fast as float32 (1.7 to 1.9), …`."""
    kind, ratio, claims = _kind(pair), _ratio_of_pair(pair), []
    interval = getattr(pair.comparison, f"{kind}_ratio_ci95")
    if ratio and interval:
        against = f"{pair.against_name}{' end to end' * (kind == 'end_to_end')}"
        claims.append(_speed(ratio, interval, against))
    claims += [_size(pair)] if pair.result.file_bytes else []
    return f"{pair.name} is {', '.join([*claims, 'and ' * bool(claims) + _accuracy(pair)])}."


def _size(pair: ComparedResults) -> str:
    ratio = pair.against.size_bytes / pair.result.size_bytes
    return f"{ratio:.1f} times smaller" if ratio >= 1 else f"{1 / ratio:.1f} times larger"


def _accuracy(pair: ComparedResults) -> str:
    """Say how accuracy differs: a difference, or, where the interval over people contains 0, how large it can be."""
    points = 100 * (pair.result.accuracy - pair.against.accuracy)
    interval = pair.comparison.accuracy_difference_ci95
    if interval and interval[0] <= 0 <= interval[1]:
        reach = math.ceil(10 * max(-interval[0], interval[1])) / 10
        return f"as accurate within {reach:.1f} points" if reach else "as accurate"
    return f"{abs(points):.1f} points {'more' if points > 0 else 'less'} accurate" if points else "as accurate"


def without_rivals(report: Report) -> str | None:
    """Say that another tool's float form was not measured."""
    compared = [pair for pair in pairs(report) if pair.against.is_float]
    if not compared or any(result.rival for result in report.results):
        return None
    how = ": 'har-edge convert --rivals' of your own network, then bench --rivals" * (report.absent_rivals is None)
    return f"Ratios are to har-edge's own {compared[0].against_name}, since no other tool's form was measured{how}."


def _yardsticks(report: Report) -> Iterator[str]:
    """Name the fastest float form of each network, how much slower other float forms are, and missing rivals."""
    forms: dict[str, list[tuple[Result, str]]] = {}
    for result, name in zip(report.results, titles(report.results), strict=True):
        if result.is_float:
            forms.setdefault(result.model, []).append((result, name))
    for of_network in forms.values():
        if any(result.rival for result, _ in of_network):
            costs_of_forms = costs([result for result, _ in of_network])
            in_order = sorted(zip(costs_of_forms, (name for _, name in of_network), strict=True))
            (least, fastest), *others = in_order
            less = _less(of_network[0][0], "slower", "more instructions")
            rest = _listed([f"{name} {less(cost / least)}" for cost, name in others if least])
            if rest:
                yield f"{fastest} is the fastest of {len(in_order)} float forms that were measured: {rest}."
    if absent := list(dict.fromkeys(rival.name for rival in report.absent_rivals or ())):
        yield f"Rivals that were not measured, and may be faster: {_listed(absent)}."


def _faster_rivals(report: Report, pair: ComparedResults) -> list[str]:
    """Name the rivals that are faster than an integer model, without its baseline."""
    result = pair.result
    if result.quantization not in CALIBRATED:
        return []
    others = [
        (rival, name)
        for rival, name in zip(report.results, titles(report.results), strict=True)
        if rival.rival and rival.model == result.model and name != pair.against_name
    ]
    least, *rest = costs([result, *(rival for rival, _ in others)])
    faster = sorted((cost / least, name) for cost, (_, name) in zip(rest, others, strict=True) if cost and least)
    more = _less(result, "faster", "fewer instructions")
    clauses = [f"{name} {more(1 / ratio)}" for ratio, name in faster if round(ratio, 2) < 1]
    return [f"{pair.name} is not the fastest form: {_listed(clauses)}."] if clauses else []


def _less(result: Result, speed: str, work: str) -> Callable[[float], str]:
    """Return the words for a ratio of `costs`: of times or, without times, of instructions."""
    if result.latency_ms:
        return lambda ratio: f"is {ratio:.2f} times {speed}"
    return lambda ratio: f"takes {ratio:.2f} times {work}"


def _work(pair: ComparedResults) -> list[str]:
    instructions, other = pair.result.instructions, pair.against.instructions
    if not instructions or not other:
        return []
    ratio = other.per_inference / instructions.per_inference
    times = f"{ratio:.2f} times fewer" if ratio > 1 else f"{1 / ratio:.2f} times more"
    counts = f"{instructions.per_inference:,} against {other.per_inference:,}"
    return [f"{pair.name} takes {times} instructions than {pair.against_name} ({counts})."]


def accuracy_details(report: Report) -> list[str]:
    """Return the change of accuracy of each pair with its interval over people."""
    sentences = []
    for pair in pairs(report):
        comparison = pair.comparison
        if comparison.accuracy_difference_ci95:
            low, high = map(_signed, comparison.accuracy_difference_ci95)
            change = f"changes accuracy by {_signed(comparison.accuracy_difference)} points ({low} to {high})"
            sentences.append(f"{pair.name} {change}.")
    return sentences


def _signed(points: float) -> str:
    return f"{points:+.2f}".replace("-", "\N{MINUS SIGN}")


def _speed(ratio: float, interval: Interval, than: str) -> str:
    """Put a ratio of times into words: below 1 is faster, and an interval that contains 1 shows no difference."""
    low, high = 1 / interval[1], 1 / interval[0]
    if low <= 1 <= high:
        return f"as fast as {than}, as far as this run can tell ({low:.2f} to {high:.2f})"
    digits = 1 if min(low, high) >= 1.5 and round(high, 1) > round(low, 1) else 2
    return f"{1 / ratio:.{digits}f} times as fast as {than} ({low:.{digits}f} to {high:.{digits}f})"


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)
