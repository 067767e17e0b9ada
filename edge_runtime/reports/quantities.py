"""How a number is written for people: unit, digits, and a dash for what was not measured."""

from __future__ import annotations

from collections.abc import Sequence

from edge_runtime.bench.results import Interval, Latency, Result

NOT_MEASURED = "–"


def time_unit(results: Sequence[Result]) -> str:
    """Microseconds when every p50 is below a millisecond."""
    return "µs" if all(x.latency_ms is None or x.latency_ms.p50 < 1 for x in results) else "ms"


def in_unit(milliseconds: float, unit: str) -> float:
    """A time in `unit`, `µs` or `ms`."""
    return milliseconds * 1000 if unit == "µs" else milliseconds


def time(milliseconds: float | None, unit: str) -> str:
    """`17.6 µs`; three digits below ten, where the next one still tells something."""
    if milliseconds is None:
        return NOT_MEASURED
    value = in_unit(milliseconds, unit)
    return f"{value:.{_digits(value)}f} {unit}"


def time_with_margin(latency: Latency | None, unit: str) -> str:
    """p50 and half the width of its 95 % interval: `17.6 ±0.2 µs`; without one, p50 alone."""
    if latency is None or latency.p50_ci95 is None:
        return time(latency.p50 if latency else None, unit)
    value = in_unit(latency.p50, unit)
    low, high = latency.p50_ci95
    digits = _digits(value)
    margin = max(in_unit((high - low) / 2, unit), 10**-digits)  # never finer than what is shown of p50
    return f"{value:.{digits}f} ±{margin:.{digits}f} {unit}"


def percent(share: float | None, digits: int = 2) -> str:
    """`97.66 %` of a share between 0 and 1."""
    return NOT_MEASURED if share is None else f"{100 * share:.{digits}f} %"


def percent_range(interval: Interval | None, digits: int = 1) -> str:
    """`96.2–98.8 %` of an interval of shares."""
    return NOT_MEASURED if interval is None else f"{100 * interval[0]:.{digits}f}–{100 * interval[1]:.{digits}f} %"


def megabytes(size: int | None) -> str:
    """A size in memory."""
    return NOT_MEASURED if size is None else f"{size / 1e6:.1f} MB"


def kilobytes(size: int) -> str:
    """A size of a file."""
    return f"{size / 1e3:.1f} kB"


def millijoules(energy: float | None) -> str:
    """An energy, in whichever unit leaves digits before the point."""
    if energy is None:
        return NOT_MEASURED
    return f"{energy:.3g} mJ" if abs(energy) >= 0.1 else f"{1000 * energy:.3g} µJ"


def significant(value: float, digits: int = 2) -> str:
    """`value` to so many significant digits, never as a power of ten: 0.0022, 25 000 with thin spaces."""
    decimals = max(0, digits - 1 - int(f"{value:e}".partition("e")[2])) if value else 0
    rounded = float(f"{value:.{digits - 1}e}")
    return f"{rounded:,.{decimals}f}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _digits(value: float) -> int:
    return 1 if value >= 10 else 2
