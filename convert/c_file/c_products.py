"""Write products with constant weights as C: dense layers and convolutions, also of each channel by itself."""

from dataclasses import replace

import numpy as np

from convert.c_file.c_program import Program, lines_of
from convert.c_file.graph_tracing import Array, Buffer, Step, Value, unknown

_BLOCK = 16  # sums that a product computes together, and a divisor of the number of their terms, as in kernels.c
_STRUCT = 32  # bytes of a layer's constants on a 32-bit processor
_ACTIVATIONS = {0: (-np.inf, np.inf), 1: (0, np.inf), 2: (-1, 1), 3: (0, 6)}  # limits: none, ReLU and its kinds


def write_product(program: Program, step: Step) -> None:
    """Add a product for each row of the input, or each position of a convolution; pieces of several rows are copied."""
    x, w, y = *step.inputs[:2], step.output
    n, size = w.shape[0], w.size // w.shape[0]
    k, starts, pieces = -(-size // _BLOCK) * _BLOCK, [*range(0, x.size, size)], 1
    if step.kind == "CONV_2D":
        starts, pieces = _starts(step), w.shape[1] if w.shape[2] < x.shape[2] else 1
    weights = np.pad(np.asarray(w.data).reshape(n, -1), ((0, -n % _BLOCK), (0, k - size)))
    layer = _layer(program, step, weights, weights.reshape(-1, _BLOCK, k // 4, 4).transpose(0, 2, 1, 3))
    program.most_terms = max(program.most_terms, k)
    patch = replace(x, buffer=Buffer(size, "int8", layer=y.buffer.layer, name=f"{y.buffer.layer}_patch"), offset=0)
    for row, start in enumerate(starts):
        terms = x.part(start, (k,))
        if pieces > 1:
            terms, length = patch.part(0, (k,)), size // pieces
            for i in range(pieces):
                source = x.part(start + i * x.shape[2] * x.shape[3], (length,))
                program.add(f"memcpy(@0, @1, {length});", patch.part(i * length, (length,)), source)
        program.add("dense(&@2, @1, @0);", y.part(row * n, (n,)), terms, layer)


def write_depthwise(program: Program, step: Step) -> None:
    """Add products of each channel by itself, for each position; a channel may have several outputs."""
    x, w, y = *step.inputs[:2], step.output
    _, height, width, n = w.shape
    across, depth = x.shape[2] * x.shape[3], x.shape[3]
    weights = np.pad(np.asarray(w.data).reshape(-1, n).T, ((0, -n % _BLOCK), (0, 0)))
    layer = _layer(program, step, weights, weights.reshape(-1, _BLOCK, height * width).transpose(0, 2, 1))
    for row, start in enumerate(_starts(step)):
        terms = x.part(start, ((height - 1) * across + width * depth,))
        code = f"depthwise(&@2, @1, {height}, {across}, {n // depth}, @0);"
        program.add(code, y.part(row * n, (n,)), terms, layer)


def _starts(step: Step) -> list[int]:
    """Return where a convolution's window begins in its input `[n, height, width, depth]`, by position."""
    (_, h, w, depth), down, across = step.inputs[0].shape, step.options.strideH, step.options.strideW
    return [((n * h + i * down) * w + j * across) * depth for n, i, j in np.ndindex(*step.output.shape[:3])]


def _layer(program: Program, step: Step, weights: Array, packed: Array) -> Value:
    """Return the constants of a product, whose `weights` are `[sums, terms]`, in the order of the kernel as `packed`.

    The number of sums is a multiple of the block.
    """
    x, w, *others = step.inputs
    y, name = step.output, step.output.buffer.name
    key = step.kind, w.buffer, x.scale, x.zero_point, y.scale, y.zero_point
    if key not in program.layers:
        n, more = y.shape[-1], len(weights) - y.shape[-1]
        if weights.min() < -127:
            raise unknown(f"{step.kind} with a weight of -128, since two products have to fit into 16 bits")
        totals = weights.sum(1, dtype=np.int32)
        bias = np.pad(np.asarray(others[0].data), (0, more)) if others else 0
        sums = bias - x.zero_point * totals
        both = f"{lines_of(sums)}#if defined(X86)\n  ,{lines_of(sums - 128 * totals)}#endif\n"
        scale = np.pad(np.broadcast_to(x.scale * w.scale / y.scale, n), (0, more))
        arrays = (
            program.constant(f"{name}_weights", packed),
            program.declared("int32_t {}[]", f"{name}_bias", both, sums.nbytes),
            program.constant(f"{name}_scale", scale),
        )
        fields = (*(program.arrays[a.buffer] for a in arrays), weights.shape[1], n, y.zero_point, *limits(step))
        program.layers[key] = program.declared("layer {}", f"{name}_layer", ", ".join(map(str, fields)), _STRUCT)
    return program.layers[key]


def limits(step: Step) -> tuple[int, int]:
    """Return the least and the greatest int8 value that an operator's activation function allows in its output."""
    function = getattr(step.options, "fusedActivationFunction", 0)
    steps = np.clip(np.array(_ACTIVATIONS[function], np.float32) / step.output.scale, -1000, 1000)
    low, high = np.clip(np.rint(steps) + step.output.zero_point, -128, 127).astype(int).tolist()
    return low, high
