"""Write for C the constants of the rules of recognition, and the table of a model that comes at run time."""

from collections.abc import Iterator, Sequence
from importlib import import_module
from numbers import Integral

from convert.c_file.c_stream import card_numbers
from edge_runtime import c
from edge_runtime.model import model_card
from edge_runtime.model.model_paths import reference_model
from edge_runtime.signals.filters import FILTERS
from edge_runtime.system.files import write_text

RULES: dict[str, tuple[str, str]] = {
    "signals.resampling": (
        "",
        "MAX_GAP_US WAIT_US SET_BACK_US SET_BACK_SAMPLES LOOK_US CLEARLY_FASTER MOST_TIMES_FASTER HALF HAMMING",
    ),
    "signals.sensor_faults": (
        "",
        "MAX_ACCELERATION_G MAX_ROTATION_RAD_S LOOKED_AT_US REPEAT_AFTER BREAK_US MOST_SAMPLES GRAVITY_SIZES_G "
        "MOST_ROTATION SHAKE_US SHAKEN_G LEAST_ROTATION SLOW OFF_RATE OFF_STATED PLATEAU PLATEAU_S PLATEAU_FROM MOVED "
        "IN_A_ROW AT_ONCE_US ANOTHER_US",
    ),
    "signals.gyroscope_axes": ("AXES_", "RATE_HZ TURNING CALM_G SIDE ENOUGH LEAST MARGIN SCALES OFF_SCALE"),
    "signals.mounting": ("", "LAG_S SWAY_LAG_S MOVING_G RUNNING_G TIPPED MILLIONTHS WEISZFELD_STEPS NEAREST"),
    "signals.steps": ("", "GRID_HZ SLOWEST FASTEST LEAST_HALF"),
    "model.alike_labels": ("", "LEAST_TILT WITHIN LEVEL"),
    "model.novelty": ("", "FLOOR"),
    "model.personal_correction": ("CORRECTION_", "UNIT_G UNIT_SPREAD UNIT_CORRELATION FLOOR FAINT"),
    "live.mounting_search": (
        "",
        "WALK_S SETTLED_S SURE CONTRADICTED_S REVERSED_S LONGEST_GAP_US WALK_WINDOWS ELSEWHERE TURNED_OVER",
    ),
    "live.persistence": ("", "PERSISTENCE_S STEADY_S REST_S STEADY ATYPICAL UNLIKE_S LONGEST_UNLIKE_S"),
    "live.smoothing": ("", "FIRST_EVIDENCE CHANGE_OF_STEPS LEAST_PROBABILITY FAINT FAINT_MOST FAINT_S"),
    "live.worn_axes": ("", "UPRIGHT FACING_S BACKWARDS LEAST_PUSH"),
    "live.recognizer": ("", "WARM_UP_US ANOTHER_CLOCK_US"),
}
"""The names of constants, by module of `edge_runtime`, with a prefix in C; X_US is X_S in microseconds."""


def headers() -> dict[str, str]:
    """Return the texts of both headers by file name."""
    return {"har_rules.h": "\n".join(rules()) + "\n", "har_table.h": "\n".join(model_table()) + "\n"}


def model_table() -> Iterator[str]:
    """Yield the lines of the table of a model, by the names that `har_model.h` gives to a model that is compiled in."""
    numbers = card_numbers(model_card.read_model(reference_model("edge", "int8"))[1])
    yield "/* The numbers of a model that comes at run time, written by `python -m tools.c_rules`. */"
    yield '\n#ifndef HAR_TABLE_H\n#define HAR_TABLE_H\n\n#include "har_rules.h"\n\ntypedef struct {'
    fields = (("int ", numbers.whole), ("har_real ", numbers.real))
    tables = (("const int *", numbers.whole_tables), ("const har_real *", numbers.real_tables))
    for c_type, names in (*fields, *tables):
        yield from (f"  {c_type}{name.lower()};" for name in names)
    yield "} har_model;\n"
    yield "/* Read a model from whole numbers and from real numbers, in this order, with the lengths of the tables. */"
    parameters = "har_model *m, const int *whole, const har_real *real, const int *lengths"
    yield f"static inline void har_read_model({parameters}) {{"
    for array, single, several in (
        ("whole", numbers.whole, numbers.whole_tables),
        ("real", numbers.real, numbers.real_tables),
    ):
        yield from (f"  m->{name.lower()} = *{array}++;" for name in single)
        yield from (f"  m->{name} = {array}, {array} += *lengths++;" for name in several)
    yield "}\n"
    for name in (*numbers.whole, *numbers.real):
        yield f"#define HAR_{name} (s->model->{name.lower()})"
    for name in (*numbers.whole_tables, *numbers.real_tables):
        yield f"#define har_{name} (s->model->{name})"
    yield "\n#endif"


def rules() -> Iterator[str]:
    """Yield the lines of the constants."""
    yield "/* Real numbers, and the constants of edge_runtime's modules, written by `python -m tools.c_rules`. */"
    yield "\n#ifndef HAR_RULES_H\n#define HAR_RULES_H\n\n#include <stdint.h>\n"
    yield "/* Double, whose decisions are Python's, or float (-DHAR_FLOAT) for processors of 32 bits. */"
    yield "#if !defined(HAR_FLOAT) && UINTPTR_MAX <= UINT32_MAX && !defined(__wasm__)\n#define HAR_FLOAT\n#endif"
    yield "#if defined(HAR_FLOAT)\ntypedef float har_real;\n#else\ntypedef double har_real;\n#endif"
    yield "#define HAR_R(x) ((har_real)(x))"
    for module, (prefix, names) in RULES.items():
        yield f"\n/* {module.replace('.', '/')}.py */"
        for name in names.split():
            value = getattr(import_module(f"edge_runtime.{module}"), name.replace("_US", "_S"))
            yield from defined(f"{prefix}{name}", round(1e6 * value) if name.endswith("_US") else value)
    yield "\n/* signals/filters.py: sections of b0 b1 b2 a0 a1 a2, their states after an endless input of 1, and for"
    yield "   float b0 b1 a1 a2 in powers of 1 / (z - 1). */"
    for name in ("noise", "gravity", "drift"):
        sections, settled = (getattr(getattr(FILTERS, name), key) for key in ("sections", "settled"))
        yield f"#define HAR_N_{name.upper()} {len(sections)}"
        for key, rows in {"": sections, "_SETTLED": settled, "_DELTA": [*map(low_pass, sections)]}.items():
            yield f"#define HAR_{name.upper()}{key} {table(rows)}"
    yield "\n#endif"


def defined(name: str, value: object) -> Iterator[str]:
    """Yield the definitions of a constant, a pair as two."""
    if isinstance(value, tuple):
        for i, number in enumerate(value):
            yield from defined(f"{name}_{i}", number)
    else:
        yield f"#define HAR_{name} {literal(value)}"


def literal(value: object) -> str:
    """Write a whole number as it is, and another one as a real number."""
    return str(value) if isinstance(value, Integral) else f"HAR_R({float(str(value))!r})"


def low_pass(section: Sequence[float]) -> tuple[float, ...]:
    """Compute a low-pass section in powers of 1 / (z - 1), with a gain of 1: b0, b1, a1, and a2, which is also b2."""
    b0, b1, b2, _, a1, a2 = section
    gain = (1 + a1 + a2) / (b0 + b1 + b2)
    return gain * b0, gain * (2 * b0 + b1), 2 + a1, 1 + a1 + a2


def table(rows: Sequence[Sequence[float]]) -> str:
    """Write a table of real numbers, a row in a line."""
    return "{" + ", \\\n  ".join(f"{{{', '.join(map(literal, row))}}}" for row in rows) + "}"


def main() -> None:
    """Write both headers."""
    for name, text in headers().items():
        write_text(c.FOLDER / name, text)
        print(c.FOLDER / name)


if __name__ == "__main__":
    main()
