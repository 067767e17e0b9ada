"""Name the methods of TensorFlow Lite Micro's operator resolver that a model needs."""

from __future__ import annotations  # the benchmark's worker also runs on Python 3.9

from collections.abc import Iterable

# The builtin operators that its kernels exist for (tensorflow/lite/micro/micro_mutable_op_resolver.h), without "Add".
_KERNELS = """
Abs Add AddN ArgMax ArgMin AssignVariable AveragePool2D BatchMatMul BatchToSpaceNd BroadcastArgs BroadcastTo CallOnce
Cast Ceil Concatenation Conv2D Cos CumSum DepthToSpace DepthwiseConv2D Dequantize Div DynamicUpdateSlice Elu
EmbeddingLookup Equal Exp ExpandDims Fill Floor FloorDiv FloorMod FullyConnected Gather GatherNd Greater GreaterEqual
HardSwish If L2Normalization L2Pool2D LeakyRelu Less LessEqual Log LogicalAnd LogicalNot LogicalOr Logistic LogSoftmax
MaxPool2D Maximum Mean Minimum MirrorPad Mul Neg NotEqual Pack Pad PadV2 Prelu Quantize ReadVariable ReduceAll
ReduceMax ReduceMin Relu Relu6 Reshape ResizeBilinear ResizeNearestNeighbor ReverseV2 Round Rsqrt SelectV2 Shape Sin
Slice Softmax SpaceToBatchNd SpaceToDepth Split SplitV Sqrt Square SquaredDifference Squeeze StridedSlice Sub Sum Svdf
Tanh Transpose TransposeConv UnidirectionalSequenceLSTM Unpack VarHandle While ZerosLike
"""
_BY_NAME = {x.lower(): f"Add{x}" for x in _KERNELS.split()}


def resolver_method(operator: str) -> str | None:
    """The method of `MicroMutableOpResolver` that adds `operator`, as FULLY_CONNECTED; None when it has none."""
    return _BY_NAME.get(operator.replace("_", "").lower())


def resolver_methods(operators: Iterable[str]) -> list[str]:
    """The methods that add `operators`, in alphabetical order, each once; without those that there are none for."""
    return sorted({method for x in operators if (method := resolver_method(x))})


def without_kernel(operators: Iterable[str]) -> list[str]:
    """Those of `operators` that TensorFlow Lite Micro has no kernel for, in alphabetical order, each once."""
    return sorted({x for x in operators if resolver_method(x) is None})
