"""Choose the baseline of each result: the fastest float form of its network."""

from collections.abc import Sequence

from edge_runtime.bench.results import Result


def pairs_with_baselines(results: Sequence[Result]) -> list[tuple[int, int]]:
    """Return the places of each result and of its baseline, unless it is its own.

    The baseline of a network without a float form is the first result.
    """
    float_places: dict[str, list[int]] = {}  # by network
    for place, result in enumerate(results):
        if result.is_float:
            float_places.setdefault(result.model, []).append(place)
    fastest = {
        network: min(zip(costs([results[place] for place in places]), places, strict=True))[1]
        for network, places in float_places.items()
    }
    pairs = ((place, fastest.get(result.model, 0)) for place, result in enumerate(results))
    return [(place, baseline) for place, baseline in pairs if place != baseline]


def costs(results: Sequence[Result]) -> list[float]:
    """Return the cost of an inference of each result of one network; 0 where it is not known.

    The cost is the undisturbed time in milliseconds, end to end if only some models prepare windows in their graph. On
    an emulator, which has no times, it is the number of instructions.
    """
    if any(result.latency_ms for result in results):
        is_mixed = len({result.raw_input for result in results}) > 1
        times = [result.end_to_end_ms if is_mixed else result.latency_ms for result in results]
        return [latency.undisturbed if latency else 0.0 for latency in times]
    return [result.instructions.per_inference if result.instructions else 0.0 for result in results]
