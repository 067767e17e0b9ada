"""Write the app's filter coefficients from the front end: `python android_demo/tools/filters.py`."""

from collections.abc import Iterable
from pathlib import Path

from scipy.signal import sosfilt_zi

from edge_runtime.signals.frontend import FrontEnd
from edge_runtime.system.files import write_text

SOURCE = Path(__file__).parents[1] / "app/src/main/java/haredge/core/Filters.java"
_HEAD = """package haredge.core;

/**
 * The front end's Butterworth filters, a second-order section with b0 b1 b2 a0 a1 a2 in a row, and what their delays
 * hold after an endless input of 1. Written by android_demo/tools/filters.py.
 */
final class Filters {
    private Filters() {}
"""


def source() -> str:
    """The Java file: each number with all its digits, so that it is read as the same float64."""
    front_end = FrontEnd()
    drift = _row([*front_end._drift_b, *front_end._drift_a])
    cascades = "".join(
        _cascade(name, sections) + _cascade(f"{name}_SETTLED", sosfilt_zi(sections))
        for name, sections in (("NOISE", front_end._noise), ("GRAVITY", front_end._gravity))
    )
    return f"{_HEAD}{cascades}\n    static final double[] DRIFT = {{{drift}}};\n}}\n"


def _cascade(name: str, sections: Iterable[Iterable[float]]) -> str:
    rows = "".join(f"        {{{_row(section)}}},\n" for section in sections)
    return f"\n    static final double[][] {name} = {{\n{rows}    }};\n"


def _row(numbers: Iterable[float]) -> str:
    return ", ".join(repr(float(x)) for x in numbers)


if __name__ == "__main__":
    write_text(SOURCE, source())
