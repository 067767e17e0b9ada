"""Write numbers for people: unit, digits, plural, and a dash for a number that does not exist."""

import math

NOT_MEASURED = "–"


def counted(n: int, one: str) -> str:
    """Return `1 fit`, `2 fits`, `2,947 windows`."""
    return f"{n:,} {one}{'' if n == 1 else 's'}"


def percent(share: float | None, digits: int = 2) -> str:
    """Return `97.66 %` for a share between 0 and 1; a dash for None and NaN."""
    return NOT_MEASURED if share is None or math.isnan(share) else f"{100 * share:.{digits}f} %"


def percent_range(interval: tuple[float, float] | None) -> str:
    """Return `96.2–98.8 %` for an interval of shares."""
    return NOT_MEASURED if interval is None else f"{100 * interval[0]:.1f}–{percent(interval[1], 1)}"


def in_unit(milliseconds: float, unit: str) -> float:
    """Return a time in `unit`, `µs` or `ms`."""
    return milliseconds * 1000 if unit == "µs" else milliseconds


def time(milliseconds: float | None, unit: str, margin: float | None = None) -> str:
    """Return `17.6 µs`, or `17.6 ±0.2 µs` with a `margin` in milliseconds; two decimals below ten, else one."""
    if milliseconds is None:
        return NOT_MEASURED
    value = in_unit(milliseconds, unit)
    digits = 1 if value >= 10 else 2
    if margin is None:
        return f"{value:.{digits}f} {unit}"
    return f"{value:.{digits}f} ±{max(in_unit(margin, unit), 10**-digits):.{digits}f} {unit}"  # as fine as the value


def megabytes(size: int | None) -> str:
    """Return a size in memory: `61.0 MB`."""
    return NOT_MEASURED if size is None else f"{size / 1e6:.1f} MB"


def kilobytes(size: int | None) -> str:
    """Return the size of a file: `66.4 kB`."""
    return NOT_MEASURED if size is None else f"{size / 1e3:.1f} kB"


def millijoules(energy: float | None) -> str:
    """Return an energy in mJ, or in µJ below 0.1 mJ."""
    if energy is None:
        return NOT_MEASURED
    return f"{energy:.3g} mJ" if abs(energy) >= 0.1 else f"{1000 * energy:.3g} µJ"
