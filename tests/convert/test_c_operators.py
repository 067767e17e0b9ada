"""Check the C of single operators: it has LiteRT's answers for all values, or for random values of many shapes."""

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from compiled_c import CC, Compiled, unnamed_card
from tiny_models import Part, build, doubling_loop, packed, quantise

from convert.c_file.c_source import source_of
from convert.c_file.graph_tracing import JOIN, Buffer, Value, constant, joined, trace
from convert.quantise import compaction
from edge_runtime.errors import InputError
from edge_runtime.model.graphs import ports

OF = schema.BuiltinOperator
RANDOM = np.random.default_rng(0)
EVERY = np.arange(-128, 128).astype(np.int8)
RELU6 = schema.ActivationFunctionType.RELU6

pytestmark = pytest.mark.skipif(CC is None, reason="needs a C compiler: apt-get install gcc")


def model(operator, shapes, options, constants=(), quantised=((0.031, -7), (0.023, 5)), version=2) -> bytes:
    """A model of an operator from an int8 window and `constants` to an int8 answer, which have these `shapes`."""
    (window, answer), ((sx, zx), (sy, zy)) = shapes, quantised
    parts = [Part("x", window, "int8", scale=sx, zero_point=zx), Part("y", answer, "int8", scale=sy, zero_point=zy)]
    parts += constants
    takes = ["x", *(constant.name for constant in constants)]
    takes = takes[1:2] + takes[:1] if operator == OF.SPLIT else takes
    return build(operator, parts, ["x"], ["y"], takes, options, version)


def numbers(name: str, values: object) -> Part:
    return Part(name, np.shape(values), "int32", values=values)


def weights(*shape: int) -> tuple[Part, Part]:
    n = shape[0] if shape[0] > 1 or len(shape) == 2 else shape[-1]
    values = RANDOM.integers(-127, 128, shape)
    bias = RANDOM.integers(-3000, 3000, n)
    return Part("w", shape, "int8", values=values, scale=0.004), Part("b", (n,), "int32", values=bias, scale=0.0001)


def pairs(scale: float, zero_point: int) -> Part:
    return Part("pairs", (256,), "int8", values=EVERY, scale=scale, zero_point=zero_point)


def convolution(stride=(1, 1), padding=schema.Padding.SAME, activation=0):
    return schema.Conv2DOptionsT(padding, stride[1], stride[0], activation)


def depthwise(stride=(1, 1), multiplier=1):
    return schema.DepthwiseConv2DOptionsT(schema.Padding.SAME, stride[1], stride[0], multiplier)


def pool(width: int, height: int = 1, padding=schema.Padding.VALID):
    return schema.Pool2DOptionsT(padding, width, height, width, height)


def sharing_weights() -> bytes:
    """A convolution of each channel by itself, then a convolution of all channels, with the same weights."""
    constants = [*weights(1, 1, 3, 4), Part("bias of one", (1,), "int32", values=[100], scale=0.0001)]
    shared = compaction.read(model(OF.DEPTHWISE_CONV_2D, ((1, 1, 9, 4),) * 2, depthwise(), constants, SAME))
    (graph,) = shared.subgraphs
    shared.operatorCodes.append(schema.OperatorCodeT(OF.CONV_2D, None, 2, OF.CONV_2D))
    options = schema.BuiltinOptions.Conv2DOptions, convolution()
    graph.operators[0].inputs = [0, 2, 3]
    graph.operators.append(schema.OperatorT(1, [1, 2, 4], [5], *options))
    graph.tensors.append(deepcopy(graph.tensors[1]))
    graph.tensors[5].shape, graph.outputs = [1, 1, 9, 1], [5]
    return packed(shared)


SAME = ((0.03, -7), (0.03, -7))
SQUARE = ((256, 256), (256, 256))
MODELS = {
    **{
        f"{name} {i}": model(operator, SQUARE, options(fusedActivationFunction=function), [pairs(p, q)], scales)
        for name, operator, options in (
            ("ADD", OF.ADD, schema.AddOptionsT),
            ("SUB", OF.SUB, schema.SubOptionsT),
            ("MUL", OF.MUL, schema.MulOptionsT),
        )
        for i, (p, q, scales, function) in enumerate(
            [(0.017, 11, ((0.031, -7), (0.043, 5)), 0), (0.004, -128, ((0.0078125, 0), (0.006, -31)), RELU6)]
        )
    },
    "LOGISTIC": model(OF.LOGISTIC, ((1, 256),) * 2, None, quantised=((0.047, 3), (1 / 256, -128))),
    **{
        f"RSQRT {y}": model(OF.RSQRT, ((1, 256),) * 2, None, quantised=((x, -128), (y, -128)))
        for x, y in ((0.0007, 0.31), (0.02, 0.0009), (0.5, 0.004), (3.1e-5, 1.7))
    },
    "TANH": model(OF.TANH, ((1, 256),) * 2, None, quantised=((0.027, -3), (1 / 128, 0))),
    **{
        f"RELU {i}": model(OF.RELU, ((1, 256),) * 2, None, quantised=scales)
        for i, scales in enumerate([((0.02, -128), (0.08, -128)), ((0.05, 3), (0.02, 0)), ((0.031, -7), (0.043, 5))])
    },
    "QUANTIZE": model(OF.QUANTIZE, ((1, 256),) * 2, schema.QuantizeOptionsT()),
    "dense": model(
        OF.FULLY_CONNECTED,
        ((3, 37), (3, 21)),
        schema.FullyConnectedOptionsT(RELU6),
        weights(21, 37),
        ((0.031, -7), (0.06, -90)),
    ),
    "dense beyond 32 bits": model(
        OF.FULLY_CONNECTED,
        ((1, 640), (1, 18)),
        schema.FullyConnectedOptionsT(),
        [Part("w", (18, 640), "int8", values=np.repeat([[127], [-127]], 9, axis=0).repeat(640, axis=1), scale=1.0)],
        ((1.0, -128), (1 / 250, 0)),
    ),
    "convolution along time": model(
        OF.CONV_2D, ((1, 1, 40, 5), (1, 1, 20, 18)), convolution((1, 2)), weights(18, 1, 7, 5), ((0.031, -7), (0.08, 5))
    ),
    "convolution of a plane": model(
        OF.CONV_2D,
        ((1, 9, 11, 4), (1, 5, 6, 7)),
        convolution((2, 2), activation=RELU6),
        weights(7, 3, 5, 4),
        ((0.031, -7), (0.05, -100)),
    ),
    "convolution of columns": model(
        OF.CONV_2D, ((1, 12, 3, 4), (1, 8, 3, 6)), convolution(padding=schema.Padding.VALID), weights(6, 5, 1, 4)
    ),
    "depthwise along time": model(
        OF.DEPTHWISE_CONV_2D,
        ((1, 1, 40, 21), (1, 1, 20, 21)),
        depthwise((1, 2)),
        weights(1, 1, 5, 21),
        ((0.031, -7), (0.06, 5)),
    ),
    "depthwise of a plane": model(
        OF.DEPTHWISE_CONV_2D,
        ((1, 9, 11, 4), (1, 5, 11, 12)),
        depthwise((2, 1), multiplier=3),
        weights(1, 3, 5, 12),
        ((0.031, -7), (0.05, -100)),
    ),
    **{
        f"{name} {i}": model(operator, ((1, *a, 5), (1, *b, 5)), pool(*size, padding), quantised=SAME)
        for name, operator in (("AVERAGE_POOL_2D", OF.AVERAGE_POOL_2D), ("MAX_POOL_2D", OF.MAX_POOL_2D))
        for i, (a, b, size, padding) in enumerate(
            [((1, 9), (1, 4), (2,), schema.Padding.VALID), ((7, 11), (4, 4), (3, 2), schema.Padding.SAME)]
        )
    },
    "weights of two operators": sharing_weights(),
    "pool of time": model(OF.MAX_POOL_2D, ((1, 1, 9, 20), (1, 1, 4, 20)), pool(2), quantised=SAME),
    **{
        f"MEAN {n} {i}": model(OF.MEAN, ((1, n, 24), (1, 24)), schema.ReducerOptionsT(), [numbers("axes", [1])], scales)
        for n in (16, 29)
        for i, scales in enumerate([((0.03, -92), (0.017, -3)), ((0.02, 5), (0.02, 7))])
    },
    **{
        f"MEAN of axes {axes}": model(OF.MEAN, ((1, 5, 7, 6), shape), schema.ReducerOptionsT(), [numbers("axes", axes)])
        for axes, shape in (([2], (1, 5, 6)), ([1, 2], (1, 6)), ([-1], (1, 5, 7)), ([2, 3], (1, 5)))
    },
    "transposed": model(
        OF.TRANSPOSE, ((1, 5, 7, 3), (1, 3, 5, 7)), schema.TransposeOptionsT(), [numbers("order", [0, 3, 1, 2])], SAME
    ),
    "padded": model(
        OF.PAD,
        ((1, 5, 7, 3), (1, 8, 7, 6)),
        schema.PadOptionsT(),
        [numbers("margins", [[0, 0], [1, 2], [0, 0], [3, 0]])],
        SAME,
    ),
    "strided": model(
        OF.STRIDED_SLICE,
        ((1, 12, 9), (1, 4, 4)),
        schema.StridedSliceOptionsT(beginMask=1, endMask=1),
        [numbers("begin", [0, 1, 0]), numbers("end", [0, 12, 8]), numbers("stride", [1, 3, 2])],
        SAME,
    ),
    "reshaped": model(
        OF.RESHAPE, ((1, 12, 9), (1, 108)), schema.ReshapeOptionsT(), [numbers("shape", [1, 108])], SAME, version=1
    ),
    "turned round": model(
        OF.REVERSE_V2, ((1, 12, 9), (1, 12, 9)), schema.ReverseV2OptionsT(), [numbers("axis", [1])], SAME
    ),
    "rounded": quantise(64, 0.5, -3),
}


VECTORS = ("MUL 0", "LOGISTIC", "dense", "dense beyond 32 bits", "convolution of a plane", "depthwise of a plane")
"""A model of each kernel that a processor's own instructions compute."""


def compiled(folder: Path, names: Iterable[str], *options: str) -> Compiled:
    """Models in one library: many models link together."""
    return Compiled(folder, {name: (MODELS[name], unnamed_card()) for name in names}, *options)


@pytest.fixture(scope="module")
def in_plain_c(tmp_path_factory) -> Compiled:
    return compiled(tmp_path_factory.mktemp("plain"), MODELS, "-U__SSE2__")


@pytest.fixture(scope="module")
def for_this_processor(tmp_path_factory) -> Compiled:
    return compiled(tmp_path_factory.mktemp("vectors"), VECTORS, "-O0")


def windows_of(name: str) -> np.ndarray:
    shape = ports(MODELS[name])[0][0].shape
    if shape == (256, 256):
        X = np.repeat(EVERY[:, np.newaxis], 256, 1)[np.newaxis]
    elif shape == (1, 256):
        X = EVERY[np.newaxis, np.newaxis]
    elif name == "rounded":  # half of the values are ties
        X = (np.arange(64, dtype=np.float32)[np.newaxis, np.newaxis] - 32) / 4
    else:
        X = np.clip(RANDOM.normal(0, 70, (60, *shape)) + RANDOM.normal(0, 50, (60, 1, *shape[1:])), -128, 127)
        X = X.astype(np.int8)
    return X


@pytest.mark.parametrize("name", MODELS)
def test_an_operator_answers_as_litert_does(in_plain_c, name):
    X = windows_of(name)
    assert in_plain_c.equal(name, MODELS[name], X) == len(X)


@pytest.mark.parametrize("name", VECTORS)
def test_an_operator_of_this_processor_answers_as_litert_does(for_this_processor, name):
    X = windows_of(name)
    assert for_this_processor.equal(name, MODELS[name], X) == len(X)


@pytest.mark.parametrize("name", MODELS)
def test_an_int8_window_is_copied_before_it_is_read(name):
    """Products read beyond the end of an array, where the caller's window may end."""
    steps, window, _ = trace(MODELS[name])
    readers = {step.kind for step in steps for value in step.inputs if value.buffer is window.buffer}
    assert readers == {JOIN if window.dtype == "int8" else "QUANTIZE"}


def test_a_long_chain_of_sums_has_short_comments():
    _, source, *_ = source_of(doubling_loop(4, turns=100), unnamed_card(), "chain")
    assert max(map(len, source.splitlines())) < 10_000


def test_a_loop_is_followed_as_often_as_it_turns():
    assert [step.kind for step in trace(doubling_loop(4, turns=7))[0]] == ["ADD"] * 7


def test_a_weight_beyond_neon_is_refused():
    """NEON adds two products in 16 bits."""
    least = Part("w", (3, 4), "int8", values=np.full((3, 4), -128), scale=0.004)
    refused = model(OF.FULLY_CONNECTED, ((1, 4), (1, 3)), schema.FullyConnectedOptionsT(), [least])
    with pytest.raises(InputError, match="-128"):
        source_of(refused, unnamed_card(), "refused")


def test_values_behind_a_margin_keep_their_scale():
    values = Value(Buffer(3, "int8"), 0, (3,), np.float32(0.1), 4)
    padded = replace(joined([constant(np.zeros(2, np.int8)), values], (5,)), scale=values.scale, zero_point=4)
    assert (joined([padded], (5,)).scale, joined([padded], (5,)).zero_point) == (values.scale, 4)
