"""Write products and the other operators that slide over their input or reduce it, as calls of kernels.c."""

from dataclasses import dataclass

import numpy as np

from convert.c_file.exact_arithmetic import activation, limits, mean_factors, number, product_scales, unknown
from convert.c_file.graph_tracing import Array, Buffer, Step, Value, kernel_shape
from convert.c_file.statements import Layer, Program, loops_over, offsets_of

BLOCK = 16
"""The sums that a product computes together, and a divisor of the number of their terms; kernels.c needs it."""


@dataclass(frozen=True)
class _Sliding:
    """A window of `height` and `width` that slides over an input `[batch, h, w, depth]`.

    It has the positions `rows`, which begin `starts` values apart; the places in it are `down` and `across` apart.
    """

    height: int
    width: int
    rows: tuple[int, ...]
    starts: tuple[int, ...]
    down: int
    across: int

    @classmethod
    def of(cls, step: Step) -> "_Sliding":
        """That of a convolution or a pool."""
        _, h, w, depth = step.given[0].shape
        options = step.options
        starts = (h * w * depth, options.strideH * w * depth, options.strideW * depth)
        down = getattr(options, "dilationHFactor", 1) * w * depth
        across = getattr(options, "dilationWFactor", 1) * depth
        return cls(*kernel_shape(options, step.given), step.output.shape[:3], starts, down, across)


def fully_connected(program: Program, step: Step, window: Buffer) -> None:
    """A product of each row of the input."""
    size = step.given[1].shape[1]
    _product(program, step, window, (step.given[0].size // size,), (size,))


def convolution(program: Program, step: Step, window: Buffer) -> None:
    """A product at each position; where its terms lie in several pieces, they are copied behind each other."""
    x, y, s = step.given[0], step.output, _Sliding.of(step)
    _, _, w, depth = x.shape
    if s.across == depth and (s.height == 1 or (s.width == w and s.down == w * depth)):
        _product(program, step, window, s.rows, s.starts)
        return
    layer, k = _dense_layer(program, step)
    size = s.height * s.width * depth
    patch = Value(Buffer(size, "int8", layer=y.buffer.layer, part="patch"), 0, (size,), x.scales, x.zero_point)
    pieces, size = ((s.height,), s.width * depth) if s.across == depth else ((s.height, s.width), depth)
    inside = offsets_of(pieces, size, (s.down, s.across)[: len(pieces)], "kl")
    out, at = offsets_of(s.rows, y.shape[3], s.starts)
    copies = loops_over(pieces, f"memcpy(@2{{0}}, @1{at}{{1}}, {size});", inside, "kl")
    code = loops_over(s.rows, f"{copies}\ndense(&@3, @2, @0{out});", ())
    program.add(code, [y, x, patch, layer], reads=(2, k))


def depthwise(program: Program, step: Step) -> None:
    """A convolution of each channel by itself."""
    x, w = step.given[:2]
    if w.data is None:
        raise unknown(step)
    n, s = w.shape[3], _Sliding.of(step)
    layer = _layer(program, step, s.height * s.width, n, w.data.reshape(-1))
    numbers = f"{s.height}, {s.width}, {s.down}, {s.across}, {n // x.shape[3]}"
    code = f"depthwise(&@2, @1{{1}}, {numbers}, @0{{0}});"
    program.add(loops_over(s.rows, code, offsets_of(s.rows, n, s.starts)), [step.output, x, layer])


def max_pool(program: Program, step: Step) -> None:
    """The greatest value of each channel at each position."""
    x, s = step.given[0], _Sliding.of(step)
    if activation(step):
        raise unknown(step)
    code = f"maximum(@1{{1}}, {s.height}, {s.width}, {s.down}, {s.across}, {s.across}, @0{{0}});"
    program.add(loops_over(s.rows, code, offsets_of(s.rows, s.across, s.starts)), [step.output, x])


def reduction(program: Program, step: Step) -> None:
    """The mean, the sum or the greatest value along axes that follow each other."""
    x, axes = step.given
    if axes.data is None:
        raise unknown(step)
    chosen = sorted(int(i) % len(x.shape) for i in np.ravel(axes.data))
    if chosen != [*range(chosen[0], chosen[-1] + 1)]:
        raise unknown(step)
    sizes = (x.shape[: chosen[0]], x.shape[chosen[0] : chosen[-1] + 1], x.shape[chosen[-1] + 1 :])
    before, along, behind = (int(np.prod(s)) for s in sizes)
    code = f"maximum(@1{{1}}, {along}, 1, {behind}, 0, {behind}, @0{{0}});"
    if step.kind != "REDUCE_MAX":
        scale, start = mean_factors(step, along)
        code = f"mean(@1{{1}}, {along}, {behind}, {number(scale)}, {number(start)}, @0{{0}});"
    offsets = offsets_of((before,), behind, (along * behind,))
    program.add(loops_over((before,), code, offsets), [step.output, x])


def _product(program: Program, step: Step, window: Buffer, rows: tuple[int, ...], starts: tuple[int, ...]) -> None:
    """A product at each of the `rows`, whose terms begin `starts` values apart."""
    x, (layer, k) = step.given[0], _dense_layer(program, step)
    if x.place[0] is window:  # which ends where its last value is
        own = Value(Buffer(x.size, "int8", layer="window", part="copy"), 0, x.shape, x.scales, x.zero_point)
        program.add(f"memcpy(@0, @1, {x.size});", [own, x])
        x = own
    reads = sum((r - 1) * s for r, s in zip(rows, starts, strict=True)) + k
    code = loops_over(rows, "dense(&@2, @1{1}, @0{0});", offsets_of(rows, step.output.shape[-1], starts))
    program.add(code, [step.output, x, layer], reads=(1, reads))


def _dense_layer(program: Program, step: Step) -> tuple[Value, int]:
    """The constants of a product for `dense`, and the number of its terms with those of weight 0."""
    w = step.given[1]
    if w.data is None:
        raise unknown(step)
    n, size = w.shape[0], w.size // w.shape[0]
    k = -(-size // BLOCK) * BLOCK
    return _layer(program, step, k, n, _packed(w.data.reshape(n, size))), k


def _layer(program: Program, step: Step, k: int, n: int, weights: Array) -> Value:
    """The constants of a product with `weights` as the kernel reads them, after those `[n, k]` of the sums."""
    x, w, *others = step.given
    y, plain = step.output, w.data
    if plain is None or x.dtype != "int8" or w.dtype != "int8":
        raise unknown(step)
    terms = plain.reshape(n, -1) if step.kind != "DEPTHWISE_CONV_2D" else plain.reshape(-1, n).T
    total = terms.astype(np.int64).sum(1)
    bias = np.zeros(n, np.int64) if not others else np.asarray(others[0].data, np.int64)
    sums = bias - x.zero_point * total
    # The second is for kernels that take x + 128.
    both = np.stack([sums, sums - 128 * total]).astype(np.int32)
    scales = product_scales(x, w, y, n)
    low, high = limits(step)
    name, part = y.buffer.layer, y.buffer.part
    arrays = [
        program.constant(name, f"{part}_{what}", data).buffer
        for what, data in (("weights", weights), ("bias", _filled(both).ravel()), ("scale", _filled(scales)))
    ]
    numbers = (k, n, y.zero_point, low, high)
    made = Layer((arrays[0], arrays[1], arrays[2]), numbers)
    return program.constant(name, f"{part}_layer", made)


def _packed(weights: Array) -> Array:
    """Weights `[n, k]` in blocks, `[n / 16, k / 4, 16, 4]`, with zeros to multiples of 16."""
    n, k = weights.shape
    whole = np.pad(weights, ((0, -n % BLOCK), (0, -k % BLOCK)))
    return np.ascontiguousarray(whole.reshape(-1, BLOCK, whole.shape[1] // 4, 4).transpose(0, 2, 1, 3))


def _filled(x: Array) -> Array:
    """Rows with zeros to a multiple of 16."""
    return np.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, -x.shape[-1] % BLOCK)])
