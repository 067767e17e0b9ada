"""Write the sentences of a report: title, gain and cost of quantisation, control, doubts, failures."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from edge_runtime.bench.results import Comparison, Interval, Report, Result, compared, costs
from edge_runtime.data.subject_groups import noun_of
from edge_runtime.model.rivals import rival_name
from edge_runtime.system.quantities import counted, kilobytes, percent, significant, time

# The usual threshold of p.
SIGNIFICANT = 0.05


@dataclass(frozen=True)
class ComparedResults:
    """A result, the one it is compared with, and their comparison; the names are those of `titles`."""

    name: str
    result: Result
    against_name: str
    against: Result
    comparison: Comparison | None


def unit_of_times(results: Sequence[Result]) -> str:
    """Microseconds when every p50 is below a millisecond."""
    return "µs" if all(x.latency_ms is None or x.latency_ms.p50 < 1 for x in results) else "ms"


def title(report: Report) -> str:
    """Networks, runtime, device, threads and data in a line, with the frame of windows that are turned first."""
    device = report.device
    where = device.board or device.cpu or device.machine
    about = f"test windows of {report.data.name}"
    if not report.results:
        return f"nothing could be measured on {where}: {about}"
    first = report.results[0]
    runtime = f"{first.runtime} {first.runtime_version}" if first.runtime_version else first.runtime
    paced = ", paced" if report.settings.mode == "paced" else ""
    networks = list(dict.fromkeys(x.model for x in report.results))
    what = _listed(networks) if len(networks) <= 3 else f"{len(networks)} networks"
    turned = list(dict.fromkeys(x.model for x in report.results if x.frame == "walking"))
    frame = f", for {_listed(turned)} turned into the walking frame" if turned else ""
    return f"{what} by {runtime} on {where}, {counted(first.threads, 'thread')}{paced}: {first.windows} {about}{frame}"


def titles(results: Sequence[Result]) -> list[str]:
    """A short name for each result: as much of scheme, model and file as makes it unique."""
    own = "har-edge" if any(result.rival for result in results) else ""

    def form_of(result: Result) -> str:
        return rival_name(result.rival or own, result.quantization).strip()

    forms: tuple[Callable[[Result], str], ...] = (
        form_of,
        lambda result: f"{result.model} {form_of(result)}",
        lambda result: result.file,
    )
    for form in forms:
        names = [form(result) for result in results]
        if len(set(names)) == len(names):
            return names
    return [f"{i + 1}: {name}" for i, name in enumerate(names)]


def pairs(report: Report) -> list[ComparedResults]:
    """Each quantised result with the float form that it is compared with; without any, all that are compared.

    Rivals are what others are compared with, not compared themselves.
    """
    results, names = report.results, titles(report.results)
    comparisons = {(x.result, x.against): x for x in report.comparisons}
    quantised = [
        (i, j)
        for i, j in compared(results)
        if results[i].model == results[j].model and results[i].quantization != "float32" and results[j].is_float
    ]
    own = [[pair for pair in found if not results[pair[0]].rival] for found in (quantised, comparisons)]
    return [
        ComparedResults(names[i], results[i], names[j], results[j], comparisons.get((i, j)))
        for i, j in own[0] or own[1]
    ]


def verdicts(report: Report) -> list[str]:
    """Per pair, a sentence on speed and size, one on instructions where they were counted, and one on accuracy.

    The last ones say which rivals take less than an integer model, and which float forms there were to be faster than.
    """
    found = pairs(report)
    said = [sentence for pair in found for sentence in (_gain(pair), *_work(pair), _cost(pair))]
    return [*said, *(x for pair in found for x in _faster_rivals(report, pair)), *_yardsticks(report, found)]


def control_sentence(report: Report) -> str | None:
    """The ratio of the first model to itself, which shows how far ratios of this run can be off."""
    if report.control is None:
        return None
    low, high = report.control.p50_ratio_ci95
    holds = "holds 1, as it should" if report.control.passed else "misses 1: ratios of this run are biased"
    ratio = f"{report.control.p50_ratio:.3f} ({low:.3f}–{high:.3f})"
    return f"control: the first model took {ratio} of its own time, which {holds}"


def doubts(report: Report) -> list[str]:
    """Every doubt once; one that does not concern all results says which."""
    holders: dict[str, list[str]] = {}
    for name, result in zip(titles(report.results), report.results, strict=True):
        for doubt in result.doubts:
            holders.setdefault(doubt, []).append(name)
    return [
        doubt if len(concerned) == len(report.results) else f"{', '.join(concerned)}: {doubt}"
        for doubt, concerned in holders.items()
    ]


def left_out(windows: Mapping[str, int]) -> str | None:
    """The `windows` that were left out, counted by label."""
    named = ", ".join(f"{n} of {label}" for label, n in windows.items())
    return f"Windows left out, since the model has no such label: {named}." if windows else None


def motionless(windows: Mapping[str, int], mountings: int, begin: str = "Windows left out") -> str | None:
    """The `windows`, counted by label, of so many `mountings` in which nobody moves."""
    named = ", ".join(f"{n} of {label}" for label, n in windows.items())
    return f"{begin}: {named}, in {counted(mountings, 'mounting')} in which nobody moves." if windows else None


def windows_left_out(report: Report) -> list[str]:
    """The windows of a report that were left out, and why."""
    data = report.data
    return [*filter(None, (left_out(data.left_out), motionless(data.motionless, data.motionless_mountings)))]


def failures(report: Report) -> list[str]:
    """The models that could not be measured, each with the reason."""
    return [x.error if x.file in x.error else f"{x.file}: {x.error}" for x in report.failures]


def real_time_factors(report: Report) -> str | None:
    """The share of one core that a stream of windows takes, and the number of streams that fit, of all results.

    The share is of the mean time. The streams are counted with p99, as if every window took as long as the slowest in
    a hundred: a core that is full on average falls behind. None without times or the period of a stream.
    """
    period_s = report.data.period_s
    parts: list[str] = []
    for name, result in zip(titles(report.results), report.results, strict=True):
        # Of several threads, wall time says nothing of one core.
        if period_s and result.end_to_end_ms and result.threads == 1:
            share = significant(result.end_to_end_ms.mean / 10 / period_s)
            n = math.floor(1000 * period_s / result.end_to_end_ms.p99)
            streams = "no" if not n else str(n) if n < 100 else significant(n)
            parts.append(f"{name} needs {share} % of one core ({streams} streams fit at p99)")
    return f"At one window per {period_s:g} s, {_listed(parts)}." if parts else None


def energy(report: Report) -> str | None:
    """The reasons why there is no energy, if there is none."""
    reasons = {x.energy.reason for x in report.results if x.energy and x.energy.per_inference_mj is None}
    return f"energy: not measured: {'; '.join(sorted(filter(None, reasons)))}" if any(reasons) else None


def _gain(pair: ComparedResults) -> str:
    result, against = pair.result, pair.against
    unit = unit_of_times((result, against))
    # Inferences alone are compared only where both do the same: preparing windows is a part of some.
    kinds = [("p50", "", result.latency_ms, against.latency_ms)] * (result.raw_input == against.raw_input)
    if not (kinds and result.is_end_to_end and against.is_end_to_end):
        kinds.append(("end_to_end", " end to end", result.end_to_end_ms, against.end_to_end_ms))
    claims: list[str] = []
    for name, kind, own, other in kinds:
        if own and other:
            ratio = getattr(pair.comparison, f"{name}_ratio", None) or own.p50 / other.p50
            interval = getattr(pair.comparison, f"{name}_ratio_ci95", None)
            speed = _speed(ratio, interval, f"{pair.against_name}{kind}")
            p50s = f"p50 {time(own.p50, unit)} against {time(other.p50, unit)}"
            claims.append(f"{speed} ({_interval(interval)}{p50s})")
    size = _times(against.size_bytes / result.size_bytes, "smaller", "larger", "of the same size")
    claims.append(f"{size} ({kilobytes(result.size_bytes)} against {kilobytes(against.size_bytes)})")
    return f"{pair.name} is {_listed(claims)}."


def _yardsticks(report: Report, found: Sequence[ComparedResults]) -> list[str]:
    """Per network, of which float forms the one that the others are compared with is the fastest."""
    forms: dict[str, list[tuple[Result, str]]] = {}
    for result, name in zip(report.results, titles(report.results), strict=True):
        if result.is_float:
            forms.setdefault(result.model, []).append((result, name))
    ranked = []
    alone = {x.against.model: x.against_name for x in found if x.against.is_float and any(costs([x.against]))}
    for model, of_network in forms.items():
        in_order = sorted(zip(costs([x for x, _ in of_network]), (name for _, name in of_network), strict=True))
        (least, fastest), *others = in_order
        if any(x.rival for x, _ in of_network):
            alone.pop(model, None)
            unit = _cost_unit(of_network[0][0])
            rest = _listed([f"{name} takes {significant(cost / least)} times {unit}" for cost, name in others if least])
            ranked += [f"{fastest} is the fastest of {len(in_order)} float forms: {rest}."] if rest else []
    if alone:
        why = "could be measured"
        if report.absent_rivals is None:
            why = "was measured ('har-edge convert --rivals', then bench --rivals)"
        names = _listed(list(alone.values()))
        ranked.append(f"The float form compared with is har-edge's own, {names}: no float rival {why}.")
    return ranked


def _faster_rivals(report: Report, pair: ComparedResults) -> list[str]:
    """The rivals that take less than an integer model; but the one that it is compared with, which is said already."""
    own = pair.result
    if own.quantization not in ("int8", "mixed"):
        return []
    others = [
        (x, name)
        for x, name in zip(report.results, titles(report.results), strict=True)
        if x.rival and x.model == own.model and name != pair.against_name
    ]
    least, *rest = costs([own, *(x for x, _ in others)])
    faster = sorted((cost / least, name) for cost, (_, name) in zip(rest, others, strict=True) if cost and least)
    said = [f"{name} takes {ratio:.2f} times {_cost_unit(own)}" for ratio, name in faster if round(ratio, 2) < 1]
    return [f"{pair.name} is not the fastest form: {_listed(said)}."] if said else []


def _cost_unit(result: Result) -> str:
    """The noun of `costs`."""
    return "as long" if result.latency_ms else "as many instructions"


def _work(pair: ComparedResults) -> list[str]:
    own, other = pair.result.instructions, pair.against.instructions
    if not own or not other:
        return []
    ratio = own.per_inference / other.per_inference
    counts = f"{own.per_inference:,} against {other.per_inference:,}"
    return [f"{pair.name} takes {ratio:.2f} times the instructions of {pair.against_name} ({counts})."]


def _cost(pair: ComparedResults) -> str:
    result, against, comparison = pair.result, pair.against, pair.comparison
    points = round(100 * (result.accuracy - against.accuracy), 2)
    change = f"loses {-points:.2f}" if points < 0 else f"gains {points:.2f}" if points > 0 else "loses 0.00"
    accuracies = f"{percent(result.accuracy)} against {percent(against.accuracy)}"
    interval = comparison.accuracy_difference_ci95 if comparison else None
    people = f"{noun_of(result.per_subject)}s"
    over = f"; {_signed(interval[0])} to {_signed(interval[1])} over {people}" if interval else ""
    sentence = f"{pair.name} {change} percentage points of accuracy ({accuracies}{over})"
    p = comparison.sign_flip_p if comparison else None
    if p is None:
        return f"{sentence}."
    outcome = "more than chance would give" if p < SIGNIFICANT else "no more than chance could give"
    misses = not interval or not interval[0] <= 0 <= interval[1]
    if interval and misses != (p < SIGNIFICANT):
        outcome = f"perhaps by chance, since the interval {'misses' if misses else 'holds'} 0"
    value = "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
    return f"{sentence}, {outcome} (sign-flip test over {people}: {value})."


def _speed(ratio: float, interval: Interval | None, than: str) -> str:
    """`ratio` is time over time: below 1 is faster. An interval that holds 1 shows no difference."""
    alike = f"as fast as {than}"
    if interval and interval[0] <= 1 <= interval[1]:
        return f"{alike}, as far as this run can tell"
    return _times(1 / ratio, alike, f"slower than {than}", alike)


def _times(ratio: float, more: str, less: str, same: str) -> str:
    """'1.83 times {more}', '1.20 times {less}' or, when two decimals show no difference, '{same}'."""
    if round(ratio, 2) > 1:
        return f"{ratio:.2f} times {more}"
    if round(1 / ratio, 2) > 1:
        return f"{1 / ratio:.2f} times {less}"
    return same


def _interval(ratio: Interval | None) -> str:
    """The interval of "times as fast", or of "times slower" when all of `ratio`, time over time, is above 1."""
    if ratio is None:
        return ""
    low, high = (1 / ratio[1], 1 / ratio[0]) if ratio[1] <= 1 or ratio[0] <= 1 <= ratio[1] else ratio
    return f"95 % interval {low:.2f}–{high:.2f}; "


def _signed(points: float) -> str:
    return f"{points:+.2f}".replace("-", "\N{MINUS SIGN}")


def _listed(parts: Sequence[str]) -> str:
    return ", ".join(parts[:-1]) + " and " + parts[-1] if len(parts) > 1 else "".join(parts)
