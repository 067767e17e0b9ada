"""Write a traced model as a program of C statements."""

import numpy as np

from convert.c_file import c_products
from convert.c_file.c_elements import FUNCTIONS, ElementWriter, group_elements, with_rounded_tanh
from convert.c_file.exact_arithmetic import unknown
from convert.c_file.graph_tracing import COPY, JOIN, Buffer, Step, Trace, Value
from convert.c_file.statements import Program, byte_count, loop

_MANY_PARTS = 8  # an array of more is filled while its parts are computed
_SIMPLE = {
    "DEPTHWISE_CONV_2D": c_products.depthwise,
    "MAX_POOL_2D": c_products.max_pool,
    **dict.fromkeys(("MEAN", "SUM", "REDUCE_MAX"), c_products.reduction),
}


def write_program(trace: Trace) -> Program:
    """The program of a trace. Raises `InputError` for an operator that is not written."""
    program, window = Program(), trace.window.buffer
    steps, elements = with_rounded_tanh(trace.steps), ElementWriter(program)
    groups = group_elements(steps)
    grouped = {i for members in groups.values() for i in members}
    for i, step in enumerate(steps):
        if i in groups:
            elements.compute([steps[j] for j in groups[i]])
        elif i in grouped:
            continue
        elif step.kind == JOIN:
            _join(program, step, window)
        elif step.kind == COPY:
            _copy(program, step)
        elif step.output.dtype != "int8" or step.given[0].dtype != "int8":
            raise unknown(step)
        elif step.kind == "FULLY_CONNECTED":
            c_products.fully_connected(program, step, window)
        elif step.kind == "CONV_2D":
            c_products.convolution(program, step, window)
        elif step.kind in _SIMPLE:
            _SIMPLE[step.kind](program, step)
        elif step.kind in FUNCTIONS:
            elements.look_up(step)
        else:
            raise unknown(step)
    program.statements.sort(key=lambda x: x.order)
    return program


def _join(program: Program, step: Step, window: Buffer) -> None:
    """Put parts one after the other: they are computed there if possible."""
    y, offset = step.output, 0
    item = np.dtype(y.dtype).itemsize
    for x in step.given:
        into, buffer = Value(y.buffer, offset, x.shape, x.scales, x.zero_point), x.buffer
        is_own = buffer.within is None and buffer.size == x.size and buffer not in (window, y.buffer)
        offset += x.size
        if x.data is not None and (x.data == x.data.flat[0]).all() and (item == 1 or not x.data.any()):
            value = int(x.data.flat[0]) if item == 1 else 0
            program.add(f"memset(@0, {value}, {byte_count(x.size, item)});", [into])
        elif x.data is not None:
            stored = program.constant(y.buffer.layer, "start", np.ravel(x.data))
            program.add(f"memcpy(@0, @1, {byte_count(x.size, item)});", [into, stored])
        elif is_own:
            buffer.within, buffer.offset = y.buffer, into.offset
            if buffer in program.written:
                program.note_written(y.buffer, program.written[buffer])
        else:
            early = len(step.given) > _MANY_PARTS and buffer in program.written
            program.add(f"memcpy(@0, @1, {byte_count(x.size, item)});", [into, x], early=early)


def _copy(program: Program, step: Step) -> None:
    """Take values in another order, in which they are equally far apart along each axis."""
    x, y, taken = step.given[0], step.output, step.taken
    assert taken is not None
    first, axes = int(taken.flat[0]), []
    for axis, n in enumerate(taken.shape):
        if n > 1:
            at = [0] * taken.ndim
            at[axis] = 1
            axes.append((n, int(taken[tuple(at)]) - first, int(np.prod(taken.shape[axis + 1 :]))))
    grid = np.indices([n for n, _, _ in axes]).reshape(len(axes), -1)
    if not np.array_equal(first + np.array([s for _, s, _ in axes]) @ grid, taken.ravel()):
        raise unknown(step)
    letters = "ijkl"[: len(axes)]
    read, written = (
        " + ".join(f"{z[which]} * {i}" if z[which] != 1 else i for i, z in zip(letters, axes, strict=True))
        for which in (1, 2)
    )
    lines = [f"@0[{written}] = @1[{read}];"]
    for letter, (n, _, _) in zip(reversed(letters), reversed(axes), strict=True):
        lines = loop(letter, n, lines)
    program.add("\n".join(lines), [y, x.part(first, (x.size - first,))])
