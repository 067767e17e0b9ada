"""Write the sentences of a report: title, gain and cost of quantisation, control, doubts, failures."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from edge_runtime.bench.baselines import costs, pairs_with_baselines
from edge_runtime.bench.doubts import WIDEST_INTERVAL
from edge_runtime.bench.results import Comparison, Interval, Report, Result
from edge_runtime.data.names import noun_of
from edge_runtime.model.scheme_names import CALIBRATED, FLOAT32
from edge_runtime.system.quantities import counted, kilobytes, percent, significant, time

SIGNIFICANT = 0.05


@dataclass(frozen=True)
class ComparedResults:
    """A result, the result that it is compared with, and their comparison; the names come from `titles`."""

    name: str
    result: Result
    against_name: str
    against: Result
    comparison: Comparison | None


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


def telling_apart(*namings: list[str]) -> list[str]:
    """Return the first of the `namings` in which all names differ, or the last."""
    return next((names for names in namings if len(set(names)) == len(names)), namings[-1])


def titles(results: Sequence[Result]) -> list[str]:
    """Return a short name for each result: as much of scheme, model and file as makes it unique."""
    has_rivals = any(result.rival for result in results)
    forms = [f"har-edge {result.form}" if has_rivals and not result.rival else result.form for result in results]
    of_networks = [f"{result.model} {form}" for result, form in zip(results, forms, strict=True)]
    files = [result.file for result in results]
    return telling_apart(forms, of_networks, files, [f"{i + 1}: {file}" for i, file in enumerate(files)])


def pairs(report: Report) -> list[ComparedResults]:
    """Return each quantised result with its baseline or, without quantised results, all comparisons.

    Rivals are only baselines: they are not compared themselves.
    """
    results, names = report.results, titles(report.results)
    comparisons = {(comparison.result, comparison.against): comparison for comparison in report.comparisons}
    quantised = [
        (i, j)
        for i, j in pairs_with_baselines(results)
        if results[i].model == results[j].model and results[i].quantization != FLOAT32 and results[j].is_float
    ]
    without_rivals = [[pair for pair in places if not results[pair[0]].rival] for places in (quantised, comparisons)]
    return [
        ComparedResults(names[i], results[i], names[j], results[j], comparisons.get((i, j)))
        for i, j in without_rivals[0] or without_rivals[1]
    ]


def verdicts(report: Report) -> list[str]:
    """Return sentences on speed, size, instructions and accuracy of each pair, on faster rivals and on float forms."""
    pairs_of_report = pairs(report)
    sentences = [sentence for pair in pairs_of_report for sentence in (_gain(pair), *_work(pair), _cost(pair))]
    faster_rivals = [sentence for pair in pairs_of_report for sentence in _faster_rivals(report, pair)]
    return [*sentences, *faster_rivals, *_yardsticks(report, pairs_of_report)]


def control_sentence(report: Report) -> str | None:
    """Return the ratio of the first model to itself, which shows how far off ratios of this run can be."""
    if report.control is None:
        return None
    low, high = report.control.p50_ratio_ci95
    reach = max(high - 1, 1 - low)
    outcome = "as expected"
    if not report.control.passed:
        outcome = "which leaves out 1: ratios of this run are biased"
    elif reach > WIDEST_INTERVAL[report.settings.paced]:
        outcome = f"too wide to tell differences below {100 * reach:.0f} %"
    return f"control: same model twice, ratio {report.control.p50_ratio:.3f} (95 % CI {low:.3f}–{high:.3f}), {outcome}"


def doubts(report: Report) -> list[str]:
    """Return every doubt once, after the results that it concerns, unless it concerns all."""
    holders: dict[str, list[str]] = {}
    for name, result in zip(titles(report.results), report.results, strict=True):
        for doubt in result.doubts:
            holders.setdefault(doubt, []).append(name)
    return [
        doubt if len(concerned) == len(report.results) else f"{', '.join(concerned)}: {doubt}"
        for doubt, concerned in holders.items()
    ]


def left_out(windows: Mapping[str, int]) -> str | None:
    """Say how many `windows` by label were left out because the model lacks the label."""
    named = ", ".join(f"{n} of {label}" for label, n in windows.items())
    return f"Windows left out, since the model has no such label: {named}." if windows else None


def motionless(windows: Mapping[str, int], mountings: int, begin: str = "Windows left out") -> str | None:
    """Say how many `windows` by label were left out because nobody moves in their `mountings`."""
    named = ", ".join(f"{n} of {label}" for label, n in windows.items())
    return f"{begin}: {named}, in {counted(mountings, 'mounting')} in which nobody moves." if windows else None


def windows_left_out(report: Report) -> list[str]:
    """Say which windows of a report were left out, and why."""
    data = report.data
    return [*filter(None, (left_out(data.left_out), motionless(data.motionless, data.motionless_mountings)))]


def failures(report: Report) -> list[str]:
    """Return the models that could not be measured, each with the reason."""
    return [x.error if x.file in x.error else f"{x.file}: {x.error}" for x in report.failures]


def real_time_factors(report: Report) -> str | None:
    """Say which share of one core a stream of windows takes, and how many streams fit.

    The share uses the mean time, and the number of streams p99, since a core that is full on average falls behind. None
    without times or the period of a stream.
    """
    period_s = report.data.period_s
    parts: list[str] = []
    for name, result in zip(titles(report.results), report.results, strict=True):
        # The time of several threads says nothing about one core.
        if period_s and result.end_to_end_ms and result.threads == 1:
            share = significant(result.end_to_end_ms.mean / 10 / period_s)
            n = math.floor(1000 * period_s / result.end_to_end_ms.p99)
            streams = "no" if not n else str(n) if n < 100 else significant(n)
            parts.append(f"{name} needs {share} % of one core ({streams} streams fit at p99)")
    return f"At one window per {period_s:g} s, {_listed(parts)}." if parts else None


def energy(report: Report) -> str | None:
    """Say why energy was not measured, if it was not."""
    energies = [result.energy for result in report.results if result.energy]
    reasons = {energy.reason for energy in energies if energy.per_inference_mj is None}
    return f"energy: not measured: {'; '.join(sorted(filter(None, reasons)))}" if any(reasons) else None


def _gain(pair: ComparedResults) -> str:
    result, against = pair.result, pair.against
    unit = unit_of_times((result, against))
    # Compare inferences only if both models prepare windows, or neither does.
    kinds = [("p50", "", result.latency_ms, against.latency_ms)] * (result.raw_input == against.raw_input)
    if not (kinds and result.is_end_to_end and against.is_end_to_end):
        kinds.append(("end_to_end", " end to end", result.end_to_end_ms, against.end_to_end_ms))
    claims: list[str] = []
    for name, kind, latency, other in kinds:
        if latency and other:
            ratio = getattr(pair.comparison, f"{name}_ratio", None) or latency.p50 / other.p50
            interval = getattr(pair.comparison, f"{name}_ratio_ci95", None)
            speed = _speed(ratio, interval, f"{pair.against_name}{kind}")
            p50s = f"p50 {time(latency.p50, unit)} against {time(other.p50, unit)}"
            claims.append(f"{speed} ({_interval(interval)}{p50s})")
    size = _times(against.size_bytes / result.size_bytes, "smaller", "larger", "of the same size")
    claims.append(f"{size} ({kilobytes(result.size_bytes)} against {kilobytes(against.size_bytes)})")
    return f"{pair.name} is {_listed(claims)}."


def _yardsticks(report: Report, pairs: Sequence[ComparedResults]) -> Iterator[str]:
    """Name the fastest float form of each network, how much slower other float forms are, and missing rivals."""
    forms: dict[str, list[tuple[Result, str]]] = {}
    for result, name in zip(report.results, titles(report.results), strict=True):
        if result.is_float:
            forms.setdefault(result.model, []).append((result, name))
    measured = [pair for pair in pairs if pair.against.is_float and any(costs([pair.against]))]
    without_rival = {pair.against.model: pair.against_name for pair in measured}
    for model, of_network in forms.items():
        if any(result.rival for result, _ in of_network):
            without_rival.pop(model, None)
            costs_of_forms = costs([result for result, _ in of_network])
            in_order = sorted(zip(costs_of_forms, (name for _, name in of_network), strict=True))
            (least, fastest), *others = in_order
            less = _less(of_network[0][0], "slower", "more instructions")
            rest = _listed([f"{name} {less(cost / least)}" for cost, name in others if least])
            if rest:
                yield f"{fastest} is the fastest of {len(in_order)} float forms that were measured: {rest}."
    if absent := list(dict.fromkeys(rival.name for rival in report.absent_rivals or ())):
        yield f"Rivals that were not measured, and may be faster: {_listed(absent)}."
    if without_rival:
        how = " ('har-edge convert --rivals' of your own network, then bench --rivals)"
        why = f"was measured{how if report.absent_rivals is None else ''}"
        yield f"These are ratios to har-edge's own {_listed(list(without_rival.values()))}: no float rival {why}."


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
    name = pair.against_name
    words = (f"fewer instructions than {name}", f"more instructions than {name}", f"as many instructions as {name}")
    ratio = _times(other.per_inference / instructions.per_inference, *words)
    return [f"{pair.name} takes {ratio} ({instructions.per_inference:,} against {other.per_inference:,})."]


def _cost(pair: ComparedResults) -> str:
    result, against, comparison = pair.result, pair.against, pair.comparison
    change = _signed(round(100 * (result.accuracy - against.accuracy), 2))
    accuracies = f"{percent(result.accuracy)} against {percent(against.accuracy)}"
    interval = comparison.accuracy_difference_ci95 if comparison else None
    people = f"{noun_of(result.per_subject)}s"
    over = f"; 95 % CI {_signed(interval[0])} to {_signed(interval[1])} over {people}" if interval else ""
    sentence = f"{pair.name} changes accuracy by {change} percentage points ({accuracies}{over})"
    p = comparison.sign_flip_p if comparison else None
    if p is None:
        return f"{sentence}."
    outcome = "significant" if p < SIGNIFICANT else "not significant"
    leaves_out = not interval or not interval[0] <= 0 <= interval[1]
    if interval and leaves_out != (p < SIGNIFICANT):
        outcome = f"unclear, since the interval {'leaves out' if leaves_out else 'contains'} 0"
    value = "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
    return f"{sentence}: {outcome} (sign-flip test, {value})."


def _speed(ratio: float, interval: Interval | None, than: str) -> str:
    """Put a ratio of times into words: below 1 is faster, and an interval that contains 1 shows no difference."""
    if interval and interval[0] <= 1 <= interval[1]:
        return f"as fast as {than}, as far as this run can tell"
    return _times(1 / ratio, f"faster than {than}", f"slower than {than}", f"as fast as {than}")


def _times(ratio: float, more: str, less: str, same: str) -> str:
    """Return '1.83 times {more}', '1.20 times {less}' or, if two decimals show no difference, '{same}'."""
    if round(ratio, 2) > 1:
        return f"{ratio:.2f} times {more}"
    if round(1 / ratio, 2) > 1:
        return f"{1 / ratio:.2f} times {less}"
    return same


def _interval(ratio: Interval | None) -> str:
    """Return the interval of "times faster", or of "times slower" if all of `ratio`, time over time, is above 1."""
    if ratio is None:
        return ""
    low, high = ratio if ratio[0] > 1 else (1 / ratio[1], 1 / ratio[0])
    return f"95 % CI {low:.2f}–{high:.2f}; "


def _signed(points: float) -> str:
    return f"{points:+.2f}".replace("-", "\N{MINUS SIGN}")


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)
