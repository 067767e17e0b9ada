"""Run a model in TensorFlow Lite Micro; its arena, kernels and resolver."""

import ctypes
import os
import signal
from collections.abc import Callable, Iterable
from typing import Any

import numpy.typing as npt

from edge_runtime.model.graphs import operator_names

_ARENAS = (1 << 20, 1 << 24, 1 << 28)  # bytes; only the pages that the model takes are touched
_ALIGNMENT = 16  # of what is in an arena
_PR_SET_PDEATHSIG = 1  # Linux: a process gets this signal when its parent ends

# The builtin operators with a kernel (tensorflow/lite/micro/micro_mutable_op_resolver.h), without "Add".
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


def resolver_method(operator: str) -> str | None:
    """The method of `MicroMutableOpResolver` that adds `operator`, if it has a kernel."""
    plain = operator.replace("_", "").lower()
    return next((f"Add{x}" for x in _KERNELS.split() if x.lower() == plain), None)


def resolver_methods(operators: Iterable[str]) -> list[str]:
    """The methods that add `operators`, in alphabetical order."""
    return sorted({method for x in operators if (method := resolver_method(x))})


def without_kernel(operators: Iterable[str]) -> list[str]:
    """The `operators` without a kernel, in alphabetical order."""
    return sorted({x for x in operators if resolver_method(x) is None})


def in_fork(task: Callable[[], bytes], seconds: int = 0) -> bytes | None:
    """What `task` gives in a copy of this process; None when that dies, or after `seconds`, unless they are 0.

    The package holds Python's lock: without a copy no thread runs, and no signal is seen, in a model's endless loop.
    """
    ours, its = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            for number in (signal.SIGINT, signal.SIGALRM):
                signal.signal(number, signal.SIG_DFL)
            signal.alarm(seconds)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # the package prints what was too small
            os.write(its, task())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(its)
    with os.fdopen(ours, "rb") as pipe:
        found = pipe.read()
    return found if os.waitpid(child, 0)[1] == 0 else None


class MicroInterpreter:
    """A model in the `runtime` module of the package `tflite-micro`. Raises `ValueError` when it is not taken."""

    def __init__(self, module: Any, flatbuffer: bytes) -> None:
        self._module, self._flatbuffer = module, flatbuffer
        if missing := without_kernel(operator_names(flatbuffer)):
            raise ValueError(f"it has no kernel for {', '.join(missing)}")
        self._size = next(filter(self._suffices, _ARENAS), _ARENAS[-1])
        try:
            self._interpreter = self._with_arena(self._size)
        except RuntimeError as error:
            raise ValueError(str(error)) from error

    def _suffices(self, size: int) -> bool:
        """Tell whether an arena is large enough, in a child: too small a one may end the process."""
        return in_fork(lambda: self._with_arena(size) and b"") is not None

    def _with_arena(self, size: int) -> Any:
        return self._module.Interpreter.from_bytes(self._flatbuffer, arena_size=size)

    def smallest_arena(self) -> int:
        """The bytes of the smallest arena for the model here; pointers make it larger than a microcontroller's."""
        too_small, enough = 0, self._size // _ALIGNMENT
        while enough - too_small > 1:
            middle = (too_small + enough) // 2
            if self._suffices(middle * _ALIGNMENT):
                enough = middle
            else:
                too_small = middle
        return enough * _ALIGNMENT

    def set_tensor(self, index: int, values: npt.NDArray[Any]) -> None:
        """Set the only input."""
        self._interpreter.set_input(values, 0)

    def invoke(self) -> None:
        """Run the graph. Raises `RuntimeError`."""
        self._interpreter.invoke()

    def get_tensor(self, index: int) -> npt.NDArray[Any]:
        """The only output."""
        output: npt.NDArray[Any] = self._interpreter.get_output(0)
        return output

    def reset_all_variables(self) -> None:
        """Let the model forget what it has seen."""
        self._interpreter.reset()
